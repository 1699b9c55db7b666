/* wasm3 for Node: instantiate(bytes, stackBytes, names) -> an object like the exports of a WebAssembly.Instance, with the
 * functions `names` and `memory`, whose `buffer` is the interpreter's memory itself. Arguments are i32, results i32 or i64
 * (a BigInt), as V8 converts them. A trap is a WebAssembly.RuntimeError with wasm3's text, and the end of the instance:
 * each later call throws it again.
 *
 * An instance lives as long as one of its functions or its buffer is within reach of JavaScript: each holds a reference
 * that its finalizer gives back. `buffer` is an ordinary property, which costs nothing to read, set anew when a call has
 * moved or enlarged the memory; the old ArrayBuffer is detached before, so no two of them have the same bytes. It is
 * known by weak references, because strong ones would be a circle through native code, which no collector sees. */
#include <node_api.h>
#include <stdlib.h>
#include <string.h>

#include "interpreter.h"

/* Most arguments a function has: interpreter_find() refuses more. */
#define ARGUMENTS_MAX 8
/* Longest name of an export, with its end. */
#define NAME_SIZE 128

struct instance {
  struct interpreter *interpreter;
  /* The module; the interpreter refers to it. */
  uint8_t *bytes;
  /* Functions and buffers that JavaScript may still reach. */
  uint32_t holders;
  /* Why it has ended; NULL while it works. */
  const char *fault;
  /* The object whose property `buffer` is, and the ArrayBuffer there, both weak. */
  napi_ref memory;
  napi_ref buffer;
  /* What that ArrayBuffer shows. */
  uint8_t *base;
  uint64_t size;
};

struct function {
  struct instance *instance;
  struct M3Function *function;
  uint32_t arity;
  uint32_t result_bits;
};

static void instance_release(napi_env env, struct instance *instance) {
  if (--instance->holders > 0) return;
  if (instance->memory != NULL) napi_delete_reference(env, instance->memory);
  if (instance->buffer != NULL) napi_delete_reference(env, instance->buffer);
  if (instance->interpreter != NULL) interpreter_destroy(instance->interpreter);
  free(instance->bytes);
  free(instance);
}

static void finalize_function(napi_env env, void *data, void *hint) {
  (void)hint;
  struct function *function = data;
  instance_release(env, function->instance);
  free(function);
}

static void finalize_buffer(napi_env env, void *data, void *hint) {
  (void)data;
  instance_release(env, hint);
}

/* Throws a WebAssembly.RuntimeError. Returns NULL, which is what a function that throws returns. */
static napi_value throw_fault(napi_env env, const char *fault) {
  napi_value global, namespace, constructor, text, error;
  if (napi_get_global(env, &global) == napi_ok &&
      napi_get_named_property(env, global, "WebAssembly", &namespace) == napi_ok &&
      napi_get_named_property(env, namespace, "RuntimeError", &constructor) == napi_ok &&
      napi_create_string_utf8(env, fault, NAPI_AUTO_LENGTH, &text) == napi_ok &&
      napi_new_instance(env, constructor, 1, &text, &error) == napi_ok) {
    napi_throw(env, error);
  }
  return NULL;
}

/* Detaches the ArrayBuffer there was and makes one of the memory as it is now. */
static napi_status renew_buffer(napi_env env, struct instance *instance) {
  napi_value memory, buffer = NULL;
  if (instance->buffer != NULL) {
    napi_status status = napi_get_reference_value(env, instance->buffer, &buffer);
    if (status == napi_ok && buffer != NULL) status = napi_detach_arraybuffer(env, buffer);
    if (status != napi_ok) return status;
    napi_delete_reference(env, instance->buffer);
    instance->buffer = NULL;
  }
  instance->base = interpreter_memory(instance->interpreter, &instance->size);
  napi_status status = napi_get_reference_value(env, instance->memory, &memory);
  /* Nobody can ask for it any more. */
  if (status != napi_ok || memory == NULL) return status;
  instance->holders++;
  status = napi_create_external_arraybuffer(env, instance->base, (size_t)instance->size, finalize_buffer, instance, &buffer);
  if (status != napi_ok) {
    instance->holders--;
    return status;
  }
  status = napi_create_reference(env, buffer, 0, &instance->buffer);
  return status == napi_ok ? napi_set_named_property(env, memory, "buffer", buffer) : status;
}

/* An argument as V8 takes it for an i32: anything becomes a number, and that its low 32 bits. */
static napi_status read_argument(napi_env env, napi_value value, uint64_t *argument) {
  int32_t number = 0;
  napi_status status = napi_get_value_int32(env, value, &number);
  if (status == napi_number_expected) {
    status = napi_coerce_to_number(env, value, &value);
    if (status == napi_ok) status = napi_get_value_int32(env, value, &number);
  }
  *argument = (uint32_t)number;
  return status;
}

