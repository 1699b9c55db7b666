/* replay.c with recordings that were not made by us, on the real module compiled to C. The input is a list of records behind
 * a header that is right, or, so that the header is tried as well, a file as it is. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "input.h"
#include "record.h"
#include "replay.h"

#define RECORDING_MAX (1u << 16)

struct recording {
  uint8_t bytes[RECORDING_MAX];
  size_t length;
};

static void put(struct recording *recording, const void *bytes, size_t length) {
  if (recording->length + length > RECORDING_MAX) return;
  memcpy(recording->bytes + recording->length, bytes, length);
  recording->length += length;
}

static void put_u8(struct recording *recording, uint32_t value) {
  const uint8_t byte = (uint8_t)value;
  put(recording, &byte, 1);
}

static void put_u32(struct recording *recording, uint32_t value) {
  for (int i = 0; i < 4; i++) put_u8(recording, value >> 8 * i);
}

static void put_name(struct recording *recording, const char *name) {
  put_u8(recording, (uint32_t)strlen(name));
  put(recording, name, strlen(name));
}

/* As recorder_create() writes it, but with each export of abi.h in its own place, so that a tag is an export. */
static void put_header(struct recording *recording) {
  uint32_t count = 0, arity;
  bool returns;
  for (uint32_t i = 0; i < ENGINE_EXPORT_COUNT; i++) count += record_signature((enum engine_export)i, &arity, &returns);
  put(recording, RECORD_MAGIC, strlen(RECORD_MAGIC));
  put_u32(recording, RECORD_VERSION);
  put_u32(recording, MIDGE_ABI_VERSION);
  put_name(recording, engine_module());
  put_u8(recording, count);
  for (uint32_t i = 0; i < ENGINE_EXPORT_COUNT; i++) {
    if (!record_signature((enum engine_export)i, &arity, &returns)) continue;
    put_name(recording, engine_export_name((enum engine_export)i));
    put_u8(recording, arity);
    put_u8(recording, returns);
  }
}

/* The tag of an export in that header. */
static uint32_t tag_of(enum engine_export export) {
  uint32_t tag = 0, arity;
  bool returns;
  for (uint32_t i = 0; i < (uint32_t)export; i++) tag += record_signature((enum engine_export)i, &arity, &returns);
  return tag;
}

/* A broker of a module that has begun: without it there is nothing that a call could go wrong with. */
static void put_beginning(struct recording *recording) {
  put_u8(recording, tag_of(ENGINE_INIT));
  put_u32(recording, 256);
  put_u32(recording, 1);
  put_u8(recording, tag_of(ENGINE_HANDLE_TIME));
  put_u32(recording, 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct recording recording;
  struct replay_report report;
  recording.length = 0;
  if (size > 0 && (data[0] & 1) == 0) put_header(&recording);
  if (size > 0 && (data[0] & 3) == 0) put_beginning(&recording);
  if (size > 1) put(&recording, data + 1, size - 1);
  if (recording.length == 0) return 0;
  FILE *file = fmemopen(recording.bytes, recording.length, "rb");
  if (file == NULL) abort();
  /* The engine, and blocks of records. */
  allocation_fails(data[0] >> 4);
  const bool same = replay(file, &report);
  if (same != (report.difference[0] == '\0')) finding("a recording differs and nothing says how, or the other way round");
  fclose(file);
  return 0;
}
