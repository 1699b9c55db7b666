/* configuration.c with what a hostile module makes of a configuration: listeners, settings and complaints of any form. */
#include <stdio.h>

#include "configuration.h"
#include "input.h"

#define INPUT_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static FILE *nowhere;
  if (nowhere == NULL) nowhere = fopen("/dev/null", "w");
  struct core core;
  struct configuration configuration;
  const char *fault;
  input_begin(data, size);
  if (!core_create(&core, INPUT_MAX, 1, NULL, &fault)) return 0;
  configuration_read(&configuration, &core, "/dev/null", nowhere);
  for (size_t i = 0; i < configuration.listener_count; i++) {
    const struct configuration_listener *listener = &configuration.listeners[i];
    if ((listener->address == NULL) == (listener->path == NULL)) finding("a listener has not one address or one path");
  }
  configuration_free(&configuration);
  core_destroy(&core);
  return 0;
}
