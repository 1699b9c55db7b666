/* See usage.h. */
#include "usage.h"

#include "fail.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t clock_ns(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t usage_now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

static uint64_t thread_run_ns(int pid, const char *thread) {
  char path[512];
  snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, thread);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0; /* the thread ended after readdir */
  uint64_t run_ns = 0;
  if (fscanf(file, "%" SCNu64, &run_ns) != 1) run_ns = 0;
  fclose(file);
  return run_ns;
}

static uint64_t broker_cpu_ns(int pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *directory = opendir(path);
  if (directory == NULL) fail("the broker, process %d, has gone", pid);
  uint64_t sum = 0;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (entry->d_name[0] != '.') sum += thread_run_ns(pid, entry->d_name);
  }
  closedir(directory);
  if (sum == 0) fail("no run time in %s: the kernel lacks CONFIG_SCHED_INFO, or the process has gone", path);
  return sum;
}

struct usage usage_read(int pid) {
  return (struct usage){
      .wall_ns = usage_now_ns(),
      .broker_cpu_ns = broker_cpu_ns(pid),
      .load_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
  };
}

static uint64_t read_kb(int pid, const char *name, const char *key) {
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  FILE *file = fopen(path, "r");
  if (file == NULL) fail("cannot read %s", path);
  size_t length = strlen(key);
  uint64_t kb = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, key, length) == 0 && sscanf(line + length, "%" SCNu64, &kb) == 1) break;
  }
  fclose(file);
  if (kb == 0) fail("no %s in %s", key, path);
  return kb;
}

uint64_t usage_resident_kb(int pid) { return read_kb(pid, "smaps_rollup", "Rss:"); }

uint64_t usage_peak_kb(int pid) { return read_kb(pid, "status", "VmHWM:"); }
