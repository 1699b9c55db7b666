/* The core as C sees it: an instance of one module, broker or client, and a function for each of its exports
 * (engine_handle_bytes(), ..., made in abi.h; assembly/abi.ts says what each promises). Which module and which engine runs
 * it is chosen when linking: engine_wasm2c.c is the module compiled to C, engine_wasm3.c interprets it. Both give the same
 * results to the byte. An instance is used by one thread at a time.
 *
 * A trap, which is a fault of ours or of a module that is not ours, ends the instance and nothing else: the call returns 0,
 * engine_fault() says why, and every later call does nothing and returns 0. */
#ifndef MIDGE_ENGINE_H
#define MIDGE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct recorder;

/* What every engine's instance begins with. */
struct engine {
  /* Why the instance has ended, or NULL. */
  const char *fault;
  /* Is told of every call, or NULL: record.h. */
  struct recorder *recorder;
};

/* A fresh instance, before init(). NULL when there is no memory for it, or the module is not one that this engine takes:
 * then *fault says why. */
struct engine *engine_create(const char **fault);

void engine_destroy(struct engine *engine);

/* The instance's memory as it is now, and its size in bytes, 0..2^32. Any call may move it. */
uint8_t *engine_memory(const struct engine *engine, uint64_t *size);

/* "wasm2c" or "wasm3". */
const char *engine_name(void);

/* "broker" or "client". */
const char *engine_module(void);

/* Name of an export as the module has it; NULL when the module has no such export. */
const char *engine_export_name(enum engine_export export);

/* Why the instance has ended; NULL while it works. */
static inline const char *engine_fault(const struct engine *engine) {
  return engine->fault;
}

/* Ends the instance: `fault`, a text that stays, is what engine_fault() says from now on, unless it has ended before. */
static inline void engine_fail(struct engine *engine, const char *fault) {
  if (engine->fault == NULL) engine->fault = fault;
}

/* What an engine provides: the call itself. Everyone else uses engine_call() (engine.c), which records. */
uint32_t engine_run(struct engine *engine, enum engine_export export, uint32_t a, uint32_t b, uint32_t c, uint32_t d);

#endif
