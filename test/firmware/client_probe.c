/* Clients of firmware/midge.h in one process, driven by lines on standard input; every result and every callback is a line on
 * standard output. It waits in a loop of its own, on midge_fd() and midge_sleep_ms(). N is the number of a client, 0 to 7:
 *
 *   new N [OPTION=VALUE]...              connect N     disconnect N     destroy N     state N
 *   publish N QOS RETAIN TOPIC TEXT      TEXT is the rest of the line
 *   publish-large N QOS TOPIC BYTES      as many bytes, each a function of its place
 *   publish-with N QOS TOPIC HEX TEXT    with properties
 *   subscribe N OPTIONS FILTER           subscribe-with N OPTIONS FILTER HEX           unsubscribe N FILTER
 *   matches N FILTER TOPIC               mistakes N: arguments that no text can give
 *   inside N WHAT                        the next callback WHAT tries everything from within
 *   lazy MILLISECONDS COUNT              so often, the application is busy elsewhere, and then has a look at its clients
 *
 * The end of the input destroys what is left. The name two.test has two addresses, of which 127.0.0.2 is the first: the build
 * puts our __wrap_getaddrinfo() in the place of the system's. */
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "midge.h"

#define CLIENTS 8
#define LINE_MAX_BYTES (1 << 17)
/* Longer payloads are shown by their checksum. */
#define SHOWN_MAX 64

struct slot {
  struct midge *client;
  int number;
  /* Last line of its state. */
  int state;
  char inside[16];
};

static struct slot slots[CLIENTS];

int __real_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found);
int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found);

int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  if (strcmp(name, "two.test") != 0) return __real_getaddrinfo(name, service, hints, found);
  const int status = __real_getaddrinfo("127.0.0.2", service, hints, found);
  return status == 0 ? __real_getaddrinfo("127.0.0.1", service, hints, &(*found)->ai_next) : status;
}

/* FNV-1a. */
static uint32_t checksum(const char *bytes, size_t length) {
  uint32_t sum = 2166136261u;
  for (size_t i = 0; i < length; i++) sum = (sum ^ (uint8_t)bytes[i]) * 16777619u;
  return sum;
}

static void print_properties(const uint8_t *properties, size_t length) {
  if (length > 0) printf(" with ");
  for (size_t i = 0; i < length; i++) printf("%02x", properties[i]);
}

static void try_everything(struct slot *slot, const char *what) {
  struct midge *client = slot->client;
  if (strcmp(slot->inside, what) != 0) return;
  slot->inside[0] = '\0';
  printf("%d inside poll %d destroy %u", slot->number, midge_poll(client, 1000), midge_destroy(client));
  printf(" publish %d", midge_publish(client, "from/inside", "inside", 6, 1, false) >= MIDGE_TOKEN_FIRST);
  printf(" subscribe %d", midge_subscribe(client, "inside/#", 0) >= MIDGE_TOKEN_FIRST);
  printf(" unsubscribe %d", midge_unsubscribe(client, "never") >= MIDGE_TOKEN_FIRST);
  printf(" matches %d", midge_matches(client, "a/+", "a/b"));
  if (strcmp(what, "disconnected") == 0) printf(" connect %u", midge_connect(client));
  if (strcmp(what, "completed") == 0) printf(" disconnect %u", midge_disconnect(client));
  putchar('\n');
}

static void handle_message(struct midge *client, const struct midge_message *message, void *context) {
  struct slot *slot = context;
  (void)client;
  printf("%d message %s qos %u%s%s length %zu ", slot->number, message->topic, message->qos, message->retain ? " retain" : "",
         message->duplicate ? " duplicate" : "", message->payload_length);
  if (strlen(message->topic) != message->topic_length || message->payload[message->payload_length] != '\0') printf("NO ZERO ");
  if (message->payload_length > SHOWN_MAX) printf("sum %08x", checksum(message->payload, message->payload_length));
  else printf("%s", message->payload);
  print_properties(message->properties, message->properties_length);
  putchar('\n');
  try_everything(slot, "message");
}

