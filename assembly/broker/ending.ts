// The end of a connection's time online: its Will, if it did not say good-bye, and what becomes of its Session. Apart from
// the connection itself, because a takeover ends the old connection's time while its Network Connection still has to go.

import { CLOSE_DISCONNECT, EVENT_DISCONNECTED } from "../abi";
import { letGo } from "../bytes/counted";
import { pushEvent } from "../effect/event";
import { Session } from "../session/session";
import { Connection } from "./connection";
import { deliverMessage } from "./delivery";
import { eventWanted } from "./listening";
import { unsubscribeAll } from "./router";
import { removeSession } from "./session-table";
import { countOffline } from "./statistics";

/** Does nothing for a connection that is not, or no longer, online. */
export function endOnline(connection: Connection, reason: u32): void {
  const session = connection.session;
  if (session === null) return;
  connection.session = null;
  session.connection = 0;
  countOffline();
  if (eventWanted(EVENT_DISCONNECTED)) {
    pushEvent(EVENT_DISCONNECTED, connection.handle, reason, 0, session.clientId, session.clientIdLength);
  }
  const will = connection.will;
  connection.will = null;
  // Before its own Session ends: a client may be subscribed to its own Will topic, and find the message on its return.
  if (will !== null) {
    if (reason != CLOSE_DISCONNECT) deliverMessage(will); // [MQTT-3.1.2-8], and not after DISCONNECT [MQTT-3.14.4-3]
    letGo(will);
  }
  if (session.cleanSession) discardSession(session);
}

/** Ends a Session that has no connection. */
export function discardSession(session: Session): void {
  unsubscribeAll(session);
  removeSession(session);
}
