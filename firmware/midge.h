/* The MQTT client of Midge for C and C++: 3.1, 3.1.1 and 5.0, on Linux and on boards. Link libmidge-client.a.
 *
 * An application makes a client, tells it to connect, and from then on calls midge_poll() again and again: all of the
 * client's work is done there, and all of its callbacks are made from there. The client connects, and connects again by
 * itself when the connection is lost; subscriptions are made again when the broker has forgotten them; messages that are
 * published while there is no connection wait in the outbox.
 *
 *   midge_create -> midge_connect -> midge_poll ... -> midge_disconnect -> midge_poll until MIDGE_ENDED -> midge_destroy
 *
 * Results. A function that returns uint32_t returns MIDGE_OK or a status that says why nothing was done, MIDGE_BAD_... and
 * so on; or, for what the broker will answer, a token from MIDGE_TOKEN_FIRST up, with which the callback `completed` tells
 * the answer. midge_is_refused() tells those apart. The numbers are the same in every program of Midge.
 *
 * Memory. Whatever is passed in is copied before the call returns. Whatever a callback is given belongs to the client and is
 * gone when the callback returns. Texts that functions return stay as long as the program.
 *
 * Threads. A client is used by one thread at a time; several clients may be used by several threads at once. Nothing in here
 * starts a thread, handles a signal, or writes to stdout or stderr.
 *
 * Callbacks may call every function of their own client but midge_poll() and midge_destroy(), which refuse. They return in the
 * ordinary way: no longjmp(), no exception. */
#ifndef MIDGE_H
#define MIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Statuses. Nothing has changed unless it is MIDGE_OK. */
#define MIDGE_OK 0u
/* An argument is out of its range. */
#define MIDGE_BAD_ARGUMENT 2u
/* A topic that the standard does not allow: empty, over 65,535 bytes, not UTF-8, or with # or + where they may not stand. */
#define MIDGE_BAD_TOPIC 3u
/* The outbox is full, or there are 4,096 subscriptions already. */
#define MIDGE_LIMIT_REACHED 4u
/* Not possible now: connecting twice, a command while the client leaves, or the client has failed (midge_fault()). */
#define MIDGE_BAD_STATE 5u
/* The message is larger than `packet_size_max` or what the broker takes. */
#define MIDGE_TOO_LARGE 6u
/* The broker has said that it does not do this: RETAIN, this QoS, such a filter. Or: properties before 5.0. */
#define MIDGE_NOT_SUPPORTED 7u
/* Properties that are malformed, or may not stand there. */
#define MIDGE_BAD_PROPERTIES 8u
/* Smaller results are statuses, from here on they are tokens. */
#define MIDGE_TOKEN_FIRST 16u

/* `code` of struct midge_completed. Below 0x80: done, for a subscription the QoS that is granted. From 0x80 to 0xff: the
 * broker has refused it with this Reason Code; before 5.0 there is only 0x80. */
#define MIDGE_COMPLETED_OK 0u
#define MIDGE_COMPLETED_REFUSED 128u
/* Given up: dropped from a full outbox, or not for this broker. */
#define MIDGE_COMPLETED_DROPPED 256u

/* `close` of struct midge_disconnected: why a connection is over. */
/* midge_disconnect(). */
#define MIDGE_CLOSE_DISCONNECT 1u
/* There was no connection to be had, or it was lost. */
#define MIDGE_CLOSE_NETWORK 2u
/* The broker has not answered within the Keep Alive. */
#define MIDGE_CLOSE_KEEP_ALIVE 3u
/* The broker sent what is no MQTT. */
#define MIDGE_CLOSE_MALFORMED 4u
/* The broker broke the protocol. */
#define MIDGE_CLOSE_PROTOCOL 5u
/* The broker refused the connection: `code` says why. */
#define MIDGE_CLOSE_REFUSED 7u
/* No connection, or no answer to CONNECT, within `connect_timeout_ms`. */
#define MIDGE_CLOSE_CONNECT_TIMEOUT 8u
/* The broker sent a packet over `packet_size_max`. */
#define MIDGE_CLOSE_PACKET_SIZE 9u
/* Another limit of the client is reached. */
#define MIDGE_CLOSE_LIMIT 11u
/* The broker sent a message with a topic that is none. */
#define MIDGE_CLOSE_TOPIC 12u
/* 5.0: the broker has said DISCONNECT: `code` says why. */
#define MIDGE_CLOSE_SERVER 13u

