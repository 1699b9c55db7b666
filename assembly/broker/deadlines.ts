// Kinds of the broker's deadlines, and whose each is: `owner` of the Deadline.

/** A Connection: Keep Alive, a full socket, a retry, no CONNECT. */
export const DEADLINE_CONNECTION: u32 = 1;
/** Nobody: $SYS is due. */
export const DEADLINE_SYS: u32 = 2;
/** A Session without a connection: its end, its Will, or a message in its queue that expires. */
export const DEADLINE_SESSION: u32 = 3;
/** A retained Message that expires. */
export const DEADLINE_RETAINED: u32 = 4;
/** A Subscription that lapses. */
export const DEADLINE_SUBSCRIPTION: u32 = 5;
