/* wasm3 as Midge uses it: a module of no imports, loaded from bytes, its functions found by name and called with integers.
 * engine_wasm3.c and the Node binding (node/) stand on it. Texts that are returned as a fault stay. */
#ifndef MIDGE_INTERPRETER_H
#define MIDGE_INTERPRETER_H

#include <stdint.h>

struct interpreter;
/* An exported function: valid as long as its interpreter. */
struct M3Function;

/* Loads and compiles the module in `bytes`, which stay where they are as long as the interpreter lives. `stack_bytes`: of
 * the Wasm stack. `memory_limit`: most bytes of linear memory that are really there, 0 for as many as the module asks for.
 * NULL: *fault says why. */
struct interpreter *interpreter_create(const uint8_t *bytes, uint32_t length, uint32_t stack_bytes, uint32_t memory_limit,
                                       const char **fault);

void interpreter_destroy(struct interpreter *interpreter);

/* Linear memory as it is now, and its size in bytes, 0..2^32. Any call may move it. */
uint8_t *interpreter_memory(const struct interpreter *interpreter, uint64_t *size);

/* The function exported as `name`; NULL when there is none, or it takes or returns what is no 32- or 64-bit integer. */
struct M3Function *interpreter_find(struct interpreter *interpreter, const char *name);

/* Arguments it takes; whether it returns a value, and whether that has 64 bits. */
uint32_t interpreter_arity(const struct M3Function *function);
uint32_t interpreter_result_bits(const struct M3Function *function);

/* Calls it with its arguments, each in the low bits of one of `arguments`. Returns NULL and sets *result (0 if it returns
 * nothing), or why it trapped. */
const char *interpreter_call(struct M3Function *function, const uint64_t *arguments, uint64_t *result);

#endif
