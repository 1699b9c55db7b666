/* What `-v` prints: one line for each connect, subscribe, unsubscribe, publish and disconnect, the same that `midge broker
 * -v` prints. Client ids and topics come from strangers: what is not printable is escaped. */
#ifndef MIDGE_BROKER_LOG_H
#define MIDGE_BROKER_LOG_H

#include <stdio.h>

#include "core.h"

struct broker_log;

/* A log of these events (1 << MIDGE_EVENT_*) and of what the system refuses, which goes nowhere yet. NULL: no memory. */
struct broker_log *broker_log_create(uint32_t events);

/* All there are to log. */
#define BROKER_LOG_ALL                                                                                         \
  (1u << MIDGE_EVENT_CONNECTED | 1u << MIDGE_EVENT_DISCONNECTED | 1u << MIDGE_EVENT_REFUSED |                  \
   1u << MIDGE_EVENT_SUBSCRIBED | 1u << MIDGE_EVENT_UNSUBSCRIBED | 1u << MIDGE_EVENT_PUBLISHED)

/* Closes its files. */
void broker_log_destroy(struct broker_log *log);

/* Lines go to `file` too, which stays the caller's. False: it goes to as many as it can already. */
bool broker_log_to(struct broker_log *log, FILE *file);

/* Lines are appended to the file `path` too, a text that stays. False with errno. */
bool broker_log_to_path(struct broker_log *log, const char *path);

/* Opens its files anew, by their names: somebody has moved them away. */
void broker_log_reopen(struct broker_log *log);

/* OPTION_EVENTS: the reports that its lines are made of. */
uint32_t broker_log_events(const struct broker_log *log);

/* A connection was accepted; its address is asked for now, as a closed socket has none. */
void broker_log_opened(struct broker_log *log, uint32_t connection, int fd);

/* A report of the core. */
void broker_log_event(struct broker_log *log, const struct core_event *event);

/* A connection could not be taken from the system: an errno. */
void broker_log_not_accepted(struct broker_log *log, int error);

#endif
