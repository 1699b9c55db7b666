/* See client.h. */
#include "client.h"

#include "fail.h"
#include "property.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILTERS_PER_SUBSCRIBE = 100, BACKLOG_MAX = 1 << 20 /* bytes; a publisher with more unsent waits */ };

struct protocol client_protocol;
struct totals client_totals;

void client_connect(struct connection *connection, uint16_t port) {
  static uint32_t client_number;
  connection_open(connection, port);
  uint8_t *to = connection_reserve(connection, CONNECT_LENGTH_MAX);
  connection_commit(connection, packet_connect(to, client_protocol.level, client_number++));
}

/* The bytes tell why: the reason code of a DISCONNECT, or of an acknowledgement that refuses, is among the first. */
_Noreturn static void fail_unexpected(const struct connection *connection, uint8_t first, const uint8_t *body,
                                      size_t length) {
  char text[8 * 3 + 1] = "";
  for (size_t i = 0; i < length && i < 8; i++) snprintf(text + 3 * i, 4, " %02x", body[i]);
  fail("%s: unexpected packet 0x%02x of %zu bytes:%s", connection->name, first, length, text);
}

uint16_t client_check_connack(const struct connection *connection, uint8_t first, const uint8_t *body, size_t length) {
  struct property_list list = {body + 2, body + 2};
  bool is_whole = first == CONNACK && length >= 2 && body[0] == 0 &&
                  (client_protocol.level < 5 || property_open(&list, body + 2, length - 2));
  if (!is_whole || list.end != body + length) fail_unexpected(connection, first, body, length);
  if (body[1] != 0) fail("%s: CONNACK refuses with %d", connection->name, body[1]);
  uint16_t receive_maximum = UINT16_MAX;
  for (const uint8_t *property; (property = property_next(&list)) != NULL;) {
    if (*property == RECEIVE_MAXIMUM) receive_maximum = packet_read_u16(property + 1);
  }
  if (list.next != list.end) fail_unexpected(connection, first, body, length);
  return receive_maximum;
}

static void send_bare(struct connection *connection, uint8_t first) {
  memcpy(connection_reserve(connection, 2), (uint8_t[]){first, 0}, 2);
  connection_commit(connection, 2);
  connection_flush(connection);
}

void client_disconnect(struct connection *connection) {
  send_bare(connection, DISCONNECT);
  connection_finish(connection);
}

void publisher_ping(struct publisher *publisher) {
  publisher->pinged = false;
  send_bare(&publisher->connection, PINGREQ);
}

static void send_ack(struct connection *connection, uint8_t first, uint16_t packet_id) {
  packet_ack(connection_reserve(connection, ACK_LENGTH), first, packet_id);
  connection_commit(connection, ACK_LENGTH);
}

/* The Packet Identifier. At 5.0 a Reason Code may follow, which must be success, and then properties [3.4.2.1]. */
static uint16_t read_ack(const struct connection *connection, uint8_t first, const uint8_t *body, size_t length) {
  if (length == 2) return packet_read_u16(body);
  struct property_list list = {NULL, body + 3};
  bool is_long = client_protocol.level == 5 && length > 2 && body[2] == 0 &&
                 (length == 3 || property_open(&list, body + 3, length - 3));
  if (!is_long || list.end != body + length) fail_unexpected(connection, first, body, length);
  return packet_read_u16(body);
}

static void handle_publisher_packet(struct connection *connection, uint8_t first, const uint8_t *body, size_t length) {
  struct publisher *publisher = (struct publisher *)connection;
  if (!publisher->connected) {
    uint16_t receive_maximum = client_check_connack(connection, first, body, length);
    if (publisher->qos > 0 && publisher->window > receive_maximum) fail("--window is over %u", receive_maximum);
    publisher->connected = true;
    return;
  }
  if (first == PINGRESP && length == 0) {
    publisher->pinged = true;
    return;
  }
  uint16_t packet_id = read_ack(connection, first, body, length);
  if (packet_id == 0 || packet_id > publisher->window || publisher->awaited[packet_id] != first) {
    fail_unexpected(connection, first, body, length);
  }
  if (first == PUBREC) {
    publisher->awaited[packet_id] = PUBCOMP;
    send_ack(connection, PUBREL, packet_id);
    return;
  }
  publisher->awaited[packet_id] = 0;
  uint32_t behind_free = publisher->free_head + publisher->window - publisher->in_flight;
  publisher->free_ids[behind_free % publisher->window] = packet_id;
  publisher->in_flight--;
}

void publisher_open(struct publisher *publisher, uint16_t port, uint32_t number, uint8_t qos, uint32_t payload,
                    uint32_t window, bool retain) {
  *publisher = (struct publisher){.number = number, .qos = qos, .window = window, .topic_count = 1};
  publisher->connection.name = "a publisher";
  publisher->connection.handle_packet = handle_publisher_packet;
  publisher->template = packet_publish_template(client_protocol, payload, qos, retain);
  publisher->awaited = fail_calloc(window + 1u, 1);
  publisher->free_ids = fail_calloc(window, sizeof *publisher->free_ids);
  for (uint32_t i = 0; i < window; i++) publisher->free_ids[i] = (uint16_t)(i + 1);
  client_connect(&publisher->connection, port);
}

