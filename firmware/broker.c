#include "broker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker_log.h"
#include "clock.h"
#include "connections.h"
#include "driver.h"
#include "loop.h"
#include "net.h"
#include "texts.h"

/* Bytes of one read: a busy connection is served with few calls. */
#define INPUT_MAX 65536u
/* Sockets that one wake-up serves. */
#define READY_MAX 256
/* Connections taken in one turn from one listener: whoever is connected already is served in between. */
#define ACCEPTS_MAX 64
/* Input of one turn after which its output goes out: what it makes is still in the processor's cache, and bounded. */
#define TURN_BYTES_MAX (512u * 1024)
/* How long accepting rests when the system has no descriptor, or no memory, for another connection. */
#define ACCEPT_REST_MS 1000
/* How long the core has to close its connections when the broker leaves: it does so at once. */
#define LEAVE_MS 5000
#define SERVER_SHUTTING_DOWN 0x8b

struct listener {
  /* enum owner_kind */
  uint8_t kind;
  int fd;
  struct listener *next;
};

struct broker {
  struct core core;
  struct driver driver;
  struct loop *loop;
  struct connections connections;
  struct listener *listeners;
  struct broker_log *log;
  /* The log wants to know what clients do. */
  bool is_reporting;
  /* When accepting goes on; 0: it does not rest. */
  uint64_t accept_at_ms;
  bool leaving;
  /* While it leaves: when it has done so in any case. */
  uint64_t leave_until_ms;
};

static void act_on_event(void *owner, const struct core_event *event) {
  struct broker *broker = owner;
  if (event->kind == MIDGE_EVENT_CLOSE) {
    struct connection *connection = connections_find(&broker->connections, event->connection);
    if (connection != NULL) connections_end(&broker->connections, connection, event->code == MIDGE_CLOSE_DISCONNECT);
  } else if (broker->log != NULL) {
    broker_log_event(broker->log, event);
  }
}

static size_t send_ranges(void *owner, uint32_t handle, struct iovec *ranges, int count) {
  struct broker *broker = owner;
  struct connection *connection = connections_find(&broker->connections, handle);
  size_t length = 0;
  for (int i = 0; i < count; i++) length += ranges[i].iov_len;
  /* It has ended in this turn: who is gone takes everything. */
  if (connection == NULL || connection->is_broken) return length;
  const ssize_t taken = net_write(connection->fd, ranges, count);
  if (taken == (ssize_t)length) return length;
  if (taken == NET_FAILED) {
    /* The core learns of it after this drain, in which it must not be called. */
    connections_break(&broker->connections, connection);
    return length;
  }
  connection->is_blocked = true;
  loop_watch(broker->loop, connection->fd, connection, true, true);
  return taken > 0 ? (size_t)taken : 0;
}

static const struct driver_handlers HANDLERS = {.send = send_ranges, .event = act_on_event};

static void set_text(struct core *core, uint32_t text, const char *value) {
  core_set_text(core, text, value, (uint32_t)strlen(value));
}

static void set_texts(struct core *core) {
  set_text(core, MIDGE_TEXT_VERSION, "midge version " MIDGE_VERSION);
  set_text(core, MIDGE_TEXT_RESPONSE_PREFIX, "response/");
  for (uint32_t code = 0; code < 256; code++) {
    if (REASON_STRING[code] != NULL) set_text(core, MIDGE_TEXT_REASON + code, REASON_STRING[code]);
  }
}

struct broker *broker_create(const struct broker_options *options, const char **fault) {
  struct broker *broker = calloc(1, sizeof *broker);
  *fault = "no memory";
  if (broker == NULL) return NULL;
  broker->loop = loop_create();
  if (broker->loop == NULL) *fault = strerror(errno);
  else if (core_create(&broker->core, INPUT_MAX, options->seed, options->recorder, fault)) {
    driver_init(&broker->driver, &broker->core, &HANDLERS, broker);
    connections_init(&broker->connections, broker->loop);
    set_texts(&broker->core);
    *fault = broker_fault(broker);
    if (*fault == NULL) return broker;
    core_destroy(&broker->core);
  }
  if (broker->loop != NULL) loop_destroy(broker->loop);
  free(broker);
  return NULL;
}

static void stop_listening(struct broker *broker) {
  for (struct listener *next, *each = broker->listeners; each != NULL; each = next) {
    next = each->next;
    loop_remove(broker->loop, each->fd);
    net_close(each->fd);
    free(each);
  }
  broker->listeners = NULL;
}

void broker_destroy(struct broker *broker) {
  stop_listening(broker);
  connections_destroy(&broker->connections);
  core_destroy(&broker->core);
  loop_destroy(broker->loop);
  free(broker);
}

struct core *broker_core(struct broker *broker) {
  return &broker->core;
}

void broker_set_log(struct broker *broker, struct broker_log *log) {
  broker->log = log;
  broker->is_reporting = broker_log_events(log) != 0;
  engine_set_option(broker->core.engine, MIDGE_OPTION_EVENTS, broker_log_events(log));
}

bool broker_listen(struct broker *broker, int fd) {
  struct listener *listener = malloc(sizeof *listener);
  if (listener == NULL || !loop_add(broker->loop, fd, listener)) {
    free(listener);
    return false;
  }
  *listener = (struct listener){.kind = OWNER_LISTENER, .fd = fd, .next = broker->listeners};
  broker->listeners = listener;
  return true;
}

