/* midged: the broker for gateways. Reads the command line, listens, says where and to whom it is open, and turns the
 * broker's loop until a signal. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker.h"
#include "broker_log.h"
#include "clock.h"
#include "configuration.h"
#include "listening.h"
#include "net.h"
#include "options.h"
#include "record.h"
#include "replay.h"
#include "service.h"
#include "settings.h"

/* sysexits.h, EX_SOFTWARE: a fault of ours. systemd starts it again. */
#define EXIT_FAULT 70
/* Longest wait with a recording, so that its last moments are on disk soon. */
#define RECORD_WAIT_MS 1000

static volatile sig_atomic_t ending, hung_up;

static void handle_signal(int number) {
  if (number == SIGHUP) hung_up = 1;
  else ending = 1;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define SIGNAL_COUNT (sizeof signals / sizeof *signals)

/* SIGHUP opens the log files anew. It is also kept for reading the configuration again, which is not here yet. */
static void catch_signals(void) {
  struct sigaction action = {.sa_handler = handle_signal};
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < SIGNAL_COUNT; i++) sigaction(signals[i], &action, NULL);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, NULL);
}

/* From now on they come only while the broker's loop waits: none is missed between a look and a wait. */
static void hold_signals(void) {
  sigset_t held;
  sigemptyset(&held);
  for (size_t i = 0; i < SIGNAL_COUNT; i++) sigaddset(&held, signals[i]);
  sigprocmask(SIG_BLOCK, &held, NULL);
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
static void limit_connections(struct broker *broker) {
  struct engine *engine = broker_core(broker)->engine;
  const uint32_t wanted = engine_option_value(engine, MIDGE_OPTION_CONNECTIONS_MAX);
  const uint32_t possible = service_raise_files(wanted);
  if (possible >= wanted) return;
  engine_set_option(engine, MIDGE_OPTION_CONNECTIONS_MAX, possible);
  /* Who wants no limit means as many as there can be. */
  if (wanted == MIDGE_HANDLE_SLOT_MASK) return;
  fprintf(stderr, "midged: room for %u connections, not %u: raise the limit of open files (ulimit -n, or LimitNOFILE=)\n",
          (unsigned)possible, (unsigned)wanted);
}

/* What this program holds while it runs. */
struct program {
  const struct options *options;
  struct recorder *recorder;
  struct broker *broker;
  struct broker_log *log;
  /* What -c gave; NULL without it. */
  struct configuration *configuration;
  struct configuration read;
};

/* Turns the loop until a signal, or a fault. */
static int serve(const struct program *program) {
  const int watchdog_ms = service_watchdog_ms();
  uint64_t told_ms = clock_ms();
  int wait_ms = -1;
  enum broker_state state;
  do {
    if (ending != 0) {
      service_notify("STOPPING=1");
      broker_shut_down(program->broker);
      /* While it waits for its clients another may begin to listen there. */
      listening_end();
    }
    if (hung_up != 0) broker_log_reopen(program->log);
    hung_up = 0;
    if (watchdog_ms >= 0) {
      const uint64_t passed_ms = clock_ms() - told_ms;
      wait_ms = passed_ms < (uint64_t)watchdog_ms ? watchdog_ms - (int)passed_ms : 0;
    }
    /* Each turn writes the recording of those before it. */
    if (program->recorder != NULL && (wait_ms < 0 || wait_ms > RECORD_WAIT_MS)) wait_ms = RECORD_WAIT_MS;
    state = broker_turn(program->broker, wait_ms);
    if (watchdog_ms < 0 || clock_ms() - told_ms < (uint64_t)watchdog_ms) continue;
    told_ms = clock_ms();
    service_notify("WATCHDOG=1");
  } while (state == BROKER_RUNS);
  if (state == BROKER_ENDED) return 0;
  fprintf(stderr, "midged: %s. This is a fault of midged: please report it, best with a recording (--record).\n",
          broker_fault(program->broker));
  return EXIT_FAULT;
}

static bool start_broker(struct program *program) {
  const char *fault;
  const struct broker_options settings = {.seed = clock_seed(), .recorder = program->recorder};
  program->broker = broker_create(&settings, &fault);
  if (program->broker == NULL) fprintf(stderr, "midged: %s\n", fault);
  return program->broker != NULL;
}

/* Everything up to listening; false: the user has been told why not. */
static bool start(struct program *program) {
  const struct options *options = program->options;
  if (options->record != NULL && (program->recorder = recorder_create(options->record)) == NULL) {
    fprintf(stderr, "midged: cannot write the recording %s: %s\n", options->record, strerror(errno));
    return false;
  }
  if (!start_broker(program)) return false;
  if (options->configuration != NULL) {
    program->configuration = &program->read;
    struct core *core = broker_core(program->broker);
    if (!configuration_read(&program->read, core, options->configuration, stderr)) return false;
  }
  limit_connections(program->broker);
  if (!settings_open_log(options, program->configuration, &program->log)) return false;
  broker_set_log(program->broker, program->log);
  return listening_start(program->broker, options, program->configuration) && settings_apply(program->configuration);
}

static void end(struct program *program) {
  if (program->broker != NULL) broker_destroy(program->broker);
  listening_end();
  settings_end(program->configuration);
  if (program->configuration != NULL) configuration_free(program->configuration);
  if (program->log != NULL) broker_log_destroy(program->log);
  if (program->recorder != NULL && !recorder_destroy(program->recorder)) {
    fprintf(stderr, "midged: the recording %s is not whole: %s\n", program->options->record, strerror(errno));
  }
}

static int run(const struct options *options) {
  struct program program = {.options = options};
  int exit_code = EXIT_USAGE;
  if (start(&program)) {
    fflush(stdout);
    service_notify("READY=1");
    service_detach();
    hold_signals();
    exit_code = serve(&program);
  }
  end(&program);
  return exit_code;
}

/* Started without standard input, output or error: no socket may get their numbers. */
static void fill_standard_files(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) close(fd);
}

int main(int count, char **arguments) {
  struct options options;
  fill_standard_files();
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
