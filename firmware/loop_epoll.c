#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "loop.h"

/* Most that one call of the system reports: enough for one wake-up to serve many connections. */
#define EVENTS_MAX 256

#define WAITS_A_LOOK 16

struct loop {
  int epoll;
  /* Signals that are blocked while it waits: those that were when it was made. */
  sigset_t blocked;
  unsigned waits;
  struct epoll_event events[EVENTS_MAX];
};

struct loop *loop_create(void) {
  struct loop *loop = malloc(sizeof *loop);
  if (loop == NULL) return NULL;
  sigprocmask(SIG_BLOCK, NULL, &loop->blocked);
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (loop->epoll >= 0) return loop;
  free(loop);
  return NULL;
}

void loop_destroy(struct loop *loop) {
  close(loop->epoll);
  free(loop);
}

bool loop_add(struct loop *loop, int fd, void *owner) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = owner};
  return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

void loop_watch(struct loop *loop, int fd, void *owner, bool readable, bool writable) {
  struct epoll_event event = {.data.ptr = owner};
  if (readable) event.events |= EPOLLIN;
  if (writable) event.events |= EPOLLOUT;
  epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &event);
}

void loop_remove(struct loop *loop, int fd) {
  /* Closing it, which follows, is enough: the last descriptor of a socket takes it out. */
  (void)loop;
  (void)fd;
}

/* A wait that has not slept lets no signal in: one that is busy must do so now and then. */
static void let_signals_in(struct loop *loop) {
  sigset_t held;
  if (++loop->waits % WAITS_A_LOOK != 0) return;
  sigprocmask(SIG_SETMASK, &loop->blocked, &held);
  sigprocmask(SIG_SETMASK, &held, NULL);
}

int loop_wait(struct loop *loop, struct loop_ready *ready, int max, int timeout_ms) {
  const int most = max < EVENTS_MAX ? max : EVENTS_MAX;
  const int count = epoll_pwait(loop->epoll, loop->events, most, timeout_ms, &loop->blocked);
  if (count >= 0) let_signals_in(loop);
  for (int i = 0; i < count; i++) {
    const uint32_t events = loop->events[i].events;
    ready[i].owner = loop->events[i].data.ptr;
    ready[i].readable = (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0;
    ready[i].writable = (events & EPOLLOUT) != 0;
  }
  return count < 0 ? 0 : count;
}
