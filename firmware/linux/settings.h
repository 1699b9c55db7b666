/* What a configuration asks of the program, as host/cli/configuration.ts: its log, its pid file, its user. */
#ifndef MIDGE_SETTINGS_H
#define MIDGE_SETTINGS_H

#include "broker_log.h"
#include "configuration.h"
#include "options.h"

/* The log that the options and the configuration (NULL: there is none) ask for. False: the user has been told why there can be
 * none. *log is NULL when nothing is to be logged. */
bool settings_open_log(const struct options *options, const struct configuration *configuration, struct broker_log **log);

/* Once it listens: writes the pid file and gives up what root may do. False: the user has been told why it cannot. */
bool settings_apply(const struct configuration *configuration);

/* Removes the pid file. */
void settings_end(const struct configuration *configuration);

#endif
