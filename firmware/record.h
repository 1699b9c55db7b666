/* A recording: every call of an instance with what went in and what came out, so that any engine can make the same calls
 * again and be compared to the byte (replay.h, and `midge replay` of the Node host). Whatever the host did, it did through
 * these calls, times included; so the recording of a run that failed is the run.
 *
 * The form, numbers little-endian:
 *
 *   "MIDGEREC" | u32 1 | u32 ABI version | u8 length, module | u8 count, and as often: u8 length, export, u8 arity, u8 returns
 *   then, each behind a byte:
 *     0x00..0xef   call: the export's place in that list, which is sorted | u32 arguments | u32 result if it returns one, and did
 *                    not trap: such a call is the last
 *     0xf0         input: u32 length | what a handleBytes() that follows finds at inputPtr()
 *     0xf1         argument: u32 length | what the call that follows finds at the last argumentPtr()
 *     0xf2         output: u32 length | behind nextSends() and nextEvents() that returned some:
 *                    of each send    u32 connection | u32 length | bytes
 *                    of each event   u32 kind, connection, code, detail, aLength, bLength, cLength | a | b | c
 */
#ifndef MIDGE_RECORD_H
#define MIDGE_RECORD_H

#include "engine.h"

#define RECORD_MAGIC "MIDGEREC"
#define RECORD_VERSION 1u
#define RECORD_INPUT 0xf0u
#define RECORD_ARGUMENT 0xf1u
#define RECORD_OUTPUT 0xf2u

struct recorder;

/* Begins a recording in the file `path`, which is emptied. NULL with errno. */
struct recorder *recorder_create(const char *path);

/* Writes what is left and closes. False with errno when the recording is not whole: the disk was full, say. */
bool recorder_destroy(struct recorder *recorder);

/* For engine_call() alone: before and after each call. */
void recorder_before(struct recorder *recorder, struct engine *engine, enum engine_export export, const uint32_t *arguments);
void recorder_after(struct recorder *recorder, struct engine *engine, enum engine_export export, uint32_t result);

/* What came out with the nextSends() or nextEvents() that has just returned `count`, in the form above, in memory that is
 * the caller's to free. NULL when there is no memory, or the module gave out what it has not. */
uint8_t *record_output(struct engine *engine, enum engine_export export, uint32_t count, uint32_t *length);

/* Arguments of an export, and whether it returns a value; false when the module has it not. */
bool record_signature(enum engine_export export, uint32_t *arity, bool *returns);

#endif
