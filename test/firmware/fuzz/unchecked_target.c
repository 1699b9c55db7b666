/* Shows that the harness finds what it is for: a host that takes a send record of the hostile module at its word. It must be
 * found with the first inputs; the tests fail when it is not. */
#include "core.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *fault;
  input_begin(data, size);
  struct engine *engine = engine_create(&fault);
  if (engine == NULL) return 0;
  if (engine_next_sends(engine) > 0) {
    uint64_t memory_size;
    const uint8_t *memory = engine_memory(engine, &memory_size);
    const uint32_t record = engine_sends_ptr(engine);
    if ((uint64_t)record + MIDGE_SEND_SIZE <= memory_size) {
      read_bytes(memory + core_u32(memory + record + MIDGE_SEND_BYTES), core_u32(memory + record + MIDGE_SEND_LENGTH));
    }
  }
  engine_destroy(engine);
  return 0;
}
