#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core.h"
#include "module.h"

#define WRITE_EVERY_MS 1000u

struct recorder {
  FILE *file;
  /* errno of the first write that failed; nothing is written after it. */
  int error;
  /* The call under way. */
  uint32_t arguments[4];
  /* When all of it was last written to the file, in the core's time. */
  uint32_t written_ms;
  /* What the last argumentPtr() gave out, until the next call has used it. */
  uint32_t argument, argument_length;
};

#define RETURNS_RESULT true
#define RETURNS_VOID false

static const struct signature {
  uint8_t arity;
  bool returns;
  bool is_there;
} signatures[ENGINE_EXPORT_COUNT] = {
#define SIGNATURE(id, export, arity, result) [ENGINE_##id] = {arity, RETURNS_##result, true},
    MODULE_EXPORTS(SIGNATURE)
#undef SIGNATURE
};

bool record_signature(enum engine_export export, uint32_t *arity, bool *returns) {
  *arity = signatures[export].arity;
  *returns = signatures[export].returns;
  return signatures[export].is_there;
}

static void put(struct recorder *recorder, const void *bytes, size_t length) {
  if (recorder->error == 0 && fwrite(bytes, 1, length, recorder->file) != length) recorder->error = errno;
}

static void put_u8(struct recorder *recorder, uint32_t value) {
  const uint8_t byte = (uint8_t)value;
  put(recorder, &byte, 1);
}

static void store_u32(uint8_t *to, uint32_t value) {
  for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> 8 * i);
}

static void put_u32(struct recorder *recorder, uint32_t value) {
  uint8_t bytes[4];
  store_u32(bytes, value);
  put(recorder, bytes, sizeof bytes);
}

static void put_name(struct recorder *recorder, const char *name) {
  put_u8(recorder, (uint32_t)strlen(name));
  put(recorder, name, strlen(name));
}

static void put_block(struct recorder *recorder, uint32_t tag, const uint8_t *bytes, uint32_t length) {
  put_u8(recorder, tag);
  put_u32(recorder, length);
  put(recorder, bytes, length);
}

/* The export's place among those that this module has: abi.h has all of them sorted. */
static uint32_t place(enum engine_export export) {
  uint32_t before = 0;
  for (uint32_t i = 0; i < (uint32_t)export; i++) before += signatures[i].is_there;
  return before;
}

/* For its owner alone: passwords are in it. NULL with errno. */
static FILE *create_file(const char *path) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) return NULL;
  struct stat status;
  /* One that was there may have been everybody's. */
  const bool is_safe = fstat(fd, &status) == 0 && (!S_ISREG(status.st_mode) || fchmod(fd, S_IRUSR | S_IWUSR) == 0);
  FILE *file = is_safe ? fdopen(fd, "wb") : NULL;
  if (file == NULL) close(fd);
  return file;
}

struct recorder *recorder_create(const char *path) {
  struct recorder *recorder = calloc(1, sizeof *recorder);
  if (recorder == NULL) return NULL;
  recorder->file = create_file(path);
  if (recorder->file == NULL) {
    const int error = errno;
    free(recorder);
    errno = error;
    return NULL;
  }
  put(recorder, RECORD_MAGIC, strlen(RECORD_MAGIC));
  put_u32(recorder, RECORD_VERSION);
  put_u32(recorder, MIDGE_ABI_VERSION);
  put_name(recorder, engine_module());
  put_u8(recorder, place(ENGINE_EXPORT_COUNT));
  for (uint32_t i = 0; i < ENGINE_EXPORT_COUNT; i++) {
    if (!signatures[i].is_there) continue;
    put_name(recorder, engine_export_name((enum engine_export)i));
    put_u8(recorder, signatures[i].arity);
    put_u8(recorder, signatures[i].returns);
  }
  return recorder;
}

bool recorder_destroy(struct recorder *recorder) {
  if (fclose(recorder->file) != 0 && recorder->error == 0) recorder->error = errno;
  const int error = recorder->error;
  free(recorder);
  errno = error;
  return error == 0;
}

void recorder_before(struct recorder *recorder, struct engine *engine, enum engine_export export, const uint32_t *arguments) {
  memcpy(recorder->arguments, arguments, sizeof recorder->arguments);
  if (export == ENGINE_ARGUMENT_PTR) return;
  if (recorder->argument_length > 0) {
    const uint8_t *bytes = core_at(engine, recorder->argument, recorder->argument_length);
    if (bytes != NULL) put_block(recorder, RECORD_ARGUMENT, bytes, recorder->argument_length);
    recorder->argument_length = 0;
  }
  if (export != ENGINE_HANDLE_BYTES) return;
  const uint8_t *input = core_at(engine, engine_run(engine, ENGINE_INPUT_PTR, 0, 0, 0, 0), arguments[1]);
  if (input != NULL) put_block(recorder, RECORD_INPUT, input, arguments[1]);
}

