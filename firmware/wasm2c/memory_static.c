/* Memory of a board: one array of WASM_RT_STATIC_BYTES bytes for the one instance there is. A module built with asc's
 * --lowMemoryLimit never asks for more; one that does is told that there is none. */
#include <string.h>

#include "wasm-rt.h"

#ifndef WASM_RT_STATIC_BYTES
#error "define WASM_RT_STATIC_BYTES"
#endif

/* wasm_rt_grow_memory: there is no room. */
#define FAILED 0xffffffffu

static uint8_t bytes[WASM_RT_STATIC_BYTES] __attribute__((aligned(16)));
static bool taken;

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t pages, uint64_t max_pages, bool is64, uint32_t page_size) {
  (void)page_size;
  if (taken || is64) wasm_rt_trap(WASM_RT_TRAP_EXHAUSTION);
  taken = true;
  memset(bytes, 0, sizeof bytes);
  *memory = (wasm_rt_memory_t){.data = bytes, .size = sizeof bytes, .pages = pages, .max_pages = max_pages};
}

uint64_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint64_t delta) {
  return delta == 0 ? memory->pages : FAILED;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) {
  (void)memory;
  taken = false;
}
