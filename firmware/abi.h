/* Made by firmware/gen-abi.mjs from assembly/abi.ts, which says what each of these means, and from the exports of the
 * modules. Not to be edited: npm run abi. */
#ifndef MIDGE_ABI_H
#define MIDGE_ABI_H

#include <stdint.h>

#define MIDGE_ABI_VERSION 3u
#define MIDGE_OK 0u
#define MIDGE_BAD_HANDLE 1u
#define MIDGE_BAD_ARGUMENT 2u
#define MIDGE_BAD_TOPIC 3u
#define MIDGE_LIMIT_REACHED 4u
#define MIDGE_BAD_STATE 5u
#define MIDGE_TOO_LARGE 6u
#define MIDGE_NOT_SUPPORTED 7u
#define MIDGE_BAD_PROPERTIES 8u
#define MIDGE_TOKEN_FIRST 16u
#define MIDGE_NO_DEADLINE 0xffffffffu
#define MIDGE_ARGUMENT_MAX 0xfffffffu
#define MIDGE_CLIENT_CONNECTION 1u
#define MIDGE_HANDLE_SLOT_MASK 0xfffffu
#define MIDGE_SEND_SIZE 12u
#define MIDGE_SEND_CONNECTION 0u
#define MIDGE_SEND_BYTES 4u
#define MIDGE_SEND_LENGTH 8u
#define MIDGE_EVENT_SIZE 40u
#define MIDGE_EVENT_KIND 0u
#define MIDGE_EVENT_CONNECTION 4u
#define MIDGE_EVENT_CODE 8u
#define MIDGE_EVENT_DETAIL 12u
#define MIDGE_EVENT_A 16u
#define MIDGE_EVENT_A_LENGTH 20u
#define MIDGE_EVENT_B 24u
#define MIDGE_EVENT_B_LENGTH 28u
#define MIDGE_EVENT_C 32u
#define MIDGE_EVENT_C_LENGTH 36u
#define MIDGE_EVENT_CLOSE 1u
#define MIDGE_EVENT_AUTH 9u
#define MIDGE_EVENT_AUTHENTICATE 2u
#define MIDGE_EVENT_FAULT 10u
#define MIDGE_EVENT_LISTENER 11u
#define MIDGE_EVENT_SETTING 12u
#define MIDGE_EVENT_CONNECTED 3u
#define MIDGE_EVENT_DISCONNECTED 4u
#define MIDGE_EVENT_REFUSED 5u
#define MIDGE_EVENT_SUBSCRIBED 6u
#define MIDGE_EVENT_UNSUBSCRIBED 7u
#define MIDGE_EVENT_PUBLISHED 8u
#define MIDGE_EVENT_OPEN 16u
#define MIDGE_EVENT_ONLINE 17u
#define MIDGE_EVENT_OFFLINE 18u
#define MIDGE_EVENT_MESSAGE 19u
#define MIDGE_EVENT_COMPLETED 20u
#define MIDGE_AUTHENTICATE_USER_NAME 1u
#define MIDGE_AUTHENTICATE_PASSWORD 2u
#define MIDGE_COMPLETED_OK 0u
#define MIDGE_COMPLETED_REFUSED 128u
#define MIDGE_COMPLETED_DROPPED 256u
#define MIDGE_CLOSE_DISCONNECT 1u
#define MIDGE_CLOSE_NETWORK 2u
#define MIDGE_CLOSE_KEEP_ALIVE 3u
#define MIDGE_CLOSE_MALFORMED 4u
#define MIDGE_CLOSE_PROTOCOL 5u
#define MIDGE_CLOSE_TAKEN_OVER 6u
#define MIDGE_CLOSE_REFUSED 7u
#define MIDGE_CLOSE_CONNECT_TIMEOUT 8u
#define MIDGE_CLOSE_PACKET_SIZE 9u
#define MIDGE_CLOSE_SLOW 10u
#define MIDGE_CLOSE_LIMIT 11u
#define MIDGE_CLOSE_TOPIC 12u
#define MIDGE_CLOSE_SERVER 13u
#define MIDGE_CLOSE_ADMINISTRATIVE 14u
#define MIDGE_CLOSE_SHUT_DOWN 15u
#define MIDGE_CLOSE_AUTHENTICATION 16u
#define MIDGE_CONFIG_BAD_TEXT 1u
#define MIDGE_CONFIG_LINE_TOO_LONG 2u
#define MIDGE_CONFIG_UNKNOWN_KEY 3u
#define MIDGE_CONFIG_MISSPELT_KEY 4u
#define MIDGE_CONFIG_NOT_SUPPORTED 5u
#define MIDGE_CONFIG_VALUE_MISSING 6u
#define MIDGE_CONFIG_BAD_VALUE 7u
#define MIDGE_CONFIG_VALUE_NOT_SUPPORTED 8u
#define MIDGE_CONFIG_PATH_MISSING 9u
#define MIDGE_CONFIG_EXTRA_WORDS 10u
#define MIDGE_CONFIG_PER_LISTENER 11u
#define MIDGE_CONFIG_NOBODY 12u
#define MIDGE_CONFIG_TOO_MUCH 13u
#define MIDGE_CONFIG_MORE 14u
#define MIDGE_PUBLISH_RETAIN 1u
#define MIDGE_PUBLISH_QOS_SHIFT 1u
#define MIDGE_TEXT_CLIENT_ID 1u
#define MIDGE_TEXT_USER_NAME 2u
#define MIDGE_TEXT_PASSWORD 3u
#define MIDGE_TEXT_WILL_TOPIC 4u
#define MIDGE_TEXT_WILL_PAYLOAD 5u
#define MIDGE_TEXT_CONNECT_PROPERTIES 6u
#define MIDGE_TEXT_WILL_PROPERTIES 7u
#define MIDGE_TEXT_VERSION 16u
#define MIDGE_TEXT_RESPONSE_PREFIX 17u
#define MIDGE_TEXT_SERVER_REFERENCE 18u
#define MIDGE_TEXT_REASON 256u
#define MIDGE_OPTION_EVENTS 1u
#define MIDGE_OPTION_CONNECTIONS_MAX 2u
#define MIDGE_OPTION_PACKET_SIZE_MAX 3u
#define MIDGE_OPTION_TOPIC_LENGTH_MAX 4u
#define MIDGE_OPTION_TOPIC_LEVELS_MAX 5u
#define MIDGE_OPTION_SUBSCRIPTIONS_MAX 6u
#define MIDGE_OPTION_SESSION_SUBSCRIPTIONS_MAX 7u
#define MIDGE_OPTION_SESSIONS_MAX 8u
#define MIDGE_OPTION_RETAINED_MAX 9u
#define MIDGE_OPTION_RETAINED_BYTES_MAX 10u
#define MIDGE_OPTION_SESSION_QUEUE_BYTES_MAX 11u
#define MIDGE_OPTION_QUEUE_BYTES_MAX 12u
#define MIDGE_OPTION_INFLIGHT_MAX 13u
#define MIDGE_OPTION_INFLIGHT_BYTES_MAX 14u
#define MIDGE_OPTION_OUTPUT_BYTES_SOFT 15u
#define MIDGE_OPTION_OUTPUT_BYTES_MAX 16u
#define MIDGE_OPTION_OUTPUT_STALL_SEC 17u
#define MIDGE_OPTION_INPUT_WAITING_MAX 18u
#define MIDGE_OPTION_CONNECT_TIMEOUT_MS 19u
#define MIDGE_OPTION_RETRY_SEC 20u
#define MIDGE_OPTION_SYS_INTERVAL_SEC 21u
#define MIDGE_OPTION_AUTHENTICATE 22u
#define MIDGE_OPTION_MATCH_CACHE_BYTES 23u
#define MIDGE_OPTION_OUTPUT_TOTAL_MAX 24u
#define MIDGE_OPTION_FAIR_SHARE 25u
#define MIDGE_OPTION_HEAP_MAX 26u
#define MIDGE_OPTION_RETAINED_VISITS_MAX 27u
#define MIDGE_OPTION_FEATURES 28u
#define MIDGE_OPTION_QOS_MAX 29u
#define MIDGE_OPTION_RECEIVE_MAX 30u
#define MIDGE_OPTION_TOPIC_ALIAS_MAX 31u
#define MIDGE_OPTION_PROTOCOL_LEVEL 32u
#define MIDGE_OPTION_KEEP_ALIVE_SEC 33u
#define MIDGE_OPTION_CLEAN_SESSION 34u
#define MIDGE_OPTION_WILL_FLAGS 35u
#define MIDGE_OPTION_RECONNECT 36u
#define MIDGE_OPTION_RECONNECT_MIN_MS 37u
#define MIDGE_OPTION_RECONNECT_MAX_MS 38u
#define MIDGE_OPTION_OUTBOX_BYTES_MAX 39u
#define MIDGE_OPTION_OUTBOX_DROP 40u
#define MIDGE_OPTION_TOPIC_ALIAS_SEND_MAX 41u
#define MIDGE_OPTION_SESSION_EXPIRY_MAX_SEC 42u
#define MIDGE_OPTION_KEEP_ALIVE_MAX_SEC 43u
#define MIDGE_OPTION_PAYLOAD_CHECK 44u
#define MIDGE_OPTION_PRIORITY 45u
#define MIDGE_OPTION_REDIRECT 46u
#define MIDGE_OPTION_PAYLOAD_SIZE_MAX 47u
#define MIDGE_OPTION_COUNT 48u
#define MIDGE_AUTHENTICATE_WITH_PASSWORD 1u
#define MIDGE_AUTHENTICATE_WITH_METHOD 2u
#define MIDGE_FEATURE_RETAIN 1u
#define MIDGE_FEATURE_WILDCARD 2u
#define MIDGE_FEATURE_SUBSCRIPTION_IDENTIFIER 4u
#define MIDGE_FEATURE_SHARED 8u
#define MIDGE_OUTBOX_DROP_NEWEST 0u
#define MIDGE_OUTBOX_DROP_OLDEST 1u

