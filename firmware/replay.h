/* Plays a recording (record.h) on this program's engine: the same calls with the same input, every result and every byte
 * that comes out compared. */
#ifndef MIDGE_REPLAY_H
#define MIDGE_REPLAY_H

#include <stdio.h>

#include "engine.h"

struct replay_report {
  uint64_t calls;
  /* Bytes given to handleBytes(); bytes sent; events. */
  uint64_t bytes_in, bytes_out, events;
  /* The recording ends within a record, as it does when its program was killed. */
  bool is_cut;
  /* Empty, or what is different or wrong, in words. */
  char difference[300];
};

/* Plays all of `file`. True: this engine gave what was recorded. */
bool replay(FILE *file, struct replay_report *report);

#endif