static void handle_connected(struct midge *client, const struct midge_connected *connected, void *context) {
  struct slot *slot = context;
  (void)client;
  printf("%d connected%s", slot->number, connected->session_present ? ", session present" : "");
  print_properties(connected->properties, connected->properties_length);
  putchar('\n');
  try_everything(slot, "connected");
}

static void handle_disconnected(struct midge *client, const struct midge_disconnected *disconnected, void *context) {
  struct slot *slot = context;
  (void)client;
  printf("%d disconnected close %u code %u %s: %s", slot->number, disconnected->close, disconnected->code,
         disconnected->retry_ms == MIDGE_NO_DEADLINE ? "for good" : "for now", disconnected->reason);
  print_properties(disconnected->properties, disconnected->properties_length);
  putchar('\n');
  try_everything(slot, "disconnected");
}

static void handle_completed(struct midge *client, const struct midge_completed *completed, void *context) {
  struct slot *slot = context;
  (void)client;
  printf("%d completed %u code %u: %s\n", slot->number, completed->token, completed->code, midge_code_text(completed->code));
  try_everything(slot, "completed");
}

/* Options whose value is a number. */
static const struct number_option {
  const char *name;
  size_t offset;
} number_options[] = {
    {"level", offsetof(struct midge_options, protocol_level)},
    {"expiry", offsetof(struct midge_options, session_expiry_sec)},
    {"keep-alive", offsetof(struct midge_options, keep_alive_sec)},
    {"reconnect-min", offsetof(struct midge_options, reconnect_min_ms)},
    {"reconnect-max", offsetof(struct midge_options, reconnect_max_ms)},
    {"connect-timeout", offsetof(struct midge_options, connect_timeout_ms)},
    {"outbox", offsetof(struct midge_options, outbox_bytes_max)},
    {"drop", offsetof(struct midge_options, outbox_drop)},
    {"packet-size", offsetof(struct midge_options, packet_size_max)},
};

/* Options whose value is a text. */
static const struct number_option text_options[] = {
    {"host", offsetof(struct midge_options, host)},
    {"id", offsetof(struct midge_options, client_id)},
    {"user", offsetof(struct midge_options, user_name)},
    {"password", offsetof(struct midge_options, password)},
    {"record", offsetof(struct midge_options, record_path)},
    {"will", offsetof(struct midge_options, will.topic)},
};

static void read_option(struct midge_options *options, const char *name, const char *value) {
  char *at = (char *)options;
  const uint32_t number = (uint32_t)strtoul(value, NULL, 0);
  for (size_t i = 0; i < sizeof number_options / sizeof *number_options; i++) {
    if (strcmp(number_options[i].name, name) == 0) memcpy(at + number_options[i].offset, &number, sizeof number);
  }
  for (size_t i = 0; i < sizeof text_options / sizeof *text_options; i++) {
    if (strcmp(text_options[i].name, name) == 0) memcpy(at + text_options[i].offset, &value, sizeof value);
  }
  if (strcmp(name, "port") == 0) options->port = (uint16_t)number;
  if (strcmp(name, "keep-session") == 0) options->keep_session = true;
  if (strcmp(name, "once") == 0) options->no_reconnect = true;
  if (strcmp(name, "will-qos") == 0) options->will.qos = number;
  if (strcmp(name, "will-retain") == 0) options->will.retain = true;
  if (strcmp(name, "will-payload") == 0) {
    options->will.payload = value;
    options->will.payload_length = strlen(value);
  }
  if (strcmp(name, "will-properties") == 0) {
    options->will.properties = value;
    options->will.properties_length = strlen(value);
  }
}

