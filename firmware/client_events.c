/* What the core wants done and told: the socket's part goes to client_link.c, the application's to its callbacks. */
#include "client.h"

#define QOS_MASK 3u
/* DUP in the flags of a fixed header. */
#define FLAG_DUPLICATE 8u

size_t client_events_send(void *owner, uint32_t connection, struct iovec *ranges, int count) {
  (void)connection;
  return client_link_send(&((struct midge *)owner)->link, ranges, count);
}

static void begin_callback(struct midge *client) {
  client->in_callback = true;
  client->has_told = true;
}

static void tell_message(struct midge *client, const struct core_event *event) {
  if (client->handlers.message == NULL) return;
  const struct midge_message message = {
      .topic = (const char *)event->a.bytes,
      .topic_length = event->a.length,
      .payload = (const char *)event->b.bytes,
      .payload_length = event->b.length,
      .qos = event->code >> MIDGE_PUBLISH_QOS_SHIFT & QOS_MASK,
      .retain = (event->code & MIDGE_PUBLISH_RETAIN) != 0,
      .duplicate = (event->code & FLAG_DUPLICATE) != 0,
      .properties = event->c.bytes,
      .properties_length = event->c.length,
  };
  begin_callback(client);
  client->handlers.message(client, &message, client->handlers.context);
  client->in_callback = false;
}

static void handle_online(struct midge *client, const struct core_event *event) {
  client->state = MIDGE_ONLINE;
  /* A session that outlives its connection begins anew once, and is then come back to. */
  if (client->session_outlives) engine_set_option(client->core.engine, MIDGE_OPTION_CLEAN_SESSION, 0);
  if (client->handlers.connected == NULL) return;
  const struct midge_connected connected = {
      .session_present = event->code == 1,
      .properties = event->a.bytes,
      .properties_length = event->a.length,
  };
  begin_callback(client);
  client->handlers.connected(client, &connected, client->handlers.context);
  client->in_callback = false;
}

static void handle_offline(struct midge *client, const struct core_event *event) {
  char reason[CLIENT_REASON_MAX];
  client_texts_offline(reason, event, client, client->link.fault);
  client->link.fault = NULL;
  client->state = event->detail == MIDGE_NO_DEADLINE ? MIDGE_ENDED : MIDGE_CONNECTING;
  if (client->handlers.disconnected == NULL) return;
  const struct midge_disconnected disconnected = {
      .reason = reason,
      .close = event->code & 0xff,
      .code = event->code >> 8,
      .retry_ms = event->detail,
      .properties = event->a.bytes,
      .properties_length = event->a.length,
  };
  begin_callback(client);
  client->handlers.disconnected(client, &disconnected, client->handlers.context);
  client->in_callback = false;
}

static void tell_completed(struct midge *client, const struct core_event *event) {
  if (client->handlers.completed == NULL) return;
  const struct midge_completed completed = {
      .token = event->detail,
      .code = event->code,
      .properties = event->a.bytes,
      .properties_length = event->a.length,
  };
  begin_callback(client);
  client->handlers.completed(client, &completed, client->handlers.context);
  client->in_callback = false;
}

void client_events_act(void *owner, const struct core_event *event) {
  struct midge *client = owner;
  switch (event->kind) {
    case MIDGE_EVENT_OPEN:
      client_link_want(&client->link);
      break;
    case MIDGE_EVENT_CLOSE:
      client_link_close(&client->link);
      break;
    case MIDGE_EVENT_ONLINE:
      handle_online(client, event);
      break;
    case MIDGE_EVENT_OFFLINE:
      handle_offline(client, event);
      break;
    case MIDGE_EVENT_MESSAGE:
      tell_message(client, event);
      break;
    case MIDGE_EVENT_COMPLETED:
      tell_completed(client, event);
      break;
    default:
      /* EVENT_AUTH comes only to who has named an Authentication Method, and no option here does. */
      break;
  }
}
