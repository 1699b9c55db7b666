/* Connections without messages: what an idle one costs in memory, and what coming and going costs in CPU time.
 * Never more than CONNECTING_MAX wait for their CONNACK: beyond a broker's listen backlog (100 at mosquitto) the kernel
 * drops handshakes and the measurement becomes one of TCP's retransmission timer. */
#include "client.h"
#include "fail.h"
#include "scenario.h"

enum { CONNECTING_MAX = 50 };

static uint32_t accepted; /* CONNACKs so far */

static void handle_connack(struct connection *connection, uint8_t first, const uint8_t *body, size_t length) {
  client_check_connack(connection, first, body, length);
  accepted++;
}

static bool is_accepted(void *target) { return accepted + CONNECTING_MAX > *(uint32_t *)target; }

static bool all_accepted(void *target) { return accepted == *(uint32_t *)target; }

static void open_idle(struct connection *connections, uint32_t from, uint32_t to, uint16_t port) {
  for (uint32_t i = from; i < to; i++) {
    connections[i].name = "an idle connection";
    connections[i].handle_packet = handle_connack;
    client_connect(&connections[i], port);
    scenario_wait(is_accepted, &i, "CONNACK");
  }
  scenario_wait(all_accepted, &to, "CONNACK");
}

void connections_run_idle(const struct options *options, struct report *report) {
  struct connection *connections = fail_calloc(options->count, sizeof *connections);
  uint32_t first = scenario_first_tenth(options);
  open_idle(connections, 0, first, options->port);
  report->memory_before_kb = scenario_settled_kb(options->pid);
  open_idle(connections, first, options->count, options->port);
  report->memory_after_kb = scenario_settled_kb(options->pid);
  report->memory_units = options->count - first;
}

/* The storm: CONNECT, CONNACK, DISCONNECT, end of stream in both directions, and again. */
static struct {
  uint16_t port;
  uint32_t opened, closed, target;
} storm;

static void handle_storm_connack(struct connection *connection, uint8_t first, const uint8_t *body, size_t length) {
  client_check_connack(connection, first, body, length);
  accepted++;
  client_disconnect(connection);
}

static void open_next(struct connection *connection) {
  if (storm.opened == storm.target) return;
  storm.opened++;
  client_connect(connection, storm.port);
}

static void handle_storm_close(struct connection *connection) {
  connection_close(connection);
  storm.closed++;
  if (storm.closed > accepted) fail("the broker closed a connection before CONNACK");
  open_next(connection);
}

static bool storm_is_over(void *unused) {
  (void)unused;
  return storm.closed == storm.target;
}

static void run_storm(struct connection *connections, uint32_t count) {
  storm.target += count;
  for (uint32_t i = 0; i < CONNECTING_MAX; i++) open_next(&connections[i]);
  scenario_wait(storm_is_over, NULL, "connections to come and go");
}

void connections_run_storm(const struct options *options, struct report *report) {
  static struct connection connections[CONNECTING_MAX];
  for (uint32_t i = 0; i < CONNECTING_MAX; i++) {
    connections[i].name = "a short connection";
    connections[i].handle_packet = handle_storm_connack;
    connections[i].handle_close = handle_storm_close;
  }
  storm.port = options->port;
  run_storm(connections, scenario_first_tenth(options));
  report->start = usage_read(options->pid);
  run_storm(connections, options->count);
  report->end = usage_read(options->pid);
  report->units = options->count;
}
