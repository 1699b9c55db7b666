#include <poll.h>
#include <stdlib.h>

#include "loop.h"

struct loop {
  struct pollfd *fds;
  void **owners;
  size_t count, capacity;
};

struct loop *loop_create(void) {
  return calloc(1, sizeof(struct loop));
}

void loop_destroy(struct loop *loop) {
  free(loop->fds);
  free(loop->owners);
  free(loop);
}

static size_t find(const struct loop *loop, int fd) {
  size_t index = 0;
  while (index < loop->count && loop->fds[index].fd != fd) index++;
  return index;
}

bool loop_add(struct loop *loop, int fd, void *owner) {
  if (loop->count == loop->capacity) {
    const size_t capacity = loop->capacity == 0 ? 4 : loop->capacity * 2;
    struct pollfd *fds = realloc(loop->fds, capacity * sizeof *fds);
    if (fds != NULL) loop->fds = fds;
    void **owners = realloc(loop->owners, capacity * sizeof *owners);
    if (owners != NULL) loop->owners = owners;
    if (fds == NULL || owners == NULL) return false;
    loop->capacity = capacity;
  }
  loop->fds[loop->count] = (struct pollfd){.fd = fd, .events = POLLIN};
  loop->owners[loop->count++] = owner;
  return true;
}

void loop_watch(struct loop *loop, int fd, void *owner, bool readable, bool writable) {
  const size_t index = find(loop, fd);
  if (index == loop->count) return;
  loop->owners[index] = owner;
  loop->fds[index].events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
}

void loop_remove(struct loop *loop, int fd) {
  const size_t index = find(loop, fd);
  if (index == loop->count) return;
  loop->count--;
  loop->fds[index] = loop->fds[loop->count];
  loop->owners[index] = loop->owners[loop->count];
}

int loop_wait(struct loop *loop, struct loop_ready *ready, int max, int timeout_ms) {
  if (poll(loop->fds, (nfds_t)loop->count, timeout_ms) <= 0) return 0;
  int found = 0;
  for (size_t i = 0; i < loop->count && found < max; i++) {
    const short events = loop->fds[i].revents;
    if (events == 0) continue;
    ready[found++] = (struct loop_ready){
        .owner = loop->owners[i],
        .readable = (events & (POLLIN | POLLERR | POLLHUP | POLLNVAL)) != 0,
        .writable = (events & POLLOUT) != 0,
    };
  }
  return found;
}
