/* The two kinds of MQTT Client, of 3.1.1 or 5.0, that make the load: a publisher, and a subscriber that checks what
 * comes. Both speak all of QoS 0, 1 and 2 in their direction. Anything a broker may not do - an acknowledgement of
 * nothing, another QoS than asked for, a changed payload or property - ends the program. Knows no scenarios. */
#ifndef CLIENT_H
#define CLIENT_H

#include "connection.h"
#include "packet.h"
#include "stream.h"

struct publisher {
  struct connection connection;
  uint32_t number;            /* in its payloads */
  uint8_t qos;
  bool connected;             /* CONNACK came */
  bool pinged;                /* PINGRESP came */
  struct publish_template template;
  uint32_t topic_first, topic_step, topic_count; /* message s: topic (first + s * step) % count */
  uint64_t sent;              /* messages; the sequence number of the next */
  uint32_t window;            /* most in flight at QoS 1 and 2 */
  uint32_t in_flight;
  uint8_t *awaited;           /* by Packet Identifier, 1..window: the first byte awaited, 0 if it is free */
  uint16_t *free_ids;         /* ring of the window's free identifiers */
  uint32_t free_head;
};

struct subscriber {
  struct connection connection;
  uint8_t qos;
  bool connected;
  bool expect_retain;         /* the RETAIN flag that its messages must have [v3.1.1 MQTT-3.3.1-8, -9] */
  uint32_t granted;           /* filters acknowledged */
  const struct publish_template *expected;
  struct stream *streams;     /* by publisher number - first_publisher */
  uint32_t first_publisher, publishers;
};

/** What all clients of the process speak; set before the first of them opens. */
extern struct protocol client_protocol;

/** What all subscribers of the process count together. */
extern struct totals {
  uint64_t delivered;         /* messages, duplicates included */
  bool latency_wanted;        /* record it? */
  struct latency latency;
} client_totals;

/** Every client gets the next Client Identifier. `retain` is the flag of its messages. */
void publisher_open(struct publisher *publisher, uint16_t port, uint32_t number, uint8_t qos, uint32_t payload,
                    uint32_t window, bool retain);

/** Publishes up to `count` messages: as many as the window and the unsent output leave room for. Returns how many. */
uint64_t publisher_publish(struct publisher *publisher, uint64_t count);

/** Sends PINGREQ. Its PINGRESP sets `pinged`: the broker has read everything that was sent before. */
void publisher_ping(struct publisher *publisher);

/** `expected`: what its messages must look like. `streams`: the caller's, one for each of `publishers` publisher
 *  numbers from `first_publisher`. `subscriber` is zeroed memory, or one whose connection is closed. */
void subscriber_open(struct subscriber *subscriber, uint16_t port, uint8_t qos, const struct publish_template *expected,
                     struct stream *streams, uint32_t first_publisher, uint32_t publishers);

/** Sends SUBSCRIBE for filters `first` to `first + count - 1`, of a printf format with at most one %05u. */
void subscriber_subscribe(struct subscriber *subscriber, const char *format, uint32_t first, uint32_t count);

/** Opens a connection that sends CONNECT; the caller has set its handlers. */
void client_connect(struct connection *connection, uint16_t port);

/** Fails unless the packet is a CONNACK that accepts. Returns its Receive Maximum; 65,535 is also none. */
uint16_t client_check_connack(const struct connection *connection, uint8_t first, const uint8_t *body, size_t length);

/** Sends DISCONNECT and the end of the stream. */
void client_disconnect(struct connection *connection);

#endif