/* X(id, export, arity, RESULT or VOID): what an engine finds in each module. */
#define MIDGE_BROKER_EXPORTS(X) \
  X(ABI_VERSION, abiVersion, 0, RESULT) \
  X(ARGUMENT_PTR, argumentPtr, 1, RESULT) \
  X(CONFIGURE, configure, 1, RESULT) \
  X(DISCONNECT_CLIENT, disconnectClient, 2, RESULT) \
  X(EVENTS_PTR, eventsPtr, 0, RESULT) \
  X(HANDLE_AUTH, handleAuth, 3, RESULT) \
  X(HANDLE_AUTHENTICATED, handleAuthenticated, 3, RESULT) \
  X(HANDLE_BLOCKED, handleBlocked, 2, RESULT) \
  X(HANDLE_BYTES, handleBytes, 2, RESULT) \
  X(HANDLE_CLOSED, handleClosed, 1, RESULT) \
  X(HANDLE_EVENTS, handleEvents, 0, VOID) \
  X(HANDLE_SENT, handleSent, 0, VOID) \
  X(HANDLE_TIME, handleTime, 1, VOID) \
  X(HANDLE_WRITABLE, handleWritable, 1, RESULT) \
  X(HEAP_IN_USE, heapInUse, 0, RESULT) \
  X(INIT, init, 2, VOID) \
  X(INPUT_PTR, inputPtr, 0, RESULT) \
  X(NEXT_DEADLINE, nextDeadline, 0, RESULT) \
  X(NEXT_EVENTS, nextEvents, 0, RESULT) \
  X(NEXT_SENDS, nextSends, 0, RESULT) \
  X(OPEN, open, 0, RESULT) \
  X(OPTION_VALUE, optionValue, 1, RESULT) \
  X(PUBLISH, publish, 4, RESULT) \
  X(SENDS_PTR, sendsPtr, 0, RESULT) \
  X(SET_OPTION, setOption, 2, RESULT) \
  X(SET_TEXT, setText, 2, RESULT) \
  X(SHUT_DOWN, shutDown, 1, RESULT)

