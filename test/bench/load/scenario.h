/* What a scenario is given, what it reports, and the few steps that all of them share.
 * The report is one struct for all scenarios: `units` are what the broker's CPU time is divided by (messages
 * delivered, or connections made), `memory_units` what the memory is divided by (connections, filters, messages). */
#ifndef SCENARIO_H
#define SCENARIO_H

#include "options.h"
#include "usage.h"

#include <stdbool.h>

struct report {
  uint64_t units;                           /* in the measured window */
  struct usage start, end;                  /* of the measured window */
  uint64_t sent, delivered;                 /* messages of the whole run; delivered counts duplicates too */
  uint64_t lost, duplicated, out_of_order;  /* of the whole run, counted per pair of publisher and subscriber */
  uint64_t stalls;                          /* times that credit was given up for lost, QoS 0 only */
  uint64_t memory_units;                    /* that were added between the two readings of memory below */
  uint64_t memory_before_kb, memory_after_kb;
};

/** The scenarios. Each fills the fields of the report that mean something for it, and fails rather than lie. */
void traffic_run(const struct options *options, struct report *report);
void connections_run_idle(const struct options *options, struct report *report);
void connections_run_storm(const struct options *options, struct report *report);
void retained_run(const struct options *options, struct report *report);

/** Handles events until `done(context)`; fails with `what` after 20 s. */
void scenario_wait(bool (*done)(void *context), void *context, const char *what);

/** Sleeps 0.2 ms, before each turn of a loop that measures messages. Without it this process wakes up for each message
 *  of a broker that sends them one by one: it then costs half as much as the broker, and the waking, which the kernel
 *  charges to the sender, costs the broker more than the message does (mosquitto, retained: 7 us instead of 2). A
 *  subscriber on another machine wakes nobody here. Credit and window keep every broker busy meanwhile. */
void scenario_pause(void);

/** Lets the broker come to rest (0.3 s), then reads its resident memory in KB. */
uint64_t scenario_settled_kb(int pid);

/** Memory is measured between the first tenth of the units and the last, so that what a broker loads, compiles or
 *  reserves for its very first unit is not counted for each: the tenth. */
uint32_t scenario_first_tenth(const struct options *options);

#endif
