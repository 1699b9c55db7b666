/* See packet.h. */
#include "packet.h"

#include "fail.h"
#include "property.h"

#include <stdio.h>
#include <string.h>

/* Those of each message, behind their Property Length. */
static const uint8_t message_properties[] = {
    31,
    MESSAGE_EXPIRY_INTERVAL, 0, 0, 0x0e, 0x10, /* 3,600 s */
    CONTENT_TYPE, 0, 10, 't', 'e', 'x', 't', '/', 'p', 'l', 'a', 'i', 'n',
    USER_PROPERTY, 0, 4, 'u', 'n', 'i', 't', 0, 4, 'n', 'o', 'n', 'e',
};

_Static_assert(sizeof message_properties == 1 + 31, "Property Length");

enum {
  CONTENT_TYPE_AT = 6, USER_PROPERTY_AT = 19, /* in message_properties */
  EXPIRY_SEC = 3600, EXPIRY_LEAST_SEC = 3000 /* no message of these scenarios is ten minutes old */
};

static void write_u16(uint8_t *to, size_t value) {
  to[0] = (uint8_t)(value >> 8);
  to[1] = (uint8_t)value;
}

uint16_t packet_read_u16(const uint8_t *bytes) { return (uint16_t)(bytes[0] << 8 | bytes[1]); }

