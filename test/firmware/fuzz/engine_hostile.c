/* A third engine behind engine.h: a module that means harm. What its exports return, what stands in its memory, when that
 * moves or grows, and when it traps is up to the fuzzer's input; mostly it answers like a real module with one thing wrong,
 * so that the host does not turn it away at once.
 *
 * Its memory is a block of the heap of exactly its size, and moving it frees the one before: a byte read or written beside
 * it, or through a pointer of before the call, is seen by AddressSanitizer. It watches the host as well: no call nests,
 * comes after a fault, or comes in the middle of a drain (abi.ts), unless it may. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "input.h"
#include "module.h"

#define PAGE 65536u
#define PAGES_MAX 3u
/* Of handles that open() has given out, so that records name connections that there are. */
#define HANDLES_MAX 16u
/* Where a module with nothing to hide has its words, its records, its input and its arguments. */
#define WORDS_AT 256u
#define RECORDS_AT 1024u
#define INPUT_AT 8192u

/* What a host looks for in events. */
static const char *const WORDS[] = {"pid_file", "user",   "log_dest",  "log_type", "connection_messages", "none",
                                    "stdout",   "stderr", "file  a/b", "file ",    "all",                 "notice",
                                    "debug",    "false",  "subscribe", "unsubscribe"};
#define WORD_COUNT (sizeof WORDS / sizeof *WORDS)
#define WORD_SIZE 32u

/* What an answer's first byte says: its high bits what becomes of the memory, its low ones which answer it is. */
enum memory_change { SCRIBBLES = 4, MOVES, MOVES_AND_SCRIBBLES, GROWS };
#define CHANGE_SHIFT 5
#define CHOICE 0x1f
/* The choice that traps. */
#define TRAPS 0x1f

enum drain { DRAIN_NONE, DRAIN_SENDS, DRAIN_EVENTS };

struct hostile_engine {
  struct engine engine;
  uint8_t *memory;
  uint32_t size;
  /* Answers to nextSends() and nextEvents() never end. */
  bool endless_sends, endless_events;
  /* Harmless while the host sets it up, which takes a broker a hundred calls. */
  bool is_patient;
  enum drain drain;
  uint32_t records;
  uint32_t handles[HANDLES_MAX];
  uint32_t handle_count;
};

/* A number that a check may get wrong: near 0, near the end of the memory, near 2^32, or any. */
static uint32_t any_number(const struct hostile_engine *module) {
  const uint8_t choice = input_u8();
  const uint32_t byte = input_u8();
  switch (choice & 7) {
    case 0:
      return byte;
    case 1:
      return module->size - byte;
    case 2:
      return module->size + byte;
    case 3:
      return UINT32_MAX - byte;
    case 4:
      return byte << 8;
    case 5:
      return byte << 24;
    case 6:
      return INT32_MAX - 128u + byte;
    default:
      return input_u32();
  }
}

/* Where `length` bytes are said to be: usually at `usual`, at times flush with the end or one byte over it, or anywhere. */
static uint32_t any_place(const struct hostile_engine *module, uint32_t usual, uint32_t length) {
  switch (input_u8() & 15) {
    case 1:
      return module->size - length;
    case 2:
      return module->size - length + 1;
    case 3:
      return any_number(module);
    case 4:
      return usual + 1;
    case 5:
      return 0;
    default:
      return usual;
  }
}

static void store(struct hostile_engine *module, uint32_t at, const void *bytes, uint32_t length) {
  if ((uint64_t)at + length <= module->size) memcpy(module->memory + at, bytes, length);
}

static void store_u32(struct hostile_engine *module, uint32_t at, uint32_t value) {
  const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
  store(module, at, bytes, sizeof bytes);
}

static void move_memory(struct hostile_engine *module, bool grows) {
  const uint32_t size = grows && module->size < PAGES_MAX * PAGE ? module->size + PAGE : module->size;
  uint8_t *memory = malloc(size);
  if (memory == NULL) return;
  memcpy(memory, module->memory, module->size);
  memset(memory + module->size, 0, size - module->size);
  free(module->memory);
  module->memory = memory;
  module->size = size;
}

/* Changes what may be a record that the host is reading. */
static void scribble(struct hostile_engine *module) {
  uint8_t bytes[8];
  const uint32_t length = 1 + (input_u8() & 7);
  const uint32_t at = any_place(module, module->records, length);
  input_bytes(bytes, length);
  store(module, at, bytes, length);
}

static uint32_t any_connection(const struct hostile_engine *module) {
  const uint8_t choice = input_u8();
  if (choice >= 0xf0) return any_number(module);
  if (module->handle_count == 0) return MIDGE_CLIENT_CONNECTION;
  const uint32_t handle = module->handles[choice % module->handle_count];
  /* The same number of another time. */
  return choice >= 0xe0 ? handle + MIDGE_HANDLE_SLOT_MASK + 1 : handle;
}