static napi_value call(napi_env env, napi_callback_info info) {
  napi_value values[ARGUMENTS_MAX];
  uint64_t arguments[ARGUMENTS_MAX];
  uint64_t result = 0;
  uint64_t size;
  napi_value returned = NULL;
  void *data;
  size_t count = ARGUMENTS_MAX;
  if (napi_get_cb_info(env, info, &count, values, NULL, &data) != napi_ok) return NULL;
  const struct function *function = data;
  struct instance *instance = function->instance;
  if (instance->fault != NULL) return throw_fault(env, instance->fault);
  for (uint32_t i = 0; i < function->arity; i++) {
    if (read_argument(env, values[i], &arguments[i]) != napi_ok) return NULL;
  }
  instance->fault = interpreter_call(function->function, arguments, &result);
  /* Also after a trap: the memory may have moved before it. */
  if (interpreter_memory(instance->interpreter, &size) != instance->base || size != instance->size) {
    if (renew_buffer(env, instance) != napi_ok) instance->fault = "Node does not show the memory that has grown";
  }
  if (instance->fault != NULL) return throw_fault(env, instance->fault);
  if (function->result_bits == 32) napi_create_int32(env, (int32_t)result, &returned);
  if (function->result_bits == 64) napi_create_bigint_int64(env, (int64_t)result, &returned);
  return returned;
}

/* Adds the export called `name` to `exports`. NULL, or what went wrong. */
static const char *add_function(napi_env env, struct instance *instance, napi_value exports, napi_value name) {
  static const char failed[] = "Node makes no more functions";
  char text[NAME_SIZE];
  napi_value made;
  if (napi_get_value_string_utf8(env, name, text, sizeof text, NULL) != napi_ok) return "names are texts";
  struct M3Function *found = interpreter_find(instance->interpreter, text);
  if (found == NULL) return "it has no such function, or not one of integers alone";
  struct function *function = calloc(1, sizeof *function);
  if (function == NULL) return "no memory for another instance";
  *function = (struct function){
      .instance = instance,
      .function = found,
      .arity = interpreter_arity(found),
      .result_bits = interpreter_result_bits(found),
  };
  if (napi_create_function(env, text, NAPI_AUTO_LENGTH, call, function, &made) != napi_ok ||
      napi_add_finalizer(env, made, function, finalize_function, NULL, NULL) != napi_ok) {
    free(function);
    return failed;
  }
  instance->holders++;
  return napi_set_property(env, exports, name, made) == napi_ok ? NULL : failed;
}

/* Fills `exports`. NULL, or what went wrong. */
static const char *add_exports(napi_env env, struct instance *instance, napi_value exports, napi_value names) {
  napi_value memory, name;
  uint32_t count;
  if (napi_create_object(env, &memory) != napi_ok || napi_set_named_property(env, exports, "memory", memory) != napi_ok ||
      napi_create_reference(env, memory, 0, &instance->memory) != napi_ok || renew_buffer(env, instance) != napi_ok) {
    return "Node does not show memory that is not its own";
  }
  if (napi_get_array_length(env, names, &count) != napi_ok) return "names is an array";
  for (uint32_t i = 0; i < count; i++) {
    if (napi_get_element(env, names, i, &name) != napi_ok) return "names is an array of texts";
    const char *fault = add_function(env, instance, exports, name);
    if (fault != NULL) return fault;
  }
  return NULL;
}

static napi_value instantiate(napi_env env, napi_callback_info info) {
  napi_value values[3], exports;
  size_t count = 3, length;
  void *bytes;
  uint32_t stack_bytes;
  const char *fault = "no memory for another instance";
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok ||
      napi_get_typedarray_info(env, values[0], NULL, &length, &bytes, NULL, NULL) != napi_ok ||
      napi_get_value_uint32(env, values[1], &stack_bytes) != napi_ok || napi_create_object(env, &exports) != napi_ok) {
    napi_throw_type_error(env, NULL, "instantiate(bytes, stackBytes, names)");
    return NULL;
  }
  struct instance *instance = calloc(1, sizeof *instance);
  if (instance == NULL) return throw_fault(env, fault);
  /* This call's own, until it returns. */
  instance->holders = 1;
  instance->bytes = malloc(length);
  if (instance->bytes != NULL) {
    memcpy(instance->bytes, bytes, length);
    instance->interpreter = interpreter_create(instance->bytes, (uint32_t)length, stack_bytes, 0, &fault);
  }
  if (instance->interpreter != NULL) fault = add_exports(env, instance, exports, values[2]);
  instance_release(env, instance);
  return fault == NULL ? exports : throw_fault(env, fault);
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "instantiate", NAPI_AUTO_LENGTH, instantiate, NULL, &function) != napi_ok ||
      napi_set_named_property(env, exports, "instantiate", function) != napi_ok) {
    return NULL;
  }
  return exports;
}
