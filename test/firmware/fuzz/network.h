/* The network of the fuzz targets: net.h, loop.h and clock.h, played from the fuzzer's input. Sockets are numbers in a table;
 * whether one is ready, what it reads, how much of a write it takes, and its end are decisions of the input; time passes
 * only while the host waits. It watches the host: a socket that is not open, is used after its close, or is left open at the
 * end, is a finding. */
#ifndef MIDGE_FUZZ_NETWORK_H
#define MIDGE_FUZZ_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Forgets all sockets. */
void network_begin(void);

/* A socket that listens; what net_listen_*() would return. */
int network_listen(void);

/* Finding when a socket is still open. */
void network_end(void);

/* The clock goes on by at least this much in each wait: shortens the runs of a host that never sleeps. */
void network_hurry(uint32_t step_ms);

/* What arrives on a connection, at most `length` bytes: each target has its own. */
size_t network_arrive(uint32_t connection, uint8_t *to, size_t length);

#endif
