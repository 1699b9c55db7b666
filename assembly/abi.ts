// The contract between the core and its hosts. Numbers only, plain `export const NAME = 1;`, so that asc and tsc both
// compile this very file: the core, host/ and the generated C header share it. Nothing is imported here.
//
// One turn of a host's loop, the same for the broker and the client module:
//
//   handleTime(nowMs)                     once per wake-up: moves the core's clock, acts on deadlines that are due
//   handleBytes(connection, length), ...  whatever happened; bytes stand at inputPtr()
//   loop: n = nextSends()                 n records of SEND_SIZE bytes at sendsPtr(): write each range to its connection
//         handleBlocked(connection, k)    for a connection that did not take its last k bytes of them
//         handleSent()                    the ranges are the core's again; until nextSends() returns 0
//   n = nextEvents()                      n records of EVENT_SIZE bytes at eventsPtr(): act on each
//   handleEvents()                        the records and the bytes they point to are the core's again
//   nextDeadline()                        how long the host may sleep
//
// A host that calls the core to act on an event first reads all records it needs and calls handleEvents(), then acts, and
// drains once more.
// All pointers and lengths are u32; bytes behind them are valid until the call that gives them back. Memory may grow in
// any call: a view of it must be taken anew afterwards. Calls never nest.
//
// Exports of both modules
//   abiVersion(): u32                     ABI_VERSION
//   init(inputMax: u32, seed: u32)        first, once. inputMax: bytes of the input buffer, 64 and up
//   inputPtr(): ptr                       where the host puts what it read, at most inputMax bytes
//   argumentPtr(length: u32): ptr         room for the bytes of the next command; 0 when `length` is over ARGUMENT_MAX
//   setOption(option: u32, value: u32): status
//   optionValue(option: u32): u32
//   setText(text: u32, length: u32): status   bytes at argumentPtr(): TEXT_*
//   handleTime(nowMs: u32)                monotonic milliseconds, any start, may wrap around
//   nextDeadline(): u32                   milliseconds from the last handleTime, NO_DEADLINE when there is none
//   nextSends() sendsPtr() handleBlocked(connection, unsent) handleSent() handleWritable(connection)
//   nextEvents() eventsPtr() handleEvents()
//   heapInUse(): u32                      bytes allocated and not released, for tests and statistics
//
// Exports of the broker module
//   configure(length): status             text of a mosquitto.conf at argumentPtr(); once, before anything is opened. Options are
//                                         set as it says; what only a host can do comes as EVENT_LISTENER and EVENT_SETTING.
//                                         BAD_ARGUMENT: nothing has changed, and each EVENT_FAULT says what is wrong with it.
//                                         BAD_STATE: it was OK before, or there has been a connection
//   open(): u32                           a Network Connection was accepted: its handle, 0 when there are too many
//   handleBytes(connection, length): status
//   handleClosed(connection): status      it ended without the core asking for it
//   handleAuthenticated(connection, reasonCode, serverReferenceLength): status   the answer to EVENT_AUTHENTICATE: 0, or a
//                                         Reason Code of CONNACK from 0x80 on, for 3.x turned into the nearest return
//                                         code; with 0x9C and 0x9D the Server Reference at argumentPtr()
//   handleAuth(connection, reasonCode, dataLength): status   the answer to EVENT_AUTH, Authentication Data at argumentPtr():
//                                         0x18 goes on with the exchange, 0 accepts, 0x80 and up refuses
//   publish(topicNameLength, propertiesLength, payloadLength, flags): status   these three at argumentPtr()
//   disconnectClient(clientIdLength, reasonCode): status   DISCONNECT of 5.0 with this Reason Code (0x80 and up), and the
//                                         end; Client Identifier at argumentPtr(). BAD_HANDLE: it is not connected
//   shutDown(reasonCode): status          the same for all, their Wills unpublished; no new ones are accepted. With 0x9C
//                                         and 0x9D they are told TEXT_SERVER_REFERENCE
//
// Exports of the client module (its one connection has the handle CLIENT_CONNECTION)
//   handlePaused(paused: bool)            the host stops or goes on reading: while it does not read, no PINGRESP is missed
//   connect(): status                     begin, and keep connected; EVENT_OPEN asks the host for a Network Connection
//   disconnect(reasonCode, propertiesLength): status   send what waits, DISCONNECT, and stay away; before 5.0 both are 0
//   auth(reasonCode, dataLength): status  AUTH of 5.0 with the method of CONNECT and this Authentication Data: 0x18 answers
//                                         EVENT_AUTH, 0x19 begins a re-authentication
//   handleOpened(): status  handleBytes(connection, length): status  handleClosed(connection): status
//   publish(topicNameLength, propertiesLength, payloadLength, flags): token or status   these three at argumentPtr()
//   subscribe(topicFilterLength, propertiesLength, options): token or status   options as on the wire, before 5.0 a QoS
//   unsubscribe(topicFilterLength, propertiesLength): token or status
//   filterMatches(topicFilterLength, topicNameLength): bool  both at argumentPtr(), for dispatch to several subscribers

