#include "broker_log.h"

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

struct broker_log {
  FILE *file;
  /* By the low bits of the handle. */
  struct address *addresses;
  uint32_t address_count;
};

struct broker_log *broker_log_create(FILE *file) {
  struct broker_log *log = calloc(1, sizeof *log);
  if (log != NULL) log->file = file;
  return log;
}

void broker_log_destroy(struct broker_log *log) {
  free(log->addresses);
  free(log);
}

uint32_t broker_log_events(void) {
  return 1u << MIDGE_EVENT_CONNECTED | 1u << MIDGE_EVENT_DISCONNECTED | 1u << MIDGE_EVENT_REFUSED |
         1u << MIDGE_EVENT_SUBSCRIBED | 1u << MIDGE_EVENT_UNSUBSCRIBED | 1u << MIDGE_EVENT_PUBLISHED;
}

void broker_log_opened(struct broker_log *log, uint32_t connection, int fd) {
  const uint32_t slot = connection & MIDGE_HANDLE_SLOT_MASK;
  if (slot >= log->address_count) {
    const uint32_t count = (slot + 1) * 2;
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
  fprintf(log->file, "%02d:%02d:%02d.%03d %-11s ", local.tm_hour, local.tm_min, local.tm_sec, (int)(now.tv_usec / 1000), verb);
  if (event->a.length == 0) fputs("(no id)", log->file);
  else printable_write(log->file, event->a.bytes, event->a.length);
  fprintf(log->file, " %s", address_of(log, event->connection));
}

__attribute__((format(printf, 2, 3))) static void end(struct broker_log *log, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(log->file, format, arguments);
  va_end(arguments);
  fputc('\n', log->file);
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
  fprintf(log->file, "  MQTT %s, %s, keep alive %u s", level >= 3 && level <= 5 ? versions[level] : "5.0", session,
          (unsigned)event->detail);
  if ((event->code & 0x200) != 0) {
    fputs(", user ", log->file);
    printable_write(log->file, event->b.bytes, event->b.length);
  }
  end(log, "%s", "");
}

static void log_subscribed(struct broker_log *log, const struct core_event *event) {
  begin(log, "subscribe", event);
  fputs("  ", log->file);
  printable_write(log->file, event->b.bytes, event->b.length);
  if (event->code < 0x80) {
    end(log, " q%u", (unsigned)event->code);
    return;
  }
  fputs(" refused: ", log->file);
  write_reason(log->file, event->code);
  end(log, "%s", "");
}

static void log_published(struct broker_log *log, const struct core_event *event) {
  begin(log, "publish", event);
  fputs("  ", log->file);
  printable_write(log->file, event->b.bytes, event->b.length);
  end(log, " q%u%s, %u bytes", (unsigned)(event->code >> 1 & 3), (event->code & 1) != 0 ? " retain" : "",
      (unsigned)event->detail);
}

static void log_disconnected(struct broker_log *log, const struct core_event *event) {
  const char *text = event->code < 256 ? CLOSE_TEXT[event->code] : NULL;
  begin(log, "disconnect", event);
  fprintf(log->file, "  %s", text == NULL ? "" : text);
  if (event->detail != 0) {
    fputs(": ", log->file);
    write_reason(log->file, event->detail);
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
      fputs("  ", log->file);
      printable_write(log->file, event->b.bytes, event->b.length);
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
  fprintf(log->file, "a connection was not accepted: %s\n", strerror(error));
}
