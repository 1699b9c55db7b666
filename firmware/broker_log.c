#include "broker_log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "net.h"
#include "printable.h"
#include "texts.h"

struct address {
  uint32_t connection;
  char text[NET_ADDRESS_MAX];
};

/* Files and streams that one log goes to. */
#define PLACES_MAX 8

struct place {
  FILE *file;
  /* NULL: not ours to open or close. */
  const char *path;
};

struct broker_log {
  uint32_t events;
  struct place places[PLACES_MAX];
  size_t place_count;
  /* The line in the making, in memory that it grows in. */
  FILE *line;
  char *text;
  size_t text_length;
  /* By the low bits of the handle. */
  struct address *addresses;
  uint32_t address_count;
};

struct broker_log *broker_log_create(uint32_t events) {
  struct broker_log *log = calloc(1, sizeof *log);
  if (log == NULL) return NULL;
  log->events = events;
  log->line = open_memstream(&log->text, &log->text_length);
  if (log->line != NULL) return log;
  free(log);
  return NULL;
}

void broker_log_destroy(struct broker_log *log) {
  for (size_t i = 0; i < log->place_count; i++) {
    if (log->places[i].path != NULL) fclose(log->places[i].file);
  }
  fclose(log->line);
  free(log->text);
  free(log->addresses);
  free(log);
}

static bool add_place(struct broker_log *log, FILE *file, const char *path) {
  if (log->place_count == PLACES_MAX) {
    errno = EMFILE;
    return false;
  }
  log->places[log->place_count++] = (struct place){.file = file, .path = path};
  return true;
}

bool broker_log_to(struct broker_log *log, FILE *file) {
  return add_place(log, file, NULL);
}

bool broker_log_to_path(struct broker_log *log, const char *path) {
  FILE *file = fopen(path, "ae");
  return file != NULL && add_place(log, file, path);
}

void broker_log_reopen(struct broker_log *log) {
  for (size_t i = 0; i < log->place_count; i++) {
    struct place *place = &log->places[i];
    if (place->path == NULL) continue;
    FILE *file = fopen(place->path, "ae");
    if (file == NULL) {
      /* The one there was is better than none. */
      fprintf(stderr, "midged: cannot write the log %s: %s\n", place->path, strerror(errno));
      continue;
    }
    fclose(place->file);
    place->file = file;
  }
}

uint32_t broker_log_events(const struct broker_log *log) {
  return log->events;
}

/* The line is whole: sends it everywhere. */
static void end_line(struct broker_log *log) {
  fputc('\n', log->line);
  fflush(log->line);
  for (size_t i = 0; i < log->place_count; i++) {
    FILE *file = log->places[i].file;
    fwrite(log->text, 1, log->text_length, file);
    fflush(file);
  }
  rewind(log->line);
}

void broker_log_opened(struct broker_log *log, uint32_t connection, int fd) {
  const uint32_t slot = connection & MIDGE_HANDLE_SLOT_MASK;
  if (slot >= log->address_count) {
    const uint32_t twice = (slot + 1) * 2;
    const uint32_t count = twice < MIDGE_HANDLE_SLOT_MASK ? twice : MIDGE_HANDLE_SLOT_MASK + 1;
    struct address *addresses = realloc(log->addresses, count * sizeof *addresses);
    if (addresses == NULL) return;
    memset(addresses + log->address_count, 0, (count - log->address_count) * sizeof *addresses);
    log->addresses = addresses;
    log->address_count = count;
  }
  log->addresses[slot].connection = connection;
  net_address(fd, false, log->addresses[slot].text);
}

static const char *address_of(const struct broker_log *log, uint32_t connection) {
  const uint32_t slot = connection & MIDGE_HANDLE_SLOT_MASK;
  if (slot >= log->address_count || log->addresses[slot].connection != connection) return "-";
  return log->addresses[slot].text;
}

