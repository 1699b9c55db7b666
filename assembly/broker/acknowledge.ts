// PUBACK, PUBREC, PUBREL and PUBCOMP of the broker. Success is four bytes at every level; 5.0 is also told what went wrong, in
// words when it wants them and they fit.

import { reserve } from "../effect/send";
import { ACK_SHORT_SIZE, ack, ackSize, encodeAck, encodeAckShort } from "../packet/ack";
import { is5 } from "../packet/packet-type";
import { SUCCESS } from "../packet/reason-code";
import { Connection } from "./connection";
import { countPacketSent } from "./statistics";
import { reasonProperty, reasonSize } from "./texts";

/** `reasonCode`: for 5.0; 3.x is told nothing. */
export function acknowledge(connection: Connection, type: u32, packetId: u32, reasonCode: u32 = SUCCESS): void {
  countPacketSent();
  if (reasonCode == SUCCESS || !is5(connection.level)) {
    encodeAckShort(reserve(connection.output, ACK_SHORT_SIZE), type, packetId);
    return;
  }
  ack.type = type;
  ack.packetId = packetId;
  ack.reasonCode = reasonCode;
  ack.properties = reasonProperty(reasonCode);
  ack.propertiesLength = connection.problemInformation ? reasonSize : 0; // [MQTT-3.1.2-29]
  if (ackSize(connection.level) > connection.packetSizeMax) ack.propertiesLength = 0; // [MQTT-3.4.2-2]
  encodeAck(reserve(connection.output, ackSize(connection.level)), connection.level);
}
