/* The whole broker with the real module, compiled to C, and any packets in any pieces on several connections. The module must
 * not trap whatever arrives, and the recording of the run must replay to the same bytes. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "broker.h"
#include "broker_log.h"
#include "core.h"
#include "input.h"
#include "network.h"
#include "packets.h"
#include "record.h"
#include "replay.h"

#define TURNS_MAX 100
#define LEAVING_TURNS_MAX 20
#define HURRY_MS 1000u
/* Fewer than the network has, so that it is reached. */
#define CONNECTIONS_MAX 12u
/* Numbers that the network gives to connections. */
#define NUMBERS_MAX 32u

/* What of a connection's last packet has not arrived yet. */
static struct pending {
  uint8_t bytes[PACKET_MAX];
  size_t length;
} pending[NUMBERS_MAX];

size_t network_arrive(uint32_t connection, uint8_t *to, size_t length) {
  struct pending *rest = &pending[connection % NUMBERS_MAX];
  if (rest->length == 0) rest->length = packet_make(rest->bytes);
  const uint8_t choice = input_u8();
  const size_t piece = choice < 0x80 || choice - 0x7fu >= rest->length ? rest->length : choice - 0x7fu;
  if (piece > length) finding("the broker has less room for its input than one packet of this test");
  memcpy(to, rest->bytes, piece);
  memmove(rest->bytes, rest->bytes + piece, rest->length - piece);
  rest->length -= piece;
  return piece;
}

static void run(struct broker *broker) {
  bool has_left = false;
  if (!broker_listen(broker, network_listen())) finding("broker_listen() fails");
  for (int turn = 0; turn < TURNS_MAX && !input_is_over(); turn++) broker_turn(broker, -1);
  network_hurry(HURRY_MS);
  broker_shut_down(broker);
  for (int turn = 0; turn < LEAVING_TURNS_MAX && !has_left; turn++) has_left = broker_turn(broker, -1) != BROKER_RUNS;
  if (!has_left) finding("broker_shut_down() does not come to an end");
  if (broker_fault(broker) != NULL) finding(broker_fault(broker));
}

static void play(int memory) {
  struct replay_report report;
  FILE *file = fdopen(memory, "rb");
  if (file == NULL) abort();
  rewind(file);
  if (!replay(file, &report)) finding(report.difference);
  if (report.is_cut) finding("a recording is cut off");
  fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static FILE *nowhere;
  if (nowhere == NULL) nowhere = fopen("/dev/null", "w");
  input_begin(data, size);
  network_begin();
  memset(pending, 0, sizeof pending);
  const char *fault;
  const uint8_t choice = input_u8();
  char path[64];
  int memory = -1;
  struct broker_options options = {.seed = choice};
  if ((choice & 1) != 0) {
    memory = memfd_create("recording", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    options.recorder = recorder_create(path);
    if (options.recorder == NULL) abort();
  }
  struct broker_log *log = (choice & 2) != 0 ? broker_log_create(BROKER_LOG_ALL) : NULL;
  struct broker *broker = broker_create(&options, &fault);
  if (broker == NULL) finding(fault);
  engine_set_option(broker_core(broker)->engine, MIDGE_OPTION_CONNECTIONS_MAX, CONNECTIONS_MAX);
  if (log != NULL && broker_log_to(log, nowhere)) broker_set_log(broker, log);
  run(broker);
  broker_destroy(broker);
  if (log != NULL) broker_log_destroy(log);
  network_end();
  if (memory < 0) return 0;
  if (!recorder_destroy(options.recorder)) finding("a recording is not whole");
  play(memory);
  return 0;
}
