/* See stream.h. */
#include "stream.h"

static uint64_t *word_of(struct stream *stream, uint64_t sequence) {
  return &stream->seen[sequence % STREAM_WINDOW / 64];
}

static uint64_t bit_of(uint64_t sequence) { return UINT64_C(1) << (sequence % 64); }

void stream_record(struct stream *stream, uint64_t sequence) {
  if (sequence >= stream->next) {
    /* The skipped numbers, and this one, reuse bits of numbers one window ago. A longer gap need not clear more. */
    uint64_t from = sequence - stream->next >= STREAM_WINDOW ? sequence - STREAM_WINDOW + 1 : stream->next;
    for (uint64_t i = from; i <= sequence; i++) *word_of(stream, i) &= ~bit_of(i);
    stream->next = sequence + 1;
  } else if (stream->next - sequence > STREAM_WINDOW || (*word_of(stream, sequence) & bit_of(sequence)) != 0) {
    stream->duplicated++;
    return;
  } else {
    stream->out_of_order++;
  }
  *word_of(stream, sequence) |= bit_of(sequence);
  stream->unique++;
}

void latency_record(struct latency *latency, uint64_t ns) {
  unsigned bucket = (unsigned)ns;
  if (ns >= LATENCY_STEPS) {
    unsigned exponent = 63u - (unsigned)__builtin_clzll(ns); /* at least 4: 16 steps need 4 bits below the highest */
    bucket = (exponent - 3) * LATENCY_STEPS + (unsigned)((ns >> (exponent - 4)) % LATENCY_STEPS);
  }
  latency->counts[bucket]++;
  latency->total++;
}

double latency_quantile_us(const struct latency *latency, double share) {
  uint64_t rest = (uint64_t)((double)latency->total * share);
  for (unsigned bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
    if (latency->counts[bucket] > rest) {
      if (bucket < LATENCY_STEPS) return bucket / 1e3;
      unsigned exponent = bucket / LATENCY_STEPS + 3;
      return (double)(((uint64_t)LATENCY_STEPS + bucket % LATENCY_STEPS) << (exponent - 4)) / 1e3;
    }
    rest -= latency->counts[bucket];
  }
  return 0;
}
