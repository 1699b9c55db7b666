/* Memory whose limits the compiled code checks: for systems that have no address space to spare. Growing may move it. */
#include <stdlib.h>
#include <string.h>

#include "wasm-rt.h"

#define PAGE 65536u
/* wasm_rt_grow_memory: there is no room. */
#define FAILED 0xffffffffu

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t pages, uint64_t max_pages, bool is64, uint32_t page_size) {
  if (is64 || page_size != PAGE) wasm_rt_trap(WASM_RT_TRAP_EXHAUSTION);
  uint8_t *data = calloc((size_t)pages, PAGE);
  if (data == NULL) wasm_rt_trap(WASM_RT_TRAP_EXHAUSTION);
  *memory = (wasm_rt_memory_t){.data = data, .size = pages * PAGE, .pages = pages, .max_pages = max_pages};
}

uint64_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint64_t delta) {
  const uint64_t before = memory->pages;
  if (delta > memory->max_pages - before) return FAILED;
  const uint64_t size = memory->size + delta * PAGE;
  if (size > SIZE_MAX) return FAILED;
  uint8_t *data = realloc(memory->data, (size_t)size);
  if (data == NULL) return FAILED;
  memset(data + memory->size, 0, (size_t)(delta * PAGE));
  memory->data = data;
  memory->pages += delta;
  memory->size = size;
  return before;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) {
  free(memory->data);
}
