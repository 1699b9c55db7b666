/* See property.h. */
#include "property.h"

enum { TEXT = 0x80, TEXT_PAIR }; /* what has its length in front of it; any other number is the length itself */

static const uint8_t lengths[] = {
    [0x01] = 1,                                          /* Payload Format Indicator */
    [MESSAGE_EXPIRY_INTERVAL] = 4,
    [CONTENT_TYPE] = TEXT,
    [0x08] = TEXT, [0x09] = TEXT,                        /* Response Topic, Correlation Data */
    [0x11] = 4,                                          /* Session Expiry Interval */
    [0x12] = TEXT,                                       /* Assigned Client Identifier */
    [0x13] = 2,                                          /* Server Keep Alive */
    [0x1a] = TEXT, [0x1c] = TEXT, [0x1f] = TEXT,         /* Response Information, Server Reference, Reason String */
    [RECEIVE_MAXIMUM] = 2,
    [0x22] = 2,                                          /* Topic Alias Maximum */
    [0x24] = 1, [0x25] = 1,                              /* Maximum QoS, Retain Available */
    [USER_PROPERTY] = TEXT_PAIR,
    [0x27] = 4,                                          /* Maximum Packet Size */
    [0x28] = 1, [0x29] = 1, [0x2a] = 1,                  /* wildcard, identified, shared Subscriptions available */
};

bool property_open(struct property_list *list, const uint8_t *bytes, size_t available) {
  size_t length = 0;
  for (size_t i = 0; i < available && i < 4; i++) {
    length |= (size_t)(bytes[i] & 0x7f) << (7 * i);
    if ((bytes[i] & 0x80) != 0) continue;
    *list = (struct property_list){bytes + i + 1, bytes + i + 1 + length};
    return length <= available - i - 1;
  }
  return false;
}

/* Length of the text at `bytes` with its own two bytes of length; more than `available` if it is cut off. */
static size_t text_length(const uint8_t *bytes, size_t available) {
  return available < 2 ? 2 : 2 + (size_t)(bytes[0] << 8 | bytes[1]);
}

const uint8_t *property_next(struct property_list *list) {
  const uint8_t *property = list->next;
  if (property == list->end || *property >= sizeof lengths) return NULL;
  size_t available = (size_t)(list->end - property) - 1;
  size_t length = lengths[*property];
  if (length >= TEXT) {
    size_t texts = length == TEXT_PAIR ? 2 : 1;
    for (length = 0; texts > 0 && length <= available; texts--) {
      length += text_length(property + 1 + length, available - length);
    }
  }
  if (length == 0 || length > available) return NULL;
  list->next += 1 + length;
  return property;
}
