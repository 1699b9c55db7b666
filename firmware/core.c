#include "core.h"

#include <stdlib.h>
#include <string.h>

static const char OUTSIDE[] = "the module gave out bytes outside its memory";
static const char NO_MEMORY[] = "no memory for the module's events";
static const char NO_INPUT[] = "the module has no room for its input";
static const char ENDLESS[] = "the module does not stop sending";

/* Batches of one core_drain_sends(). The core fills 256 records a batch, from outputs that hold 2 million chunks at most
 * (limits.ts), and what it queues behind them: some ten thousand batches. */
#ifndef CORE_BATCHES_MAX
#define CORE_BATCHES_MAX (1u << 20)
#endif

bool core_create(struct core *core, uint32_t input_max, uint32_t seed, struct recorder *recorder, const char **fault) {
  *core = (struct core){.input_max = input_max};
  core->engine = engine_create(fault);
  if (core->engine == NULL) return false;
  core->engine->recorder = recorder;
  *fault = "the module speaks another version of the ABI: build module and host again";
  if (engine_abi_version(core->engine) == MIDGE_ABI_VERSION) {
    engine_init(core->engine, input_max, seed);
    core->input = engine_input_ptr(core->engine);
    core_input(core);
    *fault = engine_fault(core->engine);
  }
  if (*fault == NULL) return true;
  core_destroy(core);
  return false;
}

void core_destroy(struct core *core) {
  if (core->engine != NULL) engine_destroy(core->engine);
  free(core->events);
  free(core->event_bytes);
  *core = (struct core){0};
}

uint8_t *core_at(struct engine *engine, uint32_t pointer, uint32_t length) {
  uint64_t size;
  uint8_t *memory = engine_memory(engine, &size);
  if (engine_fault(engine) == NULL && (uint64_t)pointer + length <= size) return memory + pointer;
  engine_fail(engine, OUTSIDE);
  return NULL;
}

uint8_t *core_input(struct core *core) {
  if (core->input == 0) engine_fail(core->engine, NO_INPUT);
  return core_at(core->engine, core->input, core->input_max);
}

bool core_write_argument(struct core *core, const struct core_bytes *parts, size_t count) {
  uint64_t length = 0;
  for (size_t i = 0; i < count; i++) length += parts[i].length;
  if (length > MIDGE_ARGUMENT_MAX) return false;
  uint32_t pointer = engine_argument_ptr(core->engine, (uint32_t)length);
  uint8_t *at = core_at(core->engine, pointer, (uint32_t)length);
  if (at == NULL) return false;
  for (size_t i = 0; i < count; i++) {
    if (parts[i].length > 0) memcpy(at, parts[i].bytes, parts[i].length);
    at += parts[i].length;
  }
  return true;
}

uint32_t core_set_text(struct core *core, uint32_t text, const void *bytes, uint32_t length) {
  const struct core_bytes part = {.bytes = bytes, .length = length};
  if (!core_write_argument(core, &part, 1)) return MIDGE_BAD_ARGUMENT;
  return engine_set_text(core->engine, text, length);
}

/* Records of `size` bytes each; NULL when they are not all inside the memory. */
static const uint8_t *records(struct engine *engine, uint32_t pointer, uint32_t count, uint32_t size) {
  if (count > UINT32_MAX / size) {
    engine_fail(engine, OUTSIDE);
    return NULL;
  }
  return core_at(engine, pointer, count * size);
}

/* Sends what one connection has in `count` records from `record` on, in as many pieces as that takes. */
static bool send_run(struct engine *engine, const uint8_t *record, uint32_t count, core_send *send, void *owner) {
  const uint32_t connection = core_u32(record + MIDGE_SEND_CONNECTION);
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; i++) total += core_u32(record + i * MIDGE_SEND_SIZE + MIDGE_SEND_LENGTH);
  for (uint64_t sent = 0; count > 0;) {
    struct iovec ranges[CORE_RANGES_MAX];
    const int used = count < CORE_RANGES_MAX ? (int)count : CORE_RANGES_MAX;
    size_t length = 0;
    for (int i = 0; i < used; i++, record += MIDGE_SEND_SIZE) {
      const uint32_t range = core_u32(record + MIDGE_SEND_LENGTH);
      uint8_t *bytes = core_at(engine, core_u32(record + MIDGE_SEND_BYTES), range);
      if (bytes == NULL) return false;
      ranges[i] = (struct iovec){.iov_base = bytes, .iov_len = range};
      length += range;
    }
    count -= (uint32_t)used;
    const size_t taken = send(owner, connection, ranges, used);
    sent += taken;
    if (taken == length) continue;
    /* A total over 32 bits is a lie of the module, which it may have. */
    engine_handle_blocked(engine, connection, (uint32_t)(total - sent));
    break;
  }
  return true;
}

