/* An engine that runs build/codec.wasm. */
#ifndef MIDGE_CODEC_RUN_H
#define MIDGE_CODEC_RUN_H

#include <stdbool.h>
#include <stdint.h>

/* The exports that the vectors need, with as many arguments as each has. */
#define CODEC_EXPORTS(X)                                                                                             \
  X(inputPtr, 0) X(outputPtr, 0) X(decode, 2) X(decodedLength, 0) X(encode, 0) X(isUtf8, 1) X(isTopicName, 1)         \
  X(isTopicFilter, 1) X(matches, 2)

bool codec_start(void);

/* Calls an export by its name; ends the program when there is none, or it traps. */
uint32_t codec_call(const char *name, uint32_t a, uint32_t b);

/* Its memory, which does not move: it never grows. */
uint8_t *codec_memory(void);

#endif
