/* The command line of the load generator. Knows names, defaults and ranges; knows nothing of what they cause.
 * A value out of range ends the program with a message that names the option. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "packet.h"

#include <stdint.h>

struct options {
  const char *scenario;     /* a name of the table in main.c */
  uint16_t port;            /* of the broker, on 127.0.0.1; required */
  int pid;                  /* of the broker, whose CPU time and memory are read; required */
  struct protocol protocol; /* --level 4 or 5, default 4; --properties 0 or 1, default 0, 1 at level 5 alone */
  uint8_t qos;              /* 0..2, for publishing and for subscribing; default 0 */
  uint32_t payload;         /* bytes, 20..65536; default 64 */
  uint32_t publishers;      /* 1..1000; default 20 */
  uint32_t subscribers;     /* 1..1000; default 20 */
  uint32_t credit;          /* messages a publisher may be ahead of its slowest subscriber, 1..32768; default 200 */
  uint32_t window;          /* QoS 1 and 2 messages in flight per publisher, 1..1000; default 20 */
  uint32_t count;           /* filters, connections or retained messages, 10..60000; default 10000 */
  uint64_t warmup_ns;       /* traffic before the measured window; --warmup in seconds, default 0.4 */
  uint64_t measured_ns;     /* the measured window; --seconds, default 1 */
};

/** Reads the command line; returns only if it is complete and in range. */
struct options options_read(int count, char **arguments);

#endif