/* `retry_ms` of struct midge_disconnected: it will not be tried again. */
#define MIDGE_NO_DEADLINE 0xffffffffu

/* `outbox_drop`: a full outbox refuses the new message, MIDGE_LIMIT_REACHED ... */
#define MIDGE_OUTBOX_DROP_NEWEST 0u
/* ... or gives up the oldest ones that were never sent, each with MIDGE_COMPLETED_DROPPED. */
#define MIDGE_OUTBOX_DROP_OLDEST 1u

/* `protocol_level`. */
#define MIDGE_LEVEL_3_1 3u
#define MIDGE_LEVEL_3_1_1 4u
#define MIDGE_LEVEL_5_0 5u

/* `keep_alive_sec`: none. */
#define MIDGE_KEEP_ALIVE_OFF 0xffffffffu
/* `session_expiry_sec`: the broker keeps the session for ever. */
#define MIDGE_NEVER_EXPIRES 0xffffffffu

/* What midge_poll() and midge_state() return. */
enum midge_state {
  /* midge_poll() was called from a callback of this client: nothing was done. */
  MIDGE_IN_CALLBACK = -2,
  /* By a fault of Midge or for want of memory: midge_fault() says more. All that is left is midge_destroy(). */
  MIDGE_FAILED = -1,
  /* midge_connect() was not called, or the client has left, or may not try again. There is nothing to wait for. */
  MIDGE_ENDED = 0,
  /* Not connected: on the way, or waiting for the next attempt. */
  MIDGE_CONNECTING = 1,
  /* The broker has accepted the connection. */
  MIDGE_ONLINE = 2,
  /* midge_disconnect() is under way. */
  MIDGE_ENDING = 3
};

/* One client. */
struct midge;

/* A message that has arrived. */
struct midge_message {
  /* Topic Name; UTF-8, a zero behind it. */
  const char *topic;
  size_t topic_length;
  /* Any bytes, a zero behind them: what is known to be text may be used as a string. */
  const char *payload;
  size_t payload_length;
  /* 0, 1 or 2. */
  unsigned qos;
  /* The broker sent it because it was retained, not because it was just published. */
  bool retain;
  /* The broker may have sent it before. */
  bool duplicate;
  /* Of 5.0, as on the wire, without their length before them; none: length 0. A Topic Alias among them is done with. */
  const uint8_t *properties;
  size_t properties_length;
};

/* The broker has accepted a connection. */
struct midge_connected {
  /* The broker has kept the session of an earlier connection. */
  bool session_present;
  /* Those of CONNACK, as above. */
  const uint8_t *properties;
  size_t properties_length;
};

/* A connection, or an attempt to make one, is over. */
struct midge_disconnected {
  /* In words, for people. */
  const char *reason;
  /* MIDGE_CLOSE_... */
  uint32_t close;
  /* What the broker gave as its reason: of CONNACK with MIDGE_CLOSE_REFUSED (before 5.0: a return code), of its DISCONNECT with
   * MIDGE_CLOSE_SERVER. Else 0. */
  uint32_t code;
  /* Milliseconds until the next attempt, which is made by itself; or MIDGE_NO_DEADLINE. */
  uint32_t retry_ms;
  /* Those of that packet, as above. */
  const uint8_t *properties;
  size_t properties_length;
};

/* A command is finished. */
struct midge_completed {
  /* What the command has returned. That of a subscription comes once more, with a refusal, when the broker has lost the
   * session and does not grant the subscription again. */
  uint32_t token;
  /* MIDGE_COMPLETED_..., or a code of the broker's acknowledgement. */
  uint32_t code;
  /* Those of the acknowledgement, as above. */
  const uint8_t *properties;
  size_t properties_length;
};

