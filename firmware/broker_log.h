/* What `-v` prints: one line for each connect, subscribe, unsubscribe, publish and disconnect, the same that `midge broker
 * -v` prints. Client ids and topics come from strangers: what is not printable is escaped. */
#ifndef MIDGE_BROKER_LOG_H
#define MIDGE_BROKER_LOG_H

#include <stdio.h>

#include "core.h"

struct broker_log;

/* Lines go to `file`. NULL: no memory. */
struct broker_log *broker_log_create(FILE *file);

void broker_log_destroy(struct broker_log *log);

/* OPTION_EVENTS: the reports that lines are made of. */
uint32_t broker_log_events(void);

/* A connection was accepted; its address is asked for now, as a closed socket has none. */
void broker_log_opened(struct broker_log *log, uint32_t connection, int fd);

/* A report of the core. */
void broker_log_event(struct broker_log *log, const struct core_event *event);

/* A connection could not be taken from the system: an errno. */
void broker_log_not_accepted(struct broker_log *log, int error);

#endif
