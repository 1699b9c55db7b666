/* A mosquitto.conf for a broker, as host/configuration.ts: the core reads it and sets what is the core's; what only a host can
 * do stands here afterwards. Knows the keys of settings that are the host's, and no other. */
#ifndef MIDGE_CONFIGURATION_H
#define MIDGE_CONFIGURATION_H

#include <stdio.h>

#include "core.h"

struct configuration_listener {
  /* An address as written, empty for all; or NULL. */
  char *address;
  uint16_t port;
  /* Path of a Unix socket; or NULL. */
  char *path;
};

struct configuration {
  struct configuration_listener *listeners;
  size_t listener_count;
  /* The last value of each; NULL when the file does not say. */
  char *pid_file;
  char *user;
  /* Paths that the log goes to, and whether it goes to these streams. */
  char **log_paths;
  size_t log_path_count;
  bool log_stdout, log_stderr;
  /* What is logged: bits of broker_log.h. */
  uint32_t log_events;
};

/* Reads `file` and configures the core, which has had no connection yet. False: what is wrong with it, or why it cannot be
 * read, has been written to `complaints`, a line each, and nothing has changed. */
bool configuration_read(struct configuration *configuration, struct core *core, const char *file, FILE *complaints);

/* Frees what it points to. */
void configuration_free(struct configuration *configuration);

#endif
