/* Sockets: TCP over IPv4 and IPv6, and Unix sockets; non-blocking, closed on exec, TCP_NODELAY set. Knows addresses and
 * errors of the system, and of MQTT nothing. Functions that fail leave errno. */
#ifndef MIDGE_NET_H
#define MIDGE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Room for the longest text of an address: a Unix socket's path, or [IPv6]:port. */
#define NET_ADDRESS_MAX 120

/* What net_read() and net_write() return when there is nothing to read, or no room to write, for now. */
#define NET_AGAIN (-1)
/* The connection is over by an error. */
#define NET_FAILED (-2)

/* Listens on `address`, an IPv4 or IPv6 address in digits ("" or "*": all of both kinds; "localhost": 127.0.0.1), `port`
 * 0 for any that is free. Returns the socket, or -1. */
int net_listen_tcp(const char *address, uint16_t port);

/* Listens on a Unix socket; a file left behind by a program that is gone is replaced. Returns the socket, or -1. */
int net_listen_unix(const char *path);

/* The next connection that waits; NET_AGAIN when there is none, NET_FAILED with errno when it cannot be taken. */
int net_accept(int listener);

/* The addresses of a name, to be tried one after the other. */
struct net_route;

/* Looks up `host`, a name or an address: waits for the answer. NULL: *fault, a text that stays, says why. */
struct net_route *net_look_up(const char *host, uint16_t port, const char **fault);

/* Begins to connect to the next of the addresses. Becomes writable when it is done: then net_connected(). Returns the socket,
 * or NET_FAILED: none is left; *fault, a text that stays, says what was wrong with the last one that could not be begun. */
int net_connect(struct net_route *route, const char **fault);

void net_forget(struct net_route *route);

/* How net_connect() went: 0, or an errno. */
int net_connected(int fd);

/* Reads up to `length` bytes. Returns how many, 0 at the end, NET_AGAIN or NET_FAILED. */
ssize_t net_read(int fd, void *to, size_t length);

/* Writes the ranges in order. Returns how many bytes were taken, NET_AGAIN or NET_FAILED. */
ssize_t net_write(int fd, const struct iovec *ranges, int count);

/* Says that no more will be written. */
void net_finish(int fd);

void net_close(int fd);

/* The other end, or with `own` this one, as in 127.0.0.1:1883, [::1]:1883, or a path; "-" when it is not known. */
void net_address(int fd, bool own, char text[static NET_ADDRESS_MAX]);

#endif
