#include "connections.h"

#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "clock.h"
#include "net.h"

/* How long a peer has to take its last bytes and close. */
#define LINGER_MS 2000
/* Reads that one wake-up spends on a peer that goes on sending after its end. */
#define LINGER_READS 4

/* As many as fill a page of memory. */
#define BLOCK_CONNECTIONS 127

struct connection_block {
  struct connection_block *next;
  struct connection connections[BLOCK_CONNECTIONS];
};

void connections_init(struct connections *connections, struct loop *loop) {
  *connections = (struct connections){.loop = loop};
  TAILQ_INIT(&connections->lingering);
  TAILQ_INIT(&connections->broken);
  TAILQ_INIT(&connections->gone);
  TAILQ_INIT(&connections->spare);
}

/* NULL when there is no memory. */
static struct connection *take_spare(struct connections *connections) {
  if (TAILQ_EMPTY(&connections->spare)) {
    struct connection_block *block = malloc(sizeof *block);
    if (block == NULL) return NULL;
    block->next = connections->blocks;
    connections->blocks = block;
    for (int i = 0; i < BLOCK_CONNECTIONS; i++) TAILQ_INSERT_TAIL(&connections->spare, &block->connections[i], entry);
  }
  struct connection *connection = TAILQ_FIRST(&connections->spare);
  TAILQ_REMOVE(&connections->spare, connection, entry);
  return connection;
}

static void give_back(struct connections *connections, struct connection *connection) {
  TAILQ_INSERT_HEAD(&connections->spare, connection, entry);
}

static void free_gone(struct connections *connections) {
  for (struct connection *each; (each = TAILQ_FIRST(&connections->gone)) != NULL;) {
    TAILQ_REMOVE(&connections->gone, each, entry);
    give_back(connections, each);
  }
}

static void close_socket(struct connections *connections, struct connection *connection) {
  loop_remove(connections->loop, connection->fd);
  net_close(connection->fd);
  connections->count--;
  /* loop_wait() may have named it already in this turn: it is freed at the end. */
  connection->state = CONNECTION_GONE;
  TAILQ_INSERT_TAIL(&connections->gone, connection, entry);
}

/* Takes it out of the table and of the list of the broken. */
static void leave(struct connections *connections, struct connection *connection) {
  connections->slots[connection->handle & MIDGE_HANDLE_SLOT_MASK] = NULL;
  if (connection->is_broken) TAILQ_REMOVE(&connections->broken, connection, entry);
}

void connections_destroy(struct connections *connections) {
  for (uint32_t slot = 0; slot < connections->slot_count; slot++) {
    if (connections->slots[slot] != NULL) connections_drop(connections, connections->slots[slot]);
  }
  for (struct connection *each; (each = TAILQ_FIRST(&connections->lingering)) != NULL;) {
    TAILQ_REMOVE(&connections->lingering, each, entry);
    close_socket(connections, each);
  }
  for (struct connection_block *next, *each = connections->blocks; each != NULL; each = next) {
    next = each->next;
    free(each);
  }
  free(connections->slots);
}

static bool reserve_slot(struct connections *connections, uint32_t slot) {
  if (slot < connections->slot_count) return true;
  uint32_t count = connections->slot_count == 0 ? 16 : connections->slot_count;
  while (count <= slot) count *= 2;
  struct connection **slots = realloc(connections->slots, count * sizeof *slots);
  if (slots == NULL) return false;
  memset(slots + connections->slot_count, 0, (count - connections->slot_count) * sizeof *slots);
  connections->slots = slots;
  connections->slot_count = count;
  return true;
}

bool connections_add(struct connections *connections, int fd, uint32_t handle) {
  const uint32_t slot = handle & MIDGE_HANDLE_SLOT_MASK;
  /* Taken already: no core that keeps its word does that. */
  if (!reserve_slot(connections, slot) || connections->slots[slot] != NULL) return false;
  struct connection *connection = take_spare(connections);
  if (connection == NULL) return false;
  *connection = (struct connection){.kind = OWNER_CONNECTION, .fd = fd, .handle = handle};
  if (!loop_add(connections->loop, fd, connection)) {
    give_back(connections, connection);
    return false;
  }
  connections->slots[slot] = connection;
  connections->count++;
  return true;
}

struct connection *connections_find(const struct connections *connections, uint32_t handle) {
  const uint32_t slot = handle & MIDGE_HANDLE_SLOT_MASK;
  struct connection *connection = slot < connections->slot_count ? connections->slots[slot] : NULL;
  return connection != NULL && connection->handle == handle ? connection : NULL;
}

void connections_end(struct connections *connections, struct connection *connection, bool is_over) {
  leave(connections, connection);
  if (is_over || connection->is_broken) {
    close_socket(connections, connection);
    return;
  }
  net_finish(connection->fd);
  if (connection->is_blocked) loop_watch(connections->loop, connection->fd, connection, true, false);
  connection->state = CONNECTION_LINGERING;
  connection->until_ms = (uint32_t)clock_ms() + LINGER_MS;
  TAILQ_INSERT_TAIL(&connections->lingering, connection, entry);
}

void connections_drop(struct connections *connections, struct connection *connection) {
  if (connection->state == CONNECTION_GONE) return;
  if (connection->state == CONNECTION_OPEN) leave(connections, connection);
  else TAILQ_REMOVE(&connections->lingering, connection, entry);
  close_socket(connections, connection);
}

void connections_break(struct connections *connections, struct connection *connection) {
  connection->is_broken = true;
  TAILQ_INSERT_TAIL(&connections->broken, connection, entry);
}

struct connection *connections_next_broken(const struct connections *connections) {
  return TAILQ_FIRST(&connections->broken);
}

void connections_linger(struct connections *connections, struct connection *connection) {
  char forgotten[4096];
  for (int count = 0; count < LINGER_READS; count++) {
    const ssize_t length = net_read(connection->fd, forgotten, sizeof forgotten);
    if (length == NET_AGAIN) return;
    if (length > 0) continue;
    TAILQ_REMOVE(&connections->lingering, connection, entry);
    close_socket(connections, connection);
    return;
  }
}

/* Milliseconds until its time is up. */
static int left_ms(const struct connection *connection, uint64_t now_ms) {
  return (int)(connection->until_ms - (uint32_t)now_ms);
}

int connections_sweep(struct connections *connections, uint64_t now_ms) {
  struct connection *first;
  while ((first = TAILQ_FIRST(&connections->lingering)) != NULL && left_ms(first, now_ms) <= 0) {
    TAILQ_REMOVE(&connections->lingering, first, entry);
    close_socket(connections, first);
  }
  free_gone(connections);
  return first == NULL ? -1 : left_ms(first, now_ms);
}

uint32_t connections_count(const struct connections *connections) {
  return connections->count;
}