/* Callbacks; NULL: not of interest. */
struct midge_handlers {
  void (*message)(struct midge *client, const struct midge_message *message, void *context);
  void (*connected)(struct midge *client, const struct midge_connected *connected, void *context);
  void (*disconnected)(struct midge *client, const struct midge_disconnected *disconnected, void *context);
  void (*completed)(struct midge *client, const struct midge_completed *completed, void *context);
  /* For the application: handed to each of them. */
  void *context;
};

/* What the broker publishes when this client disappears without midge_disconnect(). */
struct midge_will {
  /* NULL: no Will. */
  const char *topic;
  const void *payload;
  /* Bytes, at most 65,535. */
  size_t payload_length;
  /* 0, 1 or 2. */
  unsigned qos;
  bool retain;
  /* Of 5.0, as on the wire, without their length before them. */
  const void *properties;
  size_t properties_length;
};

/* How a client is; a field that is zero has its default. */
struct midge_options {
  /* Name or address of the broker. Default: 127.0.0.1. */
  const char *host;
  /* TCP port. Default: 1883. */
  uint16_t port;
  /* MIDGE_LEVEL_... Default: MIDGE_LEVEL_3_1_1. */
  uint32_t protocol_level;
  /* Client Identifier, at most 65,535 bytes (in 3.1: 23). "" lets the broker choose one. Default: midge- and random digits. */
  const char *client_id;
  /* Default: none. */
  const char *user_name;
  /* Before 5.0 only with a user name. Default: none. */
  const char *password;
  /* False: Clean Session; in 5.0 Clean Start at the first connection. True: goes on with the session that the broker has of
   * this `client_id`, and has it kept between connections. */
  bool keep_session;
  /* 5.0: seconds for which the broker keeps the session after the connection. Default: with `keep_session` for ever, else 0. */
  uint32_t session_expiry_sec;
  /* Keep Alive: seconds, 1 to 65,535, or MIDGE_KEEP_ALIVE_OFF. Default: 60. midge_poll() should be called at least as often. */
  uint32_t keep_alive_sec;
  struct midge_will will;
  /* True: the first connection that is lost, or not to be had, is the end. */
  bool no_reconnect;
  /* First and longest wait before a new attempt, milliseconds; it doubles, and a random part is taken off. Default: 1,000 and
   * 60,000. */
  uint32_t reconnect_min_ms;
  uint32_t reconnect_max_ms;
  /* Milliseconds for a connection and the broker's answer to CONNECT. Default: 30,000. */
  uint32_t connect_timeout_ms;
  /* Bytes of messages that wait to be sent or acknowledged. Default: 4 MiB. */
  uint32_t outbox_bytes_max;
  /* What to give up when they are more: MIDGE_OUTBOX_DROP_... Default: MIDGE_OUTBOX_DROP_NEWEST. */
  uint32_t outbox_drop;
  /* Bytes of the largest packet, in both directions. Over it: midge_publish() returns MIDGE_TOO_LARGE; a broker that sends one
   * is parted with. Default: 16 MiB. */
  uint32_t packet_size_max;
  /* A file that all of the client's work is recorded in, to be replayed elsewhere: for reports of a fault. It holds passwords
   * and messages. Default: none. */
  const char *record_path;
  struct midge_handlers handlers;
};

/* A client that does nothing yet. NULL: *fault, a text that stays, says what is wrong with an option, or with the system.
 * `fault` may be NULL. */
struct midge *midge_create(const struct midge_options *options, const char **fault);

/* Frees the client and closes at once what it has open: without midge_disconnect() before, the broker publishes the Will.
 * Returns MIDGE_OK (for NULL too), or MIDGE_BAD_STATE from a callback of this client, where nothing is done. */
uint32_t midge_destroy(struct midge *client);