static void make(struct slot *slot, char *words) {
  const char *fault;
  struct midge_options options = {
      .handlers = {handle_message, handle_connected, handle_disconnected, handle_completed, slot},
  };
  for (char *word; (word = strsep(&words, " ")) != NULL;) {
    char *value = word;
    const char *name = strsep(&value, "=");
    read_option(&options, name, value == NULL ? "" : value);
  }
  slot->client = midge_create(&options, &fault);
  printf("%d new: %s\n", slot->number, slot->client == NULL ? fault : "ready");
}

static void print_result(const struct slot *slot, const char *command, uint32_t result) {
  if (result >= MIDGE_TOKEN_FIRST) printf("%d %s token %u\n", slot->number, command, result);
  else printf("%d %s status %u: %s\n", slot->number, command, result, midge_error_text(result));
}

static void connect_client(struct slot *slot) {
  const uint32_t result = midge_connect(slot->client);
  if (result == MIDGE_OK) slot->state = MIDGE_CONNECTING;
  print_result(slot, "connect", result);
}

static size_t read_hex(const char *hex, uint8_t *to, size_t most) {
  size_t length = 0;
  for (unsigned byte; length < most && sscanf(hex + 2 * length, "%2x", &byte) == 1; length++) to[length] = (uint8_t)byte;
  return length;
}

static uint32_t publish_large(struct midge *client, unsigned qos, const char *topic, size_t length) {
  char *payload = malloc(length + 1);
  if (payload == NULL) abort();
  for (size_t i = 0; i < length; i++) payload[i] = (char)(i * 31 + (i >> 8));
  const uint32_t result = midge_publish(client, topic, payload, length, qos, false);
  free(payload);
  return result;
}

static void make_mistakes(struct slot *slot) {
  struct midge *client = slot->client;
  print_result(slot, "no topic", midge_publish(client, NULL, "x", 1, 0, false));
  print_result(slot, "no payload", midge_publish(client, "a", NULL, 1, 0, false));
  print_result(slot, "QoS 3", midge_publish(client, "a", "x", 1, 3, false));
  print_result(slot, "QoS of all bits", midge_publish(client, "a", "x", 1, ~0u, false));
  print_result(slot, "no properties", midge_publish_with(client, "a", "x", 1, 0, false, NULL, 5));
  print_result(slot, "more than there is", midge_publish(client, "a", "x", SIZE_MAX, 1, false));
  print_result(slot, "no UTF-8", midge_publish(client, "a/\xff", "x", 1, 1, false));
  print_result(slot, "no filter", midge_subscribe(client, NULL, 0));
  print_result(slot, "options of all bits", midge_subscribe(client, "a", ~0u));
  print_result(slot, "no filter to end", midge_unsubscribe(client, NULL));
  printf("%d no match %d %d\n", slot->number, midge_matches(client, NULL, "a"), midge_matches(client, "a", NULL));
}

/* Commands with arguments: `words` is the rest of the line. */
static uint32_t act(struct slot *slot, const char *command, char *words) {
  uint8_t properties[256];
  struct midge *client = slot->client;
  if (strcmp(command, "unsubscribe") == 0) return midge_unsubscribe(client, words);
  const unsigned qos = (unsigned)strtoul(strsep(&words, " "), NULL, 0);
  if (strcmp(command, "subscribe") == 0) return midge_subscribe(client, words, qos);
  if (strcmp(command, "publish") == 0) {
    const bool retain = strsep(&words, " ")[0] == '1';
    const char *topic = strsep(&words, " ");
    const char *text = words == NULL ? "" : words;
    return midge_publish(client, topic, text, strlen(text), qos, retain);
  }
  const char *topic = strsep(&words, " ");
  if (strcmp(command, "publish-large") == 0) return publish_large(client, qos, topic, strtoul(words, NULL, 0));
  const size_t length = read_hex(strsep(&words, " "), properties, sizeof properties);
  if (strcmp(command, "subscribe-with") == 0) return midge_subscribe_with(client, topic, qos, properties, length);
  return midge_publish_with(client, topic, words, strlen(words), qos, false, properties, length);
}

