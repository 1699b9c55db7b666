/* The client for programs, as host/client-machine.ts: joins a socket to the core and acts on its events. Decides nothing
 * about MQTT. A turn (driver.h) goes from the first command after a midge_poll(), or what wakes it, to its end. */
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "record.h"

/* Bytes of one read; a board's build sets fewer. */
#ifndef MIDGE_CLIENT_INPUT_MAX
#define MIDGE_CLIENT_INPUT_MAX 65536u
#endif
/* Turns of one midge_poll() that follow each other without a wait: a module that always wants another must not keep the
 * application from its work. */
#define TURNS_MAX 10
#define HOST_DEFAULT "127.0.0.1"
#define PORT_DEFAULT 1883

static const struct driver_handlers HANDLERS = {.send = client_events_send, .event = client_events_act};

/* What of it there is. */
static void free_client(struct midge *client) {
  client_link_destroy(&client->link);
  if (client->core.engine != NULL) core_destroy(&client->core);
  if (client->loop != NULL) loop_destroy(client->loop);
  if (client->recorder != NULL) recorder_destroy(client->recorder);
  free(client);
}

/* NULL, or why there can be no such client. */
static const char *set_up(struct midge *client, const struct midge_options *options) {
  const char *fault = NULL;
  const char *host = options->host == NULL ? HOST_DEFAULT : options->host;
  const uint16_t port = options->port == 0 ? PORT_DEFAULT : options->port;
  client->loop = loop_create();
  if (client->loop == NULL) return strerror(errno);
  if (!client_link_init(&client->link, &client->driver, client->loop, host, port)) return "no memory";
  if (options->record_path != NULL) {
    client->recorder = recorder_create(options->record_path);
    if (client->recorder == NULL) return "record_path is no file that can be written";
  }
  if (!core_create(&client->core, MIDGE_CLIENT_INPUT_MAX, clock_seed(), client->recorder, &fault)) return fault;
  driver_init(&client->driver, &client->core, &HANDLERS, client);
  fault = client_options_apply(client, options);
  return fault == NULL ? midge_fault(client) : fault;
}

struct midge *midge_create(const struct midge_options *options, const char **fault) {
  const char *unheard;
  const char **why = fault == NULL ? &unheard : fault;
  struct midge *client = calloc(1, sizeof *client);
  *why = "no memory";
  if (client == NULL) return NULL;
  client->link.fd = -1;
  client->handlers = options->handlers;
  client->wake_at_ms = UINT64_MAX;
  *why = set_up(client, options);
  if (*why == NULL) return client;
  free_client(client);
  return NULL;
}

uint32_t midge_destroy(struct midge *client) {
  if (client == NULL) return MIDGE_OK;
  if (client->in_callback) return MIDGE_BAD_STATE;
  free_client(client);
  return MIDGE_OK;
}

int midge_state(const struct midge *client) {
  if (midge_fault(client) != NULL) return MIDGE_FAILED;
  /* The broker has still to take the end of it. */
  if (client->state == MIDGE_ENDED && client->link.state == LINK_LINGERING) return MIDGE_ENDING;
  return client->state;
}

const char *midge_fault(const struct midge *client) {
  return engine_fault(client->core.engine);
}

/* The core, with its clock set. An application that comes late must not take a broker for dead whose answer waits in the
 * socket: so to the core the time in between is one in which nobody has read. */
static struct engine *begin_turn(struct midge *client) {
  struct engine *engine = client->core.engine;
  struct loop_ready ready;
  const bool is_late = !client->driver.in_turn && clock_ms() >= client->wake_at_ms;
  if (!is_late || client->link.state != LINK_OPEN || loop_wait(client->loop, &ready, 1, 0) == 0 || !ready.readable) {
    return driver_core(&client->driver)->engine;
  }
  engine_handle_paused(engine, 1);
  driver_core(&client->driver);
  engine_handle_paused(engine, 0);
  return engine;
}

uint32_t midge_connect(struct midge *client) {
  if (midge_fault(client) != NULL) return MIDGE_BAD_STATE;
  const uint32_t status = engine_connect(begin_turn(client));
  if (status == MIDGE_OK) client->state = MIDGE_CONNECTING;
  return status;
}

uint32_t midge_disconnect(struct midge *client) {
  if (midge_fault(client) != NULL) return MIDGE_BAD_STATE;
  const uint32_t status = engine_disconnect(begin_turn(client), 0, 0);
  if (status == MIDGE_OK) client->state = MIDGE_ENDING;
  return status;
}

