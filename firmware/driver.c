#include "driver.h"

#include <limits.h>

#include "clock.h"

/* Rounds of one flush. A broker has done after a few; a program that publishes whenever it is told that it has published, or
 * a module that never stops reporting, must not keep the host from its sockets. */
#define FLUSH_ROUNDS_MAX 100

void driver_init(struct driver *driver, struct core *core, const struct driver_handlers *handlers, void *owner) {
  *driver = (struct driver){.core = core, .handlers = handlers, .owner = owner};
}

struct core *driver_core(struct driver *driver) {
  if (!driver->in_turn) {
    driver->in_turn = true;
    driver->turn_ms = clock_ms();
    engine_handle_time(driver->core->engine, (uint32_t)driver->turn_ms);
  }
  return driver->core;
}

/* False: there is more, which waits for the next turn. */
static bool flush(struct driver *driver) {
  const struct driver_handlers *handlers = driver->handlers;
  bool busy = true;
  for (int round = 0; busy && round < FLUSH_ROUNDS_MAX && engine_fault(driver->core->engine) == NULL; round++) {
    busy = core_drain_sends(driver->core, handlers->send, driver->owner);
    if (core_drain_events(driver->core, handlers->event, driver->owner)) busy = true;
  }
  return !busy;
}

void driver_flush(struct driver *driver) {
  flush(driver);
}

int driver_sleep_ms(struct driver *driver) {
  driver_core(driver);
  const bool is_done = flush(driver);
  driver->in_turn = false;
  const uint32_t delay = engine_next_deadline(driver->core->engine);
  if (!is_done) return 0;
  if (delay == MIDGE_NO_DEADLINE) return -1;
  /* The turn itself took some of it. */
  const uint64_t passed = clock_ms() - driver->turn_ms;
  if (passed >= delay) return 0;
  return delay - passed > INT_MAX ? INT_MAX : (int)(delay - passed);
}
