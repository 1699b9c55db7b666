/* struct midge_options -> the core: every option checked for its range, and set. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "clock.h"

#define KEEP_ALIVE_MAX_SEC 65535u
/* QoS 1 and 2 messages in flight at once, as in host/client-options.ts. */
#define INFLIGHT_MAX 20u
/* What a client allows a 5.0 server: it spares the Topic Names of so many topics. */
#define TOPIC_ALIAS_MAXIMUM 16u
/* Properties of CONNECT. */
#define SESSION_EXPIRY_INTERVAL 0x11u
#define TOPIC_ALIAS_MAXIMUM_PROPERTY 0x22u
#define MAXIMUM_PACKET_SIZE 0x27u

static const char *range_fault(const struct midge_options *options) {
  const uint32_t level = options->protocol_level;
  const bool before_5 = level != MIDGE_LEVEL_5_0;
  if (level != 0 && (level < MIDGE_LEVEL_3_1 || level > MIDGE_LEVEL_5_0)) return "protocol_level must be 3, 4 or 5";
  if (options->host != NULL && options->host[0] == '\0') return "host is empty";
  if (options->keep_alive_sec > KEEP_ALIVE_MAX_SEC && options->keep_alive_sec != MIDGE_KEEP_ALIVE_OFF) {
    return "keep_alive_sec must be 1 to 65,535, or MIDGE_KEEP_ALIVE_OFF";
  }
  if (options->outbox_drop > MIDGE_OUTBOX_DROP_OLDEST) return "outbox_drop must be MIDGE_OUTBOX_DROP_NEWEST or _OLDEST";
  if (before_5 && options->session_expiry_sec > 0) return "session_expiry_sec is of 5.0: set protocol_level";
  if (options->will.qos > 2) return "will.qos must be 0, 1 or 2";
  if (before_5 && options->will.properties_length > 0) return "will.properties are of 5.0: set protocol_level";
  return NULL;
}

static void set_number(struct midge *client, uint32_t option, uint32_t value) {
  if (value > 0) engine_set_option(client->core.engine, option, value);
}

static void apply_numbers(struct midge *client, const struct midge_options *options) {
  struct engine *engine = client->core.engine;
  set_number(client, MIDGE_OPTION_PROTOCOL_LEVEL, options->protocol_level);
  set_number(client, MIDGE_OPTION_RECONNECT_MIN_MS, options->reconnect_min_ms);
  set_number(client, MIDGE_OPTION_RECONNECT_MAX_MS, options->reconnect_max_ms);
  set_number(client, MIDGE_OPTION_CONNECT_TIMEOUT_MS, options->connect_timeout_ms);
  set_number(client, MIDGE_OPTION_OUTBOX_BYTES_MAX, options->outbox_bytes_max);
  set_number(client, MIDGE_OPTION_PACKET_SIZE_MAX, options->packet_size_max);
  set_number(client, MIDGE_OPTION_INFLIGHT_MAX, INFLIGHT_MAX);
  if (options->keep_alive_sec == MIDGE_KEEP_ALIVE_OFF) engine_set_option(engine, MIDGE_OPTION_KEEP_ALIVE_SEC, 0);
  else set_number(client, MIDGE_OPTION_KEEP_ALIVE_SEC, options->keep_alive_sec);
  engine_set_option(engine, MIDGE_OPTION_CLEAN_SESSION, !options->keep_session);
  engine_set_option(engine, MIDGE_OPTION_RECONNECT, !options->no_reconnect);
  engine_set_option(engine, MIDGE_OPTION_OUTBOX_DROP, options->outbox_drop);
}

/* False: the core does not take it. */
static bool set_bytes(struct midge *client, uint32_t text, const void *bytes, size_t length) {
  if (length > MIDGE_ARGUMENT_MAX || (bytes == NULL && length > 0)) return false;
  return core_set_text(&client->core, text, bytes, (uint32_t)length) == MIDGE_OK;
}

static bool set_string(struct midge *client, uint32_t text, const char *string) {
  return string == NULL || set_bytes(client, text, string, strlen(string));
}

static const char *apply_will(struct midge *client, const struct midge_will *will) {
  const uint32_t flags = will->qos << MIDGE_PUBLISH_QOS_SHIFT | (will->retain ? MIDGE_PUBLISH_RETAIN : 0);
  if (will->topic == NULL) return NULL;
  if (!set_string(client, MIDGE_TEXT_WILL_TOPIC, will->topic)) return "will.topic is not a topic to publish to";
  if (!set_bytes(client, MIDGE_TEXT_WILL_PAYLOAD, will->payload, will->payload_length)) {
    return "will.payload is over 65,535 bytes, or NULL";
  }
  engine_set_option(client->core.engine, MIDGE_OPTION_WILL_FLAGS, flags);
  if (will->properties_length == 0) return NULL;
  const bool taken = set_bytes(client, MIDGE_TEXT_WILL_PROPERTIES, will->properties, will->properties_length);
  return taken ? NULL : "will.properties are malformed, or may not stand there";
}

/* Appends a property whose value is a number of `size` bytes, big-endian as on the wire. */
static uint8_t *put_property(uint8_t *to, uint8_t property, uint32_t value, int size) {
  *to++ = property;
  while (size-- > 0) *to++ = (uint8_t)(value >> 8 * size);
  return to;
}

static bool apply_connect_properties(struct midge *client, const struct midge_options *options) {
  uint8_t properties[16], *end = properties;
  uint32_t expiry_sec = options->session_expiry_sec;
  if (expiry_sec == 0 && options->keep_session) expiry_sec = MIDGE_NEVER_EXPIRES;
  client->session_outlives = expiry_sec > 0;
  if (expiry_sec > 0) end = put_property(end, SESSION_EXPIRY_INTERVAL, expiry_sec, 4);
  end = put_property(end, TOPIC_ALIAS_MAXIMUM_PROPERTY, TOPIC_ALIAS_MAXIMUM, 2);
  /* Told, so that the server leaves out what is too large for us; else it would be sent again on each connection. */
  end = put_property(end, MAXIMUM_PACKET_SIZE, client->packet_size_max, 4);
  return set_bytes(client, MIDGE_TEXT_CONNECT_PROPERTIES, properties, (size_t)(end - properties));
}

const char *client_options_apply(struct midge *client, const struct midge_options *options) {
  char random_id[24];
  const char *fault = range_fault(options);
  if (fault != NULL) return fault;
  apply_numbers(client, options);
  client->is_5 = options->protocol_level == MIDGE_LEVEL_5_0;
  client->packet_size_max = engine_option_value(client->core.engine, MIDGE_OPTION_PACKET_SIZE_MAX);
  snprintf(random_id, sizeof random_id, "midge-%08x%04x", (unsigned)clock_seed(), (unsigned)(clock_seed() & 0xffff));
  if (!set_string(client, MIDGE_TEXT_CLIENT_ID, options->client_id == NULL ? random_id : options->client_id)) {
    return "client_id is over 65,535 bytes, or not UTF-8";
  }
  if (!set_string(client, MIDGE_TEXT_USER_NAME, options->user_name)) return "user_name is over 65,535 bytes, or not UTF-8";
  if (!set_string(client, MIDGE_TEXT_PASSWORD, options->password)) return "password is over 65,535 bytes";
  if (client->is_5 && !apply_connect_properties(client, options)) return "packet_size_max is not one that CONNECT can say";
  return apply_will(client, &options->will);
}
