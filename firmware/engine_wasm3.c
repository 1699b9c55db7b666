/* The module interpreted by wasm3, from the bytes that are linked into the program: on a board they stay in flash. */
#include <stdlib.h>

#include "engine.h"
#include "interpreter.h"
#include "module.h"

/* The module: module_bytes.S, or a board's flash partition. */
extern const uint8_t module_bytes[];
extern const uint8_t module_bytes_end[];

/* Of the Wasm stack: matching recurses once a level of a topic, of which there are 128 at most. */
#ifndef MIDGE_WASM3_STACK_BYTES
#define MIDGE_WASM3_STACK_BYTES (64 * 1024)
#endif
/* Bytes of linear memory that are really there; 0: as many as the module asks for. */
#ifndef MIDGE_WASM3_MEMORY_BYTES
#define MIDGE_WASM3_MEMORY_BYTES 0
#endif

struct wasm3_engine {
  struct engine engine;
  struct interpreter *interpreter;
  struct M3Function *functions[ENGINE_EXPORT_COUNT];
};

static const char *find_all(struct wasm3_engine *made) {
#define RETURNS_RESULT 32
#define RETURNS_VOID 0
#define FIND(id, export, arity, result)                                                      \
  made->functions[ENGINE_##id] = interpreter_find(made->interpreter, #export);               \
  if (made->functions[ENGINE_##id] == NULL ||                                                \
      interpreter_arity(made->functions[ENGINE_##id]) != arity ||                            \
      interpreter_result_bits(made->functions[ENGINE_##id]) != RETURNS_##result) {           \
    return "the module has no " #export "() of the form that abi.h says: build both again";  \
  }
  MODULE_EXPORTS(FIND)
#undef FIND
  return NULL;
}

struct engine *engine_create(const char **fault) {
  struct wasm3_engine *made = calloc(1, sizeof *made);
  *fault = "no memory for another instance";
  if (made == NULL) return NULL;
  made->interpreter = interpreter_create(module_bytes, (uint32_t)(module_bytes_end - module_bytes), MIDGE_WASM3_STACK_BYTES,
                                         MIDGE_WASM3_MEMORY_BYTES, fault);
  if (made->interpreter != NULL) *fault = find_all(made);
  if (*fault == NULL) return &made->engine;
  if (made->interpreter != NULL) interpreter_destroy(made->interpreter);
  free(made);
  return NULL;
}

void engine_destroy(struct engine *engine) {
  struct wasm3_engine *ours = (struct wasm3_engine *)engine;
  interpreter_destroy(ours->interpreter);
  free(ours);
}

uint8_t *engine_memory(const struct engine *engine, uint64_t *size) {
  return interpreter_memory(((const struct wasm3_engine *)engine)->interpreter, size);
}

const char *engine_name(void) {
  return "wasm3";
}

uint32_t engine_run(struct engine *engine, enum engine_export export, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  struct M3Function *function = ((struct wasm3_engine *)engine)->functions[export];
  if (function == NULL) return 0;
  const uint64_t arguments[4] = {a, b, c, d};
  uint64_t result = 0;
  const char *trap = interpreter_call(function, arguments, &result);
  if (trap != NULL) {
    engine_fail(engine, trap);
    return 0;
  }
  return (uint32_t)result;
}
