/* The sockets of a broker's connections, by the core's handles; closing them behind what was sent. Knows sockets and time.
 *
 *   OPEN --EVENT_CLOSE--> LINGERING --the other end closes, or time is up--> GONE --end of the turn--> freed
 *   OPEN --the network--> GONE
 *
 * A socket that is closed while bytes of the peer are unread is reset, and the peer may never see the last packet it was
 * sent. So a lingering one says that it will write no more, and reads and forgets what comes until the peer has closed. */
#ifndef MIDGE_CONNECTIONS_H
#define MIDGE_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "loop.h"

/* First in every struct that loop_wait() gives back. */
enum owner_kind { OWNER_LISTENER, OWNER_CONNECTION };

enum connection_state { CONNECTION_OPEN, CONNECTION_LINGERING, CONNECTION_GONE };

/* 32 bytes: there may be ten thousand that do nothing. */
struct connection {
  /* enum owner_kind */
  uint8_t kind;
  /* enum connection_state */
  uint8_t state;
  /* Its socket took less than it was given: waits to be writable. */
  bool is_blocked;
  /* A write has failed: the core is told at the end of the drain. */
  bool is_broken;
  int fd;
  uint32_t handle;
  /* While it lingers: when time is up, in milliseconds of clock_ms(), which may wrap around. */
  uint32_t until_ms;
  /* In one of the lists below. */
  TAILQ_ENTRY(connection) entry;
};

TAILQ_HEAD(connection_list, connection);

struct connections {
  struct loop *loop;
  /* By the low bits of the handle (HANDLE_SLOT_MASK). */
  struct connection **slots;
  uint32_t slot_count;
  uint32_t count;
  /* In the order in which their time is up. */
  struct connection_list lingering;
  struct connection_list broken;
  struct connection_list gone;
  /* To be used again; they are allocated many at a time, as one by one each would cost half as much again. */
  struct connection_list spare;
  struct connection_block *blocks;
};

void connections_init(struct connections *connections, struct loop *loop);

/* Closes all of them at once. */
void connections_destroy(struct connections *connections);

/* Takes `fd` over. False, and nothing done, when there is no memory. */
bool connections_add(struct connections *connections, int fd, uint32_t handle);

/* The open connection with this handle, or NULL. */
struct connection *connections_find(const struct connections *connections, uint32_t handle);

/* The core has ended it: closes behind what was written. `is_over`: the peer itself has said that it is done. */
void connections_end(struct connections *connections, struct connection *connection, bool is_over);

/* The network has ended it: closes at once. The core has been told. */
void connections_drop(struct connections *connections, struct connection *connection);

/* Notes that a write to it has failed. */
void connections_break(struct connections *connections, struct connection *connection);

/* The first of those, which connections_drop() takes off the list; NULL when there are no more. */
struct connection *connections_next_broken(const struct connections *connections);

/* A lingering connection is readable. */
void connections_linger(struct connections *connections, struct connection *connection);

/* At the end of a turn: closes those whose time is up and frees those that are gone. Returns in how many milliseconds the
 * next one's time is up, -1 without one. */
int connections_sweep(struct connections *connections, uint64_t now_ms);

/* Sockets that are not closed yet. */
uint32_t connections_count(const struct connections *connections);

#endif