bool core_drain_sends(struct core *core, core_send *send, void *owner) {
  struct engine *engine = core->engine;
  uint32_t batches = 0;
  for (uint32_t count = engine_next_sends(engine); count > 0; count = engine_next_sends(engine)) {
    if (++batches > CORE_BATCHES_MAX) engine_fail(engine, ENDLESS);
    const uint32_t pointer = engine_sends_ptr(engine);
    for (uint32_t i = 0; i < count;) {
      /* handleBlocked() may have moved the memory. */
      const uint8_t *first = records(engine, pointer, count, MIDGE_SEND_SIZE);
      if (first == NULL) return true;
      const uint8_t *record = first + (size_t)i * MIDGE_SEND_SIZE;
      const uint32_t connection = core_u32(record + MIDGE_SEND_CONNECTION);
      uint32_t run = 1;
      while (i + run < count && core_u32(record + (size_t)run * MIDGE_SEND_SIZE + MIDGE_SEND_CONNECTION) == connection) run++;
      if (!send_run(engine, record, run, send, owner)) return true;
      i += run;
    }
    engine_handle_sent(engine);
  }
  return batches > 0;
}

/* Room for `count` events and `length` bytes of theirs. */
static bool reserve_events(struct core *core, size_t count, size_t length) {
  if (count > core->event_capacity) {
    struct core_event *events = realloc(core->events, count * sizeof *events);
    if (events == NULL) return false;
    core->events = events;
    core->event_capacity = count;
  }
  if (length > core->event_bytes_capacity) {
    uint8_t *bytes = realloc(core->event_bytes, length);
    if (bytes == NULL) return false;
    core->event_bytes = bytes;
    core->event_bytes_capacity = length;
  }
  return true;
}

/* Bytes of all three texts of all events, each with a zero behind it; false when they are more than the memory they are said
 * to be in. */
static bool text_lengths(struct engine *engine, const uint8_t *record, uint32_t count, size_t *length) {
  uint64_t size, total = 0;
  engine_memory(engine, &size);
  for (uint32_t i = 0; i < count; i++, record += MIDGE_EVENT_SIZE) {
    total += core_u32(record + MIDGE_EVENT_A_LENGTH);
    total += core_u32(record + MIDGE_EVENT_B_LENGTH);
    total += core_u32(record + MIDGE_EVENT_C_LENGTH);
    if (total > size) return false;
  }
  total += (uint64_t)count * 3;
  *length = (size_t)total;
  return total <= SIZE_MAX;
}

static bool copy_text(struct engine *engine, const uint8_t *pointer, uint32_t length, uint8_t **to, struct core_bytes *text) {
  *text = (struct core_bytes){.bytes = *to, .length = length};
  if (length > 0) {
    const uint8_t *from = core_at(engine, core_u32(pointer), length);
    if (from == NULL) return false;
    memcpy(*to, from, length);
    *to += length;
  }
  *(*to)++ = 0;
  return true;
}

/* False when the instance has ended. */
static bool copy_events(struct core *core, uint32_t count) {
  struct engine *engine = core->engine;
  const uint8_t *record = records(engine, engine_events_ptr(engine), count, MIDGE_EVENT_SIZE);
  if (record == NULL) return false;
  size_t length;
  if (!text_lengths(engine, record, count, &length)) {
    engine_fail(engine, OUTSIDE);
    return false;
  }
  if (!reserve_events(core, count, length)) {
    engine_fail(engine, NO_MEMORY);
    return false;
  }
  uint8_t *to = core->event_bytes;
  for (uint32_t i = 0; i < count; i++, record += MIDGE_EVENT_SIZE) {
    struct core_event *event = &core->events[i];
    event->kind = core_u32(record + MIDGE_EVENT_KIND);
    event->connection = core_u32(record + MIDGE_EVENT_CONNECTION);
    event->code = core_u32(record + MIDGE_EVENT_CODE);
    event->detail = core_u32(record + MIDGE_EVENT_DETAIL);
    if (!copy_text(engine, record + MIDGE_EVENT_A, core_u32(record + MIDGE_EVENT_A_LENGTH), &to, &event->a)) return false;
    if (!copy_text(engine, record + MIDGE_EVENT_B, core_u32(record + MIDGE_EVENT_B_LENGTH), &to, &event->b)) return false;
    if (!copy_text(engine, record + MIDGE_EVENT_C, core_u32(record + MIDGE_EVENT_C_LENGTH), &to, &event->c)) return false;
  }
  return true;
}

bool core_drain_events(struct core *core, core_event_handler *handle, void *owner) {
  const uint32_t count = engine_next_events(core->engine);
  if (count == 0 || !copy_events(core, count)) return false;
  engine_handle_events(core->engine);
  for (uint32_t i = 0; i < count; i++) handle(owner, &core->events[i]);
  return true;
}
