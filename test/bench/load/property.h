/* Lists of properties, MQTT 5.0 alone: a Property Length and that many bytes [2.2.2].
 * Knows the properties that may come to these clients, and how long each is. Subscription Identifier and Topic Alias
 * are not among them, as nobody here asks for them: a broker that sends one sends a list that does not end well. */
#ifndef PROPERTY_H
#define PROPERTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The identifiers that are used by name. */
enum { MESSAGE_EXPIRY_INTERVAL = 0x02, CONTENT_TYPE = 0x03, RECEIVE_MAXIMUM = 0x21, USER_PROPERTY = 0x26 };

/** What is left of a list; `end` is also where the packet goes on. */
struct property_list {
  const uint8_t *next, *end;
};

/** Opens the list whose Property Length is at `bytes`. False if it ends after `available` bytes. */
bool property_open(struct property_list *list, const uint8_t *bytes, size_t available);

/** Steps over the next property and returns its first byte, the identifier, or NULL: at the end of the list, or before
 *  it (next < end) if no property of these clients stands there. */
const uint8_t *property_next(struct property_list *list);

#endif
