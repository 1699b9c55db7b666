/* See scenario.h. */
#include "scenario.h"

#include "connection.h"
#include "fail.h"

#include <time.h>

#define WAIT_NS UINT64_C(20000000000)
#define SETTLE_NS UINT64_C(300000000)

void scenario_wait(bool (*done)(void *context), void *context, const char *what) {
  uint64_t until_ns = usage_now_ns() + WAIT_NS;
  while (!done(context)) {
    connection_turn(100);
    if (connection_now_ns > until_ns) fail("waited 20 s for %s", what);
  }
}

void scenario_pause(void) { nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL); }

uint64_t scenario_settled_kb(int pid) {
  uint64_t until_ns = usage_now_ns() + SETTLE_NS;
  do {
    connection_turn(50);
  } while (connection_now_ns < until_ns);
  return usage_resident_kb(pid);
}

uint32_t scenario_first_tenth(const struct options *options) { return options->count / 10; }
