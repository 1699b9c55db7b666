#include "configuration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker_log.h"
#include "printable.h"
#include "texts.h"

/* What is logged unless log_type says otherwise: mosquitto's error, warning, notice and information. Of these, connections
 * are notices. */
#define TYPE_NOTICE (1u << 0)
#define TYPE_SUBSCRIBE (1u << 1)
#define TYPE_UNSUBSCRIBE (1u << 2)
#define TYPE_DEBUG (1u << 3)
#define TYPE_ALL (~0u)

/* A file in the reading. */
struct reading {
  struct configuration *configuration;
  const char *file;
  FILE *complaints;
  uint32_t types;
  bool has_types, has_places, hides_connections, failed;
};

static char *text_of(struct core_bytes bytes) {
  return strndup((const char *)bytes.bytes, bytes.length);
}

static bool is(struct core_bytes bytes, const char *text) {
  return bytes.length == strlen(text) && memcmp(bytes.bytes, text, bytes.length) == 0;
}

static void replace(char **text, struct core_bytes value) {
  free(*text);
  *text = text_of(value);
}

/* FILE:LINE: KEY: TEXT: HINT, as faultText() of the Node host. */
static void complain(struct reading *reading, const struct core_event *event) {
  FILE *to = reading->complaints;
  const char *text = event->code < 256 ? CONFIG_TEXT[event->code] : NULL;
  fputs(reading->file, to);
  if (event->detail > 0) fprintf(to, ":%u", (unsigned)event->detail);
  fputs(": ", to);
  if (event->a.length > 0) {
    printable_write(to, event->a.bytes, event->a.length);
    fputs(": ", to);
  }
  fputs(text == NULL ? "this line is wrong" : text, to);
  if (event->c.length > 0) {
    fputs(": ", to);
    printable_write(to, event->c.bytes, event->c.length);
  }
  fputc('\n', to);
}

static void add_listener(struct reading *reading, const struct core_event *event) {
  struct configuration *configuration = reading->configuration;
  struct configuration_listener *listeners =
      realloc(configuration->listeners, (configuration->listener_count + 1) * sizeof *listeners);
  if (listeners == NULL) {
    reading->failed = true;
    return;
  }
  configuration->listeners = listeners;
  struct configuration_listener *listener = &listeners[configuration->listener_count++];
  *listener = (struct configuration_listener){.port = (uint16_t)event->code};
  if (event->b.length > 0) listener->path = text_of(event->b);
  else listener->address = text_of(event->a);
}

static void add_log_path(struct reading *reading, struct core_bytes path) {
  struct configuration *configuration = reading->configuration;
  char **paths = realloc(configuration->log_paths, (configuration->log_path_count + 1) * sizeof *paths);
  if (paths == NULL) {
    reading->failed = true;
    return;
  }
  configuration->log_paths = paths;
  paths[configuration->log_path_count++] = text_of(path);
}

static void forget_places(struct configuration *configuration) {
  for (size_t i = 0; i < configuration->log_path_count; i++) free(configuration->log_paths[i]);
  configuration->log_path_count = 0;
  configuration->log_stdout = configuration->log_stderr = false;
}

/* log_dest: none, stdout, stderr, or file and a path. What stands before `none` does not count. */
static void set_log_place(struct reading *reading, struct core_bytes value) {
  static const char file[] = "file";
  reading->has_places = true;
  if (is(value, "none")) forget_places(reading->configuration);
  else if (is(value, "stdout")) reading->configuration->log_stdout = true;
  else if (is(value, "stderr")) reading->configuration->log_stderr = true;
  else if (value.length > sizeof file && memcmp(value.bytes, file, sizeof file - 1) == 0) {
    struct core_bytes path = {.bytes = value.bytes + sizeof file - 1, .length = value.length - (sizeof file - 1)};
    for (; path.length > 0 && (path.bytes[0] == ' ' || path.bytes[0] == '\t'); path.bytes++) path.length--;
    add_log_path(reading, path);
  }
}

