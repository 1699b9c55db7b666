#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "texts.h"

#define PORT_DEFAULT 1883

enum { OPTION_HOST = 256, OPTION_UNIX, OPTION_RECORD, OPTION_REPLAY, OPTION_VERSION };

static const struct option long_options[] = {
    {"port", required_argument, NULL, 'p'},
    {"config-file", required_argument, NULL, 'c'},
    {"verbose", no_argument, NULL, 'v'},
    {"daemon", no_argument, NULL, 'd'},
    {"help", no_argument, NULL, 'h'},
    {"host", required_argument, NULL, OPTION_HOST},
    {"unix", required_argument, NULL, OPTION_UNIX},
    {"record", required_argument, NULL, OPTION_RECORD},
    {"replay", required_argument, NULL, OPTION_REPLAY},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

static const char help[] =
    "Usage: midged [options]\n"
    "\n"
    "An MQTT broker for 3.1, 3.1.1 and 5.0 on one port. It keeps everything in memory.\n"
    "\n"
    "  -p, --port PORT        TCP port to listen on; 0 takes a free one (default: 1883)\n"
    "      --host ADDRESS     address of this machine to listen on; may be given many times (default: 127.0.0.1)\n"
    "      --unix PATH        a Unix socket to listen on; may be given many times\n"
    "  -c, --config-file FILE a mosquitto.conf\n"
    "  -v, --verbose          a line for each connect, subscribe, unsubscribe, publish and disconnect\n"
    "  -d, --daemon           go to the background once it listens\n"
    "      --record FILE      record everything that goes in and comes out; midge replay plays it\n"
    "      --replay FILE      play a recording on this engine, compare, and end\n"
    "      --version          show version and engine\n"
    "  -h, --help             show this help\n"
    "\n"
    "Examples:\n"
    "  midged                          (127.0.0.1:1883, for this machine only)\n"
    "  midged -v -p 1884\n"
    "  midged --host 0.0.0.0           (all addresses, IPv4: for other machines)\n"
    "  midged --host 127.0.0.1 --host ::1 --unix /run/midged.sock\n"
    "\n"
    "Exit code: 0 ended by Ctrl-C or SIGTERM, 1 it could not start, 70 it met a fault of its own.\n";

static int usage(const char *complaint, const char *what) {
  fprintf(stderr, "midged: %s%s. midged --help shows what it takes.\n", complaint, what);
  return EXIT_USAGE;
}

static bool read_port(struct options *options, const char *text) {
  char *end;
  const unsigned long port = strtoul(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || port > UINT16_MAX) return false;
  options->port = (uint16_t)port;
  options->has_port = true;
  return true;
}

static bool add(const char **list, unsigned *count, const char *text) {
  if (*count == OPTIONS_LISTENERS_MAX) return false;
  list[(*count)++] = text;
  return true;
}

/* One option; -1 to go on, or the exit code. */
static int read_option(struct options *options, int option) {
  switch (option) {
    case 'p':
      return read_port(options, optarg) ? -1 : usage("a port is a number from 0 to 65535, not ", optarg);
    case 'c':
      options->configuration = optarg;
      return -1;
    case 'v':
      options->verbose = true;
      return -1;
    case 'd':
      options->daemon = true;
      return -1;
    case OPTION_HOST:
      return add(options->hosts, &options->host_count, optarg) ? -1 : usage("too many addresses at ", optarg);
    case OPTION_UNIX:
      return add(options->unix_paths, &options->unix_count, optarg) ? -1 : usage("too many sockets at ", optarg);
    case OPTION_RECORD:
      options->record = optarg;
      return -1;
    case OPTION_REPLAY:
      options->replay = optarg;
      return -1;
    case OPTION_VERSION:
      printf("midged %s, %s\n", MIDGE_VERSION, engine_name());
      return 0;
    case 'h':
      fputs(help, stdout);
      return 0;
    default:
      /* getopt has said what. */
      fputs("midged --help shows what it takes.\n", stderr);
      return EXIT_USAGE;
  }
}

int options_read(struct options *options, int count, char **arguments) {
  *options = (struct options){.port = PORT_DEFAULT};
  for (int option; (option = getopt_long(count, arguments, "p:c:vdh", long_options, NULL)) != -1;) {
    const int exit_code = read_option(options, option);
    if (exit_code >= 0) return exit_code;
  }
  if (optind < count) return usage("there is one word too many: ", arguments[optind]);
  return -1;
}
