/* Subscribes to topic filters at QoS 1 and prints each message, until Ctrl-C.
 *
 *   print-subscription HOST PORT FILTER... */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "midge.h"

static volatile sig_atomic_t ending;

static void handle_signal(int number) {
  (void)number;
  ending = 1;
}

static void handle_message(struct midge *client, const struct midge_message *message, void *context) {
  (void)client, (void)context;
  printf("%s ", message->topic);
  fwrite(message->payload, 1, message->payload_length, stdout);
  putchar('\n');
}

static void handle_disconnected(struct midge *client, const struct midge_disconnected *disconnected, void *context) {
  (void)client, (void)context;
  fprintf(stderr, "%s\n", disconnected->reason);
}

static void handle_completed(struct midge *client, const struct midge_completed *completed, void *context) {
  (void)client, (void)context;
  if (completed->code >= MIDGE_COMPLETED_REFUSED) fprintf(stderr, "not subscribed: %s\n", midge_code_text(completed->code));
  else fprintf(stderr, "subscribed, QoS %u\n", (unsigned)completed->code);
}

int main(int count, char **arguments) {
  const char *fault;
  if (count < 4) {
    fprintf(stderr, "Usage: %s HOST PORT FILTER...\n", arguments[0]);
    return 1;
  }
  const struct midge_options options = {
      .host = arguments[1],
      .port = (uint16_t)atoi(arguments[2]),
      .handlers = {.message = handle_message, .disconnected = handle_disconnected, .completed = handle_completed},
  };
  struct midge *client = midge_create(&options, &fault);
  if (client == NULL) {
    fprintf(stderr, "%s\n", fault);
    return 1;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGINT, handle_signal);
  signal(SIGTERM, handle_signal);
  for (int i = 3; i < count; i++) {
    const uint32_t token = midge_subscribe(client, arguments[i], 1);
    if (midge_is_refused(token)) fprintf(stderr, "%s: %s\n", arguments[i], midge_error_text(token));
  }
  midge_connect(client);
  while (!ending && midge_poll(client, 1000) > MIDGE_ENDED) {
  }
  midge_disconnect(client);
  while (midge_poll(client, -1) > MIDGE_ENDED) {
  }
  fault = midge_fault(client);
  if (fault != NULL) fprintf(stderr, "%s\n", fault);
  midge_destroy(client);
  return fault == NULL ? 0 : 1;
}
