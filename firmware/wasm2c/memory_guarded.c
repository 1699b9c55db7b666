/* Memory whose limits the hardware checks. A 32-bit address plus a 32-bit offset reaches less than 8 GiB, so as much is
 * reserved for each instance, without memory behind it; growing makes more of it readable and writable, and moves nothing.
 * A touch of the rest is SIGSEGV, which is turned into a trap of the call that runs, when the address is ours. */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "wasm-rt.h"

#define RESERVED ((uint64_t)8 << 30)
#define PAGE 65536u
/* wasm_rt_grow_memory: there is no room. */
#define FAILED 0xffffffffu

/* All reserved ranges. Instances are made and freed by one thread at a time; the handler only reads. */
static struct region {
  struct region *next;
  const uint8_t *begin;
} *regions;

static struct sigaction previous;

static void handle_fault(int signal_number, siginfo_t *info, void *context) {
  (void)signal_number;
  (void)context;
  const uint8_t *address = info->si_addr;
  for (const struct region *region = regions; region != NULL; region = region->next) {
    if (address >= region->begin && address < region->begin + RESERVED) wasm_rt_trap(WASM_RT_TRAP_OOB);
  }
  /* A fault of the host: happens again, and ends it as it would have without us. */
  sigaction(SIGSEGV, &previous, NULL);
}

static void install_handler(void) {
  struct sigaction action = {.sa_sigaction = handle_fault};
  /* The trap leaves the handler by a jump, which puts back no signal mask. */
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, &previous);
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t pages, uint64_t max_pages, bool is64, uint32_t page_size) {
  if (is64 || page_size != PAGE) wasm_rt_trap(WASM_RT_TRAP_EXHAUSTION);
  struct region *region = malloc(sizeof *region);
  if (region == NULL) wasm_rt_trap(WASM_RT_TRAP_EXHAUSTION);
  void *reserved = mmap(NULL, RESERVED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED || mprotect(reserved, pages * PAGE, PROT_READ | PROT_WRITE) != 0) {
    if (reserved != MAP_FAILED) munmap(reserved, RESERVED);
    free(region);
    wasm_rt_trap(WASM_RT_TRAP_EXHAUSTION);
  }
  if (regions == NULL) install_handler();
  *region = (struct region){.next = regions, .begin = reserved};
  regions = region;
  *memory = (wasm_rt_memory_t){.data = reserved, .size = pages * PAGE, .pages = pages, .max_pages = max_pages};
}

uint64_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint64_t delta) {
  const uint64_t before = memory->pages;
  if (delta > memory->max_pages - before) return FAILED;
  if (mprotect(memory->data + memory->size, delta * PAGE, PROT_READ | PROT_WRITE) != 0) return FAILED;
  memory->pages += delta;
  memory->size += delta * PAGE;
  return before;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) {
  for (struct region **link = &regions; *link != NULL; link = &(*link)->next) {
    if ((*link)->begin != memory->data) continue;
    struct region *region = *link;
    *link = region->next;
    free(region);
    break;
  }
  if (regions == NULL) sigaction(SIGSEGV, &previous, NULL);
  munmap(memory->data, RESERVED);
}
