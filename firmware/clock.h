/* Where the host's time and seeds come from. */
#ifndef MIDGE_CLOCK_H
#define MIDGE_CLOCK_H

#include <stdint.h>

/* Monotonic milliseconds since any moment. */
uint64_t clock_ms(void);

/* 32 bits that nobody outside can guess. */
uint32_t clock_seed(void);

#endif
