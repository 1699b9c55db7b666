#include "settings.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

static bool add_places(struct broker_log *log, const struct configuration *configuration) {
  if (configuration->log_stdout) broker_log_to(log, stdout);
  if (configuration->log_stderr) broker_log_to(log, stderr);
  for (size_t i = 0; i < configuration->log_path_count; i++) {
    if (broker_log_to_path(log, configuration->log_paths[i])) continue;
    fprintf(stderr, "midged: cannot write the log %s: %s\n", configuration->log_paths[i], strerror(errno));
    return false;
  }
  return true;
}

bool settings_open_log(const struct options *options, const struct configuration *configuration, struct broker_log **log) {
  const uint32_t asked = configuration == NULL ? 0 : configuration->log_events;
  *log = broker_log_create(options->verbose ? BROKER_LOG_ALL : asked);
  if (*log == NULL) {
    fputs("midged: no memory for a log\n", stderr);
    return false;
  }
  if (configuration != NULL) return add_places(*log, configuration);
  return broker_log_to(*log, options->verbose ? stdout : stderr);
}

/* The pid file is ours. */
static bool has_pid_file;

static bool write_pid(const char *path) {
  FILE *file = fopen(path, "we");
  const bool written = file != NULL && fprintf(file, "%ld\n", (long)getpid()) > 0;
  if (file != NULL && fclose(file) == 0 && written) return has_pid_file = true;
  fprintf(stderr, "midged: cannot write the pid file %s: %s\n", path, strerror(errno));
  return false;
}

/* As mosquitto does: only root can, and others stay who they are. The log files go with it, to be opened anew. */
static bool become_user(const struct configuration *configuration) {
  const char *name = configuration->user;
  if (geteuid() != 0 || strcmp(name, "root") == 0) return true;
  errno = 0;
  const struct passwd *user = getpwnam(name);
  bool became = user != NULL;
  for (size_t i = 0; became && i < configuration->log_path_count; i++) {
    became = chown(configuration->log_paths[i], user->pw_uid, user->pw_gid) == 0;
  }
  became = became && initgroups(name, user->pw_gid) == 0 && setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0;
  if (!became) fprintf(stderr, "midged: cannot become the user %s: %s\n", name, errno == 0 ? "there is none" : strerror(errno));
  return became;
}

bool settings_apply(const struct configuration *configuration) {
  if (configuration == NULL) return true;
  if (configuration->pid_file != NULL && !write_pid(configuration->pid_file)) return false;
  return configuration->user == NULL || become_user(configuration);
}

void settings_end(const struct configuration *configuration) {
  long pid = 0;
  if (!has_pid_file) return;
  FILE *file = fopen(configuration->pid_file, "re");
  if (file == NULL) return;
  /* Another broker may run by now. */
  const bool is_ours = fscanf(file, "%ld", &pid) == 1 && pid == (long)getpid();
  fclose(file);
  if (is_ours) unlink(configuration->pid_file);
}
