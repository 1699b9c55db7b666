/* The MQTT 3.1.1 and 5.0 packets that the load generator sends, and the payload it can check. State of no connection.
 *
 * All topics have one shape, `bench/NNNNN/x`, so that all PUBLISH packets of a publisher have one length and are
 * made by copying a template and changing what differs:
 *
 *   fixed header | 00 0d "bench/NNNNN/x" | Packet Identifier (QoS 1, 2) | properties (5.0) | payload
 *   payload: sequence number, 8 bytes | publisher number, 4 bytes | time sent in ns, 8 bytes | filler
 *
 * The numbers of the payload are in the machine's byte order: they come back to the program that wrote them. */
#ifndef PACKET_H
#define PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* First bytes, with the flags that are fixed. */
enum {
  CONNECT = 0x10, CONNACK = 0x20, PUBLISH = 0x30, PUBACK = 0x40, PUBREC = 0x50, PUBREL = 0x62, PUBCOMP = 0x70,
  SUBSCRIBE = 0x82, SUBACK = 0x90, PINGREQ = 0xc0, PINGRESP = 0xd0, DISCONNECT = 0xe0
};

enum {
  TOPIC_LENGTH = 13, PAYLOAD_HEAD = 20, CONNECT_LENGTH_MAX = 27, ACK_LENGTH = 4, SUBSCRIBE_HEAD_MAX = 8,
  FILTER_LENGTH_MAX = TOPIC_LENGTH
};

/** What all packets of the process are written in. */
struct protocol {
  uint8_t level;   /* the Protocol Level of CONNECT: 4 is 3.1.1, 5 is 5.0 */
  bool properties; /* 5.0: a message has Message Expiry Interval, Content Type and a User Property; or has none */
};

struct payload_head {
  uint64_t sequence;
  uint32_t publisher;
  uint64_t sent_ns;
};

struct publish_template {
  uint8_t *bytes;
  size_t length;
  size_t topic_digits; /* offsets into bytes */
  size_t packet_id;    /* 0 at QoS 0 */
  size_t properties;   /* where the payload is, at 3.1.1 */
  size_t payload;
};

/** Writes CONNECT: Clean Session (5.0: Clean Start) 1, Keep Alive 0, no properties, the Client Identifier is b and 11
 *  digits. Returns its length, at most CONNECT_LENGTH_MAX. */
size_t packet_connect(uint8_t *to, uint8_t level, uint32_t client_number);

/** Writes PUBACK, PUBREC, PUBREL or PUBCOMP: ACK_LENGTH bytes, at 5.0 the form that means success. */
void packet_ack(uint8_t *to, uint8_t first, uint16_t packet_id);

/** Writes the fixed and variable header of a SUBSCRIBE whose filters take `filters_length` bytes; returns its length,
 *  at most SUBSCRIBE_HEAD_MAX. */
size_t packet_subscribe_head(uint8_t *to, uint8_t level, size_t filters_length, uint16_t packet_id);

/** Writes one filter of a SUBSCRIBE; returns its length. `format` is printf's, with at most one %05u for `number`. */
size_t packet_subscribe_filter(uint8_t *to, const char *format, uint32_t number, uint8_t qos);

struct publish_template packet_publish_template(struct protocol protocol, uint32_t payload_length, uint8_t qos,
                                                bool retain);

/** Writes one PUBLISH: template->length bytes. `packet_id` is ignored at QoS 0. */
void packet_publish(uint8_t *to, const struct publish_template *template, uint32_t topic, uint16_t packet_id,
                    struct payload_head head);

/** Takes a PUBLISH apart. False if topic, length, properties or filler are not those of `template`: properties may
 *  have another order, and the Message Expiry Interval may have counted down. `packet_id` is 0 at QoS 0. */
bool packet_read_publish(const struct publish_template *template, uint8_t first, const uint8_t *body, size_t length,
                         struct payload_head *head, uint16_t *packet_id);

/** The two bytes at `bytes` as a number. */
uint16_t packet_read_u16(const uint8_t *bytes);

#endif