#define MIDGE_CLIENT_EXPORTS(X) \
  X(ABI_VERSION, abiVersion, 0, RESULT) \
  X(ARGUMENT_PTR, argumentPtr, 1, RESULT) \
  X(AUTH, auth, 2, RESULT) \
  X(CONNECT, connect, 0, RESULT) \
  X(DISCONNECT, disconnect, 2, RESULT) \
  X(EVENTS_PTR, eventsPtr, 0, RESULT) \
  X(FILTER_MATCHES, filterMatches, 2, RESULT) \
  X(HANDLE_BLOCKED, handleBlocked, 2, RESULT) \
  X(HANDLE_BYTES, handleBytes, 2, RESULT) \
  X(HANDLE_CLOSED, handleClosed, 1, RESULT) \
  X(HANDLE_EVENTS, handleEvents, 0, VOID) \
  X(HANDLE_OPENED, handleOpened, 0, RESULT) \
  X(HANDLE_PAUSED, handlePaused, 1, VOID) \
  X(HANDLE_SENT, handleSent, 0, VOID) \
  X(HANDLE_TIME, handleTime, 1, VOID) \
  X(HANDLE_WRITABLE, handleWritable, 1, RESULT) \
  X(HEAP_IN_USE, heapInUse, 0, RESULT) \
  X(INIT, init, 2, VOID) \
  X(INPUT_PTR, inputPtr, 0, RESULT) \
  X(NEXT_DEADLINE, nextDeadline, 0, RESULT) \
  X(NEXT_EVENTS, nextEvents, 0, RESULT) \
  X(NEXT_SENDS, nextSends, 0, RESULT) \
  X(OPTION_VALUE, optionValue, 1, RESULT) \
  X(PUBLISH, publish, 4, RESULT) \
  X(SENDS_PTR, sendsPtr, 0, RESULT) \
  X(SET_OPTION, setOption, 2, RESULT) \
  X(SET_TEXT, setText, 2, RESULT) \
  X(SUBSCRIBE, subscribe, 3, RESULT) \
  X(UNSUBSCRIBE, unsubscribe, 2, RESULT)

