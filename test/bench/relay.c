/* relay PORT PUBLISHERS SUBSCRIBERS: copies bytes from publishers to subscribers, the floor under every broker.
 * It answers CONNECT and SUBSCRIBE, which `load` sends one at a time before any message, and from then on knows no
 * packet: what publisher i sends goes to subscriber i (as many of each), or to all subscribers (one publisher); what
 * the first of those subscribers sends goes back. So acknowledgements travel from end to end, and what is left is the
 * price of moving these bytes through two sockets. The first PUBLISHERS connections are the publishers.
 * Fan-in is not offered: joining streams needs packet boundaries. Ends with a signal. */
#include "load/fail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_LENGTH = 64 * 1024, EVENTS_PER_TURN = 256 };

struct end {
  int fd;
  bool subscriber, connected;
  uint32_t index;                            /* among its kind */
  uint8_t *rest;                             /* what the socket has not taken */
  size_t rest_start, rest_end, rest_capacity;
};

static int epoll_fd;
static struct end *publishers, *subscribers;
static uint32_t publisher_count, subscriber_count, accepted;

static void arm(struct end *end, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.ptr = end};
  if (epoll_ctl(epoll_fd, operation, end->fd, &event) != 0) fail("relay: epoll_ctl: %s", strerror(errno));
}

static size_t send_some(const struct end *end, const uint8_t *bytes, size_t length) {
  ssize_t sent = send(end->fd, bytes, length, MSG_NOSIGNAL);
  return sent > 0 ? (size_t)sent : 0; /* an error shows as an end of the stream soon */
}

static void keep_rest(struct end *end, const uint8_t *bytes, size_t length) {
  if (length == 0) return;
  if (end->rest_end == 0) arm(end, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  if (end->rest_end + length > end->rest_capacity) {
    end->rest_capacity = 2 * (end->rest_end + length);
    end->rest = realloc(end->rest, end->rest_capacity);
    if (end->rest == NULL) fail("relay: out of memory");
  }
  memcpy(end->rest + end->rest_end, bytes, length);
  end->rest_end += length;
}

static void send_or_keep(struct end *end, const uint8_t *bytes, size_t length) {
  size_t sent = end->rest_end == 0 ? send_some(end, bytes, length) : 0;
  keep_rest(end, bytes + sent, length - sent);
}

static void handle_writable(struct end *end) {
  end->rest_start += send_some(end, end->rest + end->rest_start, end->rest_end - end->rest_start);
  if (end->rest_start < end->rest_end) return;
  end->rest_start = end->rest_end = 0;
  arm(end, EPOLLIN, EPOLL_CTL_MOD);
}

/* True if the bytes were CONNECT or SUBSCRIBE, each alone in its read. */
static bool answer(struct end *end, const uint8_t *bytes, size_t length) {
  if (!end->connected) {
    end->connected = true;
    send_or_keep(end, (const uint8_t[]){0x20, 2, 0, 0}, 4);
    return true;
  }
  if (end->subscriber && bytes[0] == 0x82) {
    send_or_keep(end, (const uint8_t[]){0x90, 3, bytes[2], bytes[3], bytes[length - 1]}, 5);
    return true;
  }
  return false;
}

static void handle_readable(struct end *end) {
  static uint8_t bytes[READ_LENGTH];
  ssize_t length = recv(end->fd, bytes, sizeof bytes, 0);
  if (length < 0 && errno == EAGAIN) return;
  if (length <= 0) {
    close(end->fd);
  } else if (answer(end, bytes, (size_t)length)) {
    return;
  } else if (publisher_count == subscriber_count) {
    send_or_keep(end->subscriber ? &publishers[end->index] : &subscribers[end->index], bytes, (size_t)length);
  } else if (!end->subscriber) {
    for (uint32_t i = 0; i < subscriber_count; i++) send_or_keep(&subscribers[i], bytes, (size_t)length);
  } else if (end->index == 0) {
    send_or_keep(&publishers[0], bytes, (size_t)length);
  }
}

static void handle_connection(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  if (accepted == publisher_count + subscriber_count) {
    close(fd);
    return;
  }
  bool subscriber = accepted >= publisher_count;
  uint32_t index = subscriber ? accepted - publisher_count : accepted;
  struct end *end = subscriber ? &subscribers[index] : &publishers[index];
  *end = (struct end){.fd = fd, .subscriber = subscriber, .index = index};
  accepted++;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  arm(end, EPOLLIN, EPOLL_CTL_ADD);
}

static int listen_at(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0) {
    fail("relay: port %u: %s", port, strerror(errno));
  }
  return fd;
}

int main(int count, char **arguments) {
  if (count != 4) fail("usage: relay PORT PUBLISHERS SUBSCRIBERS");
  publisher_count = (uint32_t)atoi(arguments[2]);
  subscriber_count = (uint32_t)atoi(arguments[3]);
  if (publisher_count != subscriber_count && publisher_count != 1) fail("relay: pairs, or one publisher");
  publishers = fail_calloc(publisher_count, sizeof *publishers);
  subscribers = fail_calloc(subscriber_count, sizeof *subscribers);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  struct end listener = {.fd = listen_at((uint16_t)atoi(arguments[1]))};
  arm(&listener, EPOLLIN, EPOLL_CTL_ADD);
  for (;;) {
    struct epoll_event events[EVENTS_PER_TURN];
    int ready = epoll_wait(epoll_fd, events, EVENTS_PER_TURN, -1);
    for (int i = 0; i < ready; i++) {
      struct end *end = events[i].data.ptr;
      if (end == &listener) {
        handle_connection(listener.fd);
        continue;
      }
      if (events[i].events & EPOLLOUT) handle_writable(end);
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) handle_readable(end);
    }
  }
}