/* A topic, properties and a payload for the next command. Returns MIDGE_OK, or why not. */
static uint32_t write_argument(struct midge *client, const char *topic, const void *properties, size_t properties_length,
                               const void *payload, size_t payload_length) {
  if (midge_fault(client) != NULL) return MIDGE_BAD_STATE;
  if (topic == NULL) return MIDGE_BAD_TOPIC;
  if ((properties == NULL && properties_length > 0) || (payload == NULL && payload_length > 0)) return MIDGE_BAD_ARGUMENT;
  if (properties_length > 0 && !client->is_5) return MIDGE_NOT_SUPPORTED;
  const size_t topic_length = strlen(topic), most = client->packet_size_max;
  /* Before the core makes room for it, which a board may not have. */
  if (topic_length > most || properties_length > most || payload_length > most) return MIDGE_TOO_LARGE;
  const struct core_bytes parts[] = {
      {.bytes = (const uint8_t *)topic, .length = (uint32_t)topic_length},
      {.bytes = properties, .length = (uint32_t)properties_length},
      {.bytes = payload, .length = (uint32_t)payload_length},
  };
  begin_turn(client);
  if (core_write_argument(&client->core, parts, 3)) return MIDGE_OK;
  return midge_fault(client) == NULL ? MIDGE_TOO_LARGE : MIDGE_BAD_STATE;
}

/* What a command has returned, unless it was its end. */
static uint32_t result_of(struct midge *client, uint32_t result) {
  return midge_fault(client) == NULL ? result : MIDGE_BAD_STATE;
}

uint32_t midge_publish(struct midge *client, const char *topic, const void *payload, size_t payload_length, unsigned qos,
                       bool retain) {
  return midge_publish_with(client, topic, payload, payload_length, qos, retain, NULL, 0);
}

uint32_t midge_publish_with(struct midge *client, const char *topic, const void *payload, size_t payload_length, unsigned qos,
                            bool retain, const void *properties, size_t properties_length) {
  if (qos > 2) return MIDGE_BAD_ARGUMENT;
  const uint32_t status = write_argument(client, topic, properties, properties_length, payload, payload_length);
  if (status != MIDGE_OK) return status;
  const uint32_t flags = qos << MIDGE_PUBLISH_QOS_SHIFT | (retain ? MIDGE_PUBLISH_RETAIN : 0);
  return result_of(client, engine_publish(client->core.engine, (uint32_t)strlen(topic), (uint32_t)properties_length,
                                          (uint32_t)payload_length, flags));
}

uint32_t midge_subscribe(struct midge *client, const char *filter, unsigned options) {
  return midge_subscribe_with(client, filter, options, NULL, 0);
}

uint32_t midge_subscribe_with(struct midge *client, const char *filter, unsigned options, const void *properties,
                              size_t properties_length) {
  const uint32_t status = write_argument(client, filter, properties, properties_length, NULL, 0);
  if (status != MIDGE_OK) return status;
  const uint32_t length = (uint32_t)strlen(filter);
  return result_of(client, engine_subscribe(client->core.engine, length, (uint32_t)properties_length, options));
}

uint32_t midge_unsubscribe(struct midge *client, const char *filter) {
  const uint32_t status = write_argument(client, filter, NULL, 0, NULL, 0);
  if (status != MIDGE_OK) return status;
  return result_of(client, engine_unsubscribe(client->core.engine, (uint32_t)strlen(filter), 0));
}

bool midge_matches(struct midge *client, const char *filter, const char *topic) {
  const size_t topic_length = topic == NULL ? 0 : strlen(topic);
  if (write_argument(client, filter, NULL, 0, topic, topic_length) != MIDGE_OK) return false;
  return engine_filter_matches(client->core.engine, (uint32_t)strlen(filter), (uint32_t)topic_length) != 0;
}

/* Does what is to be done, until there is nothing but to wait. */
static void settle(struct midge *client) {
  int sleep_ms, turns = 0;
  do {
    begin_turn(client);
    sleep_ms = driver_sleep_ms(&client->driver);
    client_link_advance(&client->link);
  } while (client->driver.in_turn && midge_fault(client) == NULL && ++turns < TURNS_MAX);
  sleep_ms = loop_earlier_ms(sleep_ms, client_link_sleep_ms(&client->link));
  client->wake_at_ms = sleep_ms < 0 ? UINT64_MAX : clock_ms() + (uint64_t)sleep_ms;
  if (midge_fault(client) != NULL) client_link_drop(&client->link);
}

int midge_poll(struct midge *client, int timeout_ms) {
  struct loop_ready ready;
  if (client->in_callback) return MIDGE_IN_CALLBACK;
  client->has_told = false;
  settle(client);
  if (midge_state(client) <= MIDGE_ENDED) return midge_state(client);
  const int wait_ms = client->has_told ? 0 : loop_earlier_ms(midge_sleep_ms(client), timeout_ms);
  if (loop_wait(client->loop, &ready, 1, wait_ms) > 0) client_link_serve(&client->link, &ready);
  settle(client);
  return midge_state(client);
}

int midge_fd(const struct midge *client) {
  return client->link.fd;
}

bool midge_wants_write(const struct midge *client) {
  return client_link_wants_write(&client->link);
}

int midge_sleep_ms(const struct midge *client) {
  if (client->driver.in_turn) return 0;
  if (client->wake_at_ms == UINT64_MAX) return -1;
  const uint64_t now_ms = clock_ms();
  return now_ms >= client->wake_at_ms ? 0 : (int)(client->wake_at_ms - now_ms);
}