enum engine_export {
  ENGINE_ABI_VERSION,
  ENGINE_ARGUMENT_PTR,
  ENGINE_AUTH,
  ENGINE_CONFIGURE,
  ENGINE_CONNECT,
  ENGINE_DISCONNECT,
  ENGINE_DISCONNECT_CLIENT,
  ENGINE_EVENTS_PTR,
  ENGINE_FILTER_MATCHES,
  ENGINE_HANDLE_AUTH,
  ENGINE_HANDLE_AUTHENTICATED,
  ENGINE_HANDLE_BLOCKED,
  ENGINE_HANDLE_BYTES,
  ENGINE_HANDLE_CLOSED,
  ENGINE_HANDLE_EVENTS,
  ENGINE_HANDLE_OPENED,
  ENGINE_HANDLE_PAUSED,
  ENGINE_HANDLE_SENT,
  ENGINE_HANDLE_TIME,
  ENGINE_HANDLE_WRITABLE,
  ENGINE_HEAP_IN_USE,
  ENGINE_INIT,
  ENGINE_INPUT_PTR,
  ENGINE_NEXT_DEADLINE,
  ENGINE_NEXT_EVENTS,
  ENGINE_NEXT_SENDS,
  ENGINE_OPEN,
  ENGINE_OPTION_VALUE,
  ENGINE_PUBLISH,
  ENGINE_SENDS_PTR,
  ENGINE_SET_OPTION,
  ENGINE_SET_TEXT,
  ENGINE_SHUT_DOWN,
  ENGINE_SUBSCRIBE,
  ENGINE_UNSUBSCRIBE,
  ENGINE_EXPORT_COUNT
};

