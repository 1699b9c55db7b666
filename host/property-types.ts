// The properties of 5.0 (section 2.2.2) as an application sees them: one interface with every property, and what each packet
// carries of it. Types only.

/** Names and values, in order; a name may stand there more than once. */
export type UserProperties = readonly (readonly [name: string, value: string])[];

/** Every property there is. Strings and bytes have at most 65,535 bytes; a string holds no U+0000. */
export interface Properties {
  /** Payload Format Indicator. Default: "bytes", which promises nothing. */
  payloadFormat?: "bytes" | "utf8";
  /** Message Expiry Interval, whole seconds up to 4,294,967,295: how long it is of interest to whoever is away. In a message
   *  that was received: what was left of it. Default: for ever. */
  messageExpirySec?: number;
  /** Content Type: what the application makes of it, often a MIME type. */
  contentType?: string;
  /** Response Topic: where the answer to a request is expected. */
  responseTopic?: string;
  /** Correlation Data: what tells the asker which request an answer belongs to. When received, a view of the packet. */
  correlationData?: Uint8Array;
  /** Subscription Identifiers, 1 to 268,435,455: of all Subscriptions that the message was sent for. */
  subscriptionIdentifiers?: readonly number[];
  /** Session Expiry Interval, whole seconds up to 4,294,967,294, or Infinity: it never expires. */
  sessionExpirySec?: number;
  /** Assigned Client Identifier. */
  assignedClientId?: string;
  /** Server Keep Alive, which replaces the client's. */
  serverKeepAliveSec?: number;
  authenticationMethod?: string;
  /** Authentication Data. When received, a view of the packet. */
  authenticationData?: Uint8Array;
  /** False: no Reason Strings and User Properties but in PUBLISH, CONNACK and DISCONNECT. */
  requestProblemInformation?: boolean;
  /** Will Delay Interval, whole seconds up to 4,294,967,295. */
  delaySec?: number;
  requestResponseInformation?: boolean;
  /** Response Information: what a Response Topic of this client should begin with. */
  responseInformation?: string;
  /** Server Reference: where to connect instead. */
  serverReference?: string;
  /** Reason String, for a person to read. */
  reasonString?: string;
  /** Receive Maximum, 1 to 65,535: QoS 1 and 2 messages that may be sent to this end without their acknowledgement. */
  receiveMaximum?: number;
  /** Topic Alias Maximum, 0 to 65,535. */
  topicAliasMaximum?: number;
  /** Topic Alias, 1 to 65,535. */
  topicAlias?: number;
  /** Maximum QoS. */
  maximumQos?: 0 | 1;
  retainAvailable?: boolean;
  userProperties?: UserProperties;
  /** Maximum Packet Size, bytes, 1 to 4,294,967,295. */
  maximumPacketSize?: number;
  wildcardAvailable?: boolean;
  subscriptionIdentifierAvailable?: boolean;
  sharedAvailable?: boolean;
}

/** Properties of a message, as a publisher gives them. */
export type MessageProperties = Pick<
  Properties,
  "payloadFormat" | "messageExpirySec" | "contentType" | "responseTopic" | "correlationData" | "userProperties"
>;

/** Properties of a message, as a subscriber gets them. Its Topic Name is whole, whatever the Topic Alias. */
export type ReceivedProperties = Readonly<
  MessageProperties & Pick<Properties, "subscriptionIdentifiers" | "topicAlias">
>;

/** Properties of a Will. */
export type WillProperties = MessageProperties & Pick<Properties, "delaySec">;

/** Properties of CONNECT. */
export type ConnectProperties = Pick<
  Properties,
  | "sessionExpirySec"
  | "authenticationMethod"
  | "authenticationData"
  | "requestProblemInformation"
  | "requestResponseInformation"
  | "receiveMaximum"
  | "topicAliasMaximum"
  | "userProperties"
  | "maximumPacketSize"
>;

/** Properties of CONNACK: what the server has decided, and what it does not do. */
export type ConnackProperties = Readonly<
  Pick<
    Properties,
    | "sessionExpirySec"
    | "assignedClientId"
    | "serverKeepAliveSec"
    | "authenticationMethod"
    | "authenticationData"
    | "responseInformation"
    | "serverReference"
    | "reasonString"
    | "receiveMaximum"
    | "topicAliasMaximum"
    | "maximumQos"
    | "retainAvailable"
    | "userProperties"
    | "maximumPacketSize"
    | "wildcardAvailable"
    | "subscriptionIdentifierAvailable"
    | "sharedAvailable"
  >
>;

/** Properties of PUBACK, PUBREC, SUBACK, UNSUBACK. */
export type AcknowledgementProperties = Readonly<Pick<Properties, "reasonString" | "userProperties">>;

/** Properties of DISCONNECT. */
export type DisconnectProperties = Pick<
  Properties,
  "sessionExpirySec" | "serverReference" | "reasonString" | "userProperties"
>;
