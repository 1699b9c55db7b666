#include <stdlib.h>
#include <string.h>

#include "codec_run.h"
#include "interpreter.h"

#define STACK_BYTES (64 * 1024)

extern const uint8_t module_bytes[];
extern const uint8_t module_bytes_end[];

#define NAME(export, arity) #export,
static const char *const names[] = {CODEC_EXPORTS(NAME)};
#undef NAME
#define COUNT (sizeof names / sizeof *names)

static struct interpreter *interpreter;
static struct M3Function *functions[COUNT];

bool codec_start(void) {
  const char *fault;
  interpreter = interpreter_create(module_bytes, (uint32_t)(module_bytes_end - module_bytes), STACK_BYTES, 0, &fault);
  if (interpreter == NULL) return false;
  for (size_t i = 0; i < COUNT; i++) {
    functions[i] = interpreter_find(interpreter, names[i]);
    if (functions[i] == NULL) return false;
  }
  return true;
}

uint8_t *codec_memory(void) {
  uint64_t size;
  return interpreter_memory(interpreter, &size);
}

uint32_t codec_call(const char *name, uint32_t a, uint32_t b) {
  const uint64_t arguments[] = {a, b};
  uint64_t result = 0;
  size_t index = 0;
  while (index < COUNT && strcmp(names[index], name) != 0) index++;
  if (index == COUNT || interpreter_call(functions[index], arguments, &result) != NULL) abort();
  return (uint32_t)result;
}