// Properties, wherever they are an argument or stand in a record, are those of 5.0 as on the wire, without their length
// before them. As an argument they must be ones that this packet may carry from this end; 3.x sends none.

/** Raised whenever a record, a number or an export changes; a host refuses a module with another one. */
export const ABI_VERSION = 3;

// Status codes: what an export answers. Nothing has changed unless it is OK.
export const OK = 0;
/** The handle is not, or no longer, a connection. Harmless: it may have ended in the same turn. */
export const BAD_HANDLE = 1;
/** A length over the room it was given, or an argument out of its documented range. */
export const BAD_ARGUMENT = 2;
/** Topic Name or Topic Filter that the standard does not allow. */
export const BAD_TOPIC = 3;
/** A limit of limits.ts is reached. */
export const LIMIT_REACHED = 4;
/** Not possible in this state: connect() twice, or a command while disconnect() is under way. */
export const BAD_STATE = 5;
/** The packet would be over OPTION_PACKET_SIZE_MAX. */
export const TOO_LARGE = 6;
/** The server has said in CONNACK that it does not do this: RETAIN, this QoS, such a filter. */
export const NOT_SUPPORTED = 7;
/** Properties that are malformed, or that this packet may not carry. */
export const BAD_PROPERTIES = 8;
/** Commands that return a token return a status below this, or a token from here on. */
export const TOKEN_FIRST = 16;

/** nextDeadline(): nothing to wait for. */
export const NO_DEADLINE = 0xffffffff;
/** Longest command argument: the largest packet there is. */
export const ARGUMENT_MAX = 268435455;
/** Handle of the client module's only connection. */
export const CLIENT_CONNECTION = 1;
/** A broker's handle AND this is a number of its own among the connections there are, 1 and up, and as small as can be: a host
 *  may keep its connections in an array. The bits above tell it from earlier ones with the same number. */
export const HANDLE_SLOT_MASK = 0xfffff;

// A send record: bytes for one connection. Records of one connection are in order.
//   0 connection u32 | 4 bytes ptr | 8 length u32
export const SEND_SIZE = 12;
export const SEND_CONNECTION = 0;
export const SEND_BYTES = 4;
export const SEND_LENGTH = 8;

// An event record. Which fields mean something is written beside each kind.
//   0 kind u32 | 4 connection u32 | 8 code u32 | 12 detail u32 | 16 a ptr | 20 aLength | 24 b ptr | 28 bLength | 32 c ptr | 36 cLength
export const EVENT_SIZE = 40;
export const EVENT_KIND = 0;
export const EVENT_CONNECTION = 4;
export const EVENT_CODE = 8;
export const EVENT_DETAIL = 12;
export const EVENT_A = 16;
export const EVENT_A_LENGTH = 20;
export const EVENT_B = 24;
export const EVENT_B_LENGTH = 28;
export const EVENT_C = 32;
export const EVENT_C_LENGTH = 36;

// Event kinds of both modules
/** Close the Network Connection after what was sent; its handle is dead. code: CLOSE_*, detail: Reason Code of the
 *  DISCONNECT that was sent, if there was one. */
export const EVENT_CLOSE = 1;
/** Enhanced authentication (5.0). In the broker: a: Client Identifier, b: method, c: data; code: 0 for CONNECT, 0x18 or 0x19
 *  for AUTH; answer with handleAuth(). A CONNECT's input waits as with EVENT_AUTHENTICATE. In the client: b: method, c: data;
 *  code: 0x18, answer with auth(); or 0, the server has accepted, c is its last word. */
export const EVENT_AUTH = 9;

