/* Non-blocking TCP connections to 127.0.0.1 on one epoll, cut into whole Control Packets.
 * Knows sockets and the fixed header; what a packet means is the owner's. Made to cost little: one large read per
 * event into a buffer that all share, one send per turn, EPOLLOUT armed only while a send was short.
 * A connection that the broker closes, or any socket error, ends the program unless the owner handles closing. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection {
  int fd;
  bool output_armed;                                         /* EPOLLOUT */
  uint8_t *input;                                            /* the start of a packet whose rest has not come */
  size_t input_length;
  uint8_t *output;                                           /* not yet sent: from output_start to output_end */
  size_t output_start, output_end, output_capacity;
  const char *name;                                          /* for messages */
  /* One whole packet: first byte, then `length` bytes at `body`, valid during the call. */
  void (*handle_packet)(struct connection *connection, uint8_t first, const uint8_t *body, size_t length);
  void (*handle_close)(struct connection *connection);       /* the broker closed; NULL: that is a failure */
};

/** The time of the last connection_turn or read, in ns: latencies need no clock call per message. */
extern uint64_t connection_now_ns;

/** Starts connecting; handle_packet, handle_close and name are set already, all else is overwritten or reused. */
void connection_open(struct connection *connection, uint16_t port);

/** Room for `length` bytes at the end of the output; valid until the next call. Write there, then commit. */
uint8_t *connection_reserve(struct connection *connection, size_t length);

void connection_commit(struct connection *connection, size_t length);

/** Sends what the socket takes; the rest follows by itself. */
void connection_flush(struct connection *connection);

/** Bytes that the socket has not taken yet. */
size_t connection_unsent(const struct connection *connection);

/** No more output: the broker sees the end of the stream behind what was sent. */
void connection_finish(struct connection *connection);

/** Closes at once. The buffers stay for a next connection_open. */
void connection_close(struct connection *connection);

/** Waits at most `timeout_ms` for events and handles those there are; output of their handlers is flushed. */
void connection_turn(int timeout_ms);

#endif
