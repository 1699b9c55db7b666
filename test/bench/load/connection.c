/* See connection.h. */
#include "connection.h"

#include "fail.h"
#include "usage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  READ_LENGTH = 256 * 1024,   /* more than any broker writes at once, so a busy connection costs one read a turn */
  PACKET_LENGTH = 128 * 1024, /* no packet of these scenarios is longer */
  EVENTS_PER_TURN = 256,
};

uint64_t connection_now_ns;

static int epoll_fd = -1;
static uint8_t shared_input[PACKET_LENGTH + READ_LENGTH];

static void arm(struct connection *connection, bool output, int operation) {
  struct epoll_event event = {.events = EPOLLIN | (output ? EPOLLOUT : 0), .data.ptr = connection};
  if (epoll_ctl(epoll_fd, operation, connection->fd, &event) != 0) fail("epoll_ctl: %s", strerror(errno));
  connection->output_armed = output;
}

void connection_open(struct connection *connection, uint16_t port) {
  if (epoll_fd < 0) epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (epoll_fd < 0 || connection->fd < 0) fail("socket: %s", strerror(errno));
  int on = 1;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
    fail("connect: %s", strerror(errno));
  }
  connection->input_length = connection->output_start = connection->output_end = 0;
  arm(connection, true, EPOLL_CTL_ADD); /* writable means connected */
}

uint8_t *connection_reserve(struct connection *connection, size_t length) {
  if (connection->output_end + length > connection->output_capacity) {
    connection->output_capacity = 2 * (connection->output_end + length);
    connection->output = realloc(connection->output, connection->output_capacity);
    if (connection->output == NULL) fail("out of memory for output");
  }
  return connection->output + connection->output_end;
}

void connection_commit(struct connection *connection, size_t length) { connection->output_end += length; }

size_t connection_unsent(const struct connection *connection) {
  return connection->output_end - connection->output_start;
}

void connection_flush(struct connection *connection) {
  if (connection_unsent(connection) > 0) {
    ssize_t sent = send(connection->fd, connection->output + connection->output_start, connection_unsent(connection),
                        MSG_NOSIGNAL);
    if (sent > 0) connection->output_start += (size_t)sent;
    if (sent < 0 && errno != EAGAIN && errno != ENOTCONN) fail("%s: send: %s", connection->name, strerror(errno));
  }
  bool rest = connection_unsent(connection) > 0;
  if (!rest) connection->output_start = connection->output_end = 0;
  if (rest != connection->output_armed) arm(connection, rest, EPOLL_CTL_MOD);
}

void connection_finish(struct connection *connection) { shutdown(connection->fd, SHUT_WR); }

void connection_close(struct connection *connection) {
  close(connection->fd); /* leaves the epoll with it */
  connection->fd = -1;
}

/* Length of the packet at `bytes`, or 0 while its fixed header is not complete. */
static size_t packet_length(const uint8_t *bytes, size_t available, size_t *header) {
  size_t value = 0;
  for (size_t i = 1; i < available && i <= 4; i++) {
    value |= (size_t)(bytes[i] & 0x7f) << (7 * (i - 1));
    if ((bytes[i] & 0x80) == 0) {
      *header = i + 1;
      return value + i + 1;
    }
  }
  return 0;
}

static void handle_bytes(struct connection *connection, const uint8_t *bytes, size_t length) {
  size_t start = 0;
  while (start < length) {
    size_t header = 0;
    size_t packet = packet_length(bytes + start, length - start, &header);
    if (packet > PACKET_LENGTH) fail("%s: a packet of %zu bytes", connection->name, packet);
    if (packet == 0 || packet > length - start) break;
    connection->handle_packet(connection, bytes[start], bytes + start + header, packet - header);
    if (connection->fd < 0) return; /* the owner closed it */
    start += packet;
  }
  connection->input_length = length - start;
  if (connection->input_length > 0) {
    if (connection->input == NULL) connection->input = fail_calloc(1, PACKET_LENGTH);
    memcpy(connection->input, bytes + start, connection->input_length);
  }
}

static void handle_readable(struct connection *connection) {
  size_t before = connection->input_length;
  if (before > 0) memcpy(shared_input, connection->input, before);
  ssize_t got = recv(connection->fd, shared_input + before, READ_LENGTH, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got > 0) {
    connection_now_ns = usage_now_ns();
    handle_bytes(connection, shared_input, before + (size_t)got);
  } else if (connection->handle_close != NULL) {
    connection->handle_close(connection);
  } else {
    fail("the broker closed the connection of %s%s%s", connection->name, got < 0 ? ": " : "",
         got < 0 ? strerror(errno) : "");
  }
}

void connection_turn(int timeout_ms) {
  struct epoll_event events[EVENTS_PER_TURN];
  int count = epoll_wait(epoll_fd, events, EVENTS_PER_TURN, timeout_ms);
  if (count < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
  connection_now_ns = usage_now_ns();
  for (int i = 0; i < count; i++) {
    struct connection *connection = events[i].data.ptr;
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) handle_readable(connection);
    /* Not after an end of the stream: its handler may have opened this structure again, on another socket. */
    if (connection->fd >= 0) connection_flush(connection);
  }
}
