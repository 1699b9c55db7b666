/* The whole broker of the C host, broker_turn() by broker_turn(), between a hostile module and a network that does what a
 * network may do. It must never use memory or a socket that is not there, and come to its end in bounded time. */
#include <stdio.h>

#include "broker.h"
#include "broker_log.h"
#include "input.h"
#include "net.h"
#include "network.h"
#include "record.h"

#define TURNS_MAX 100
/* Turns of which each lasts HURRY_MS, until the broker has left: more than the seconds that broker.h says. */
#define LEAVING_TURNS_MAX 20
#define HURRY_MS 1000u

size_t network_arrive(uint32_t connection, uint8_t *to, size_t length) {
  (void)connection;
  const size_t wanted = input_u8();
  if (length > wanted + 1) length = wanted + 1;
  input_bytes(to, length);
  return length;
}

static void leave(struct broker *broker) {
  network_hurry(HURRY_MS);
  broker_shut_down(broker);
  for (int turn = 0; turn < LEAVING_TURNS_MAX; turn++) {
    if (broker_turn(broker, -1) != BROKER_RUNS) return;
  }
  finding("broker_shut_down() does not come to an end");
}

static void run(struct broker *broker, uint8_t choice) {
  for (int count = 0; count < 1 + (choice & 1); count++) {
    const int listener = network_listen();
    if (!broker_listen(broker, listener)) net_close(listener);
  }
  for (int turn = 0; turn < TURNS_MAX && !input_is_over(); turn++) {
    const enum broker_state state = broker_turn(broker, (choice & 4) != 0 ? 10 : -1);
    if (state == BROKER_ENDED) finding("the broker leaves unasked");
    if (state == BROKER_FAILED && broker_fault(broker) == NULL) finding("the broker fails and does not say why");
    if (state == BROKER_FAILED) return;
  }
  if ((choice & 8) == 0) leave(broker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static FILE *nowhere;
  if (nowhere == NULL) nowhere = fopen("/dev/null", "w");
  input_begin(data, size);
  network_begin();
  const char *fault;
  const uint8_t choice = input_u8();
  if ((choice & 0x40) != 0) allocation_fails(input_u8());
  struct broker_options options = {.seed = choice};
  if ((choice & 0x10) != 0) options.recorder = recorder_create("/dev/null");
  struct broker_log *log = (choice & 0x20) != 0 ? broker_log_create(BROKER_LOG_ALL) : NULL;
  struct broker *broker = broker_create(&options, &fault);
  if (broker != NULL) {
    if (log != NULL && broker_log_to(log, nowhere)) broker_set_log(broker, log);
    run(broker, choice);
    broker_destroy(broker);
  } else if (fault == NULL) finding("broker_create() fails and does not say why");
  if (log != NULL) broker_log_destroy(log);
  if (options.recorder != NULL) recorder_destroy(options.recorder);
  network_end();
  return 0;
}