// Event kinds of the broker
/** May this client connect, by user name and password? a: Client Identifier, b: user name, c: password, detail: AUTHENTICATE_* flags. Answer with
 *  handleAuthenticated(); until then the connection's input waits, so the host should stop reading it. */
export const EVENT_AUTHENTICATE = 2;
/** Of configure(): a line is wrong. code: CONFIG_*, detail: its number from 1, 0: the text as a whole; a: the key, b: what stands
 *  behind it, c: what it could be instead. */
export const EVENT_FAULT = 10;
/** Of configure(): listen there. code: TCP port, a: address as written, empty: all of this machine; or code: 0, b: path of a
 *  Unix socket. One for each listener; none when the text names none: listen where this machine alone can connect. */
export const EVENT_LISTENER = 11;
/** Of configure(): a line that is the host's to act on. a: key, b: value. log_dest: none, stdout, stderr, or file and a path;
 *  log_type: one of mosquitto's; connection_messages: true or false; pid_file: a path; user: a name. Several of log_dest and
 *  log_type add up, of the others the last one counts. */
export const EVENT_SETTING = 12;
// The rest of them only report, and are only made while their bit (1 << kind) is set in OPTION_EVENTS.
/** a: Client Identifier, b: user name, code: Protocol Level, bit 8 set with Clean Session or Clean Start, bit 9 with a user name;
 *  detail: Keep Alive in seconds. */
export const EVENT_CONNECTED = 3;
/** a: Client Identifier, code: CLOSE_*, detail: Reason Code of the last DISCONNECT, sent or received; 0 without one. */
export const EVENT_DISCONNECTED = 4;
/** a: Client Identifier if known, code: Reason Code of CONNACK as 5.0 has it, for 3.x the one that its return code is nearest to. */
export const EVENT_REFUSED = 5;
/** a: Client Identifier, b: Topic Filter, code: Reason Code of SUBACK. */
export const EVENT_SUBSCRIBED = 6;
/** a: Client Identifier, b: Topic Filter. */
export const EVENT_UNSUBSCRIBED = 7;
/** a: Client Identifier, b: Topic Name, code: fixed header flags, detail: payload length. */
export const EVENT_PUBLISHED = 8;

// Event kinds of the client
/** Open a Network Connection, then handleOpened(), or handleClosed() when it cannot be. */
export const EVENT_OPEN = 16;
/** CONNACK accepted. code: 1 with Session Present; a: its properties. */
export const EVENT_ONLINE = 17;
/** The connection is over. code: CLOSE_* in bits 0-7 and in bits 8-15 the code of CONNACK with CLOSE_REFUSED, of the server's
 *  DISCONNECT with CLOSE_SERVER; a: the properties of that packet. detail: milliseconds until the next attempt, or
 *  NO_DEADLINE. */
export const EVENT_OFFLINE = 18;
/** A message arrived. a: Topic Name, b: payload, c: properties; code: fixed header flags, detail: Packet Identifier. */
export const EVENT_MESSAGE = 19;
/** A command is finished. detail: its token, code: the code of its acknowledgement, or COMPLETED_*; a: properties of the
 *  acknowledgement, if it has some. A subscribe() is reported once more, with its refusal, when the server has lost the
 *  Session and does not grant the Subscription again. */
export const EVENT_COMPLETED = 20;

/** handleAuthenticated is told apart: there was a user name; there was a password. */
export const AUTHENTICATE_USER_NAME = 1;
export const AUTHENTICATE_PASSWORD = 2;

/** Results of a command in EVENT_COMPLETED. Below 0x80 is success: a granted QoS, or how it went. From here up to 0xff the
 *  server has refused it with this code; a 3.x server knows no other. */
export const COMPLETED_OK = 0;
export const COMPLETED_REFUSED = 0x80;
/** Dropped from the outbox to make room, or when it ended. */
export const COMPLETED_DROPPED = 0x100;