/* A pointer and a length behind it, as records have them. */
static void store_range(struct hostile_engine *module, uint32_t at) {
  const uint8_t choice = input_u8();
  if (choice >= 0xb0 && choice < 0xf0) {
    store_u32(module, at, WORDS_AT + choice % WORD_COUNT * WORD_SIZE);
    store_u32(module, at + 4, (uint32_t)strlen(WORDS[choice % WORD_COUNT]));
    return;
  }
  const uint32_t length = choice >= 0xf0 ? any_number(module) : choice & 0x7f;
  store_u32(module, at, any_place(module, INPUT_AT + choice, length));
  store_u32(module, at + 4, length);
}

static void store_send(struct hostile_engine *module, uint32_t at) {
  store_u32(module, at + MIDGE_SEND_CONNECTION, any_connection(module));
  store_range(module, at + MIDGE_SEND_BYTES);
}

static uint32_t any_kind(const struct hostile_engine *module, uint8_t choice) {
#if defined(MIDGE_MODULE_BROKER)
  static const uint8_t kinds[] = {MIDGE_EVENT_CLOSE,        MIDGE_EVENT_CONNECTED,  MIDGE_EVENT_DISCONNECTED,
                                  MIDGE_EVENT_SUBSCRIBED,   MIDGE_EVENT_REFUSED,    MIDGE_EVENT_UNSUBSCRIBED,
                                  MIDGE_EVENT_PUBLISHED,    MIDGE_EVENT_AUTH,       MIDGE_EVENT_AUTHENTICATE,
                                  MIDGE_EVENT_FAULT,        MIDGE_EVENT_LISTENER,   MIDGE_EVENT_SETTING};
#else
  static const uint8_t kinds[] = {MIDGE_EVENT_CLOSE,   MIDGE_EVENT_OPEN,      MIDGE_EVENT_ONLINE, MIDGE_EVENT_OFFLINE,
                                  MIDGE_EVENT_MESSAGE, MIDGE_EVENT_COMPLETED, MIDGE_EVENT_AUTH};
#endif
  return choice >= 0xf8 ? any_number(module) : kinds[choice % sizeof kinds];
}

static void store_event(struct hostile_engine *module, uint32_t at) {
  const uint8_t choice = input_u8();
  store_u32(module, at + MIDGE_EVENT_KIND, any_kind(module, choice));
  store_u32(module, at + MIDGE_EVENT_CONNECTION, any_connection(module));
  store_u32(module, at + MIDGE_EVENT_CODE, choice >= 0xf0 ? any_number(module) : input_u8());
  store_u32(module, at + MIDGE_EVENT_DETAIL, choice >= 0xf0 ? any_number(module) : choice & 0x07);
  store_range(module, at + MIDGE_EVENT_A);
  store_range(module, at + MIDGE_EVENT_B);
  store_range(module, at + MIDGE_EVENT_C);
}

/* How many records there are said to be, after writing those. */
static uint32_t any_records(struct hostile_engine *module, uint8_t choice, uint32_t size, bool endless) {
  /* More than core_send is given at once, or than is there. */
  static const uint32_t counts[] = {0, 1, 1, 2, 3, 5, 8, 63, 64, 65, 130};
  const uint32_t choices = sizeof counts / sizeof *counts;
  uint32_t count = choice < choices ? counts[choice] : choice == choices ? any_number(module) : 1;
  if (count == 0 && endless) count = 1;
  if (count == 0) return 0;
  const uint32_t length = (uint64_t)count * size > module->size ? 0 : count * size;
  module->records = any_place(module, RECORDS_AT, length);
  for (uint32_t i = 0; i < count && i < 16 && !input_is_over(); i++) {
    (size == MIDGE_SEND_SIZE ? store_send : store_event)(module, module->records + i * size);
  }
  module->drain = size == MIDGE_SEND_SIZE ? DRAIN_SENDS : DRAIN_EVENTS;
  return count;
}

static uint32_t any_handle(struct hostile_engine *module, uint8_t choice) {
  uint32_t handle = module->handle_count + 1;
  if (choice == 1) return 0;
  if (choice == 2) handle = any_connection(module);
  else if (choice == 3) handle = MIDGE_HANDLE_SLOT_MASK - input_u8();
  else if (choice == 4) handle = any_number(module);
  if (module->handle_count < HANDLES_MAX) module->handles[module->handle_count++] = handle;
  return handle;
}

static uint32_t any_deadline(const struct hostile_engine *module, uint8_t choice) {
  if (choice == 0) return MIDGE_NO_DEADLINE;
  if (choice == 1) return 0;
  return choice < 16 ? choice * 100u : any_number(module);
}