static uint16_t take_packet_id(struct publisher *publisher) {
  uint16_t packet_id = publisher->free_ids[publisher->free_head];
  publisher->free_head = (publisher->free_head + 1) % publisher->window;
  publisher->awaited[packet_id] = publisher->qos == 1 ? PUBACK : PUBREC;
  publisher->in_flight++;
  return packet_id;
}

uint64_t publisher_publish(struct publisher *publisher, uint64_t count) {
  const struct publish_template *template = &publisher->template;
  size_t backlog = connection_unsent(&publisher->connection);
  uint64_t room = backlog < BACKLOG_MAX ? 1 + (BACKLOG_MAX - backlog) / template->length : 0;
  if (publisher->qos > 0 && room > publisher->window - publisher->in_flight) {
    room = publisher->window - publisher->in_flight;
  }
  if (count > room) count = room;
  if (count == 0) return 0;
  uint8_t *to = connection_reserve(&publisher->connection, count * template->length);
  for (uint64_t i = 0; i < count; i++, to += template->length) {
    struct payload_head head = {publisher->sent, publisher->number, connection_now_ns};
    uint64_t topic = (publisher->topic_first + publisher->sent * publisher->topic_step) % publisher->topic_count;
    packet_publish(to, template, (uint32_t)topic, publisher->qos > 0 ? take_packet_id(publisher) : 0, head);
    publisher->sent++;
  }
  connection_commit(&publisher->connection, count * template->length);
  connection_flush(&publisher->connection);
  return count;
}

static void handle_message(struct subscriber *subscriber, uint8_t first, const uint8_t *body, size_t length) {
  struct payload_head head;
  uint16_t packet_id;
  if (((first >> 1) & 3) != subscriber->qos) fail("a message came with QoS %d", (first >> 1) & 3);
  if ((first & 1) != subscriber->expect_retain) fail("a message came with RETAIN %d", first & 1);
  if (!packet_read_publish(subscriber->expected, first, body, length, &head, &packet_id) ||
      head.publisher - subscriber->first_publisher >= subscriber->publishers) {
    fail("a message came changed, or to the wrong subscriber");
  }
  stream_record(&subscriber->streams[head.publisher - subscriber->first_publisher], head.sequence);
  client_totals.delivered++;
  if (client_totals.latency_wanted) latency_record(&client_totals.latency, connection_now_ns - head.sent_ns);
  if (subscriber->qos > 0) send_ack(&subscriber->connection, subscriber->qos == 1 ? PUBACK : PUBREC, packet_id);
}

static void handle_suback(struct subscriber *subscriber, const uint8_t *body, size_t length) {
  struct property_list list = {NULL, body + 2};
  if (length < 3 || (client_protocol.level == 5 && !property_open(&list, body + 2, length - 2))) {
    fail_unexpected(&subscriber->connection, SUBACK, body, length);
  }
  for (const uint8_t *code = list.end; code < body + length; code++, subscriber->granted++) {
    if (*code != subscriber->qos) fail("a filter was granted 0x%02x", *code);
  }
}

static void handle_subscriber_packet(struct connection *connection, uint8_t first, const uint8_t *body, size_t length) {
  struct subscriber *subscriber = (struct subscriber *)connection;
  if ((first & 0xf0) == PUBLISH && subscriber->connected) { /* may come before SUBACK [v3.1.1, 3.8.4] */
    handle_message(subscriber, first, body, length);
  } else if (first == PUBREL) {
    send_ack(connection, PUBCOMP, read_ack(connection, first, body, length));
  } else if (first == SUBACK) {
    handle_suback(subscriber, body, length);
  } else if (!subscriber->connected) {
    client_check_connack(connection, first, body, length);
    subscriber->connected = true;
  } else {
    fail_unexpected(connection, first, body, length);
  }
}

void subscriber_open(struct subscriber *subscriber, uint16_t port, uint8_t qos, const struct publish_template *expected,
                     struct stream *streams, uint32_t first_publisher, uint32_t publishers) {
  *subscriber = (struct subscriber){.connection = subscriber->connection, .qos = qos, .expected = expected};
  subscriber->connection.name = "a subscriber";
  subscriber->connection.handle_packet = handle_subscriber_packet;
  subscriber->first_publisher = first_publisher;
  subscriber->publishers = publishers;
  subscriber->streams = streams;
  client_connect(&subscriber->connection, port);
}

void subscriber_subscribe(struct subscriber *subscriber, const char *format, uint32_t first, uint32_t count) {
  uint8_t filters[FILTERS_PER_SUBSCRIBE * (FILTER_LENGTH_MAX + 3)];
  for (uint32_t done = 0, packet_id = 1; done < count; packet_id++) {
    size_t length = 0;
    for (uint32_t i = 0; i < FILTERS_PER_SUBSCRIBE && done < count; i++, done++) {
      length += packet_subscribe_filter(filters + length, format, first + done, subscriber->qos);
    }
    uint8_t *to = connection_reserve(&subscriber->connection, length + SUBSCRIBE_HEAD_MAX);
    size_t head = packet_subscribe_head(to, client_protocol.level, length, (uint16_t)packet_id);
    memcpy(to + head, filters, length);
    connection_commit(&subscriber->connection, head + length);
  }
  connection_flush(&subscriber->connection);
}
