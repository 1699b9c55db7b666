#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Connections that the system holds for us until we take them: many may come at once after a power cut. */
#define BACKLOG 1024

union address {
  struct sockaddr any;
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
  struct sockaddr_un un;
};

static int close_keeping_errno(int fd) {
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

static int open_socket(int family) {
  const int one = 1;
  const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  /* Accepted sockets inherit it. Small packets must not wait for the acknowledgement of the ones before. */
  if (fd >= 0 && family != AF_UNIX) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

/* An address in digits. Returns its length, 0 when it is none. */
static socklen_t parse_address(const char *text, uint16_t port, union address *address) {
  memset(address, 0, sizeof *address);
  if (strcmp(text, "localhost") == 0) text = "127.0.0.1";
  if (inet_pton(AF_INET, text, &address->in.sin_addr) == 1) {
    address->in.sin_family = AF_INET;
    address->in.sin_port = htons(port);
    return sizeof address->in;
  }
  if (text[0] == '\0' || strcmp(text, "*") == 0) text = "::";
  if (inet_pton(AF_INET6, text, &address->in6.sin6_addr) == 1) {
    address->in6.sin6_family = AF_INET6;
    address->in6.sin6_port = htons(port);
    return sizeof address->in6;
  }
  return 0;
}

int net_listen_tcp(const char *text, uint16_t port) {
  const int one = 1, zero = 0;
  union address address;
  const bool all = text[0] == '\0' || strcmp(text, "*") == 0;
  const socklen_t length = parse_address(text, port, &address);
  if (length == 0) {
    errno = EADDRNOTAVAIL;
    return -1;
  }
  int fd = open_socket(address.any.sa_family);
  /* A system without IPv6. */
  if (fd < 0 && all && errno == EAFNOSUPPORT) return net_listen_tcp("0.0.0.0", port);
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (address.any.sa_family == AF_INET6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, all ? &zero : &one, sizeof one);
  }
  if (bind(fd, &address.any, length) == 0 && listen(fd, BACKLOG) == 0) return fd;
  close_keeping_errno(fd);
  /* IPv6 is there and switched off. */
  return all && errno == EADDRNOTAVAIL ? net_listen_tcp("0.0.0.0", port) : -1;
}

/* True when the path is a socket that nobody listens on. */
static bool is_stale(const union address *address) {
  struct stat status;
  if (lstat(address->un.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const int fd = open_socket(AF_UNIX);
  if (fd < 0) return false;
  const bool refused = connect(fd, &address->any, sizeof address->un) != 0 && errno == ECONNREFUSED;
  close(fd);
  return refused;
}

int net_listen_unix(const char *path) {
  union address address = {.un = {.sun_family = AF_UNIX}};
  if (strlen(path) >= sizeof address.un.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address.un.sun_path, path);
  const int fd = open_socket(AF_UNIX);
  if (fd < 0) return -1;
  int failed = bind(fd, &address.any, sizeof address.un);
  if (failed != 0 && errno == EADDRINUSE) {
    if (is_stale(&address)) {
      unlink(path);
      failed = bind(fd, &address.any, sizeof address.un);
    } else errno = EADDRINUSE;
  }
  /* For every program of this machine, as a port of 127.0.0.1 is. */
  if (failed != 0 || chmod(path, 0666) != 0 || listen(fd, BACKLOG) != 0) return close_keeping_errno(fd);
  return fd;
}

int net_accept(int listener) {
  for (;;) {
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) return fd;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return NET_AGAIN;
    /* It went away while it waited: the next one may be there. */
    if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) continue;
    return NET_FAILED;
  }
}

struct net_route {
  struct addrinfo *all, *next;
};

struct net_route *net_look_up(const char *host, uint16_t port, const char **fault) {
  char service[8];
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  struct net_route *route = calloc(1, sizeof *route);
  if (route == NULL) {
    *fault = "no memory";
    return NULL;
  }
  snprintf(service, sizeof service, "%u", (unsigned)port);
  const int status = getaddrinfo(host, service, &hints, &route->all);
  route->next = route->all;
  if (status == 0) return route;
  *fault = status == EAI_SYSTEM ? strerror(errno) : gai_strerror(status);
  free(route);
  return NULL;
}

int net_connect(struct net_route *route, const char **fault) {
  while (route->next != NULL) {
    const struct addrinfo *to = route->next;
    route->next = to->ai_next;
    const int fd = open_socket(to->ai_family);
    if (fd >= 0 && (connect(fd, to->ai_addr, to->ai_addrlen) == 0 || errno == EINPROGRESS)) return fd;
    *fault = strerror(errno);
    if (fd >= 0) close(fd);
  }
  return NET_FAILED;
}

void net_forget(struct net_route *route) {
  freeaddrinfo(route->all);
  free(route);
}

int net_connected(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

static ssize_t outcome(ssize_t count) {
  if (count >= 0) return count;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? NET_AGAIN : NET_FAILED;
}

ssize_t net_read(int fd, void *to, size_t length) {
  return outcome(read(fd, to, length));
}

ssize_t net_write(int fd, const struct iovec *ranges, int count) {
  /* The most frequent case by far, and the cheaper call. */
  if (count == 1) return outcome(send(fd, ranges->iov_base, ranges->iov_len, MSG_NOSIGNAL));
  const struct msghdr message = {.msg_iov = (struct iovec *)ranges, .msg_iovlen = (size_t)count};
  return outcome(sendmsg(fd, &message, MSG_NOSIGNAL));
}

void net_finish(int fd) {
  shutdown(fd, SHUT_WR);
}

void net_close(int fd) {
  close(fd);
}

void net_address(int fd, bool own, char text[static NET_ADDRESS_MAX]) {
  union address address;
  socklen_t length = sizeof address;
  char digits[INET6_ADDRSTRLEN];
  memset(&address, 0, sizeof address);
  strcpy(text, "-");
  if ((own ? getsockname : getpeername)(fd, &address.any, &length) != 0) return;
  if (address.any.sa_family == AF_INET) {
    inet_ntop(AF_INET, &address.in.sin_addr, digits, sizeof digits);
    snprintf(text, NET_ADDRESS_MAX, "%s:%u", digits, ntohs(address.in.sin_port));
  } else if (address.any.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &address.in6.sin6_addr, digits, sizeof digits);
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&address.in6.sin6_addr);
    /* An IPv4 client of a socket for both kinds: its own address is after ::ffff:. */
    if (mapped) snprintf(text, NET_ADDRESS_MAX, "%s:%u", digits + 7, ntohs(address.in6.sin6_port));
    else snprintf(text, NET_ADDRESS_MAX, "[%s]:%u", digits, ntohs(address.in6.sin6_port));
  } else if (address.any.sa_family == AF_UNIX && address.un.sun_path[0] != '\0') {
    snprintf(text, NET_ADDRESS_MAX, "%s", address.un.sun_path);
  }
}