// Why a connection ended: `code` of EVENT_CLOSE, EVENT_DISCONNECTED, EVENT_OFFLINE.
/** DISCONNECT was sent or received: the normal end. */
export const CLOSE_DISCONNECT = 1;
/** The network did it: the peer vanished or reset. */
export const CLOSE_NETWORK = 2;
/** Nothing was heard for one and a half times the Keep Alive; in the client: no PINGRESP. */
export const CLOSE_KEEP_ALIVE = 3;
/** Bytes that are no Control Packet. */
export const CLOSE_MALFORMED = 4;
/** A Control Packet that must not come now, or from this end. */
export const CLOSE_PROTOCOL = 5;
/** Another connection took over the Client Identifier. */
export const CLOSE_TAKEN_OVER = 6;
/** CONNACK refused it. */
export const CLOSE_REFUSED = 7;
/** No CONNECT, or no CONNACK, in time. */
export const CLOSE_CONNECT_TIMEOUT = 8;
/** A packet over the packet size limit. */
export const CLOSE_PACKET_SIZE = 9;
/** It did not read what was sent to it: its output limit is reached, or it took nothing for the stall time. */
export const CLOSE_SLOW = 10;
/** Another limit of limits.ts. */
export const CLOSE_LIMIT = 11;
/** A message, filter or will with a Topic the standard does not allow. */
export const CLOSE_TOPIC = 12;
/** In the client: the server said DISCONNECT. */
export const CLOSE_SERVER = 13;
/** The host said so: disconnectClient(). */
export const CLOSE_ADMINISTRATIVE = 14;
/** The broker ends: shutDown(). */
export const CLOSE_SHUT_DOWN = 15;
/** A re-authentication failed. */
export const CLOSE_AUTHENTICATION = 16;

// What is wrong with a line of configure(): `code` of EVENT_FAULT. c is empty where nothing is said about it.
/** It holds control characters, or is not UTF-8. a and b are empty. */
export const CONFIG_BAD_TEXT = 1;
/** Longer than a line may be. a and b are empty. */
export const CONFIG_LINE_TOO_LONG = 2;
export const CONFIG_UNKNOWN_KEY = 3;
/** Unknown, and nearly a key. c: that one. */
export const CONFIG_MISSPELT_KEY = 4;
/** A key of mosquitto's that we do not support yet. */
export const CONFIG_NOT_SUPPORTED = 5;
export const CONFIG_VALUE_MISSING = 6;
/** c: what the value may be, in ASCII. */
export const CONFIG_BAD_VALUE = 7;
/** A value of mosquitto's that we do not support yet. */
export const CONFIG_VALUE_NOT_SUPPORTED = 8;
/** A path must follow. */
export const CONFIG_PATH_MISSING = 9;
/** More than one address. */
export const CONFIG_EXTRA_WORDS = 10;
/** It has one value for all listeners here, and the text has several listeners. */
export const CONFIG_PER_LISTENER = 11;
/** Clients without a name are not allowed in, and OPTION_AUTHENTICATE is 0: nobody could connect. */
export const CONFIG_NOBODY = 12;
/** The text is too long, or has more listeners and settings than it may. */
export const CONFIG_TOO_MUCH = 13;
/** More lines than were reported are wrong. */
export const CONFIG_MORE = 14;

// Flags of publish()
export const PUBLISH_RETAIN = 1;
/** QoS is flags >> PUBLISH_QOS_SHIFT & 3, as in the fixed header. */
export const PUBLISH_QOS_SHIFT = 1;

// Texts of setText(). Of the client:
export const TEXT_CLIENT_ID = 1;
export const TEXT_USER_NAME = 2;
export const TEXT_PASSWORD = 3;
export const TEXT_WILL_TOPIC = 4;
export const TEXT_WILL_PAYLOAD = 5;
/** Properties of CONNECT. Receive Maximum, Maximum Packet Size and Topic Alias Maximum are kept to; an Authentication Method
 *  makes EVENT_AUTH possible. */
export const TEXT_CONNECT_PROPERTIES = 6;
export const TEXT_WILL_PROPERTIES = 7;
// of the broker:
/** For $SYS/broker/version. */
export const TEXT_VERSION = 16;
/** Response Information for who requests it is this and the Client Identifier; empty, which is the default: none. */
export const TEXT_RESPONSE_PREFIX = 17;
/** Server Reference, with OPTION_REDIRECT and shutDown(). */
export const TEXT_SERVER_REFERENCE = 18;
/** TEXT_REASON + Reason Code (0x80 to 0xff): the Reason String sent with it, where it fits and is wanted. Default: none. */
export const TEXT_REASON = 0x100;

