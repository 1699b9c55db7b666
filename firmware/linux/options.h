/* The command line of midged. */
#ifndef MIDGE_OPTIONS_H
#define MIDGE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_LISTENERS_MAX 32

struct options {
  /* TCP port of every address; 0 takes a free one. */
  uint16_t port;
  bool has_port;
  const char *hosts[OPTIONS_LISTENERS_MAX];
  unsigned host_count;
  const char *unix_paths[OPTIONS_LISTENERS_MAX];
  unsigned unix_count;
  const char *configuration;
  bool verbose;
  bool daemon;
  const char *record;
  const char *replay;
};

/* Exit code for what the command line or the system does not allow. */
#define EXIT_USAGE 1

/* Reads the command line. Returns -1 to go on, or the exit code: the user has been told. */
int options_read(struct options *options, int count, char **arguments);

#endif
