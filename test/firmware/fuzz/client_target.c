/* The whole client of the C host as an application sees it (midge.h), between a hostile module and a network that does what a
 * network may do. */
#include <string.h>

#include "input.h"
#include "midge.h"
#include "network.h"

#define CALLS_MAX 64
/* Calls of midge_poll() in which a client that was told to leave need not have left: that is its module's affair. */
#define LEAVING_POLLS 20

size_t network_arrive(uint32_t connection, uint8_t *to, size_t length) {
  (void)connection;
  const size_t wanted = input_u8();
  if (length > wanted + 1) length = wanted + 1;
  input_bytes(to, length);
  return length;
}

/* What an application may do at any time, in callbacks too. */
static void act(struct midge *client, uint8_t choice) {
  static const uint8_t properties[] = {38, 0, 1, 'k', 0, 1, 'v'};
  switch (choice % 8) {
    case 1:
      midge_publish(client, "a/b", "payload", 7, choice >> 6, (choice & 0x20) != 0);
      break;
    case 2:
      midge_publish_with(client, "a", NULL, 0, 1, false, properties, sizeof properties);
      break;
    case 3:
      midge_subscribe(client, "a/#", choice >> 3);
      break;
    case 4:
      midge_unsubscribe(client, "a/#");
      break;
    case 5:
      midge_matches(client, "a/+", "a/b");
      break;
    case 6:
      midge_disconnect(client);
      break;
    case 7:
      midge_connect(client);
      break;
    default:
      midge_sleep_ms(client);
      midge_wants_write(client);
      midge_fd(client);
  }
}

static void act_in_callback(struct midge *client) {
  if (midge_poll(client, 0) != MIDGE_IN_CALLBACK) finding("midge_poll() works in a callback");
  if (midge_destroy(client) != MIDGE_BAD_STATE) finding("midge_destroy() works in a callback");
  act(client, input_u8());
}

/* Texts have a zero behind them. */
static void read_text(const char *text, size_t length) {
  read_bytes(text, length);
  if (text[length] != '\0') finding("a text of a callback has no zero behind it");
}

static void handle_message(struct midge *client, const struct midge_message *message, void *context) {
  (void)context;
  read_text(message->topic, message->topic_length);
  read_text(message->payload, message->payload_length);
  read_bytes(message->properties, message->properties_length);
  act_in_callback(client);
}

static void handle_connected(struct midge *client, const struct midge_connected *connected, void *context) {
  (void)context;
  read_bytes(connected->properties, connected->properties_length);
  act_in_callback(client);
}

static void handle_disconnected(struct midge *client, const struct midge_disconnected *disconnected, void *context) {
  (void)context;
  read_text(disconnected->reason, strlen(disconnected->reason));
  read_bytes(disconnected->properties, disconnected->properties_length);
  act_in_callback(client);
}

static void handle_completed(struct midge *client, const struct midge_completed *completed, void *context) {
  (void)context;
  read_bytes(completed->properties, completed->properties_length);
  act_in_callback(client);
}

static void run(struct midge *client) {
  midge_connect(client);
  for (int count = 0; count < CALLS_MAX && !input_is_over(); count++) {
    const uint8_t choice = input_u8();
    if (choice < 0x80) midge_poll(client, (choice & 1) != 0 ? -1 : choice);
    else act(client, choice);
  }
  midge_disconnect(client);
  for (int count = 0; count < LEAVING_POLLS; count++) midge_poll(client, -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input_begin(data, size);
  network_begin();
  const uint8_t choice = input_u8();
  struct midge_options options = {.protocol_level = choice % 4 == 0 ? 0 : 2 + choice % 4, .keep_session = (choice & 4) != 0};
  if ((choice & 8) != 0) options.will = (struct midge_will){.topic = "will", .payload = "gone", .payload_length = 4};
  if ((choice & 0x10) != 0) options.record_path = "/dev/null";
  if ((choice & 0x20) != 0) allocation_fails(input_u8());
  if ((choice & 0x40) == 0) {
    options.handlers = (struct midge_handlers){.message = handle_message,
                                               .connected = handle_connected,
                                               .disconnected = handle_disconnected,
                                               .completed = handle_completed};
  }
  const char *fault = NULL;
  struct midge *client = midge_create(&options, &fault);
  if (client != NULL) {
    run(client);
    midge_destroy(client);
  } else if (fault == NULL) finding("midge_create() fails and does not say why");
  network_end();
  return 0;
}
