/* A client's numbers in words, as host/errors.ts has them. */
#include <stdio.h>

#include "client.h"
#include "texts.h"

const char *midge_error_text(uint32_t status) {
  static const char *const texts[MIDGE_TOKEN_FIRST] = {
      [MIDGE_OK] = "done",
      [MIDGE_BAD_ARGUMENT] = "an argument is out of its range",
      [MIDGE_BAD_TOPIC] = "not a valid topic",
      [MIDGE_LIMIT_REACHED] = "no room: wait for earlier messages, or raise outbox_bytes_max",
      [MIDGE_BAD_STATE] = "not possible in this state of the client",
      [MIDGE_TOO_LARGE] = "larger than a packet may be",
      [MIDGE_NOT_SUPPORTED] = "the broker has said that it does not do this, or the protocol version has it not",
      [MIDGE_BAD_PROPERTIES] = "properties that are malformed, or may not stand there",
  };
  if (status >= MIDGE_TOKEN_FIRST) return "done, and the broker's answer will follow";
  return texts[status] == NULL ? "unknown status" : texts[status];
}

const char *midge_code_text(uint32_t code) {
  if (code == MIDGE_COMPLETED_DROPPED) return "dropped from the outbox";
  return code > 0xff || REASON_TEXT[code] == NULL ? "unknown code" : REASON_TEXT[code];
}

/* The code that the broker gave, in words. */
static const char *said(uint32_t code, bool is_5) {
  const char *text = code > 0xff ? NULL : (is_5 ? REASON_TEXT : RETURN_CODE_TEXT)[code];
  return text == NULL ? "for a reason that is not known" : text;
}

void client_texts_offline(char text[static CLIENT_REASON_MAX], const struct core_event *event, const struct midge *client,
                          const char *fault) {
  const uint32_t close = event->code & 0xff, code = event->code >> 8;
  const bool was_online = client->state == MIDGE_ONLINE;
  const char *what = "connection closed", *why = CLOSE_TEXT[close];
  if (close == MIDGE_CLOSE_REFUSED) {
    what = "the broker refused the connection";
    why = said(code, client->is_5);
  } else if (close == MIDGE_CLOSE_SERVER) {
    what = "the broker closed the connection";
    why = said(code, true);
  } else if (close == MIDGE_CLOSE_NETWORK) {
    what = was_online ? "connection lost" : "cannot connect";
    why = fault == NULL ? "closed by the other end" : fault;
  } else if (close == MIDGE_CLOSE_CONNECT_TIMEOUT) {
    what = "cannot connect";
    why = "the broker did not answer in time";
  }
  if (close == MIDGE_CLOSE_DISCONNECT) snprintf(text, CLIENT_REASON_MAX, "%s", why);
  else snprintf(text, CLIENT_REASON_MAX, "%s: %s", what, why == NULL ? "no reason is known" : why);
}
