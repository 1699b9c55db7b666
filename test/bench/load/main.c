/* load: drives one broker with one scenario over loopback and prints one line of JSON.
 * Speaks MQTT 3.1.1 or 5.0. The broker's CPU time and memory are read here, at the start and the end of the measured
 * window, so that connecting, subscribing and warming up are not counted. Exit status 0 means that the line was
 * printed; it says nothing about lost messages: those are in the line. */
#include "client.h"
#include "fail.h"
#include "scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static const struct {
  const char *name;
  void (*run)(const struct options *options, struct report *report);
} scenarios[] = {
    {"pairs", traffic_run},   {"fan-out", traffic_run},       {"fan-in", traffic_run},
    {"filters", traffic_run}, {"idle", connections_run_idle}, {"storm", connections_run_storm},
    {"retained", retained_run},
};

static void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

static void print_report(const struct options *options, const struct report *report) {
  const struct {
    const char *name;
    uint64_t value;
  } fields[] = {
      {"units", report->units},
      {"wallNs", report->end.wall_ns - report->start.wall_ns},
      {"brokerCpuNs", report->end.broker_cpu_ns - report->start.broker_cpu_ns},
      {"loadCpuNs", report->end.load_cpu_ns - report->start.load_cpu_ns},
      {"sent", report->sent},
      {"delivered", report->delivered},
      {"lost", report->lost},
      {"duplicated", report->duplicated},
      {"outOfOrder", report->out_of_order},
      {"stalls", report->stalls},
      {"memoryUnits", report->memory_units},
      {"memoryBeforeKb", report->memory_before_kb},
      {"memoryAfterKb", report->memory_after_kb},
      {"residentKb", usage_resident_kb(options->pid)},
      {"peakKb", usage_peak_kb(options->pid)},
  };
  printf("{\"scenario\":\"%s\",\"level\":%d,\"qos\":%d,\"payload\":%" PRIu32, options->scenario,
         options->protocol.level, options->qos, options->payload);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    printf(",\"%s\":%" PRIu64, fields[i].name, fields[i].value);
  }
  printf(",\"latencyP50Us\":%.1f,\"latencyP99Us\":%.1f}\n", latency_quantile_us(&client_totals.latency, 0.5),
         latency_quantile_us(&client_totals.latency, 0.99));
}

int main(int count, char **arguments) {
  struct options options = options_read(count, arguments);
  struct report report = {0};
  client_protocol = options.protocol;
  raise_file_limit();
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
    if (strcmp(scenarios[i].name, options.scenario) == 0) {
      scenarios[i].run(&options, &report);
      print_report(&options, &report);
      return 0;
    }
  }
  fail("unknown scenario %s", options.scenario);
}
