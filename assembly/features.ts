// What a module is built with, decided when compiling: what a build leaves out costs it nothing.

/** False in a build for boards that speak 3.1.1 alone (asc --use WITHOUT_5_0=ASC_TARGET): every branch that asks is5() goes,
 *  and what only they call. */
export const WITH_5_0: bool = !isDefined(WITHOUT_5_0);

/** False in the client module: its queue knows no urgent messages and no Subscriptions that messages come from. */
export const WITH_BROKER: bool = !isDefined(WITHOUT_BROKER);
