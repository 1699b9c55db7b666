/* midged: the broker for gateways. Reads the command line, listens, says where and to whom it is open, and turns the
 * broker's loop until a signal. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker.h"
#include "broker_log.h"
#include "clock.h"
#include "listening.h"
#include "net.h"
#include "options.h"
#include "record.h"
#include "replay.h"
#include "service.h"

#define CONNECTIONS_DEFAULT 10000u
/* sysexits.h, EX_SOFTWARE: a fault of ours. systemd starts it again. */
#define EXIT_FAULT 70

static volatile sig_atomic_t ending;

static void handle_signal(int number) {
  (void)number;
  ending = 1;
}

/* SIGHUP is for reading the configuration again, which there is none of yet; it must not end the broker. */
static void catch_signals(void) {
  struct sigaction action = {.sa_handler = handle_signal};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  action.sa_handler = SIG_IGN;
  sigaction(SIGHUP, &action, NULL);
  sigaction(SIGPIPE, &action, NULL);
}

static int run_replay(const char *path) {
  struct replay_report report;
  FILE *file = fopen(path, "rbe");
  if (file == NULL) {
    fprintf(stderr, "midged: cannot read the recording %s: %s\n", path, strerror(errno));
    return EXIT_USAGE;
  }
  const bool same = replay(file, &report);
  fclose(file);
  if (!same) {
    fprintf(stderr, "midged: %s: %s\n", path, report.difference);
    return EXIT_USAGE;
  }
  printf("%s gave the same: %llu calls, %llu bytes in, %llu bytes out, %llu events%s\n", engine_name(),
         (unsigned long long)report.calls, (unsigned long long)report.bytes_in, (unsigned long long)report.bytes_out,
         (unsigned long long)report.events, report.is_cut ? "; the recording ends within a record" : "");
  return 0;
}

/* As many connections as the limit of files allows, and a line that says so when that is fewer than wanted. */
static uint32_t connections_max(void) {
  const uint32_t possible = service_raise_files(CONNECTIONS_DEFAULT);
  if (possible < CONNECTIONS_DEFAULT) {
    fprintf(stderr, "midged: room for %u connections, not %u: raise the limit of open files (ulimit -n, or LimitNOFILE=)\n",
            possible, CONNECTIONS_DEFAULT);
  }
  return possible;
}

/* Turns the loop until a signal, or a fault. */
static int serve(struct broker *broker) {
  const int watchdog_ms = service_watchdog_ms();
  uint64_t told_ms = clock_ms();
  enum broker_state state;
  do {
    if (ending != 0) {
      service_notify("STOPPING=1");
      broker_shut_down(broker);
    }
    state = broker_turn(broker, watchdog_ms);
    if (watchdog_ms < 0 || clock_ms() - told_ms < (uint64_t)watchdog_ms) continue;
    told_ms = clock_ms();
    service_notify("WATCHDOG=1");
  } while (state == BROKER_RUNS);
  if (state == BROKER_ENDED) return 0;
  fprintf(stderr, "midged: %s. This is a fault of midged: please report it, best with a recording (--record).\n",
          broker_fault(broker));
  return EXIT_FAULT;
}

static int run(const struct options *options) {
  int exit_code = EXIT_USAGE;
  const char *fault;
  struct broker_options settings = {.seed = clock_seed(), .connections_max = connections_max()};
  if (options->record != NULL && (settings.recorder = recorder_create(options->record)) == NULL) {
    fprintf(stderr, "midged: cannot write the recording %s: %s\n", options->record, strerror(errno));
    return EXIT_USAGE;
  }
  if (options->verbose && !options->daemon) settings.log = broker_log_create(stdout);
  struct broker *broker = broker_create(&settings, &fault);
  if (broker == NULL) fprintf(stderr, "midged: %s\n", fault);
  else if (listening_start(broker, options)) {
    fflush(stdout);
    service_notify("READY=1");
    service_detach();
    exit_code = serve(broker);
  }
  if (broker != NULL) broker_destroy(broker);
  listening_end(options);
  if (settings.log != NULL) broker_log_destroy(settings.log);
  if (settings.recorder != NULL && !recorder_destroy(settings.recorder)) {
    fprintf(stderr, "midged: the recording %s is not whole: %s\n", options->record, strerror(errno));
  }
  return exit_code;
}

int main(int count, char **arguments) {
  struct options options;
  const int exit_code = options_read(&options, count, arguments);
  if (exit_code >= 0) return exit_code;
  if (options.replay != NULL) return run_replay(options.replay);
  /* Lines come when they happen, whoever reads them. */
  setvbuf(stdout, NULL, _IOLBF, 0);
  catch_signals();
  if (options.daemon && !service_fork()) {
    fprintf(stderr, "midged: cannot go to the background: %s\n", strerror(errno));
    return EXIT_USAGE;
  }
  return run(&options);
}
