/* The loop, as in host/driver.ts: bytes in -> core -> bytes out, events, sleep until the deadline. Knows no protocol, and no
 * sockets either. A turn begins with the first call of driver_core() after a sleep and ends with driver_sleep_ms(): all
 * that had arrived is answered with one write a connection. */
#ifndef MIDGE_DRIVER_H
#define MIDGE_DRIVER_H

#include "core.h"

struct driver_handlers {
  core_send *send;
  core_event_handler *event;
};

struct driver {
  struct core *core;
  const struct driver_handlers *handlers;
  void *owner;
  uint64_t turn_ms;
  bool in_turn;
};

/* `owner`: what the handlers are called with. */
void driver_init(struct driver *driver, struct core *core, const struct driver_handlers *handlers, void *owner);

/* The core, with its clock set. Every call of the core goes through here. */
struct core *driver_core(struct driver *driver);

/* Does at once what the end of the turn would do, but for what goes on without an end. Not from a handler. */
void driver_flush(struct driver *driver);

/* Ends the turn. Returns how long the host may sleep, -1 for as long as nothing happens; after that it begins a turn
 * again, whatever woke it. */
int driver_sleep_ms(struct driver *driver);

#endif
