/* One way out for everything that must not happen: a message on standard error and exit status 1.
 * A load generator that carries on after a surprise reports figures of something else, so nothing here recovers:
 * bench.mjs shows the message in place of the figures. */
#ifndef FAIL_H
#define FAIL_H

/** Prints "load: " and the formatted text, then exits with status 1. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** calloc that fails instead of returning NULL. The memory lives until the process ends: one process, one scenario. */
void *fail_calloc(unsigned long count, unsigned long size);

#endif