static void watch_listeners(struct broker *broker, bool accepting) {
  for (struct listener *each = broker->listeners; each != NULL; each = each->next) {
    loop_watch(broker->loop, each->fd, each, accepting, false);
  }
}

static void rest_accepting(struct broker *broker, int error) {
  broker->accept_at_ms = clock_ms() + ACCEPT_REST_MS;
  watch_listeners(broker, false);
  if (broker->log != NULL) broker_log_not_accepted(broker->log, error);
}

static void accept_waiting(struct broker *broker, const struct listener *listener) {
  for (int count = 0; count < ACCEPTS_MAX; count++) {
    const int fd = net_accept(listener->fd);
    if (fd == NET_AGAIN) return;
    if (fd == NET_FAILED) {
      rest_accepting(broker, errno);
      return;
    }
    const uint32_t handle = engine_open(driver_core(&broker->driver)->engine);
    if (handle == 0 || !connections_add(&broker->connections, fd, handle)) {
      /* Too many: not accepted, as limits.ts says. */
      if (handle != 0) engine_handle_closed(broker->core.engine, handle);
      net_close(fd);
    } else if (broker->is_reporting) broker_log_opened(broker->log, handle, fd);
  }
}

/* Its end, as the network says. */
static void close_by_network(struct broker *broker, struct connection *connection) {
  engine_handle_closed(driver_core(&broker->driver)->engine, connection->handle);
  /* What is reported of it comes before another connection has its handle's number. */
  if (broker->is_reporting) driver_flush(&broker->driver);
  connections_drop(&broker->connections, connection);
}

/* Returns how many bytes it has read. */
static size_t read_connection(struct broker *broker, struct connection *connection) {
  uint8_t *input = core_input(driver_core(&broker->driver));
  if (input == NULL) return 0;
  const ssize_t length = net_read(connection->fd, input, INPUT_MAX);
  if (length == NET_AGAIN) return 0;
  if (length <= 0) {
    close_by_network(broker, connection);
    return 0;
  }
  engine_handle_bytes(broker->core.engine, connection->handle, (uint32_t)length);
  return (size_t)length;
}

static size_t serve_connection(struct broker *broker, struct connection *connection, const struct loop_ready *ready) {
  if (connection->state != CONNECTION_OPEN) {
    connections_linger(&broker->connections, connection);
    return 0;
  }
  if (ready->writable && connection->is_blocked) {
    connection->is_blocked = false;
    loop_watch(broker->loop, connection->fd, connection, true, false);
    engine_handle_writable(driver_core(&broker->driver)->engine, connection->handle);
  }
  return ready->readable ? read_connection(broker, connection) : 0;
}

static void serve(struct broker *broker, const struct loop_ready *ready, int count) {
  size_t turn_bytes = 0;
  for (int i = 0; i < count && broker_fault(broker) == NULL; i++) {
    const uint8_t *kind = ready[i].owner;
    if (*kind == OWNER_LISTENER) {
      if (!broker->leaving) accept_waiting(broker, ready[i].owner);
      continue;
    }
    struct connection *connection = ready[i].owner;
    if (connection->state == CONNECTION_GONE) continue;
    turn_bytes += serve_connection(broker, connection, &ready[i]);
    if (turn_bytes < TURN_BYTES_MAX) continue;
    driver_flush(&broker->driver);
    turn_bytes = 0;
  }
}

/* Connections that a write has found broken. */
static void close_broken(struct broker *broker) {
  for (struct connection *each; (each = connections_next_broken(&broker->connections)) != NULL;) close_by_network(broker, each);
}

static bool has_left(const struct broker *broker) {
  return connections_count(&broker->connections) == 0 || clock_ms() >= broker->leave_until_ms;
}

enum broker_state broker_turn(struct broker *broker, int wait_ms) {
  struct loop_ready ready[READY_MAX];
  int sleep_ms = driver_sleep_ms(&broker->driver);
  close_broken(broker);
  if (broker->driver.in_turn) sleep_ms = 0;
  sleep_ms = loop_earlier_ms(sleep_ms, connections_sweep(&broker->connections, clock_ms()));
  if (broker->accept_at_ms > 0) sleep_ms = loop_earlier_ms(sleep_ms, ACCEPT_REST_MS);
  if (broker->leaving) sleep_ms = loop_earlier_ms(sleep_ms, LEAVE_MS);
  if (broker_fault(broker) != NULL) return BROKER_FAILED;
  if (broker->leaving && has_left(broker)) return BROKER_ENDED;
  const int count = loop_wait(broker->loop, ready, READY_MAX, loop_earlier_ms(sleep_ms, wait_ms));
  if (broker->accept_at_ms > 0 && clock_ms() >= broker->accept_at_ms) {
    broker->accept_at_ms = 0;
    watch_listeners(broker, true);
  }
  serve(broker, ready, count);
  return BROKER_RUNS;
}

void broker_shut_down(struct broker *broker) {
  if (broker->leaving) return;
  broker->leaving = true;
  broker->leave_until_ms = clock_ms() + LEAVE_MS;
  stop_listening(broker);
  engine_shut_down(driver_core(&broker->driver)->engine, SERVER_SHUTTING_DOWN);
}

const char *broker_fault(const struct broker *broker) {
  return engine_fault(broker->core.engine);
}
