/* The module compiled to C by wasm2c (npm wabt), with our own wasm-rt. A call is a function call; a trap is a jump back to
 * engine_run(). What is not shown here to be impossible is the runtime's to catch: it calls wasm_rt_trap(). */
#include <setjmp.h>
#include <stdlib.h>

#include "engine.h"
#include "module.h"

#if defined(MIDGE_MODULE_BROKER)
#include "broker_module.h"
typedef w2c_broker instance_t;
#define INSTANTIATE wasm2c_broker_instantiate
#define FREE wasm2c_broker_free
#define FUNCTION(export) w2c_broker_##export
#else
#include "client_module.h"
typedef w2c_client instance_t;
#define INSTANTIATE wasm2c_client_instantiate
#define FREE wasm2c_client_free
#define FUNCTION(export) w2c_client_##export
#endif

struct wasm2c_engine {
  struct engine engine;
  instance_t instance;
};

/* Where a trap of the call that runs now goes. Calls never nest. */
static WASM_RT_THREAD_LOCAL jmp_buf trapped;
static WASM_RT_THREAD_LOCAL const char *trap_text;

void wasm_rt_trap(wasm_rt_trap_t trap) {
  static const char *const texts[] = {
      [WASM_RT_TRAP_OOB] = "trap: memory access out of bounds",
      [WASM_RT_TRAP_INT_OVERFLOW] = "trap: integer overflow",
      [WASM_RT_TRAP_DIV_BY_ZERO] = "trap: division by zero",
      [WASM_RT_TRAP_INVALID_CONVERSION] = "trap: conversion of a number that is no integer",
      [WASM_RT_TRAP_UNREACHABLE] = "trap: unreachable code",
      [WASM_RT_TRAP_EXHAUSTION] = "trap: no memory, or the stack is full",
  };
  size_t index = (size_t)trap;
  trap_text = index < sizeof texts / sizeof *texts && texts[index] != NULL ? texts[index] : "trap";
  longjmp(trapped, 1);
}

/* Apart, as a jump back leaves a function's own variables in doubt. False: it trapped. */
static bool instantiate(instance_t *instance) {
  if (setjmp(trapped) != 0) return false;
  INSTANTIATE(instance);
  return true;
}

struct engine *engine_create(const char **fault) {
  struct wasm2c_engine *made = calloc(1, sizeof *made);
  if (made != NULL && instantiate(&made->instance)) return &made->engine;
  *fault = made == NULL ? "no memory for another instance" : trap_text;
  free(made);
  return NULL;
}

void engine_destroy(struct engine *engine) {
  struct wasm2c_engine *ours = (struct wasm2c_engine *)engine;
  FREE(&ours->instance);
  free(ours);
}

uint8_t *engine_memory(const struct engine *engine, uint64_t *size) {
  const struct wasm2c_engine *ours = (const struct wasm2c_engine *)engine;
  *size = ours->instance.w2c_memory.size;
  return ours->instance.w2c_memory.data;
}

const char *engine_name(void) {
  return "wasm2c";
}

/* RESULT or VOID of an export, with as many arguments as it has. */
#define ARGUMENTS_0
#define ARGUMENTS_1 , a
#define ARGUMENTS_2 , a, b
#define ARGUMENTS_3 , a, b, c
#define ARGUMENTS_4 , a, b, c, d
#define RETURN_RESULT(call) return call
#define RETURN_VOID(call) \
  call;                   \
  return 0

static uint32_t dispatch(instance_t *instance, enum engine_export export, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  switch (export) {
#define CASE(id, export, arity, result) \
  case ENGINE_##id:                     \
    RETURN_##result(FUNCTION(export)(instance ARGUMENTS_##arity));
    MODULE_EXPORTS(CASE)
#undef CASE
    default:
      return 0;
  }
}

uint32_t engine_run(struct engine *engine, enum engine_export export, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  if (setjmp(trapped) != 0) {
    engine_fail(engine, trap_text);
    return 0;
  }
  return dispatch(&((struct wasm2c_engine *)engine)->instance, export, a, b, c, d);
}
