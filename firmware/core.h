/* What host/core.ts is for Node: the only file that reads and writes the module's memory. Every offset and length that
 * comes out of the module is checked before it is used; one that is wrong ends the instance (engine_fail()), so that a
 * hostile module can spoil its own work and nothing of ours. Pointers into the memory are made anew after each call, as it
 * may have moved. */
#ifndef MIDGE_CORE_H
#define MIDGE_CORE_H

#include <sys/uio.h>

#include "engine.h"

/* Bytes in the module's memory or in a copy of it: not a string, no zero behind it. */
struct core_bytes {
  const uint8_t *bytes;
  uint32_t length;
};

/* An event record, its bytes copied, with a zero behind each of the three: valid until the next drain. */
struct core_event {
  uint32_t kind;
  uint32_t connection;
  uint32_t code;
  uint32_t detail;
  struct core_bytes a, b, c;
};

/* An instance of the module and what the host keeps to drain it. */
struct core {
  struct engine *engine;
  /* Its input buffer. */
  uint32_t input, input_max;
  /* Copies of events on hand: event records, then their bytes. */
  struct core_event *events;
  size_t event_count, event_capacity;
  uint8_t *event_bytes;
  size_t event_bytes_capacity;
};

/* Most ranges that one call of core_send is given. */
#define CORE_RANGES_MAX 64

/* Sends `ranges` on `connection`, in order, without waiting. Returns how many of their bytes were taken; with fewer than all of
 * them the connection gets no more until engine_handle_writable(). Ranges are in the module's memory and may be changed. */
typedef size_t core_send(void *owner, uint32_t connection, struct iovec *ranges, int count);

/* Acts on an event; it may call the engine, and may begin another drain only when this one is over. */
typedef void core_event_handler(void *owner, const struct core_event *event);

/* A fresh instance with an input buffer of `input_max` bytes (64 and up). False: *fault says why. */
bool core_create(struct core *core, uint32_t input_max, uint32_t seed, struct recorder *recorder, const char **fault);

void core_destroy(struct core *core);

/* `length` bytes at `pointer` in the module's memory; NULL and the end of the instance when they are not all inside. */
uint8_t *core_at(struct engine *engine, uint32_t pointer, uint32_t length);

/* Where the host reads a connection's bytes into, core->input_max of them; NULL when the instance has ended. */
uint8_t *core_input(struct core *core);

/* Puts the parts, one behind the other, where the next command takes its argument from. False when they are larger than
 * any packet may be, or the instance has ended. */
bool core_write_argument(struct core *core, const struct core_bytes *parts, size_t count);

/* Sets a text of the ABI (MIDGE_TEXT_*); returns the core's status. */
uint32_t core_set_text(struct core *core, uint32_t text, const void *bytes, uint32_t length);

/* Takes what the core wants to send. Returns false when there was nothing. */
bool core_drain_sends(struct core *core, core_send *send, void *owner);

/* Takes the events there are: copies them, gives them back to the core, then calls `handle` with each. False: none. */
bool core_drain_events(struct core *core, core_event_handler *handle, void *owner);

/* A 32-bit number of the module, which is little-endian everywhere. */
static inline uint32_t core_u32(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

#endif