/* Begins to connect, and to stay connected; midge_poll() does it. Also after MIDGE_ENDED: then what is left in the outbox and
 * all subscriptions go on. Returns MIDGE_OK; MIDGE_BAD_STATE: it has begun already; MIDGE_BAD_ARGUMENT: no broker may accept
 * these options: before 5.0 a password needs a user name, and an empty client id needs `keep_session` to be false, and is
 * nothing for 3.1. */
uint32_t midge_connect(struct midge *client);

/* Leaves: what waits at QoS 0 is sent, then DISCONNECT; what was not acknowledged stays in the outbox. midge_poll() does it,
 * until it returns MIDGE_ENDED. To be sure that a message has arrived, wait for `completed` before. Returns MIDGE_OK, or
 * MIDGE_BAD_STATE: it was not connected, nor on the way. */
uint32_t midge_disconnect(struct midge *client);

/* Publishes `payload_length` bytes, at any time: they go out with the next midge_poll(), or wait in the outbox for a
 * connection. `qos`: 0, 1 or 2. Returns at QoS 0 MIDGE_OK, of which nothing more is reported; at QoS 1 and 2 a token; or why
 * not. */
uint32_t midge_publish(struct midge *client, const char *topic, const void *payload, size_t payload_length, unsigned qos,
                       bool retain);

/* The same with properties of 5.0, as on the wire, without their length before them. */
uint32_t midge_publish_with(struct midge *client, const char *topic, const void *payload, size_t payload_length, unsigned qos,
                            bool retain, const void *properties, size_t properties_length);

/* Subscribes, now or as soon as there is a connection, and again whenever the broker has lost the session. `options`: highest
 * QoS to receive with, 0, 1 or 2; in 5.0 all Subscription Options as on the wire: 4 No Local, 8 Retain As Published, 16 and 32
 * Retain Handling. Returns a token, or why not. */
uint32_t midge_subscribe(struct midge *client, const char *filter, unsigned options);

/* The same with properties of 5.0: a Subscription Identifier, User Properties. */
uint32_t midge_subscribe_with(struct midge *client, const char *filter, unsigned options, const void *properties,
                              size_t properties_length);

/* Ends a subscription. Returns a token, or why not. */
uint32_t midge_unsubscribe(struct midge *client, const char *filter);

/* Does `filter` match `topic`? For handing messages on to the parts of an application. */
bool midge_matches(struct midge *client, const char *filter, const char *topic);

/* Does what is to be done, waits up to `timeout_ms` milliseconds (-1: as long as it takes) for something to happen, deals with
 * it, and returns; earlier for a signal, and at once when callbacks were made before it had to wait. Looking up a name waits
 * for the system's answer, however long. Returns the state: `while (midge_poll(client, -1) > 0) {}` goes on until the end. */
int midge_poll(struct midge *client, int timeout_ms);

/* The state, but never MIDGE_IN_CALLBACK. */
int midge_state(const struct midge *client);

/* Why the client has failed, or NULL. */
const char *midge_fault(const struct midge *client);

/* For an application that waits by itself, with select() or poll(): the socket, -1 for none, that wakes it when there is
 * something to read, or with midge_wants_write() room to write; and the milliseconds after which it goes on in any case, -1 for
 * as long as the socket is quiet. Then: midge_poll(client, 0). All three are asked anew before each wait; the number of a
 * socket may come again for another one. */
int midge_fd(const struct midge *client);
bool midge_wants_write(const struct midge *client);
int midge_sleep_ms(const struct midge *client);

/* A status in words. */
const char *midge_error_text(uint32_t status);

/* `code` of struct midge_completed in words; of a subscription that is granted it tells the QoS by its number alone. */
const char *midge_code_text(uint32_t code);

/* True when `result` is a status that says why a command was not taken: neither MIDGE_OK nor a token. */
static inline bool midge_is_refused(uint32_t result) {
  return result != MIDGE_OK && result < MIDGE_TOKEN_FIRST;
}

#ifdef __cplusplus
}
#endif

#endif
