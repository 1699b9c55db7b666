// The end of a connection's time online: its Will, if it did not say good-bye, and what becomes of its Session. Apart from
// the connection itself, because a takeover ends the old connection's time while its Network Connection still has to go.

import { CLOSE_DISCONNECT, CLOSE_SHUT_DOWN, EVENT_DISCONNECTED } from "../abi";
import { letGo } from "../bytes/counted";
import { nowMs } from "../effect/clock";
import { pushEvent } from "../effect/event";
import { NORMAL_DISCONNECTION } from "../packet/reason-code";
import { restartExpiry } from "../session/message";
import { dropExpired } from "../session/outgoing";
import { EXPIRY_NEVER, Session } from "../session/session";
import { Connection } from "./connection";
import { deliverMessage } from "./delivery";
import { eventWanted } from "./listening";
import { removeSession } from "./session-table";
import { scheduleSession } from "./session-time";
import { passOn } from "./sharing";
import { countOffline } from "./statistics";
import { unsubscribeAll } from "./subscription";

/** Does nothing for a connection that is not, or no longer, online. */
export function endOnline(connection: Connection, reason: u32): void {
  const session = connection.session;
  if (session === null) return;
  connection.session = null;
  session.connection = 0;
  countOffline();
  if (eventWanted(EVENT_DISCONNECTED)) {
    const code = <u32>connection.endCode;
    pushEvent(EVENT_DISCONNECTED, connection.handle, reason, code, session.clientId, session.clientIdLength);
  }
  // Before its own Session ends: a client may be subscribed to its own Will topic, and find the message on its return.
  endWill(connection, session, reason);
  if (session.expirySec == 0) {
    discardSession(session);
    return;
  }
  passOn(session, false);
  session.endsAtMs = session.expirySec == EXPIRY_NEVER ? u64.MAX_VALUE : nowMs + <u64>session.expirySec * 1000; // [MQTT-4.1.0-2]
  session.queueExpiresAtMs = dropExpired(session.outgoing);
  scheduleSession(session);
}

/** Between two looks through a queue for messages that have expired. */
const EXPIRY_PAUSE_MS: u64 = 1_000;

/** The deadline of a Session is due. */
export function handleSessionTime(session: Session): void {
  if (session.endsAtMs <= nowMs) {
    discardSession(session);
    return;
  }
  if (session.willAtMs <= nowMs) publishWill(session);
  // Not more than once a second: what expires between is not sent in any case, and a queue may be long.
  if (session.queueExpiresAtMs <= nowMs) {
    session.queueExpiresAtMs = max(dropExpired(session.outgoing), nowMs + EXPIRY_PAUSE_MS);
  }
  scheduleSession(session);
}

/** Ends a Session that has no connection. A Will that still waits is published: it waits no longer than the Session. */
export function discardSession(session: Session): void {
  publishWill(session);
  passOn(session, true);
  unsubscribeAll(session);
  removeSession(session);
}

/** A client is back in time: its Will is not published [MQTT-3.1.3-9]. */
export function cancelWill(session: Session): void {
  const will = session.will;
  session.will = null;
  if (will !== null) letGo(will);
}

/** [MQTT-3.1.2-8], and not after DISCONNECT [MQTT-3.14.4-3]. */
function endWill(connection: Connection, session: Session, reason: u32): void {
  const will = connection.will;
  connection.will = null;
  if (will === null) return;
  const isNormal = reason == CLOSE_DISCONNECT && <u32>connection.endCode == NORMAL_DISCONNECTION;
  if (isNormal || reason == CLOSE_SHUT_DOWN) letGo(will);
  else {
    session.will = will;
    session.willAtMs = nowMs + <u64>connection.willDelaySec * 1000;
    if (connection.willDelaySec == 0) publishWill(session);
  }
}

function publishWill(session: Session): void {
  const will = session.will;
  session.will = null;
  if (will === null) return;
  restartExpiry(will);
  deliverMessage(will, changetype<usize>(session));
  letGo(will);
}
