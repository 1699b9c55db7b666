/* What all engines have in common: the one gate through which the host calls the module, so that a recording misses
 * nothing. */
#include "engine.h"

#include "record.h"

/* MODULE, MODULE_HEADER and MODULE_EXPORTS are set by the build: module.h. */
#include "module.h"

uint32_t engine_call(struct engine *engine, enum engine_export export, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  if (engine->fault != NULL) return 0;
  if (engine->recorder == NULL) return engine_run(engine, export, a, b, c, d);
  uint32_t arguments[4] = {a, b, c, d};
  recorder_before(engine->recorder, engine, export, arguments);
  if (engine->fault != NULL) return 0;
  uint32_t result = engine_run(engine, export, a, b, c, d);
  recorder_after(engine->recorder, engine, export, result);
  return result;
}

const char *engine_module(void) {
  return MODULE_NAME;
}

const char *engine_export_name(enum engine_export export) {
#define NAME(id, export, arity, result) [ENGINE_##id] = #export,
  static const char *const names[ENGINE_EXPORT_COUNT] = {MODULE_EXPORTS(NAME)};
#undef NAME
  return names[export];
}