/* Local time of day to the millisecond, the verb, who, and where from. */
static void begin(struct broker_log *log, const char *verb, const struct core_event *event) {
  struct timeval now;
  struct tm local;
  gettimeofday(&now, NULL);
  localtime_r(&now.tv_sec, &local);
  fprintf(log->line, "%02d:%02d:%02d.%03d %-11s ", local.tm_hour, local.tm_min, local.tm_sec, (int)(now.tv_usec / 1000), verb);
  if (event->a.length == 0) fputs("(no id)", log->line);
  else printable_write(log->line, event->a.bytes, event->a.length);
  fprintf(log->line, " %s", address_of(log, event->connection));
}

__attribute__((format(printf, 2, 3))) static void end(struct broker_log *log, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(log->line, format, arguments);
  va_end(arguments);
  end_line(log);
}

/* `not authorised (0x87)`, as reasonText() of host/reason-codes.ts. */
static void write_reason(FILE *file, uint32_t code) {
  const char *text = code < 256 ? REASON_TEXT[code] : NULL;
  if (text == NULL) fprintf(file, "reason code 0x%02x", (unsigned)code);
  else fprintf(file, "%s (0x%02x)", text, (unsigned)code);
}

static void log_connected(struct broker_log *log, const struct core_event *event) {
  static const char *const versions[] = {[3] = "3.1", [4] = "3.1.1", [5] = "5.0"};
  const uint32_t level = event->code & 0xff;
  const bool is_clean = (event->code & 0x100) != 0;
  const char *session = is_clean ? "clean session" : "session kept";
  /* How long a Session is kept is another matter at 5.0. */
  if (level == 5) session = is_clean ? "clean start" : "no clean start";
  begin(log, "connect", event);
  fprintf(log->line, "  MQTT %s, %s, keep alive %u s", level >= 3 && level <= 5 ? versions[level] : "5.0", session,
          (unsigned)event->detail);
  if ((event->code & 0x200) != 0) {
    fputs(", user ", log->line);
    printable_write(log->line, event->b.bytes, event->b.length);
  }
  end(log, "%s", "");
}

static void log_subscribed(struct broker_log *log, const struct core_event *event) {
  begin(log, "subscribe", event);
  fputs("  ", log->line);
  printable_write(log->line, event->b.bytes, event->b.length);
  if (event->code < 0x80) {
    end(log, " q%u", (unsigned)event->code);
    return;
  }
  fputs(" refused: ", log->line);
  write_reason(log->line, event->code);
  end(log, "%s", "");
}

static void log_published(struct broker_log *log, const struct core_event *event) {
  begin(log, "publish", event);
  fputs("  ", log->line);
  printable_write(log->line, event->b.bytes, event->b.length);
  end(log, " q%u%s, %u bytes", (unsigned)(event->code >> 1 & 3), (event->code & 1) != 0 ? " retain" : "",
      (unsigned)event->detail);
}

static void log_disconnected(struct broker_log *log, const struct core_event *event) {
  const char *text = event->code < 256 ? CLOSE_TEXT[event->code] : NULL;
  begin(log, "disconnect", event);
  fprintf(log->line, "  %s", text == NULL ? "" : text);
  if (event->detail != 0) {
    fputs(": ", log->line);
    write_reason(log->line, event->detail);
  }
  end(log, "%s", "");
}

void broker_log_event(struct broker_log *log, const struct core_event *event) {
  switch (event->kind) {
    case MIDGE_EVENT_CONNECTED:
      log_connected(log, event);
      break;
    case MIDGE_EVENT_REFUSED: {
      const char *text = event->code < 256 ? REASON_TEXT[event->code] : NULL;
      begin(log, "refuse", event);
      end(log, "  %s", text == NULL ? "refused" : text);
      break;
    }
    case MIDGE_EVENT_SUBSCRIBED:
      log_subscribed(log, event);
      break;
    case MIDGE_EVENT_UNSUBSCRIBED:
      begin(log, "unsubscribe", event);
      fputs("  ", log->line);
      printable_write(log->line, event->b.bytes, event->b.length);
      end(log, "%s", "");
      break;
    case MIDGE_EVENT_PUBLISHED:
      log_published(log, event);
      break;
    case MIDGE_EVENT_DISCONNECTED:
      log_disconnected(log, event);
      break;
  }
}

void broker_log_not_accepted(struct broker_log *log, int error) {
  fprintf(log->line, "a connection was not accepted: %s", strerror(error));
  end_line(log);
}
