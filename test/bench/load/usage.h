/* CPU time and memory of the broker, from /proc, and of this process. Knows no MQTT.
 *
 * CPU time is the sum of the run times of all threads in /proc/PID/task/TID/schedstat: nanoseconds, where the
 * utime and stime of /proc/PID/stat are counted in ticks of 10 ms. A thread that runs while it is read is exact to
 * its last scheduler tick (at most 4 ms). A thread that ended is missing from the sum; no measured broker ends one.
 * Memory is Rss of smaps_rollup, which walks the page tables: VmRSS of status is off by up to 64 pages per CPU. */
#ifndef USAGE_H
#define USAGE_H

#include <stdint.h>

struct usage {
  uint64_t wall_ns;       /* CLOCK_MONOTONIC */
  uint64_t broker_cpu_ns; /* user and system, all threads, since it started */
  uint64_t load_cpu_ns;   /* of this process */
};

/** Reads the three clocks together. Fails if the broker has gone. */
struct usage usage_read(int pid);

/** Resident memory of the broker, in KB, now. */
uint64_t usage_resident_kb(int pid);

/** The most resident memory that the broker ever had (VmHWM), in KB. */
uint64_t usage_peak_kb(int pid);

/** CLOCK_MONOTONIC in nanoseconds. */
uint64_t usage_now_ns(void);

#endif
