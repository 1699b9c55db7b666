/* A client from the inside, for the files that are one: client.c (what an application calls), client_events.c (what it is
 * told), client_link.c (the socket), client_options.c and client_texts.c. */
#ifndef MIDGE_CLIENT_H
#define MIDGE_CLIENT_H

#include "client_link.h"
#include "driver.h"
#include "loop.h"
#include "midge.h"

/* Room for why a connection is over. */
#define CLIENT_REASON_MAX 192

struct midge {
  struct core core;
  struct driver driver;
  struct loop *loop;
  struct client_link link;
  struct midge_handlers handlers;
  struct recorder *recorder;
  /* Never MIDGE_FAILED: that is a fault of the core. */
  enum midge_state state;
  bool is_5;
  /* 5.0: the session outlives its connection, so it begins anew only once. */
  bool session_outlives;
  uint32_t packet_size_max;
  bool in_callback;
  /* A callback was made in this midge_poll(). */
  bool has_told;
  /* When midge_poll() is due whatever happens; UINT64_MAX: never. */
  uint64_t wake_at_ms;
};

/* What the driver calls (struct driver_handlers); `owner`: the client. */
size_t client_events_send(void *owner, uint32_t connection, struct iovec *ranges, int count);
void client_events_act(void *owner, const struct core_event *event);

/* Sets all of `options` in the core. Returns NULL, or what is wrong with one of them. */
const char *client_options_apply(struct midge *client, const struct midge_options *options);

/* Writes in words why a connection is over: `event` is EVENT_OFFLINE; `fault`: what the system says, or NULL. */
void client_texts_offline(char text[static CLIENT_REASON_MAX], const struct core_event *event, const struct midge *client,
                          const char *fault);

#endif
