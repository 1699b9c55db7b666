#include "packets.h"

#include <string.h>

#include "input.h"

struct packet {
  uint8_t *bytes;
  size_t length;
};

static void put_u8(struct packet *packet, uint32_t value) {
  packet->bytes[packet->length++] = (uint8_t)value;
}

static void put_u16(struct packet *packet, uint32_t value) {
  put_u8(packet, value >> 8);
  put_u8(packet, value);
}

static void put_text(struct packet *packet, const char *text) {
  put_u16(packet, (uint32_t)strlen(text));
  memcpy(packet->bytes + packet->length, text, strlen(text));
  packet->length += strlen(text);
}

static const char *any_name(void) {
  static const char *const names[] = {"a", "a/b", "a/b/c", "$SYS/x", "b\xc3\xa4\xe2\x80\x8b", "a/+", ""};
  return names[input_u8() % (sizeof names / sizeof *names)];
}

static const char *any_filter(void) {
  static const char *const filters[] = {"#", "a/#", "a/+", "+/b", "a/b", "$share/g/#", "$SYS/#", "a/#/b", ""};
  return filters[input_u8() % (sizeof filters / sizeof *filters)];
}

/* Few, so that clients take over from each other. */
static const char *any_client_id(void) {
  static const char *const ids[] = {"one", "two", "three", "", "esc\x1b[2J"};
  return ids[input_u8() % (sizeof ids / sizeof *ids)];
}

static void put_connect(struct packet *packet, uint8_t choice) {
  const uint32_t level = 3 + choice % 3;
  const bool has_will = (choice & 0x20) != 0, has_user_name = (choice & 0x40) != 0;
  put_text(packet, level == 3 ? "MQIsdp" : "MQTT");
  put_u8(packet, level);
  put_u8(packet, (choice & 8) >> 2 | (has_will ? 0x0c : 0) | (has_user_name ? 0x80 : 0));
  put_u16(packet, input_u8() & 3);
  if (level == 5) put_u8(packet, 0);
  put_text(packet, any_client_id());
  if (has_will && level == 5) put_u8(packet, 0);
  if (has_will) put_text(packet, any_name());
  if (has_will) put_text(packet, "gone");
  if (has_user_name) put_text(packet, "user");
}

/* `is5`: with properties, of which there are none. */
static void put_subscribe(struct packet *packet, bool is5, bool begins) {
  put_u16(packet, 1 + (input_u8() & 7));
  if (is5) put_u8(packet, 0);
  put_text(packet, any_filter());
  if (begins) put_u8(packet, input_u8() % 3);
}

static void put_publish(struct packet *packet, bool is5, uint32_t qos) {
  put_text(packet, any_name());
  if (qos > 0) put_u16(packet, 1 + (input_u8() & 7));
  if (is5) put_u8(packet, 0);
  const size_t length = input_u8();
  input_bytes(packet->bytes + packet->length, length);
  packet->length += length;
}

/* The first byte and the rest of one packet. */
static uint8_t put_any(struct packet *packet, uint8_t choice) {
  const uint8_t flags = input_u8();
  const bool is5 = (flags & 0x80) != 0;
  switch (choice & 7) {
    case 1:
      put_connect(packet, flags);
      return 0x10;
    case 2:
      put_subscribe(packet, is5, true);
      return 0x82;
    case 3:
      put_subscribe(packet, is5, false);
      return 0xa2;
    case 4:
    case 5:
      put_publish(packet, is5, flags >> 1 & 3);
      return 0x30 | (flags & 0x07);
    case 6:
      /* PUBACK, PUBREC, PUBREL, PUBCOMP. */
      put_u16(packet, 1 + (input_u8() & 7));
      return (uint8_t)((4 + (flags & 3)) << 4 | ((flags & 3) == 2 ? 2 : 0));
    case 7:
      return flags < 0x80 ? 0xc0 : 0xe0;
    default:
      input_bytes(packet->bytes, flags & 0x1f);
      packet->length = flags & 0x1f;
      return input_u8();
  }
}

size_t packet_make(uint8_t to[static PACKET_MAX]) {
  uint8_t body[PACKET_MAX];
  struct packet packet = {.bytes = body};
  const uint8_t choice = input_u8();
  size_t length = 0;
  to[length++] = put_any(&packet, choice);
  if (packet.length >= 0x80) to[length++] = (uint8_t)(packet.length | 0x80);
  to[length++] = (uint8_t)(packet.length >= 0x80 ? packet.length >> 7 : packet.length);
  memcpy(to + length, body, packet.length);
  length += packet.length;
  /* A byte that is another one. */
  if (choice >= 0xe0) to[input_u8() % length] ^= (uint8_t)(1u << (choice & 7));
  return length;
}
