/* Memory of a module compiled to C that moves whenever it grows, so that AddressSanitizer sees a pointer of before; and that
 * is small, so that a recording which asks for more only finds that there is none. */
#include <stdlib.h>
#include <string.h>

#include "wasm-rt.h"

#define PAGE 65536u
#define PAGES_MAX 64u
/* wasm_rt_grow_memory: there is no room. */
#define FAILED 0xffffffffu

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t pages, uint64_t max_pages, bool is64, uint32_t page_size) {
  (void)max_pages;
  uint8_t *data = is64 || page_size != PAGE || pages > PAGES_MAX ? NULL : calloc((size_t)pages, PAGE);
  if (data == NULL) wasm_rt_trap(WASM_RT_TRAP_EXHAUSTION);
  *memory = (wasm_rt_memory_t){.data = data, .size = pages * PAGE, .pages = pages, .max_pages = PAGES_MAX};
}

uint64_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint64_t delta) {
  const uint64_t before = memory->pages;
  if (delta > PAGES_MAX - before) return FAILED;
  uint8_t *data = calloc((size_t)(before + delta), PAGE);
  if (data == NULL) return FAILED;
  memcpy(data, memory->data, (size_t)memory->size);
  free(memory->data);
  memory->data = data;
  memory->pages += delta;
  memory->size = memory->pages * PAGE;
  return before;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) {
  free(memory->data);
}
