#include "network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "input.h"
#include "loop.h"
#include "net.h"

#define SOCKETS_MAX 32
/* Descriptors begin here, so that none is mistaken for one of the system's. */
#define FIRST 5000
/* A wait without an end that nothing interrupts. */
#define LONG_WAIT_MS 1000u

struct socket {
  bool is_open, is_listener, is_watched, wants_read, wants_write, is_finished, has_ended;
  void *owner;
};

static struct socket sockets[SOCKETS_MAX];
static uint32_t socket_count;
static uint64_t now_ms;
static uint32_t step_ms;

struct loop {
  bool is_there;
};

void network_begin(void) {
  memset(sockets, 0, sizeof sockets);
  socket_count = 0;
  now_ms = 1000;
  step_ms = 1;
}

void network_hurry(uint32_t step) {
  step_ms = step;
}

/* -1: the table is full. Numbers are not used again, so that a use after the close is noticed. */
static int make_socket(bool is_listener) {
  if (socket_count == SOCKETS_MAX) return -1;
  sockets[socket_count] = (struct socket){.is_open = true, .is_listener = is_listener};
  return FIRST + (int)socket_count++;
}

int network_listen(void) {
  return make_socket(true);
}

void network_end(void) {
  for (uint32_t i = 0; i < socket_count; i++) {
    if (sockets[i].is_open) finding("a socket is never closed");
  }
}

static struct socket *open_socket(int fd) {
  if (fd < FIRST || fd >= FIRST + (int)socket_count || !sockets[fd - FIRST].is_open) finding("a socket that is not open is used");
  return &sockets[fd - FIRST];
}

int net_accept(int listener) {
  if (!open_socket(listener)->is_listener) finding("accept() of what does not listen");
  const uint8_t choice = input_u8();
  if (choice < 0x40) return NET_AGAIN;
  if (choice >= 0xf0) {
    errno = EMFILE;
    return NET_FAILED;
  }
  const int fd = make_socket(false);
  return fd < 0 ? NET_AGAIN : fd;
}

struct net_route {
  /* Addresses that are left. */
  uint8_t left;
};

struct net_route *net_look_up(const char *host, uint16_t port, const char **fault) {
  (void)host;
  (void)port;
  const uint8_t choice = input_u8();
  struct net_route *route = choice >= 0xe0 ? NULL : malloc(sizeof *route);
  *fault = "no such name";
  if (route != NULL) route->left = 1 + (choice & 3);
  return route;
}

int net_connect(struct net_route *route, const char **fault) {
  *fault = "no address is left";
  if (route->left == 0) return NET_FAILED;
  route->left--;
  const int fd = make_socket(false);
  return fd < 0 ? NET_FAILED : fd;
}

void net_forget(struct net_route *route) {
  free(route);
}

int net_connected(int fd) {
  open_socket(fd);
  return input_u8() < 0xc0 ? 0 : ECONNREFUSED;
}

ssize_t net_read(int fd, void *to, size_t length) {
  struct socket *socket = open_socket(fd);
  if (socket->is_listener || socket->has_ended) finding("a read where there is nothing to read");
  const uint8_t choice = input_u8();
  if (choice == 0) return NET_AGAIN;
  if (choice < 0xf0) return (ssize_t)network_arrive((uint32_t)(fd - FIRST), to, length);
  if (choice >= 0xfc) {
    /* As much as the host has said that it has room for. */
    memset(to, choice, length);
    return (ssize_t)length;
  }
  socket->has_ended = true;
  return choice < 0xf8 ? 0 : NET_FAILED;
}

/* As sendmsg() would. */
static size_t read_all(const struct iovec *ranges, int count) {
  size_t length = 0;
  for (int i = 0; i < count; i++) {
    read_bytes(ranges[i].iov_base, ranges[i].iov_len);
    length += ranges[i].iov_len;
  }
  return length;
}

ssize_t net_write(int fd, const struct iovec *ranges, int count) {
  struct socket *socket = open_socket(fd);
  if (socket->is_listener || socket->is_finished) finding("a write where nothing may be written");
  const size_t length = read_all(ranges, count);
  const uint8_t choice = input_u8();
  if (choice < 0x80) return (ssize_t)length;
  if (choice < 0xa0) return NET_AGAIN;
  if (choice < 0xb0) return NET_FAILED;
  return (ssize_t)(length < choice - 0xb0u ? length : choice - 0xb0u);
}

void net_finish(int fd) {
  open_socket(fd)->is_finished = true;
}

void net_close(int fd) {
  struct socket *socket = open_socket(fd);
  if (socket->is_watched) finding("a socket is closed that the loop waits for");
  socket->is_open = false;
}

void net_address(int fd, bool own, char text[static NET_ADDRESS_MAX]) {
  open_socket(fd);
  snprintf(text, NET_ADDRESS_MAX, "%s:%d", own ? "own" : "peer", fd);
}

struct loop *loop_create(void) {
  return calloc(1, sizeof(struct loop));
}

void loop_destroy(struct loop *loop) {
  free(loop);
}

bool loop_add(struct loop *loop, int fd, void *owner) {
  struct socket *socket = open_socket(fd);
  (void)loop;
  if (socket->is_watched) finding("a socket is added twice");
  if (!socket->is_listener && input_u8() == 0xff) {
    errno = ENOSPC;
    return false;
  }
  socket->is_watched = socket->wants_read = true;
  socket->owner = owner;
  return true;
}

void loop_watch(struct loop *loop, int fd, void *owner, bool readable, bool writable) {
  struct socket *socket = open_socket(fd);
  (void)loop;
  if (!socket->is_watched || socket->owner != owner) finding("a socket is watched that was not added");
  socket->wants_read = readable;
  socket->wants_write = writable;
}

void loop_remove(struct loop *loop, int fd) {
  (void)loop;
  open_socket(fd)->is_watched = false;
}

/* As epoll: each socket once, and what was not asked for only with an end or an error. */
int loop_wait(struct loop *loop, struct loop_ready *ready, int max, int timeout_ms) {
  int count = 0;
  const uint32_t waited_ms = timeout_ms < 0 ? LONG_WAIT_MS : (uint32_t)timeout_ms;
  (void)loop;
  const uint8_t set = input_u8();
  uint32_t watched = 0;
  for (uint32_t i = 0; i < socket_count && count < max; i++) {
    const struct socket *socket = &sockets[i];
    if (!socket->is_watched || (set >> (watched++ & 7) & 1) == 0) continue;
    const uint8_t choice = input_u8();
    const bool has_error = (choice & 0xf0) == 0xf0;
    ready[count] = (struct loop_ready){.owner = socket->owner};
    ready[count].readable = has_error || socket->wants_read;
    ready[count].writable = socket->wants_write && (choice & 1) != 0;
    if (ready[count].readable || ready[count].writable) count++;
  }
  now_ms += count > 0 || waited_ms < step_ms ? step_ms : waited_ms;
  return count;
}

uint64_t clock_ms(void) {
  return now_ms;
}

uint32_t clock_seed(void) {
  return 1;
}