/* What abi.ts does not let a host do. */
static void watch_host(struct hostile_engine *module, enum engine_export export) {
  if (module->engine.fault != NULL) finding("a call of an instance that has ended");
  if (module->drain == DRAIN_SENDS && export != ENGINE_SENDS_PTR && export != ENGINE_HANDLE_BLOCKED &&
      export != ENGINE_HANDLE_SENT) {
    finding("a call between nextSends() and handleSent() that may not be there");
  }
  if (module->drain == DRAIN_EVENTS && export != ENGINE_EVENTS_PTR && export != ENGINE_HANDLE_EVENTS) {
    finding("a call between nextEvents() and handleEvents() that may not be there");
  }
  if (export == ENGINE_HANDLE_SENT || export == ENGINE_HANDLE_EVENTS) module->drain = DRAIN_NONE;
}

/* The harmless answer to what a host asks of a module that it sets up; false: it is something else. */
static bool answer_setup(const struct hostile_engine *module, enum engine_export export, uint32_t *result) {
  *result = export == ENGINE_ABI_VERSION ? MIDGE_ABI_VERSION : MIDGE_OK;
  switch (export) {
    case ENGINE_ABI_VERSION:
    case ENGINE_INIT:
    case ENGINE_SET_OPTION:
    case ENGINE_SET_TEXT:
      return true;
    case ENGINE_ARGUMENT_PTR:
      *result = INPUT_AT;
      return true;
    case ENGINE_INPUT_PTR:
      *result = INPUT_AT;
      return module->handle_count == 0;
    case ENGINE_OPTION_VALUE:
      *result = PAGE;
      return true;
    default:
      return false;
  }
}

static uint32_t answer(struct hostile_engine *module, enum engine_export export, uint8_t choice, uint32_t length) {
  switch (export) {
    case ENGINE_ABI_VERSION:
      return choice == 1 ? input_u32() : MIDGE_ABI_VERSION;
    case ENGINE_INPUT_PTR:
      return any_place(module, INPUT_AT, length);
    case ENGINE_ARGUMENT_PTR:
      return any_place(module, INPUT_AT, length);
    case ENGINE_NEXT_SENDS:
      return any_records(module, choice, MIDGE_SEND_SIZE, module->endless_sends);
    case ENGINE_NEXT_EVENTS:
      return any_records(module, choice, MIDGE_EVENT_SIZE, module->endless_events);
    case ENGINE_SENDS_PTR:
    case ENGINE_EVENTS_PTR:
      return choice == 1 ? any_number(module) : module->records;
    case ENGINE_OPEN:
      return any_handle(module, choice);
    case ENGINE_NEXT_DEADLINE:
      return any_deadline(module, choice);
    default:
      return choice == 1 ? any_number(module) : MIDGE_OK;
  }
}

struct engine *engine_create(const char **fault) {
  const uint8_t choice = input_u8();
  struct hostile_engine *made = calloc(1, sizeof *made);
  *fault = "no memory for another instance";
  if (made == NULL || choice == 0xff) {
    free(made);
    return NULL;
  }
  made->endless_sends = (choice & 0x10) != 0;
  made->endless_events = (choice & 0x20) != 0;
  made->is_patient = (choice & 0x40) == 0;
  /* A module may have no memory at all; most need two pages, for the input that a broker reads at once. */
  made->size = choice == 0xfe ? 0 : ((choice + 1) % PAGES_MAX + 1) * PAGE;
  if (made->size > 0) made->memory = calloc(1, made->size);
  if (made->size > 0 && made->memory == NULL) {
    free(made);
    return NULL;
  }
  for (uint32_t i = 0; i < WORD_COUNT; i++) store(made, WORDS_AT + i * WORD_SIZE, WORDS[i], (uint32_t)strlen(WORDS[i]));
  return &made->engine;
}

void engine_destroy(struct engine *engine) {
  struct hostile_engine *module = (struct hostile_engine *)engine;
  free(module->memory);
  free(module);
}

uint8_t *engine_memory(const struct engine *engine, uint64_t *size) {
  const struct hostile_engine *module = (const struct hostile_engine *)engine;
  *size = module->size;
  return module->memory;
}

const char *engine_name(void) {
  return "hostile";
}

uint32_t engine_run(struct engine *engine, enum engine_export export, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  struct hostile_engine *module = (struct hostile_engine *)engine;
  (void)b;
  (void)c;
  (void)d;
  watch_host(module, export);
  uint32_t result;
  if (module->is_patient && answer_setup(module, export, &result)) return result;
  const uint8_t first = input_u8();
  const uint8_t change = first >> CHANGE_SHIFT;
  if (change >= MOVES && module->size > 0) move_memory(module, change == GROWS);
  if (change == SCRIBBLES || change == MOVES_AND_SCRIBBLES) scribble(module);
  if ((first & CHOICE) == TRAPS) {
    engine_fail(engine, "trap");
    return 0;
  }
  return answer(module, export, first & CHOICE, export == ENGINE_INPUT_PTR ? PAGE : a);
}
