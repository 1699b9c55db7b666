/* See fail.h. */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("load: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

void *fail_calloc(unsigned long count, unsigned long size) {
  void *memory = calloc(count, size);
  if (memory == NULL) fail("out of memory: %lu times %lu bytes", count, size);
  return memory;
}
