#include <stdlib.h>
#include <string.h>

#include "codec_module.h"
#include "codec_run.h"

static w2c_codec instance;

void wasm_rt_trap(wasm_rt_trap_t trap) {
  (void)trap;
  abort();
}

bool codec_start(void) {
  wasm2c_codec_instantiate(&instance);
  return true;
}

uint8_t *codec_memory(void) {
  return instance.w2c_memory.data;
}

#define CALL_0(export) w2c_codec_##export(&instance)
#define CALL_1(export) w2c_codec_##export(&instance, a)
#define CALL_2(export) w2c_codec_##export(&instance, a, b)

uint32_t codec_call(const char *name, uint32_t a, uint32_t b) {
#define TRY(export, arity) \
  if (strcmp(name, #export) == 0) return CALL_##arity(export);
  CODEC_EXPORTS(TRY)
#undef TRY
  abort();
}
