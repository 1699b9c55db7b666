#include "replay.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "record.h"

#define EXPORTS_MAX 0xf0u
/* What is read of a block at first. */
#define BLOCK_MIN 65536u

struct player {
  FILE *file;
  struct engine *engine;
  struct replay_report *report;
  /* The recording's list of exports, as ours. */
  enum engine_export exports[EXPORTS_MAX];
  uint32_t export_count;
  /* The block read last. */
  uint8_t *block;
  size_t block_capacity;
  uint32_t block_length;
  /* Where input and arguments go, as the module has said, and how much there is room for. */
  uint32_t input_max;
  uint32_t argument, argument_max;
  /* The last call, and how many records it gave out. */
  enum engine_export drained;
  uint32_t drained_count;
  bool is_over;
};

__attribute__((format(printf, 2, 3))) static bool differs(struct player *player, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(player->report->difference, sizeof player->report->difference, format, arguments);
  va_end(arguments);
  return false;
}

/* False at the end of the file: which may be cut off anywhere. */
static bool take(struct player *player, void *to, size_t length) {
  if (fread(to, 1, length, player->file) == length) return true;
  player->report->is_cut = true;
  player->is_over = true;
  return false;
}

static bool take_u32(struct player *player, uint32_t *value) {
  uint8_t bytes[4];
  if (!take(player, bytes, sizeof bytes)) return false;
  *value = core_u32(bytes);
  return true;
}

static bool take_u8(struct player *player, uint32_t *value) {
  uint8_t byte = 0;
  if (!take(player, &byte, 1)) return false;
  *value = byte;
  return true;
}

static bool take_name(struct player *player, char name[static 256]) {
  uint32_t length;
  if (!take_u8(player, &length) || !take(player, name, length)) return false;
  name[length] = '\0';
  return true;
}

static bool reserve_block(struct player *player, uint32_t length) {
  if (length <= player->block_capacity) return true;
  uint8_t *block = realloc(player->block, length);
  if (block == NULL) return differs(player, "no memory for a block of %u bytes", (unsigned)player->block_length);
  player->block = block;
  player->block_capacity = length;
  return true;
}

static bool take_block(struct player *player) {
  if (!take_u32(player, &player->block_length)) return false;
  const uint32_t length = player->block_length;
  /* In pieces: a length that is wrong must not ask for more memory than the file has bytes for. */
  for (uint32_t at = 0, piece; at < length; at += piece) {
    piece = at == 0 ? BLOCK_MIN : at;
    if (piece > length - at) piece = length - at;
    if (!reserve_block(player, at + piece) || !take(player, player->block + at, piece)) return false;
  }
  return true;
}

static bool take_export(struct player *player) {
  char name[256];
  uint32_t arity, returns, our_arity;
  bool our_returns;
  if (!take_name(player, name) || !take_u8(player, &arity) || !take_u8(player, &returns)) return false;
  for (uint32_t i = 0; i < ENGINE_EXPORT_COUNT; i++) {
    const char *ours = engine_export_name((enum engine_export)i);
    if (ours == NULL || strcmp(ours, name) != 0) continue;
    record_signature((enum engine_export)i, &our_arity, &our_returns);
    if (arity != our_arity || (returns != 0) != our_returns) break;
    player->exports[player->export_count++] = (enum engine_export)i;
    return true;
  }
  return differs(player, "the recording calls %s(), which this module has not in that form", name);
}

static bool take_header(struct player *player) {
  char magic[sizeof RECORD_MAGIC - 1], module[256];
  uint32_t version, abi_version, count;
  if (!take(player, magic, sizeof magic) || memcmp(magic, RECORD_MAGIC, sizeof magic) != 0) {
    return differs(player, "this is no recording of midge");
  }
  if (!take_u32(player, &version) || !take_u32(player, &abi_version)) return differs(player, "the recording has no header");
  if (version != RECORD_VERSION || abi_version != MIDGE_ABI_VERSION) {
    return differs(player, "the recording is of ABI version %u, this program of %u: it takes a program of that version",
                   (unsigned)abi_version, MIDGE_ABI_VERSION);
  }
  if (!take_name(player, module) || !take_u8(player, &count)) return differs(player, "the recording has no header");
  if (strcmp(module, engine_module()) != 0) {
    return differs(player, "the recording is of a %.20s, this program runs the %s", module, engine_module());
  }
  for (uint32_t i = 0; i < count && i < EXPORTS_MAX; i++) {
    if (!take_export(player)) return false;
  }
  return true;
}

