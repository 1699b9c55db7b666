/* The runtime that code made by wasm2c (npm wabt 1.0.39) is compiled with; the name is the one it includes. Only what the
 * modules of Midge use: one memory of 32-bit addresses, no tables, no imports, no exceptions. Three memories to choose from:
 *
 *   memory_guarded.c   grows; reserves all 8 GiB that an address and an offset can reach, so that the hardware checks every
 *                      access (WASM_RT_GUARD_PAGES): 64-bit POSIX systems
 *   memory_checked.c   grows, and may move; the code checks every access: any system with malloc
 *   memory_static.c    an array of WASM_RT_STATIC_BYTES bytes, checked by the code: boards
 */
#ifndef WASM_RT_H_
#define WASM_RT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __has_builtin
#define __has_builtin(x) 0
#endif

#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define wasm_rt_memcpy __builtin_memcpy
#define wasm_rt_unreachable __builtin_unreachable
#define WASM_RT_NO_RETURN __attribute__((noreturn))
#define WASM_RT_USE_SEGUE 0
#define WASM_RT_STACK_DEPTH_COUNT 0

#ifdef WASM_RT_GUARD_PAGES
#define WASM_RT_MEMCHECK_GUARD_PAGES 1
#else
#define WASM_RT_MEMCHECK_GUARD_PAGES 0
#endif

/* A board runs one instance on one task, and its compiler may have no thread-local storage. */
#ifdef WASM_RT_STATIC_BYTES
#define WASM_RT_THREAD_LOCAL
#else
#define WASM_RT_THREAD_LOCAL _Thread_local
#endif

typedef enum {
  WASM_RT_TRAP_NONE,
  WASM_RT_TRAP_OOB,
  WASM_RT_TRAP_INT_OVERFLOW,
  WASM_RT_TRAP_DIV_BY_ZERO,
  WASM_RT_TRAP_INVALID_CONVERSION,
  WASM_RT_TRAP_UNREACHABLE,
  WASM_RT_TRAP_CALL_INDIRECT,
  WASM_RT_TRAP_UNCAUGHT_EXCEPTION,
  WASM_RT_TRAP_UNALIGNED,
  WASM_RT_TRAP_EXHAUSTION
} wasm_rt_trap_t;

typedef enum {
  WASM_RT_I32,
  WASM_RT_I64,
  WASM_RT_F32,
  WASM_RT_F64,
  WASM_RT_V128,
  WASM_RT_FUNCREF,
  WASM_RT_EXTERNREF,
  WASM_RT_EXNREF
} wasm_rt_type_t;

/* Tables: the generated text names these, and the modules have none. */
typedef void (*wasm_rt_function_ptr_t)(void);
typedef struct wasm_rt_tailcallee_t {
  void (*fn)(void **instance, void *stack, struct wasm_rt_tailcallee_t *next);
} wasm_rt_tailcallee_t;
typedef const char *wasm_rt_func_type_t;
typedef struct {
  wasm_rt_func_type_t func_type;
  wasm_rt_function_ptr_t func;
  wasm_rt_tailcallee_t func_tailcallee;
  void *module_instance;
} wasm_rt_funcref_t;
#define wasm_rt_funcref_null_value ((wasm_rt_funcref_t){0})
typedef void *wasm_rt_externref_t;
#define wasm_rt_externref_null_value ((wasm_rt_externref_t){NULL})
typedef struct {
  wasm_rt_funcref_t *data;
  uint32_t max_size, size;
} wasm_rt_funcref_table_t;
typedef struct {
  wasm_rt_externref_t *data;
  uint32_t max_size, size;
} wasm_rt_externref_table_t;

typedef struct {
  uint8_t *data;
  /* Bytes. */
  uint64_t size;
  uint64_t pages, max_pages;
} wasm_rt_memory_t;

static inline bool wasm_rt_is_initialized(void) {
  return true;
}

/* Ends the call that runs; engine_wasm2c.c has it. */
WASM_RT_NO_RETURN void wasm_rt_trap(wasm_rt_trap_t trap);

/* A zeroed memory of `pages` pages of `page_size` bytes, at most `max_pages`. Traps when there is none. */
void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t pages, uint64_t max_pages, bool is64, uint32_t page_size);

/* `delta` pages more. Returns how many there were, or 2^32 - 1 when there is no room. */
uint64_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint64_t delta);

void wasm_rt_free_memory(wasm_rt_memory_t *memory);

#endif
