/* Plays recordings, one after the other, in one process: replay_all FILE ... Prints a line for each that is not the same,
 * and how many were. */
#include <stdio.h>
#include <stdlib.h>

#include "replay.h"

int main(int count, char **files) {
  struct replay_report report;
  unsigned long long same = 0, calls = 0, bytes_out = 0, events = 0;
  for (int i = 1; i < count; i++) {
    FILE *file = fopen(files[i], "rb");
    if (file == NULL) {
      perror(files[i]);
      return 1;
    }
    if (!replay(file, &report)) printf("%s: %s\n", files[i], report.difference);
    else if (report.is_cut) printf("%s: ends within a record\n", files[i]);
    else same++;
    calls += report.calls;
    bytes_out += report.bytes_out;
    events += report.events;
    fclose(file);
  }
  printf("%llu of %d same, %llu calls, %llu bytes out, %llu events\n", same, count - 1, calls, bytes_out, events);
  return same == (unsigned long long)(count - 1) ? 0 : 1;
}