/* So that a program that is killed leaves all but its last moments. */
static void write_now_and_then(struct recorder *recorder) {
  if (recorder->arguments[0] - recorder->written_ms < WRITE_EVERY_MS) return;
  recorder->written_ms = recorder->arguments[0];
  if (recorder->error == 0 && fflush(recorder->file) != 0) recorder->error = errno;
}

void recorder_after(struct recorder *recorder, struct engine *engine, enum engine_export export, uint32_t result) {
  const struct signature *signature = &signatures[export];
  put_u8(recorder, place(export));
  for (uint32_t i = 0; i < signature->arity; i++) put_u32(recorder, recorder->arguments[i]);
  /* A call that trapped is the last of its recording, and has no result. */
  if (engine_fault(engine) != NULL) return;
  if (signature->returns) put_u32(recorder, result);
  if (export == ENGINE_HANDLE_TIME) write_now_and_then(recorder);
  if (export == ENGINE_ARGUMENT_PTR) {
    recorder->argument = result;
    recorder->argument_length = result == 0 ? 0 : recorder->arguments[0];
  }
  if (result == 0 || (export != ENGINE_NEXT_SENDS && export != ENGINE_NEXT_EVENTS)) return;
  uint32_t length;
  uint8_t *output = record_output(engine, export, result, &length);
  if (output != NULL) put_block(recorder, RECORD_OUTPUT, output, length);
  free(output);
}

/* Output in the making. */
struct output {
  struct engine *engine;
  uint8_t *bytes;
  size_t length, capacity;
  bool failed;
};

static uint8_t *extend(struct output *output, size_t length) {
  if (output->length + length > output->capacity) {
    const uint64_t capacity = ((uint64_t)output->length + length) * 2;
    uint8_t *bytes = capacity > UINT32_MAX ? NULL : realloc(output->bytes, (size_t)capacity);
    if (bytes == NULL) {
      output->failed = true;
      return NULL;
    }
    output->bytes = bytes;
    output->capacity = (size_t)capacity;
  }
  uint8_t *at = output->bytes + output->length;
  output->length += length;
  return at;
}

static void append_u32(struct output *output, uint32_t value) {
  uint8_t *to = extend(output, 4);
  if (to != NULL) store_u32(to, value);
}

/* `length` bytes of the module's memory. */
static void append_bytes(struct output *output, uint32_t pointer, uint32_t length) {
  if (length == 0) return;
  const uint8_t *from = core_at(output->engine, pointer, length);
  if (from == NULL) output->failed = true;
  uint8_t *to = output->failed ? NULL : extend(output, length);
  if (to != NULL) memcpy(to, from, length);
}

static void append_send(struct output *output, const uint8_t *record) {
  const uint32_t length = core_u32(record + MIDGE_SEND_LENGTH);
  append_u32(output, core_u32(record + MIDGE_SEND_CONNECTION));
  append_u32(output, length);
  append_bytes(output, core_u32(record + MIDGE_SEND_BYTES), length);
}

static void append_event(struct output *output, const uint8_t *record) {
  static const uint8_t numbers[] = {MIDGE_EVENT_KIND,     MIDGE_EVENT_CONNECTION, MIDGE_EVENT_CODE,    MIDGE_EVENT_DETAIL,
                                    MIDGE_EVENT_A_LENGTH, MIDGE_EVENT_B_LENGTH,   MIDGE_EVENT_C_LENGTH};
  for (size_t i = 0; i < sizeof numbers; i++) append_u32(output, core_u32(record + numbers[i]));
  append_bytes(output, core_u32(record + MIDGE_EVENT_A), core_u32(record + MIDGE_EVENT_A_LENGTH));
  append_bytes(output, core_u32(record + MIDGE_EVENT_B), core_u32(record + MIDGE_EVENT_B_LENGTH));
  append_bytes(output, core_u32(record + MIDGE_EVENT_C), core_u32(record + MIDGE_EVENT_C_LENGTH));
}

uint8_t *record_output(struct engine *engine, enum engine_export export, uint32_t count, uint32_t *length) {
  struct output output = {.engine = engine};
  const bool is_sends = export == ENGINE_NEXT_SENDS;
  const uint32_t size = is_sends ? MIDGE_SEND_SIZE : MIDGE_EVENT_SIZE;
  const uint32_t pointer = engine_run(engine, is_sends ? ENGINE_SENDS_PTR : ENGINE_EVENTS_PTR, 0, 0, 0, 0);
  for (uint32_t i = 0; i < count && !output.failed; i++) {
    const uint64_t at = (uint64_t)pointer + (uint64_t)i * size;
    const uint8_t *record = at > UINT32_MAX ? NULL : core_at(engine, (uint32_t)at, size);
    if (record == NULL) output.failed = true;
    else (is_sends ? append_send : append_event)(&output, record);
  }
  *length = (uint32_t)output.length;
  if (!output.failed) return output.bytes;
  free(output.bytes);
  return NULL;
}
