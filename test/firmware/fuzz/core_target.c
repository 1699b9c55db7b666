/* core.c and record.c against a hostile module, call by call: what core.h hands out lies inside the module's memory, and
 * every byte of it can be read and, where it may be, written. */
#include <string.h>

#include "core.h"
#include "input.h"
#include "record.h"

#define CALLS_MAX 64
#define PARTS_MAX 4

static size_t send_some(void *owner, uint32_t connection, struct iovec *ranges, int count) {
  size_t length = 0;
  (void)owner;
  (void)connection;
  if (count < 1 || count > CORE_RANGES_MAX) finding("more ranges than core.h promises");
  for (int i = 0; i < count; i++) {
    read_bytes(ranges[i].iov_base, ranges[i].iov_len);
    length += ranges[i].iov_len;
    ranges[i] = (struct iovec){0};
  }
  const uint8_t choice = input_u8();
  return choice < 0x80 || length < choice ? length : choice - 0x80u;
}

static void read_event(void *owner, const struct core_event *event) {
  struct core *core = owner;
  read_bytes(event->a.bytes, event->a.length);
  read_bytes(event->b.bytes, event->b.length);
  read_bytes(event->c.bytes, event->c.length);
  /* A handler may call the core, whose memory may move then. */
  if ((event->detail & 1) != 0) engine_handle_writable(core->engine, event->connection);
}

static void write_argument(struct core *core) {
  static const uint8_t text[4096];
  struct core_bytes parts[PARTS_MAX];
  const uint8_t choice = input_u8();
  const size_t count = choice % (PARTS_MAX + 1);
  for (size_t i = 0; i < count; i++) {
    const uint32_t length = (uint32_t)input_u8() * (choice >> 4);
    parts[i] = (struct core_bytes){.bytes = length == 0 ? NULL : text, .length = length};
    /* Never read: the sum alone is over what an argument may have. */
    if (choice == 0xff) parts[i].length = MIDGE_ARGUMENT_MAX;
  }
  core_write_argument(core, parts, count);
}

static void call(struct core *core, uint8_t choice) {
  uint8_t *input;
  switch (choice % 7) {
    case 1:
      core_drain_sends(core, send_some, core);
      break;
    case 2:
      core_drain_events(core, read_event, core);
      break;
    case 3:
      write_argument(core);
      break;
    case 4:
      core_set_text(core, MIDGE_TEXT_CLIENT_ID, "text", 4);
      break;
    case 5:
      input = core_input(core);
      if (input == NULL) break;
      memset(input, choice, core->input_max);
      engine_handle_bytes(core->engine, MIDGE_CLIENT_CONNECTION, core->input_max - (choice >> 4) % core->input_max);
      break;
    case 6:
      engine_handle_closed(core->engine, MIDGE_CLIENT_CONNECTION);
      break;
    default:
      engine_handle_time(core->engine, input_u8());
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct core core;
  const char *fault;
  input_begin(data, size);
  const uint8_t choice = input_u8();
  if ((choice & 4) != 0) allocation_fails(input_u8());
  struct recorder *recorder = (choice & 1) != 0 ? recorder_create("/dev/null") : NULL;
  const uint32_t input_max = (choice & 2) != 0 ? 64 : (uint32_t)choice << 9 | 64;
  if (core_create(&core, input_max, choice, recorder, &fault)) {
    for (int count = 0; count < CALLS_MAX && !input_is_over(); count++) call(&core, input_u8());
    core_destroy(&core);
  } else if (fault == NULL) finding("core_create() fails and does not say why");
  if (recorder != NULL && !recorder_destroy(recorder)) finding("a recording into /dev/null is not whole");
  return 0;
}
