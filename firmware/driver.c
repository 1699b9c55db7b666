#include "driver.h"

#include <limits.h>

#include "clock.h"

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

void driver_flush(struct driver *driver) {
  const struct driver_handlers *handlers = driver->handlers;
  for (bool busy = true; busy && engine_fault(driver->core->engine) == NULL;) {
    busy = core_drain_sends(driver->core, handlers->send, driver->owner);
    if (core_drain_events(driver->core, handlers->event, driver->owner)) busy = true;
  }
}

int driver_sleep_ms(struct driver *driver) {
  driver_core(driver);
  driver_flush(driver);
  driver->in_turn = false;
  const uint32_t delay = engine_next_deadline(driver->core->engine);
  if (delay == MIDGE_NO_DEADLINE) return -1;
  /* The turn itself took some of it. */
  const uint64_t passed = clock_ms() - driver->turn_ms;
  if (passed >= delay) return 0;
  return delay - passed > INT_MAX ? INT_MAX : (int)(delay - passed);
}
