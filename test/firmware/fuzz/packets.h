/* Input of an MQTT connection, made from the fuzzer's input: packets that a broker takes, packets that it does not, and bytes
 * that are none. */
#ifndef MIDGE_FUZZ_PACKETS_H
#define MIDGE_FUZZ_PACKETS_H

#include <stddef.h>
#include <stdint.h>

/* Room for the longest. */
#define PACKET_MAX 512u

/* Makes one packet; returns its bytes, 1 and up. */
size_t packet_make(uint8_t to[static PACKET_MAX]);

#endif