/* Lets each client do its work, and tells when one comes to its end. */
static void poll_clients(void) {
  for (struct slot *slot = slots; slot < slots + CLIENTS; slot++) {
    if (slot->client == NULL) continue;
    const int state = midge_poll(slot->client, 0);
    if (state <= MIDGE_ENDED && state != slot->state) {
      printf("%d %s\n", slot->number, state == MIDGE_ENDED ? "ended" : midge_fault(slot->client));
    }
    slot->state = state;
  }
}

static void be_lazy(unsigned sleep_ms, unsigned count) {
  for (; count > 0; count--) {
    usleep(sleep_ms * 1000);
    poll_clients();
  }
  puts("awake");
}

static void run_line(char *line) {
  static char nothing[1];
  const char *command = strsep(&line, " ");
  const char *word = line == NULL ? "0" : strsep(&line, " ");
  char *words = line == NULL ? nothing : line;
  if (strcmp(command, "lazy") == 0) {
    be_lazy((unsigned)strtoul(word, NULL, 0), (unsigned)strtoul(words, NULL, 0));
    return;
  }
  struct slot *slot = &slots[strtoul(word, NULL, 0) % CLIENTS];
  if (strcmp(command, "new") == 0) make(slot, words);
  else if (slot->client == NULL) printf("%d is not there\n", slot->number);
  else if (strcmp(command, "connect") == 0) connect_client(slot);
  else if (strcmp(command, "disconnect") == 0) print_result(slot, command, midge_disconnect(slot->client));
  else if (strcmp(command, "state") == 0) printf("%d state %d\n", slot->number, midge_state(slot->client));
  else if (strcmp(command, "mistakes") == 0) make_mistakes(slot);
  else if (strcmp(command, "inside") == 0) snprintf(slot->inside, sizeof slot->inside, "%s", words);
  else if (strcmp(command, "matches") == 0) {
    const char *filter = strsep(&words, " ");
    printf("%d matches %d\n", slot->number, midge_matches(slot->client, filter, words));
  } else if (strcmp(command, "destroy") == 0) {
    print_result(slot, command, midge_destroy(slot->client));
    slot->client = NULL;
  } else print_result(slot, command, act(slot, command, words));
}

/* Runs the whole lines there are. False at the end of the input. */
static bool read_lines(void) {
  static char lines[LINE_MAX_BYTES];
  static size_t length;
  const ssize_t count = read(STDIN_FILENO, lines + length, sizeof lines - length);
  if (count <= 0) return false;
  length += (size_t)count;
  size_t start = 0;
  for (char *end; (end = memchr(lines + start, '\n', length - start)) != NULL; start = (size_t)(end - lines) + 1) {
    *end = '\0';
    run_line(lines + start);
  }
  length -= start;
  memmove(lines, lines + start, length);
  return true;
}

static bool wait_and_read(void) {
  struct pollfd fds[CLIENTS + 1] = {{.fd = STDIN_FILENO, .events = POLLIN}};
  int sleep_ms = -1;
  for (int i = 0; i < CLIENTS; i++) {
    fds[i + 1] = (struct pollfd){.fd = -1};
    if (slots[i].client == NULL) continue;
    const int client_ms = midge_sleep_ms(slots[i].client);
    if (client_ms >= 0 && (sleep_ms < 0 || client_ms < sleep_ms)) sleep_ms = client_ms;
    fds[i + 1].fd = midge_fd(slots[i].client);
    fds[i + 1].events = midge_wants_write(slots[i].client) ? POLLIN | POLLOUT : POLLIN;
  }
  poll(fds, CLIENTS + 1, sleep_ms);
  return fds[0].revents == 0 || read_lines();
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (int i = 0; i < CLIENTS; i++) slots[i].number = i;
  do poll_clients();
  while (wait_and_read());
  for (int i = 0; i < CLIENTS; i++) midge_destroy(slots[i].client);
  return 0;
}
