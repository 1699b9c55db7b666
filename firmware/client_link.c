#include "client_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

/* How long the broker has to take the last bytes and close. */
#define LINGER_MS 2000
/* Reads that one wake-up spends on a broker that goes on sending after the end. */
#define LINGER_READS 4

bool client_link_init(struct client_link *link, struct driver *driver, struct loop *loop, const char *host, uint16_t port) {
  *link = (struct client_link){.driver = driver, .loop = loop, .host = strdup(host), .port = port, .fd = -1};
  return link->host != NULL;
}

void client_link_destroy(struct client_link *link) {
  client_link_drop(link);
  free(link->host);
}

static void close_socket(struct client_link *link) {
  if (link->fd >= 0) {
    loop_remove(link->loop, link->fd);
    net_close(link->fd);
  }
  link->fd = -1;
  link->is_blocked = false;
  link->is_broken = false;
}

void client_link_drop(struct client_link *link) {
  close_socket(link);
  if (link->route != NULL) net_forget(link->route);
  link->route = NULL;
  link->state = LINK_CLOSED;
}

void client_link_want(struct client_link *link) {
  client_link_drop(link);
  link->fault = NULL;
  link->state = LINK_WANTED;
}

void client_link_close(struct client_link *link) {
  if (link->state != LINK_OPEN || link->is_broken) {
    client_link_drop(link);
    return;
  }
  net_finish(link->fd);
  if (link->is_blocked) loop_watch(link->loop, link->fd, link, true, false);
  link->is_blocked = false;
  link->state = LINK_LINGERING;
  link->until_ms = clock_ms() + LINGER_MS;
}

/* Its end, or that it cannot be. */
static void fail(struct client_link *link) {
  client_link_drop(link);
  engine_handle_closed(driver_core(link->driver)->engine, MIDGE_CLIENT_CONNECTION);
}

/* Goes on to the next address. */
static void connect_next(struct client_link *link) {
  close_socket(link);
  link->fd = net_connect(link->route, &link->fault);
  if (link->fd >= 0 && loop_add(link->loop, link->fd, link)) {
    loop_watch(link->loop, link->fd, link, false, true);
    link->state = LINK_CONNECTING;
    return;
  }
  if (link->fd >= 0) {
    link->fault = strerror(errno);
    net_close(link->fd);
  }
  link->fd = -1;
  fail(link);
}

static void handle_connected(struct client_link *link) {
  const int error = net_connected(link->fd);
  if (error != 0) {
    link->fault = strerror(error);
    connect_next(link);
    return;
  }
  net_forget(link->route);
  link->route = NULL;
  /* Of an address that was tried before this one. */
  link->fault = NULL;
  link->state = LINK_OPEN;
  loop_watch(link->loop, link->fd, link, true, false);
  /* The core may have given it up with this very turn. */
  if (engine_handle_opened(driver_core(link->driver)->engine) != MIDGE_OK) client_link_drop(link);
}

static void read_bytes(struct client_link *link) {
  struct core *core = driver_core(link->driver);
  uint8_t *input = core_input(core);
  if (input == NULL) return;
  const ssize_t length = net_read(link->fd, input, core->input_max);
  if (length > 0) engine_handle_bytes(core->engine, MIDGE_CLIENT_CONNECTION, (uint32_t)length);
  else if (length != NET_AGAIN || link->is_broken) {
    if (length == NET_FAILED && !link->is_broken) link->fault = strerror(errno);
    fail(link);
  }
}

/* Reads and forgets, until the broker has closed too. */
static void linger(struct client_link *link) {
  char forgotten[4096];
  for (int count = 0; count < LINGER_READS; count++) {
    const ssize_t length = net_read(link->fd, forgotten, sizeof forgotten);
    if (length == NET_AGAIN) return;
    if (length > 0) continue;
    client_link_drop(link);
    return;
  }
}

void client_link_advance(struct client_link *link) {
  if (link->state == LINK_WANTED) {
    link->route = net_look_up(link->host, link->port, &link->fault);
    if (link->route != NULL) connect_next(link);
    else fail(link);
  } else if (link->is_broken) {
    read_bytes(link);
  } else if (link->state == LINK_LINGERING && clock_ms() >= link->until_ms) {
    client_link_drop(link);
  }
}

void client_link_serve(struct client_link *link, const struct loop_ready *ready) {
  if (link->state == LINK_CONNECTING) {
    handle_connected(link);
    return;
  }
  if (link->state == LINK_LINGERING) {
    linger(link);
    return;
  }
  if (ready->writable && link->is_blocked) {
    link->is_blocked = false;
    loop_watch(link->loop, link->fd, link, true, false);
    engine_handle_writable(driver_core(link->driver)->engine, MIDGE_CLIENT_CONNECTION);
  }
  if (ready->readable) read_bytes(link);
}

size_t client_link_send(struct client_link *link, struct iovec *ranges, int count) {
  size_t length = 0;
  for (int i = 0; i < count; i++) length += ranges[i].iov_len;
  /* It has ended in this turn: who is gone takes everything. */
  if (link->state != LINK_OPEN || link->is_broken) return length;
  const ssize_t taken = net_write(link->fd, ranges, count);
  if (taken == (ssize_t)length) return length;
  if (taken == NET_FAILED) {
    /* The core learns of it after this drain, in which it must not be called. */
    link->fault = strerror(errno);
    link->is_broken = true;
    return length;
  }
  link->is_blocked = true;
  loop_watch(link->loop, link->fd, link, true, true);
  return taken > 0 ? (size_t)taken : 0;
}

int client_link_sleep_ms(const struct client_link *link) {
  if (link->state == LINK_WANTED || link->is_broken) return 0;
  if (link->state != LINK_LINGERING) return -1;
  const uint64_t now_ms = clock_ms();
  return now_ms >= link->until_ms ? 0 : (int)(link->until_ms - now_ms);
}

bool client_link_wants_write(const struct client_link *link) {
  return link->state == LINK_CONNECTING || link->is_blocked;
}
