/* Memory of a board: one array of WASM_RT_STATIC_BYTES bytes, for the one instance there is. It grows as far as the array goes.
 * Where that is less than a page of 64 KiB, the module has less than it believes: it is to be built with asc's
 * --lowMemoryLimit, and its accesses are checked against what is there. */
#include <string.h>

#include "wasm-rt.h"

#ifndef WASM_RT_STATIC_BYTES
#error "define WASM_RT_STATIC_BYTES"
#endif

#define PAGE 65536u
/* wasm_rt_grow_memory: there is no room. */
#define FAILED 0xffffffffu

static uint8_t bytes[WASM_RT_STATIC_BYTES] __attribute__((aligned(16)));
static bool taken;

static uint64_t smaller(uint64_t one, uint64_t other) {
  return one < other ? one : other;
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t pages, uint64_t max_pages, bool is64, uint32_t page_size) {
  if (taken || is64 || page_size != PAGE || pages > smaller(max_pages, sizeof bytes / PAGE + 1)) {
    wasm_rt_trap(WASM_RT_TRAP_EXHAUSTION);
  }
  taken = true;
  *memory = (wasm_rt_memory_t){
      .data = bytes, .size = smaller(pages * PAGE, sizeof bytes), .pages = pages, .max_pages = sizeof bytes / PAGE};
  memset(bytes, 0, memory->size);
}

uint64_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint64_t delta) {
  const uint64_t before = memory->pages;
  if (delta == 0) return before;
  if (before > memory->max_pages || delta > memory->max_pages - before) return FAILED;
  memset(bytes + memory->size, 0, delta * PAGE);
  memory->pages += delta;
  memory->size += delta * PAGE;
  return before;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) {
  (void)memory;
  taken = false;
}
