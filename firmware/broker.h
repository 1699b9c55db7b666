/* The broker for programs, as host/broker.ts: joins sockets to the core and acts on its events. Decides nothing about MQTT.
 * One broker belongs to one thread. */
#ifndef MIDGE_BROKER_H
#define MIDGE_BROKER_H

#include "engine.h"

struct broker;
struct broker_log;

struct broker_options {
  /* Of assigned client ids and of hashing. */
  uint32_t seed;
  /* Is told of every call of the core, or NULL. */
  struct recorder *recorder;
};

/* What ended broker_turn(). */
enum broker_state {
  BROKER_RUNS,
  /* broker_shut_down() is done: every connection is closed, behind what was sent to it. */
  BROKER_ENDED,
  /* The core has ended by a fault: broker_fault(). */
  BROKER_FAILED,
};

/* A broker that listens nowhere yet. NULL: *fault says why. */
struct broker *broker_create(const struct broker_options *options, const char **fault);

/* Closes what is left at once. */
void broker_destroy(struct broker *broker);

/* The core, for settings before the first turn. */
struct core *broker_core(struct broker *broker);

/* `log` (broker_log.h) is told what clients do from now on. It stays the caller's, and outlives the broker. */
void broker_set_log(struct broker *broker, struct broker_log *log);

/* Serves who connects to `listener`, a socket of net_listen_*(), which is the broker's from now on. False with errno. */
bool broker_listen(struct broker *broker, int listener);

/* Waits for something to happen, at most `wait_ms` (-1: as long as it takes), and deals with it. Returns early for a
 * signal. */
enum broker_state broker_turn(struct broker *broker, int wait_ms);

/* Begins to leave: listens no more, tells every client, and closes. Wills are not published: the broker leaves, not its
 * clients. broker_turn() goes on until BROKER_ENDED, some seconds at most. */
void broker_shut_down(struct broker *broker);

/* Why the core has ended, or NULL. */
const char *broker_fault(const struct broker *broker);

#endif
