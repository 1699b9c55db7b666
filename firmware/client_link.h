/* The Network Connection of a client, as host/client-link.ts: made when the core asks for one, given up when the core says
 * so. One socket at a time: a board has no more to spare. Knows sockets and time, and of MQTT nothing.
 *
 *   CLOSED --EVENT_OPEN--> WANTED --end of the turn--> CONNECTING --it is there--> OPEN --EVENT_CLOSE--> LINGERING
 *      ^                      |                            |                         |                      |
 *      +----------------------+--- it cannot be, the network ends it, or time is up -+----------------------+
 *
 * A name is looked up between two turns, because that takes time which the core must not miss. Why one lingers:
 * connections.h. */
#ifndef MIDGE_CLIENT_LINK_H
#define MIDGE_CLIENT_LINK_H

#include "driver.h"
#include "loop.h"
#include "net.h"

enum client_link_state { LINK_CLOSED, LINK_WANTED, LINK_CONNECTING, LINK_OPEN, LINK_LINGERING };

struct client_link {
  struct driver *driver;
  struct loop *loop;
  /* Where the broker is. */
  char *host;
  uint16_t port;
  enum client_link_state state;
  /* The socket, -1 without one. */
  int fd;
  /* Addresses of `host` that are left to try, while connecting. */
  struct net_route *route;
  /* The socket took less than it was given: waits to be writable. */
  bool is_blocked;
  /* A write has failed: what the broker has said before its end is still read. */
  bool is_broken;
  /* While it lingers: when time is up. */
  uint64_t until_ms;
  /* What the system says of the last end, or NULL. */
  const char *fault;
};

/* False: no memory. */
bool client_link_init(struct client_link *link, struct driver *driver, struct loop *loop, const char *host, uint16_t port);

void client_link_destroy(struct client_link *link);

/* EVENT_OPEN: client_link_advance() will open it. */
void client_link_want(struct client_link *link);

/* EVENT_CLOSE: closes behind what was written. */
void client_link_close(struct client_link *link);

/* Closes at once, and tells nobody. */
void client_link_drop(struct client_link *link);

/* Between two turns: does what does not wait for the socket. Begins a turn when the core has to know. */
void client_link_advance(struct client_link *link);

/* The socket is ready. */
void client_link_serve(struct client_link *link, const struct loop_ready *ready);

/* Sends what it takes: see core_send. */
size_t client_link_send(struct client_link *link, struct iovec *ranges, int count);

/* When client_link_advance() is due: milliseconds, -1 for never. */
int client_link_sleep_ms(const struct client_link *link);

/* True while it waits to be writable. */
bool client_link_wants_write(const struct client_link *link);

#endif