static size_t write_remaining_length(uint8_t *to, size_t value) {
  size_t count = 0;
  do {
    to[count++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>= 7;
  } while (value > 0);
  return count;
}

size_t packet_connect(uint8_t *to, uint8_t level, uint32_t client_number) {
  size_t property_length = level == 5 ? 1 : 0;
  uint8_t head[] = {CONNECT, (uint8_t)(24 + property_length), 0, 4, 'M', 'Q', 'T', 'T', level, 0x02, 0, 0, 0};
  memcpy(to, head, sizeof head);
  size_t length = 12 + property_length; /* the last zero of head is the Property Length or replaced */
  char client_id[13];
  snprintf(client_id, sizeof client_id, "b%011u", client_number);
  write_u16(to + length, 12);
  memcpy(to + length + 2, client_id, 12);
  return length + 14;
}

void packet_ack(uint8_t *to, uint8_t first, uint16_t packet_id) {
  to[0] = first;
  to[1] = 2;
  write_u16(to + 2, packet_id);
}

size_t packet_subscribe_head(uint8_t *to, uint8_t level, size_t filters_length, uint16_t packet_id) {
  size_t property_length = level == 5 ? 1 : 0;
  to[0] = SUBSCRIBE;
  size_t header = 1 + write_remaining_length(to + 1, 2 + property_length + filters_length);
  write_u16(to + header, packet_id);
  if (level == 5) to[header + 2] = 0; /* no properties */
  return header + 2 + property_length;
}

size_t packet_subscribe_filter(uint8_t *to, const char *format, uint32_t number, uint8_t qos) {
  char filter[FILTER_LENGTH_MAX + 1];
  size_t length = (size_t)snprintf(filter, sizeof filter, format, number);
  write_u16(to, length);
  memcpy(to + 2, filter, length);
  to[2 + length] = qos;
  return length + 3;
}

struct publish_template packet_publish_template(struct protocol protocol, uint32_t payload_length, uint8_t qos,
                                                bool retain) {
  static const uint8_t no_properties[] = {0};
  const uint8_t *properties = protocol.properties ? message_properties : no_properties;
  size_t properties_length = protocol.level == 5 ? 1u + properties[0] : 0;
  size_t remaining = 2 + TOPIC_LENGTH + (qos > 0 ? 2u : 0u) + properties_length + payload_length;
  struct publish_template template = {.bytes = fail_calloc(1, remaining + 5)};
  template.bytes[0] = (uint8_t)(PUBLISH | qos << 1 | (retain ? 1 : 0));
  size_t header = 1 + write_remaining_length(template.bytes + 1, remaining);
  write_u16(template.bytes + header, TOPIC_LENGTH);
  memcpy(template.bytes + header + 2, "bench/00000/x", TOPIC_LENGTH);
  template.topic_digits = header + 2 + 6;
  template.packet_id = qos > 0 ? header + 2 + TOPIC_LENGTH : 0;
  template.length = header + remaining;
  template.payload = template.length - payload_length;
  template.properties = template.payload - properties_length;
  memcpy(template.bytes + template.properties, properties, properties_length);
  for (size_t i = PAYLOAD_HEAD; i < payload_length; i++) template.bytes[template.payload + i] = (uint8_t)('a' + i % 23);
  return template;
}

void packet_publish(uint8_t *to, const struct publish_template *template, uint32_t topic, uint16_t packet_id,
                    struct payload_head head) {
  memcpy(to, template->bytes, template->length);
  for (int i = 4; i >= 0; i--, topic /= 10) to[template->topic_digits + (size_t)i] = (uint8_t)('0' + topic % 10);
  if (template->packet_id > 0) write_u16(to + template->packet_id, packet_id);
  uint8_t *payload = to + template->payload;
  memcpy(payload, &head.sequence, 8);
  memcpy(payload + 8, &head.publisher, 4);
  memcpy(payload + 12, &head.sent_ns, 8);
}

static uint64_t bit_of(uint8_t identifier) { return UINT64_C(1) << identifier; }

static bool is_message_property(const uint8_t *property, size_t length) {
  if (*property == MESSAGE_EXPIRY_INTERVAL) {
    uint32_t rest_sec = (uint32_t)packet_read_u16(property + 1) << 16 | packet_read_u16(property + 3);
    return rest_sec >= EXPIRY_LEAST_SEC && rest_sec <= EXPIRY_SEC;
  }
  size_t at = *property == CONTENT_TYPE ? CONTENT_TYPE_AT : USER_PROPERTY_AT;
  return at + length <= sizeof message_properties && memcmp(property, message_properties + at, length) == 0;
}

/* Whether the list at `bytes`, `length` with its Property Length, has each of a message's properties once, or none if
 * there is only room for that. */
static bool are_message_properties(const uint8_t *bytes, size_t length) {
  if (bytes[0] != length - 1) return false;
  if (length == 1) return true;
  uint64_t missing = bit_of(MESSAGE_EXPIRY_INTERVAL) | bit_of(CONTENT_TYPE) | bit_of(USER_PROPERTY);
  struct property_list list = {bytes + 1, bytes + length};
  for (const uint8_t *property; (property = property_next(&list)) != NULL;) {
    uint64_t found = bit_of(*property);
    if ((missing & found) == 0 || !is_message_property(property, (size_t)(list.next - property))) return false;
    missing &= ~found;
  }
  return missing == 0 && list.next == list.end;
}

bool packet_read_publish(const struct publish_template *template, uint8_t first, const uint8_t *body, size_t length,
                         struct payload_head *head, uint16_t *packet_id) {
  size_t expected_payload = template->length - template->payload;
  size_t properties = 2 + TOPIC_LENGTH + ((first & 0x06) != 0 ? 2u : 0u);
  size_t properties_length = template->payload - template->properties;
  size_t payload_at = properties + properties_length;
  if (length != payload_at + expected_payload || packet_read_u16(body) != TOPIC_LENGTH) return false;
  if (properties_length > 0 && !are_message_properties(body + properties, properties_length)) return false;
  const uint8_t *payload = body + payload_at;
  *packet_id = (first & 0x06) != 0 ? packet_read_u16(body + properties - 2) : 0;
  memcpy(&head->sequence, payload, 8);
  memcpy(&head->publisher, payload + 8, 4);
  memcpy(&head->sent_ns, payload + 12, 8);
  return memcmp(body + 2, "bench/", 6) == 0 &&
         memcmp(payload + PAYLOAD_HEAD, template->bytes + template->payload + PAYLOAD_HEAD,
                expected_payload - PAYLOAD_HEAD) == 0;
}