// Options: setOption(OPTION_*, value). Defaults, units and the rule at each limit stand in limits.ts.
export const OPTION_EVENTS = 1;
export const OPTION_CONNECTIONS_MAX = 2;
export const OPTION_PACKET_SIZE_MAX = 3;
export const OPTION_TOPIC_LENGTH_MAX = 4;
export const OPTION_TOPIC_LEVELS_MAX = 5;
export const OPTION_SUBSCRIPTIONS_MAX = 6;
export const OPTION_SESSION_SUBSCRIPTIONS_MAX = 7;
export const OPTION_SESSIONS_MAX = 8;
export const OPTION_RETAINED_MAX = 9;
export const OPTION_RETAINED_BYTES_MAX = 10;
export const OPTION_SESSION_QUEUE_BYTES_MAX = 11;
export const OPTION_QUEUE_BYTES_MAX = 12;
export const OPTION_INFLIGHT_MAX = 13;
export const OPTION_INFLIGHT_BYTES_MAX = 14;
export const OPTION_OUTPUT_BYTES_SOFT = 15;
export const OPTION_OUTPUT_BYTES_MAX = 16;
export const OPTION_OUTPUT_STALL_SEC = 17;
export const OPTION_INPUT_WAITING_MAX = 18;
export const OPTION_CONNECT_TIMEOUT_MS = 19;
export const OPTION_RETRY_SEC = 20;
export const OPTION_SYS_INTERVAL_SEC = 21;
/** AUTHENTICATE_WITH_* bits. 0: every client is accepted, but for those that name an Authentication Method. */
export const OPTION_AUTHENTICATE = 22;
export const OPTION_MATCH_CACHE_BYTES = 23;
export const OPTION_OUTPUT_TOTAL_MAX = 24;
export const OPTION_FAIR_SHARE = 25;
export const OPTION_HEAP_MAX = 26;
export const OPTION_RETAINED_VISITS_MAX = 27;
/** FEATURE_* bits. */
export const OPTION_FEATURES = 28;
export const OPTION_QOS_MAX = 29;
export const OPTION_RECEIVE_MAX = 30;
export const OPTION_TOPIC_ALIAS_MAX = 31;
// of the client
export const OPTION_PROTOCOL_LEVEL = 32;
export const OPTION_KEEP_ALIVE_SEC = 33;
export const OPTION_CLEAN_SESSION = 34;
/** Bit 0 retain, bits 1-2 QoS; there is a Will once TEXT_WILL_TOPIC is set. */
export const OPTION_WILL_FLAGS = 35;
export const OPTION_RECONNECT = 36;
export const OPTION_RECONNECT_MIN_MS = 37;
export const OPTION_RECONNECT_MAX_MS = 38;
export const OPTION_OUTBOX_BYTES_MAX = 39;
/** OUTBOX_DROP_*. */
export const OPTION_OUTBOX_DROP = 40;
// of both
export const OPTION_TOPIC_ALIAS_SEND_MAX = 41;
// of the broker again
export const OPTION_SESSION_EXPIRY_MAX_SEC = 42;
export const OPTION_KEEP_ALIVE_MAX_SEC = 43;
export const OPTION_PAYLOAD_CHECK = 44;
export const OPTION_PRIORITY = 45;
/** 0, or 0x9C or 0x9D: every CONNECT is refused with it and TEXT_SERVER_REFERENCE; 3.x with return code 3. */
export const OPTION_REDIRECT = 46;
export const OPTION_PAYLOAD_SIZE_MAX = 47;
export const OPTION_COUNT = 48;

// OPTION_AUTHENTICATE
/** Each CONNECT without an Authentication Method is put to the host as EVENT_AUTHENTICATE. */
export const AUTHENTICATE_WITH_PASSWORD = 1;
/** Each CONNECT with one is put to the host as EVENT_AUTH; without this bit it is refused with 0x8C. */
export const AUTHENTICATE_WITH_METHOD = 2;

// OPTION_FEATURES: what CONNACK of 5.0 does not say is missing.
export const FEATURE_RETAIN = 1;
export const FEATURE_WILDCARD = 2;
export const FEATURE_SUBSCRIPTION_IDENTIFIER = 4;
export const FEATURE_SHARED = 8;

/** A full outbox refuses the new message: LIMIT_REACHED. */
export const OUTBOX_DROP_NEWEST = 0;
/** A full outbox gives up the oldest messages that were never sent, each with EVENT_COMPLETED, COMPLETED_DROPPED. */
export const OUTBOX_DROP_OLDEST = 1;
