/* The fuzzer's input as a stream of decisions: every answer that a hostile module, a network or a clock gives is taken from
 * it, from front to end. What is behind the end is zeros, so every decision is written such that 0 is the harmless one
 * that leads to an end. */
#ifndef MIDGE_FUZZ_INPUT_H
#define MIDGE_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `bytes` are used until the next input_begin(). */
void input_begin(const uint8_t *bytes, size_t length);

bool input_is_over(void);

uint8_t input_u8(void);

uint32_t input_u32(void);

/* Fills `to` with what comes next, then zeros. */
void input_bytes(void *to, size_t length);

/* Reads all of them, so that AddressSanitizer says when they may not be. */
void read_bytes(const void *bytes, size_t length);

/* Has the allocation fail that is the `count`-th from now; 0: none. */
void allocation_fails(uint32_t count);

/* Ends the run as a finding: what the host has done is against `rule`. */
_Noreturn void finding(const char *rule);

/* What libFuzzer calls; each target defines it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
