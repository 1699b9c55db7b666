/* What one subscriber has received from one publisher: counts, and which sequence numbers. Knows no MQTT.
 * Sequence numbers start at 0. A bit per number, for the last STREAM_WINDOW numbers, tells a message that came late
 * (its bit is clear) from one that came twice. A number older than that counts as a duplicate: with at most 32,768
 * messages between a publisher and its subscribers it can be nothing else. */
#ifndef STREAM_H
#define STREAM_H

#include <stdint.h>

enum { STREAM_WINDOW = 65536 }; /* numbers; a power of two, and twice the largest credit */

struct stream {
  uint64_t next;         /* one more than the highest number seen */
  uint64_t unique;       /* different numbers seen */
  uint64_t duplicated;   /* numbers seen again */
  uint64_t out_of_order; /* numbers seen first after a higher one */
  uint64_t seen[STREAM_WINDOW / 64];
};

/** One message arrived. */
void stream_record(struct stream *stream, uint64_t sequence);

/* Latencies, in a histogram of 16 steps per power of two: a quantile is exact to 6 %. */
enum { LATENCY_STEPS = 16, LATENCY_BUCKETS = 64 * LATENCY_STEPS };

struct latency {
  uint64_t counts[LATENCY_BUCKETS];
  uint64_t total;
};

void latency_record(struct latency *latency, uint64_t ns);

/** The latency that `share` (0..1) of the messages did not exceed, in microseconds; 0 without a message. */
double latency_quantile_us(const struct latency *latency, double share);

#endif