struct engine;

/* One call of the module; engine.h says what becomes of a trap. Arguments that the export has not are ignored. */
uint32_t engine_call(struct engine *engine, enum engine_export export, uint32_t a, uint32_t b, uint32_t c, uint32_t d);

static inline uint32_t engine_abi_version(struct engine *engine) {
  return engine_call(engine, ENGINE_ABI_VERSION, 0, 0, 0, 0);
}

static inline uint32_t engine_argument_ptr(struct engine *engine, uint32_t length) {
  return engine_call(engine, ENGINE_ARGUMENT_PTR, length, 0, 0, 0);
}

static inline uint32_t engine_auth(struct engine *engine, uint32_t reason_code, uint32_t data_length) {
  return engine_call(engine, ENGINE_AUTH, reason_code, data_length, 0, 0);
}

static inline uint32_t engine_configure(struct engine *engine, uint32_t length) {
  return engine_call(engine, ENGINE_CONFIGURE, length, 0, 0, 0);
}

static inline uint32_t engine_connect(struct engine *engine) {
  return engine_call(engine, ENGINE_CONNECT, 0, 0, 0, 0);
}

static inline uint32_t engine_disconnect(struct engine *engine, uint32_t reason_code, uint32_t properties_length) {
  return engine_call(engine, ENGINE_DISCONNECT, reason_code, properties_length, 0, 0);
}

static inline uint32_t engine_disconnect_client(struct engine *engine, uint32_t client_id_length, uint32_t reason_code) {
  return engine_call(engine, ENGINE_DISCONNECT_CLIENT, client_id_length, reason_code, 0, 0);
}

static inline uint32_t engine_events_ptr(struct engine *engine) {
  return engine_call(engine, ENGINE_EVENTS_PTR, 0, 0, 0, 0);
}

static inline uint32_t engine_filter_matches(struct engine *engine, uint32_t topic_filter_length, uint32_t topic_name_length) {
  return engine_call(engine, ENGINE_FILTER_MATCHES, topic_filter_length, topic_name_length, 0, 0);
}

static inline uint32_t engine_handle_auth(struct engine *engine, uint32_t connection, uint32_t reason_code, uint32_t data_length) {
  return engine_call(engine, ENGINE_HANDLE_AUTH, connection, reason_code, data_length, 0);
}

static inline uint32_t engine_handle_authenticated(struct engine *engine, uint32_t connection, uint32_t reason_code, uint32_t server_reference_length) {
  return engine_call(engine, ENGINE_HANDLE_AUTHENTICATED, connection, reason_code, server_reference_length, 0);
}

static inline uint32_t engine_handle_blocked(struct engine *engine, uint32_t connection, uint32_t unsent) {
  return engine_call(engine, ENGINE_HANDLE_BLOCKED, connection, unsent, 0, 0);
}

static inline uint32_t engine_handle_bytes(struct engine *engine, uint32_t connection, uint32_t length) {
  return engine_call(engine, ENGINE_HANDLE_BYTES, connection, length, 0, 0);
}

static inline uint32_t engine_handle_closed(struct engine *engine, uint32_t connection) {
  return engine_call(engine, ENGINE_HANDLE_CLOSED, connection, 0, 0, 0);
}

static inline void engine_handle_events(struct engine *engine) {
  engine_call(engine, ENGINE_HANDLE_EVENTS, 0, 0, 0, 0);
}

