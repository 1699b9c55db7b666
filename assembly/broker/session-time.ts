// When a Session whose client is away has to be looked at: its end, its Will, a message in its queue that expires.

import { clearDeadline, createDeadline, setDeadline } from "../effect/deadline";
import { Session } from "../session/session";
import { DEADLINE_SESSION } from "./deadlines";

/** Sets its deadline to the first of them. */
export function scheduleSession(session: Session): void {
  let atMs = min(session.endsAtMs, session.queueExpiresAtMs);
  if (session.will !== null) atMs = min(atMs, session.willAtMs);
  let deadline = session.deadline;
  if (atMs == u64.MAX_VALUE) {
    if (deadline !== null) clearDeadline(deadline);
    return;
  }
  if (deadline === null) {
    deadline = createDeadline(DEADLINE_SESSION, changetype<usize>(session));
    session.deadline = deadline;
  }
  setDeadline(deadline, atMs);
}
