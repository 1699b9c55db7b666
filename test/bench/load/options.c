/* See options.h. Every option is a row of one table: its name, where it goes, its range. */
#include "options.h"

#include "fail.h"

#include <getopt.h>
#include <stdlib.h>

enum {
  SCENARIO, PORT, PID, LEVEL, PROPERTIES, QOS, PAYLOAD, PUBLISHERS, SUBSCRIBERS, CREDIT, WINDOW, COUNT, WARMUP, SECONDS,
  OPTION_COUNT
};

static const struct {
  const char *name;
  double least, most, standard; /* least > standard: the option is required */
} rows[OPTION_COUNT] = {
    [SCENARIO] = {"scenario", 0, 0, 0}, /* the only text */
    [PORT] = {"port", 1, 65535, 0},
    [PID] = {"pid", 1, 4194304, 0},
    [LEVEL] = {"level", 4, 5, 4},
    [PROPERTIES] = {"properties", 0, 1, 0},
    [QOS] = {"qos", 0, 2, 0},
    [PAYLOAD] = {"payload", 20, 65536, 64}, /* 20: see packet.h, PAYLOAD_HEAD */
    [PUBLISHERS] = {"publishers", 1, 1000, 20},
    [SUBSCRIBERS] = {"subscribers", 1, 1000, 20},
    [CREDIT] = {"credit", 1, 32768, 200}, /* half of what stream.h can look back */
    [WINDOW] = {"window", 1, 1000, 20},
    [COUNT] = {"count", 10, 60000, 10000},
    [WARMUP] = {"warmup", 0, 60, 0.4},
    [SECONDS] = {"seconds", 0.01, 60, 1},
};

static double read_number(int option, const char *text) {
  char *end;
  double value = strtod(text, &end);
  if (*text == '\0' || *end != '\0' || !(value >= rows[option].least && value <= rows[option].most)) {
    fail("--%s must be %g to %g, not %s", rows[option].name, rows[option].least, rows[option].most, text);
  }
  return value;
}

struct options options_read(int count, char **arguments) {
  struct option table[OPTION_COUNT + 1] = {0};
  double values[OPTION_COUNT];
  const char *scenario = NULL;
  for (int i = 0; i < OPTION_COUNT; i++) {
    table[i] = (struct option){rows[i].name, required_argument, NULL, i};
    values[i] = rows[i].standard;
  }
  for (int option; (option = getopt_long(count, arguments, "", table, NULL)) != -1;) {
    if (option < 0 || option >= OPTION_COUNT) exit(1); /* getopt has said why */
    if (option == SCENARIO) {
      scenario = optarg;
    } else {
      values[option] = read_number(option, optarg);
    }
  }
  if (optind < count) fail("unexpected argument %s", arguments[optind]);
  if (scenario == NULL) fail("--scenario is required");
  for (int i = 0; i < OPTION_COUNT; i++) {
    if (values[i] < rows[i].least) fail("--%s is required", rows[i].name);
  }
  if (values[PROPERTIES] > 0 && values[LEVEL] < 5) fail("--properties needs --level 5");
  return (struct options){
      .scenario = scenario,
      .port = (uint16_t)values[PORT],
      .pid = (int)values[PID],
      .protocol = {.level = (uint8_t)values[LEVEL], .properties = values[PROPERTIES] > 0},
      .qos = (uint8_t)values[QOS],
      .payload = (uint32_t)values[PAYLOAD],
      .publishers = (uint32_t)values[PUBLISHERS],
      .subscribers = (uint32_t)values[SUBSCRIBERS],
      .credit = (uint32_t)values[CREDIT],
      .window = (uint32_t)values[WINDOW],
      .count = (uint32_t)values[COUNT],
      .warmup_ns = (uint64_t)(values[WARMUP] * 1e9),
      .measured_ns = (uint64_t)(values[SECONDS] * 1e9),
  };
}
