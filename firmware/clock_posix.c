#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

uint64_t clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint32_t clock_seed(void) {
  uint32_t seed;
  if (getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed) return seed;
  /* Only a kernel older than 3.17 has none: then at least no two are the same. */
  return (uint32_t)clock_ms() ^ (uint32_t)getpid() << 16;
}
