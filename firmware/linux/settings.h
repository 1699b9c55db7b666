/* What a configuration asks of the program, as host/cli/configuration.ts: its log, its pid file, its user. */
#ifndef MIDGE_SETTINGS_H
#define MIDGE_SETTINGS_H

#include "broker_log.h"
#include "configuration.h"
#include "options.h"

/* The log that the options and the configuration (NULL: there is none) ask for: at least of what the system refuses. False: the
 * user has been told why there can be none. */
bool settings_open_log(const struct options *options, const struct configuration *configuration, struct broker_log **log);

/* Once it listens: writes the pid file and gives up what root may do. False: the user has been told why it cannot. */
bool settings_apply(const struct configuration *configuration);

/* Removes the pid file, if it is there and ours. */
void settings_end(const struct configuration *configuration);

#endif
