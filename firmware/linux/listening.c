#include "listening.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

/* Paths of Unix sockets that are ours to remove. */
static const char *unix_made[OPTIONS_LISTENERS_MAX];
static unsigned unix_count;

/* Where it listens, in words: all of it, and what others than this machine reach. */
struct places {
  char all[NET_ADDRESS_MAX * 8];
  char open[NET_ADDRESS_MAX * 8];
};

static void tell_tcp_failure(const char *host, uint16_t port) {
  const char *colon = strchr(host, ':');
  char where[NET_ADDRESS_MAX];
  snprintf(where, sizeof where, colon == NULL ? "%.60s:%u" : "[%.60s]:%u", host, port);
  switch (errno) {
    case EADDRINUSE:
      fprintf(stderr, "midged: %s is in use by another program. Stop that one, or choose another port: midged -p %u\n", where,
              port < UINT16_MAX ? port + 1u : 1883u);
      break;
    case EACCES:
      fprintf(stderr, "midged: no permission to listen on %s. Choose a port from 1024 up: midged -p 1883\n", where);
      break;
    case EADDRNOTAVAIL:
      fprintf(stderr, "midged: this machine has no address %s. For all of its addresses: --host 0.0.0.0\n", host);
      break;
    default:
      fprintf(stderr, "midged: cannot listen on %s: %s\n", where, strerror(errno));
  }
}

static bool is_loopback(const char *address) {
  return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0;
}

/* Adds `address` to a list of `size` bytes. */
static void append(char *list, size_t size, const char *address) {
  const size_t length = strlen(list);
  snprintf(list + length, size - length, "%s%s", length == 0 ? "" : ", ", address);
}

/* Who can come in, and how to change that. */
static void welcome(const struct places *places, bool is_configured) {
  printf("midged listens on %s\n", places->all);
  if (places->open[0] != '\0') {
    printf("Open to everyone who reaches %s, without a password or encryption: only for networks you trust.\n", places->open);
  } else if (is_configured) {
    puts("Open to every program on this machine, without a password.");
  } else {
    puts("Open to every program on this machine, without a password. Other machines cannot connect: --host 0.0.0.0 lets them in.");
  }
  puts("Ctrl-C ends it; -v shows what happens.");
}

/* Serves a socket that listens; -1 is none. */
static bool serve(struct broker *broker, int fd, bool is_unix, struct places *places) {
  char address[NET_ADDRESS_MAX];
  if (fd < 0 || !broker_listen(broker, fd)) return false;
  net_address(fd, true, address);
  append(places->all, sizeof places->all, address);
  if (!is_unix && !is_loopback(address)) append(places->open, sizeof places->open, address);
  return true;
}

static bool serve_unix(struct broker *broker, const char *path, struct places *places) {
  if (unix_count == OPTIONS_LISTENERS_MAX) {
    errno = EMFILE;
    return false;
  }
  if (!serve(broker, net_listen_unix(path), true, places)) return false;
  unix_made[unix_count++] = path;
  return true;
}

static bool serve_options(struct broker *broker, const struct options *options, struct places *places) {
  static const char *const loopback[] = {"127.0.0.1"};
  const bool has_hosts = options->host_count > 0 || options->unix_count > 0;
  const char *const *hosts = has_hosts ? options->hosts : loopback;
  const unsigned host_count = has_hosts ? options->host_count : 1;
  for (unsigned i = 0; i < host_count; i++) {
    if (serve(broker, net_listen_tcp(hosts[i], options->port), false, places)) continue;
    tell_tcp_failure(hosts[i], options->port);
    return false;
  }
  for (unsigned i = 0; i < options->unix_count; i++) {
    if (serve_unix(broker, options->unix_paths[i], places)) continue;
    fprintf(stderr, "midged: cannot listen on the Unix socket %s: %s\n", options->unix_paths[i], strerror(errno));
    return false;
  }
  return true;
}

static bool serve_configuration(struct broker *broker, const struct options *options,
                                const struct configuration *configuration, struct places *places) {
  for (size_t i = 0; i < configuration->listener_count; i++) {
    const struct configuration_listener *listener = &configuration->listeners[i];
    const bool is_unix = listener->path != NULL;
    if (is_unix ? serve_unix(broker, listener->path, places)
                : serve(broker, net_listen_tcp(listener->address, listener->port), false, places)) {
      continue;
    }
    const char *reason = errno == EADDRINUSE ? "another program has it" : strerror(errno);
    if (is_unix) fprintf(stderr, "midged: cannot listen on %s, as %s says: %s\n", listener->path, options->configuration, reason);
    else {
      fprintf(stderr, "midged: cannot listen on %s:%u, as %s says: %s\n", listener->address, listener->port,
              options->configuration, reason);
    }
    return false;
  }
  return true;
}

bool listening_start(struct broker *broker, const struct options *options, const struct configuration *configuration) {
  struct places places = {0};
  const bool is_configured = configuration != NULL && configuration->listener_count > 0;
  const bool listens = is_configured ? serve_configuration(broker, options, configuration, &places)
                                     : serve_options(broker, options, &places);
  if (listens) welcome(&places, is_configured);
  return listens;
}

void listening_end(void) {
  while (unix_count > 0) unlink(unix_made[--unix_count]);
}
