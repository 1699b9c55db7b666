/* Readiness of sockets: what wakes the host. loop_epoll.c is for many connections, loop_poll.c for a few, on any POSIX
 * system. A descriptor stays ready until what made it so has been dealt with (level-triggered). */
#ifndef MIDGE_LOOP_H
#define MIDGE_LOOP_H

#include <stdbool.h>
#include <stddef.h>

struct loop;

struct loop_ready {
  /* As given to loop_add(). */
  void *owner;
  /* There is something to read, an end or an error included. */
  bool readable;
  bool writable;
};

/* NULL with errno when the system has none. */
struct loop *loop_create(void);

void loop_destroy(struct loop *loop);

/* Waits for `fd` to be readable from now on. False with errno. */
bool loop_add(struct loop *loop, int fd, void *owner);

/* What to wait for from now on; an end or an error of a socket is told in any case. */
void loop_watch(struct loop *loop, int fd, void *owner, bool readable, bool writable);

/* Before `fd` is closed. */
void loop_remove(struct loop *loop, int fd);

/* Waits up to `timeout_ms` (-1: as long as it takes, or until a signal). Returns how many of `ready` it has filled. With
 * loop_epoll.c a program may block signals after loop_create(), and gets them here, at the latest in the sixteenth wait: none
 * comes between its look at what they have set and a wait that sleeps. */
int loop_wait(struct loop *loop, struct loop_ready *ready, int max, int timeout_ms);

/* The shorter of two times to wait, of which -1 is as long as it takes. */
static inline int loop_earlier_ms(int one_ms, int other_ms) {
  if (one_ms < 0) return other_ms;
  return other_ms >= 0 && other_ms < one_ms ? other_ms : one_ms;
}

#endif