static inline uint32_t engine_handle_opened(struct engine *engine) {
  return engine_call(engine, ENGINE_HANDLE_OPENED, 0, 0, 0, 0);
}

static inline void engine_handle_paused(struct engine *engine, uint32_t paused) {
  engine_call(engine, ENGINE_HANDLE_PAUSED, paused, 0, 0, 0);
}

static inline void engine_handle_sent(struct engine *engine) {
  engine_call(engine, ENGINE_HANDLE_SENT, 0, 0, 0, 0);
}

static inline void engine_handle_time(struct engine *engine, uint32_t now_ms) {
  engine_call(engine, ENGINE_HANDLE_TIME, now_ms, 0, 0, 0);
}

static inline uint32_t engine_handle_writable(struct engine *engine, uint32_t connection) {
  return engine_call(engine, ENGINE_HANDLE_WRITABLE, connection, 0, 0, 0);
}

static inline uint32_t engine_heap_in_use(struct engine *engine) {
  return engine_call(engine, ENGINE_HEAP_IN_USE, 0, 0, 0, 0);
}

static inline void engine_init(struct engine *engine, uint32_t input_max, uint32_t seed) {
  engine_call(engine, ENGINE_INIT, input_max, seed, 0, 0);
}

static inline uint32_t engine_input_ptr(struct engine *engine) {
  return engine_call(engine, ENGINE_INPUT_PTR, 0, 0, 0, 0);
}

static inline uint32_t engine_next_deadline(struct engine *engine) {
  return engine_call(engine, ENGINE_NEXT_DEADLINE, 0, 0, 0, 0);
}

static inline uint32_t engine_next_events(struct engine *engine) {
  return engine_call(engine, ENGINE_NEXT_EVENTS, 0, 0, 0, 0);
}

static inline uint32_t engine_next_sends(struct engine *engine) {
  return engine_call(engine, ENGINE_NEXT_SENDS, 0, 0, 0, 0);
}

static inline uint32_t engine_open(struct engine *engine) {
  return engine_call(engine, ENGINE_OPEN, 0, 0, 0, 0);
}

static inline uint32_t engine_option_value(struct engine *engine, uint32_t option) {
  return engine_call(engine, ENGINE_OPTION_VALUE, option, 0, 0, 0);
}

static inline uint32_t engine_publish(struct engine *engine, uint32_t topic_name_length, uint32_t properties_length, uint32_t payload_length, uint32_t flags) {
  return engine_call(engine, ENGINE_PUBLISH, topic_name_length, properties_length, payload_length, flags);
}

static inline uint32_t engine_sends_ptr(struct engine *engine) {
  return engine_call(engine, ENGINE_SENDS_PTR, 0, 0, 0, 0);
}

static inline uint32_t engine_set_option(struct engine *engine, uint32_t option, uint32_t value) {
  return engine_call(engine, ENGINE_SET_OPTION, option, value, 0, 0);
}

static inline uint32_t engine_set_text(struct engine *engine, uint32_t text, uint32_t length) {
  return engine_call(engine, ENGINE_SET_TEXT, text, length, 0, 0);
}

static inline uint32_t engine_shut_down(struct engine *engine, uint32_t reason_code) {
  return engine_call(engine, ENGINE_SHUT_DOWN, reason_code, 0, 0, 0);
}

static inline uint32_t engine_subscribe(struct engine *engine, uint32_t topic_filter_length, uint32_t properties_length, uint32_t options) {
  return engine_call(engine, ENGINE_SUBSCRIBE, topic_filter_length, properties_length, options, 0);
}

static inline uint32_t engine_unsubscribe(struct engine *engine, uint32_t topic_filter_length, uint32_t properties_length) {
  return engine_call(engine, ENGINE_UNSUBSCRIBE, topic_filter_length, properties_length, 0, 0);
}

#endif
