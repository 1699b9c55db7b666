// What a module is built with. A board that speaks 3.1.1 alone leaves 5.0 out, by asc's `--use WITHOUT_5_0=ASC_TARGET`:
// the compiler then drops every branch that asks is5(), and what only they call.

/** True unless this build leaves MQTT 5.0 out. */
export const WITH_5_0: bool = !isDefined(WITHOUT_5_0);
