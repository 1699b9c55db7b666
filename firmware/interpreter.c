#include "interpreter.h"

#include <stdbool.h>
#include <stdlib.h>

#include "m3_env.h"
#include "wasm3.h"

struct interpreter {
  IM3Environment environment;
  IM3Runtime runtime;
};

/* Most arguments an export has: publish() takes four. */
#define ARGUMENTS_MAX 8u

static bool is_integer(M3ValueType type) {
  return type == c_m3Type_i32 || type == c_m3Type_i64;
}

struct interpreter *interpreter_create(const uint8_t *bytes, uint32_t length, uint32_t stack_bytes, uint32_t memory_limit,
                                       const char **fault) {
  M3Result result = m3Err_mallocFailed;
  IM3Module module = NULL;
  struct interpreter *made = calloc(1, sizeof *made);
  if (made == NULL) goto failed;
  made->environment = m3_NewEnvironment();
  if (made->environment == NULL) goto failed;
  made->runtime = m3_NewRuntime(made->environment, stack_bytes, NULL);
  if (made->runtime == NULL) goto failed;
  made->runtime->memoryLimit = memory_limit;
  result = m3_ParseModule(made->environment, &module, bytes, length);
  if (result != m3Err_none) goto failed;
  result = m3_LoadModule(made->runtime, module);
  if (result != m3Err_none) {
    m3_FreeModule(module);
    goto failed;
  }
  /* Compiled as a whole, so that no call fails later for want of memory. */
  result = m3_CompileModule(module);
  if (result == m3Err_none) result = m3_RunStart(module);
  if (result != m3Err_none) goto failed;
  *fault = NULL;
  return made;

failed:
  *fault = result;
  if (made != NULL) interpreter_destroy(made);
  return NULL;
}

void interpreter_destroy(struct interpreter *interpreter) {
  if (interpreter->runtime != NULL) m3_FreeRuntime(interpreter->runtime);
  if (interpreter->environment != NULL) m3_FreeEnvironment(interpreter->environment);
  free(interpreter);
}

uint8_t *interpreter_memory(const struct interpreter *interpreter, uint64_t *size) {
  M3MemoryHeader *header = interpreter->runtime->memory.mallocated;
  *size = header == NULL ? 0 : header->length;
  return header == NULL ? NULL : m3MemData(header);
}

struct M3Function *interpreter_find(struct interpreter *interpreter, const char *name) {
  IM3Function function;
  if (m3_FindFunction(&function, interpreter->runtime, name) != m3Err_none) return NULL;
  const uint32_t arity = m3_GetArgCount(function);
  if (arity > ARGUMENTS_MAX || m3_GetRetCount(function) > 1) return NULL;
  for (uint32_t i = 0; i < arity; i++) {
    if (!is_integer(m3_GetArgType(function, i))) return NULL;
  }
  if (m3_GetRetCount(function) == 1 && !is_integer(m3_GetRetType(function, 0))) return NULL;
  return function;
}

uint32_t interpreter_arity(const struct M3Function *function) {
  return m3_GetArgCount((IM3Function)function);
}

uint32_t interpreter_result_bits(const struct M3Function *function) {
  IM3Function asked = (IM3Function)function;
  if (m3_GetRetCount(asked) == 0) return 0;
  return m3_GetRetType(asked, 0) == c_m3Type_i64 ? 64 : 32;
}

const char *interpreter_call(struct M3Function *function, const uint64_t *arguments, uint64_t *result) {
  const void *pointers[ARGUMENTS_MAX];
  const uint32_t arity = interpreter_arity(function);
  for (uint32_t i = 0; i < arity; i++) pointers[i] = &arguments[i];
  const char *trap = m3_Call(function, arity, pointers);
  if (trap != m3Err_none) return trap;
  *result = 0;
  const void *results[1] = {result};
  return interpreter_result_bits(function) == 0 ? NULL : m3_GetResults(function, 1, results);
}