static void set_log_type(struct reading *reading, struct core_bytes value) {
  reading->has_types = true;
  if (is(value, "none")) reading->types = 0;
  else if (is(value, "all")) reading->types = TYPE_ALL;
  else if (is(value, "notice")) reading->types |= TYPE_NOTICE;
  else if (is(value, "subscribe")) reading->types |= TYPE_SUBSCRIBE;
  else if (is(value, "unsubscribe")) reading->types |= TYPE_UNSUBSCRIBE;
  else if (is(value, "debug")) reading->types |= TYPE_DEBUG;
}

static void set(struct reading *reading, const struct core_event *event) {
  if (is(event->a, "pid_file")) replace(&reading->configuration->pid_file, event->b);
  else if (is(event->a, "user")) replace(&reading->configuration->user, event->b);
  else if (is(event->a, "log_dest")) set_log_place(reading, event->b);
  else if (is(event->a, "log_type")) set_log_type(reading, event->b);
  else if (is(event->a, "connection_messages")) reading->hides_connections = is(event->b, "false");
}

static void act_on_event(void *owner, const struct core_event *event) {
  struct reading *reading = owner;
  if (event->kind == MIDGE_EVENT_FAULT) complain(reading, event);
  else if (event->kind == MIDGE_EVENT_LISTENER) add_listener(reading, event);
  else if (event->kind == MIDGE_EVENT_SETTING) set(reading, event);
}

/* The lines that are logged. */
static void finish_log(struct reading *reading) {
  struct configuration *configuration = reading->configuration;
  const uint32_t types = reading->has_types ? reading->types : TYPE_NOTICE;
  if (!reading->has_places) configuration->log_stderr = true;
  if ((types & TYPE_NOTICE) != 0 && !reading->hides_connections) {
    configuration->log_events |=
        1u << MIDGE_EVENT_CONNECTED | 1u << MIDGE_EVENT_DISCONNECTED | 1u << MIDGE_EVENT_REFUSED;
  }
  if ((types & TYPE_SUBSCRIBE) != 0) configuration->log_events |= 1u << MIDGE_EVENT_SUBSCRIBED;
  if ((types & TYPE_UNSUBSCRIBE) != 0) configuration->log_events |= 1u << MIDGE_EVENT_UNSUBSCRIBED;
  if ((types & TYPE_DEBUG) != 0) configuration->log_events |= 1u << MIDGE_EVENT_PUBLISHED;
}

/* All of a file; NULL with errno. */
static uint8_t *read_all(const char *path, size_t *length) {
  FILE *file = fopen(path, "rbe");
  if (file == NULL) return NULL;
  uint8_t *bytes = NULL;
  *length = 0;
  for (size_t got = 1; got > 0; *length += got) {
    uint8_t *larger = realloc(bytes, *length + BUFSIZ);
    if (larger == NULL) break;
    bytes = larger;
    got = fread(bytes + *length, 1, BUFSIZ, file);
  }
  /* A directory can be opened, and not be read. */
  const int error = ferror(file) ? errno : 0;
  fclose(file);
  if (error == 0) return bytes;
  free(bytes);
  errno = error;
  return NULL;
}

bool configuration_read(struct configuration *configuration, struct core *core, const char *file, FILE *complaints) {
  size_t length;
  struct reading reading = {.configuration = configuration, .file = file, .complaints = complaints};
  *configuration = (struct configuration){0};
  uint8_t *text = read_all(file, &length);
  if (text == NULL) {
    fprintf(complaints, "midged: cannot read %s: %s\n", file, strerror(errno));
    return false;
  }
  const struct core_bytes part = {.bytes = text, .length = length > MIDGE_ARGUMENT_MAX ? MIDGE_ARGUMENT_MAX : (uint32_t)length};
  uint32_t status = MIDGE_BAD_ARGUMENT;
  if (core_write_argument(core, &part, 1)) status = engine_configure(core->engine, part.length);
  free(text);
  core_drain_events(core, act_on_event, &reading);
  finish_log(&reading);
  if (status == MIDGE_OK && !reading.failed) return true;
  fprintf(complaints, "midged: %s is not good, and nothing was started\n", file);
  return false;
}

void configuration_free(struct configuration *configuration) {
  for (size_t i = 0; i < configuration->listener_count; i++) {
    free(configuration->listeners[i].address);
    free(configuration->listeners[i].path);
  }
  forget_places(configuration);
  free(configuration->listeners);
  free(configuration->log_paths);
  free(configuration->pid_file);
  free(configuration->user);
}
