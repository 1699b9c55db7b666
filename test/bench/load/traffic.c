/* Messages from publishers to subscribers, as fast as the broker delivers them: pairs, fan-out, fan-in and filters.
 * Publishers and subscribers are in this one process, so flow control needs no packets: a publisher is never more than
 * `credit` messages ahead of its slowest subscriber, at any QoS. So no broker is driven into dropping what it could
 * have delivered, and none is faster for letting a queue grow. At QoS 0 a publisher sends when half its credit is
 * free, so that the broker finds many messages per read, whatever the broker's own rhythm is. */
#include "client.h"
#include "fail.h"
#include "scenario.h"

#include <string.h>

#define STALL_NS UINT64_C(1000000000) /* QoS 0: what has not come by then is lost */
#define STUCK_NS UINT64_C(5000000000) /* QoS 1 and 2: the broker is broken; at the end, what has not come is lost */

static const struct options *options;
static struct publisher *publishers;
static struct subscriber *subscribers;
static uint64_t *forgiven; /* per publisher: messages below this are no longer waited for */
static bool paired;        /* subscriber i belongs to publisher i alone */
static uint32_t expected_filters;

static bool is_connected(void *unused) {
  (void)unused;
  for (uint32_t i = 0; i < options->publishers; i++) {
    if (!publishers[i].connected) return false;
  }
  for (uint32_t i = 0; i < options->subscribers; i++) {
    if (!subscribers[i].connected) return false;
  }
  return true;
}

static bool is_subscribed(void *unused) {
  (void)unused;
  for (uint32_t i = 0; i < options->subscribers; i++) {
    if (subscribers[i].granted < expected_filters) return false;
  }
  return true;
}

static void open_clients(void) {
  publishers = fail_calloc(options->publishers, sizeof *publishers);
  subscribers = fail_calloc(options->subscribers, sizeof *subscribers);
  forgiven = fail_calloc(options->publishers, sizeof *forgiven);
  for (uint32_t i = 0; i < options->publishers; i++) {
    publisher_open(&publishers[i], options->port, i, options->qos, options->payload, options->window, false);
    publishers[i].topic_first = i;
    publishers[i].topic_count = options->publishers;
  }
  for (uint32_t i = 0; i < options->subscribers; i++) {
    uint32_t heard = paired ? 1 : options->publishers;
    subscriber_open(&subscribers[i], options->port, options->qos, &publishers[0].template,
                    fail_calloc(heard, sizeof(struct stream)), paired ? i : 0, heard);
  }
  scenario_wait(is_connected, NULL, "CONNACK");
}

static void subscribe_all(const char *format, uint32_t first, uint32_t count) {
  for (uint32_t i = 0; i < options->subscribers; i++) {
    subscriber_subscribe(&subscribers[i], format, paired ? i : first, count);
  }
  expected_filters += count;
  scenario_wait(is_subscribed, NULL, "SUBACK");
}

/* The first message of publisher `p` that a subscriber still waits for. */
static uint64_t progress_of(uint32_t p) {
  if (paired) return subscribers[p].streams[0].next;
  uint64_t least = subscribers[0].streams[p].next;
  for (uint32_t i = 1; i < options->subscribers; i++) {
    if (subscribers[i].streams[p].next < least) least = subscribers[i].streams[p].next;
  }
  return least;
}

static void publish_all(void) {
  uint64_t least_room = options->qos == 0 ? (options->credit + 1) / 2 : 1;
  for (uint32_t p = 0; p < options->publishers; p++) {
    uint64_t progress = progress_of(p);
    if (progress < forgiven[p]) progress = forgiven[p];
    uint64_t room = options->credit - (publishers[p].sent - progress);
    if (room >= least_room) publisher_publish(&publishers[p], room);
  }
}

/* Messages and acknowledgements that the broker still owes. */
static uint64_t count_under_way(void) {
  uint64_t count = 0;
  for (uint32_t p = 0; p < options->publishers; p++) {
    count += publishers[p].in_flight + publishers[p].sent - progress_of(p);
  }
  return count;
}

/* Handles events until `until_ns`, publishing if `active`; without it returns as soon as nothing is under way. */
static void run_until(uint64_t until_ns, bool active, struct report *report) {
  uint64_t delivered = client_totals.delivered, progress_ns = usage_now_ns();
  connection_now_ns = progress_ns;
  while (connection_now_ns < until_ns) {
    if (active) publish_all();
    scenario_pause();
    connection_turn(20);
    if (client_totals.delivered != delivered) {
      delivered = client_totals.delivered;
      progress_ns = connection_now_ns;
    }
    if (!active && count_under_way() == 0) return;
    uint64_t silent_ns = connection_now_ns - progress_ns;
    if (options->qos > 0 && silent_ns > STUCK_NS) {
      if (active) fail("nothing delivered for 5 s at QoS %d", options->qos);
      return;
    }
    if (options->qos == 0 && silent_ns > STALL_NS) {
      report->stalls++;
      progress_ns = connection_now_ns;
      for (uint32_t p = 0; p < options->publishers; p++) forgiven[p] = publishers[p].sent;
      if (!active) return;
    }
  }
}

static void count_errors(struct report *report) {
  report->delivered = client_totals.delivered;
  for (uint32_t p = 0; p < options->publishers; p++) {
    report->sent += publishers[p].sent;
    if (publishers[p].in_flight > 0) fail("%u messages of a publisher were not acknowledged", publishers[p].in_flight);
  }
  for (uint32_t i = 0; i < options->subscribers; i++) {
    for (uint32_t s = 0; s < subscribers[i].publishers; s++) {
      const struct stream *stream = &subscribers[i].streams[s];
      report->lost += publishers[subscribers[i].first_publisher + s].sent - stream->unique;
      report->duplicated += stream->duplicated;
      report->out_of_order += stream->out_of_order;
    }
  }
}

/* One subscriber holds `count` filters; each message matches one of them, in turn. */
static void subscribe_many(struct report *report) {
  uint32_t first = scenario_first_tenth(options);
  subscribe_all("bench/%05u/+", 0, first);
  report->memory_before_kb = scenario_settled_kb(options->pid);
  subscribe_all("bench/%05u/+", first, options->count - first);
  report->memory_after_kb = scenario_settled_kb(options->pid);
  report->memory_units = options->count - first;
  for (uint32_t p = 0; p < options->publishers; p++) {
    publishers[p].topic_step = options->publishers;
    publishers[p].topic_count = options->count;
  }
}

void traffic_run(const struct options *given, struct report *report) {
  options = given;
  paired = strcmp(options->scenario, "pairs") == 0;
  bool one_side = options->publishers == 1 || options->subscribers == 1;
  if (paired && options->publishers != options->subscribers) fail("pairs need as many publishers as subscribers");
  if (!paired && !one_side) fail("%s needs one publisher or one subscriber", options->scenario);
  open_clients();
  if (strcmp(options->scenario, "filters") == 0) {
    subscribe_many(report);
  } else {
    subscribe_all(strcmp(options->scenario, "fan-in") == 0 ? "bench/+/x" : "bench/%05u/x", 0, 1);
  }
  run_until(usage_now_ns() + options->warmup_ns, true, report);
  report->start = usage_read(options->pid);
  uint64_t before = client_totals.delivered;
  client_totals.latency_wanted = true;
  run_until(report->start.wall_ns + options->measured_ns, true, report);
  client_totals.latency_wanted = false;
  report->units = client_totals.delivered - before;
  report->end = usage_read(options->pid);
  run_until(UINT64_MAX, false, report);
  count_errors(report);
}
