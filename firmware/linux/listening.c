#include "listening.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

/* Unix sockets that are ours to remove. */
static unsigned unix_made;

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
  return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0 || address[0] == '/';
}

/* Adds `address` to a list of `size` bytes. */
static void append(char *list, size_t size, const char *address) {
  const size_t length = strlen(list);
  snprintf(list + length, size - length, "%s%s", length == 0 ? "" : ", ", address);
}

/* Who can come in, and how to change that. */
static void welcome(const char *all, const char *open) {
  printf("midged listens on %s\n", all);
  if (open[0] == '\0') {
    puts("Open to every program on this machine, without a password. Other machines cannot connect: --host 0.0.0.0 lets them in.");
  } else {
    printf("Open to everyone who reaches %s, without a password or encryption: only for networks you trust.\n", open);
  }
  puts("Ctrl-C ends it; -v shows what happens.");
}

bool listening_start(struct broker *broker, const struct options *options) {
  static const char *const loopback[] = {"127.0.0.1"};
  const bool has_hosts = options->host_count > 0 || options->unix_count > 0;
  const char *const *hosts = has_hosts ? options->hosts : loopback;
  const unsigned host_count = has_hosts ? options->host_count : 1;
  char all[NET_ADDRESS_MAX * 8] = "", open[NET_ADDRESS_MAX * 8] = "", address[NET_ADDRESS_MAX];
  for (unsigned i = 0; i < host_count; i++) {
    const int fd = net_listen_tcp(hosts[i], options->port);
    if (fd < 0 || !broker_listen(broker, fd)) {
      tell_tcp_failure(hosts[i], options->port);
      return false;
    }
    net_address(fd, true, address);
    append(all, sizeof all, address);
    if (!is_loopback(address)) append(open, sizeof open, address);
  }
  for (unsigned i = 0; i < options->unix_count; i++) {
    const int fd = net_listen_unix(options->unix_paths[i]);
    if (fd < 0 || !broker_listen(broker, fd)) {
      fprintf(stderr, "midged: cannot listen on the Unix socket %s: %s\n", options->unix_paths[i], strerror(errno));
      return false;
    }
    unix_made = i + 1;
    append(all, sizeof all, options->unix_paths[i]);
  }
  welcome(all, open);
  return true;
}

void listening_end(const struct options *options) {
  for (unsigned i = 0; i < unix_made; i++) unlink(options->unix_paths[i]);
}