/* Puts the block where the module reads it, when there is room for `room` bytes. */
static bool put_block(struct player *player, uint32_t pointer, uint32_t room) {
  const unsigned long long calls = player->report->calls;
  if (player->block_length > room) return differs(player, "the record behind call %llu is too large for the module", calls);
  if (player->block_length == 0) return true;
  uint8_t *to = core_at(player->engine, pointer, player->block_length);
  if (to == NULL) return differs(player, "call %llu: %s", calls, engine_fault(player->engine));
  memcpy(to, player->block, player->block_length);
  return true;
}

static bool play_call(struct player *player, uint32_t tag) {
  struct replay_report *report = player->report;
  uint32_t arguments[4] = {0}, arity, expected = 0;
  bool returns;
  if (tag >= player->export_count) return differs(player, "record %llu is none", (unsigned long long)report->calls);
  const enum engine_export export = player->exports[tag];
  record_signature(export, &arity, &returns);
  for (uint32_t i = 0; i < arity; i++) {
    if (!take_u32(player, &arguments[i])) return true;
  }
  /* Without its result it is the last one: the program was killed, or the module trapped, and does so again. */
  const bool has_result = !returns || take_u32(player, &expected);
  report->calls++;
  const uint32_t result = engine_call(player->engine, export, arguments[0], arguments[1], arguments[2], arguments[3]);
  const char *name = engine_export_name(export);
  if (engine_fault(player->engine) != NULL) {
    return differs(player, "call %llu, %s(): %s", (unsigned long long)report->calls, name, engine_fault(player->engine));
  }
  if (!has_result) return true;
  if (returns && result != expected) {
    return differs(player, "call %llu, %s(%u, %u, %u, %u): returned %u here, %u was recorded", (unsigned long long)report->calls,
                   name, (unsigned)arguments[0], (unsigned)arguments[1], (unsigned)arguments[2], (unsigned)arguments[3],
                   (unsigned)result, (unsigned)expected);
  }
  if (export == ENGINE_HANDLE_BYTES) report->bytes_in += arguments[1];
  if (export == ENGINE_INIT) player->input_max = arguments[0];
  if (export == ENGINE_ARGUMENT_PTR) {
    player->argument = result;
    player->argument_max = result == 0 ? 0 : arguments[0];
  }
  if (export == ENGINE_NEXT_EVENTS) report->events += result;
  player->drained = export;
  player->drained_count = export == ENGINE_NEXT_SENDS || export == ENGINE_NEXT_EVENTS ? result : 0;
  return true;
}

static bool compare_output(struct player *player) {
  struct replay_report *report = player->report;
  uint32_t length = 0;
  uint8_t *output = record_output(player->engine, player->drained, player->drained_count, &length);
  uint32_t same = 0;
  while (output != NULL && same < length && same < player->block_length && output[same] == player->block[same]) same++;
  const bool equal = output != NULL && length == player->block_length && same == length;
  if (!equal) {
    differs(player, "call %llu, %s(): other output from byte %u on, %u bytes here and %u recorded",
            (unsigned long long)report->calls, engine_export_name(player->drained), (unsigned)same, (unsigned)length,
            (unsigned)player->block_length);
  }
  if (player->drained == ENGINE_NEXT_SENDS) report->bytes_out += length - 8ull * player->drained_count;
  free(output);
  return equal;
}

static bool play_record(struct player *player) {
  uint8_t tag;
  if (fread(&tag, 1, 1, player->file) != 1) {
    player->is_over = true;
    return true;
  }
  if (tag < RECORD_INPUT) return play_call(player, tag);
  if (!take_block(player)) return player->report->is_cut;
  switch (tag) {
    case RECORD_INPUT:
      return put_block(player, engine_input_ptr(player->engine), player->input_max);
    case RECORD_ARGUMENT:
      return put_block(player, player->argument, player->argument_max);
    case RECORD_OUTPUT:
      return compare_output(player);
    default:
      return differs(player, "record %llu is none", (unsigned long long)player->report->calls);
  }
}

bool replay(FILE *file, struct replay_report *report) {
  const char *fault;
  struct player player = {.file = file, .report = report};
  *report = (struct replay_report){0};
  player.engine = engine_create(&fault);
  if (player.engine == NULL) return differs(&player, "%s", fault);
  bool same = take_header(&player);
  if (!same && report->difference[0] == '\0') differs(&player, "the recording has no header");
  while (same && !player.is_over) same = play_record(&player);
  engine_destroy(player.engine);
  free(player.block);
  return same;
}
