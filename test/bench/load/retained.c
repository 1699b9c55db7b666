/* Retained messages: `count` topics with one each, then one new `#` subscriber after the other gets them all.
 * All at QoS 0; the answer to a PINGREQ tells that the broker has read the last of them. The order in which they come
 * is the broker's; each must come exactly once to each subscriber, with RETAIN 1 [v3.1.1 MQTT-3.3.1-8]. */
#include "client.h"
#include "fail.h"
#include "scenario.h"

#define MISSING_NS UINT64_C(2000000000) /* without a message for so long, the rest does not come */

static bool is_connected(void *publisher) { return ((struct publisher *)publisher)->connected; }

static bool is_pinged(void *publisher) { return ((struct publisher *)publisher)->pinged; }

static void publish_retained(struct publisher *publisher, uint32_t total) {
  while (publisher->sent < total) {
    publisher_publish(publisher, total - publisher->sent);
    connection_turn(0);
  }
  publisher_ping(publisher);
  scenario_wait(is_pinged, publisher, "PINGRESP");
}

/* One new subscriber: connects, takes everything, disconnects. Returns how many different messages it got. */
static uint64_t fetch_all(const struct options *options, const struct publish_template *expected,
                          struct report *report) {
  static struct subscriber subscriber;
  static struct stream stream;
  stream = (struct stream){0};
  subscriber_open(&subscriber, options->port, 0, expected, &stream, 0, 1);
  subscriber.expect_retain = true;
  bool subscribed = false;
  uint64_t seen = client_totals.delivered, progress_ns = usage_now_ns();
  connection_now_ns = progress_ns;
  while (stream.unique < options->count && connection_now_ns - progress_ns < MISSING_NS) {
    scenario_pause();
    connection_turn(20);
    if (subscriber.connected && !subscribed) {
      subscribed = true;
      subscriber_subscribe(&subscriber, "#", 0, 1);
    }
    if (client_totals.delivered != seen) {
      seen = client_totals.delivered;
      progress_ns = connection_now_ns;
    }
  }
  client_disconnect(&subscriber.connection);
  connection_close(&subscriber.connection);
  report->lost += options->count - stream.unique;
  report->duplicated += stream.duplicated;
  return stream.unique;
}

void retained_run(const struct options *options, struct report *report) {
  static struct publisher publisher;
  uint32_t first = scenario_first_tenth(options);
  publisher_open(&publisher, options->port, 0, 0, options->payload, options->window, true);
  publisher.topic_count = options->count;
  publisher.topic_step = 1;
  scenario_wait(is_connected, &publisher, "CONNACK");
  publish_retained(&publisher, first);
  report->memory_before_kb = scenario_settled_kb(options->pid);
  publish_retained(&publisher, options->count);
  report->memory_after_kb = scenario_settled_kb(options->pid);
  report->memory_units = options->count - first;
  report->sent = publisher.sent;

  uint64_t until_ns = usage_now_ns() + options->warmup_ns;
  do fetch_all(options, &publisher.template, report);
  while (usage_now_ns() < until_ns);
  report->start = usage_read(options->pid);
  do report->units += fetch_all(options, &publisher.template, report);
  while (usage_now_ns() < report->start.wall_ns + options->measured_ns);
  report->end = usage_read(options->pid);
  report->delivered = client_totals.delivered;
}
