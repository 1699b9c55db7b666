/* What a Linux program owes the system it runs on: limits of files, the background, and systemd. */
#ifndef MIDGE_SERVICE_H
#define MIDGE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

/* Raises the limit of open files so that `wanted` connections fit, as far as the system allows. Returns how many do. */
uint32_t service_raise_files(uint32_t wanted);

/* Goes on as a child in the background, and does not yet end the one that was started. False with errno. */
bool service_fork(void);

/* The child is ready: the one that was started ends with code 0, and standard output and error are given up. Without
 * service_fork() nothing. */
void service_detach(void);

/* Tells systemd, if it has started us (NOTIFY_SOCKET): "READY=1", "STOPPING=1", "WATCHDOG=1". Does not wait, and never
 * fails. sd_notify() of libsystemd does the same, and would be the only thing we need of it. */
void service_notify(const char *state);

/* How often systemd wants to hear "WATCHDOG=1", in milliseconds: half of WATCHDOG_USEC. -1: not at all. */
int service_watchdog_ms(void);

#endif
