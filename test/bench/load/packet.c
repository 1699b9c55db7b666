/* See packet.h. */
#include "packet.h"

#include "fail.h"

#include <stdio.h>
#include <string.h>

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

void packet_connect(uint8_t *to, uint32_t client_number) {
  static const uint8_t head[] = {CONNECT, CONNECT_LENGTH - 2, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x02, 0, 0, 0, 12};
  char client_id[13];
  snprintf(client_id, sizeof client_id, "b%011u", client_number);
  memcpy(to, head, sizeof head);
  memcpy(to + sizeof head, client_id, 12);
}

void packet_ack(uint8_t *to, uint8_t first, uint16_t packet_id) {
  to[0] = first;
  to[1] = 2;
  write_u16(to + 2, packet_id);
}

size_t packet_subscribe_head(uint8_t *to, size_t filters_length, uint16_t packet_id) {
  to[0] = SUBSCRIBE;
  size_t header = 1 + write_remaining_length(to + 1, 2 + filters_length);
  write_u16(to + header, packet_id);
  return header + 2;
}

size_t packet_subscribe_filter(uint8_t *to, const char *format, uint32_t number, uint8_t qos) {
  char filter[FILTER_LENGTH_MAX + 1];
  size_t length = (size_t)snprintf(filter, sizeof filter, format, number);
  write_u16(to, length);
  memcpy(to + 2, filter, length);
  to[2 + length] = qos;
  return length + 3;
}

struct publish_template packet_publish_template(uint32_t payload_length, uint8_t qos, bool retain) {
  size_t remaining = 2 + TOPIC_LENGTH + (qos > 0 ? 2 : 0) + payload_length;
  struct publish_template template = {.bytes = fail_calloc(1, remaining + 5)};
  template.bytes[0] = (uint8_t)(PUBLISH | qos << 1 | (retain ? 1 : 0));
  size_t header = 1 + write_remaining_length(template.bytes + 1, remaining);
  write_u16(template.bytes + header, TOPIC_LENGTH);
  memcpy(template.bytes + header + 2, "bench/00000/x", TOPIC_LENGTH);
  template.topic_digits = header + 2 + 6;
  template.packet_id = qos > 0 ? header + 2 + TOPIC_LENGTH : 0;
  template.length = header + remaining;
  template.payload = template.length - payload_length;
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

bool packet_read_publish(const struct publish_template *template, uint8_t first, const uint8_t *body, size_t length,
                         struct payload_head *head, uint16_t *packet_id) {
  size_t expected_payload = template->length - template->payload;
  size_t topic = 2 + TOPIC_LENGTH + ((first & 0x06) != 0 ? 2u : 0u);
  if (length != topic + expected_payload || packet_read_u16(body) != TOPIC_LENGTH) return false;
  const uint8_t *payload = body + topic;
  *packet_id = (first & 0x06) != 0 ? packet_read_u16(payload - 2) : 0;
  memcpy(&head->sequence, payload, 8);
  memcpy(&head->publisher, payload + 8, 4);
  memcpy(&head->sent_ns, payload + 12, 8);
  return memcmp(body + 2, "bench/", 6) == 0 &&
         memcmp(payload + PAYLOAD_HEAD, template->bytes + template->payload + PAYLOAD_HEAD,
                expected_payload - PAYLOAD_HEAD) == 0;
}
