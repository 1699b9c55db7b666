#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Files that are no connections: listeners, the standard ones, a log, a recording. */
#define FILES_BESIDE 64u

/* From the child to the one that was started; -1 without service_fork(). */
static int ready_pipe = -1;

uint32_t service_raise_files(uint32_t wanted) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const rlim_t needed = (rlim_t)wanted + FILES_BESIDE;
  if (limit.rlim_cur < needed) {
    struct rlimit raised = {.rlim_cur = needed, .rlim_max = limit.rlim_max < needed ? needed : limit.rlim_max};
    /* Only root may go over the hard limit. */
    if (setrlimit(RLIMIT_NOFILE, &raised) != 0) {
      raised = (struct rlimit){.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
      setrlimit(RLIMIT_NOFILE, &raised);
    }
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= needed) return wanted;
  return limit.rlim_cur > FILES_BESIDE ? (uint32_t)(limit.rlim_cur - FILES_BESIDE) : 1;
}

bool service_fork(void) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  const pid_t child = fork();
  if (child < 0) return false;
  if (child > 0) {
    /* Ends with the child's verdict: a byte when it is ready, nothing but its exit code when it is not. */
    char byte;
    int status = 0;
    close(ends[1]);
    if (read(ends[0], &byte, 1) == 1) _exit(0);
    waitpid(child, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
  }
  close(ends[0]);
  ready_pipe = ends[1];
  return setsid() >= 0;
}

void service_detach(void) {
  if (ready_pipe < 0) return;
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nowhere >= 0) {
    for (int fd = 0; fd <= 2; fd++) dup2(nowhere, fd);
    close(nowhere);
  }
  /* The one that was started may be gone; then nobody waits. */
  const ssize_t told = write(ready_pipe, "", 1);
  (void)told;
  close(ready_pipe);
  ready_pipe = -1;
}

void service_notify(const char *state) {
  const char *path = getenv("NOTIFY_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (path == NULL || path[0] == '\0' || strlen(path) >= sizeof address.sun_path) return;
  const size_t length = strlen(path);
  memcpy(address.sun_path, path, length);
  /* @ stands for a name outside the file system. */
  if (path[0] == '@') address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
  close(fd);
}

int service_watchdog_ms(void) {
  const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
  if (text == NULL || (pid != NULL && strtol(pid, NULL, 10) != getpid())) return -1;
  const long long microseconds = strtoll(text, NULL, 10);
  if (microseconds < 2000) return -1;
  return microseconds / 2000 > 3600000 ? 3600000 : (int)(microseconds / 2000);
}
