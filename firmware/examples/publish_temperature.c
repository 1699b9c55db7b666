/* Publishes the temperature of this machine at QoS 1, every few seconds, until Ctrl-C. Its topic says "offline" when it is
 * gone without a word.
 *
 *   publish-temperature HOST PORT TOPIC [SECONDS] */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "midge.h"

static volatile sig_atomic_t ending;

static void handle_signal(int number) {
  (void)number;
  ending = 1;
}

/* Degrees Celsius: what the first sensor says, or, on a machine without one, 20 to 26 within a minute. */
static double temperature(void) {
  long millidegrees;
  FILE *file = fopen("/sys/class/thermal/thermal_zone0/temp", "r");
  const int found = file == NULL ? 0 : fscanf(file, "%ld", &millidegrees);
  if (file != NULL) fclose(file);
  return found == 1 ? (double)millidegrees / 1000 : 20 + (double)(time(NULL) % 60) / 10;
}

static void handle_connected(struct midge *client, const struct midge_connected *connected, void *context) {
  (void)client, (void)connected, (void)context;
  puts("connected");
}

static void handle_disconnected(struct midge *client, const struct midge_disconnected *disconnected, void *context) {
  (void)client, (void)context;
  printf("%s\n", disconnected->reason);
}

static void handle_completed(struct midge *client, const struct midge_completed *completed, void *context) {
  int *waiting = context;
  (void)client;
  (*waiting)--;
  if (completed->code >= MIDGE_COMPLETED_REFUSED) printf("not published: %s\n", midge_code_text(completed->code));
}

static void publish(struct midge *client, const char *topic, int *waiting) {
  char text[16];
  const int length = snprintf(text, sizeof text, "%.1f", temperature());
  const uint32_t token = midge_publish(client, topic, text, (size_t)length, 1, true);
  if (midge_is_refused(token)) printf("not published: %s\n", midge_error_text(token));
  else (*waiting)++;
}

/* Until a signal; then until all is acknowledged, if somebody is there to do it, and the broker knows that this is the end. */
static void run(struct midge *client, const char *topic, int seconds, int *waiting) {
  time_t next = 0;
  while (!ending && midge_state(client) > MIDGE_ENDED) {
    if (time(NULL) >= next) {
      publish(client, topic, waiting);
      next = time(NULL) + seconds;
    }
    midge_poll(client, 200);
  }
  while (*waiting > 0 && midge_poll(client, 1000) == MIDGE_ONLINE) {
  }
  midge_disconnect(client);
  while (midge_poll(client, -1) > MIDGE_ENDED) {
  }
}

int main(int count, char **arguments) {
  const char *fault;
  int waiting = 0;
  if (count < 4) {
    fprintf(stderr, "Usage: %s HOST PORT TOPIC [SECONDS]\n", arguments[0]);
    return 1;
  }
  const struct midge_options options = {
      .host = arguments[1],
      .port = (uint16_t)atoi(arguments[2]),
      .will = {.topic = arguments[3], .payload = "offline", .payload_length = 7, .qos = 1, .retain = true},
      .handlers = {.connected = handle_connected,
                   .disconnected = handle_disconnected,
                   .completed = handle_completed,
                   .context = &waiting},
  };
  struct midge *client = midge_create(&options, &fault);
  if (client == NULL) {
    fprintf(stderr, "%s\n", fault);
    return 1;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGINT, handle_signal);
  signal(SIGTERM, handle_signal);
  midge_connect(client);
  run(client, arguments[3], count > 4 ? atoi(arguments[4]) : 10, &waiting);
  fault = midge_fault(client);
  if (fault != NULL) fprintf(stderr, "%s\n", fault);
  midge_destroy(client);
  return fault == NULL ? 0 : 1;
}
