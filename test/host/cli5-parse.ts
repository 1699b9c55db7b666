// Reads a line of options as a shell and commander would, for the tests of MQTT 5.0's flags.

import { addConnectionOptions, type ConnectionFlags, complaint } from "../../host/cli/mosquitto-options.ts";
import { addPropertyOption, type PacketName, PropertyCommand } from "../../host/cli/properties.ts";

export const ALL: readonly PacketName[] = ["connect", "will", "publish", "subscribe", "unsubscribe", "disconnect"];

/** The options as a shell would give them, read by commander. */
export function parse(line: string, packets = ALL): ConnectionFlags {
  const said: string[] = [];
  const command = addPropertyOption(addConnectionOptions(new PropertyCommand("test")), packets)
    .option("-m, --message <payload>")
    .exitOverride()
    .configureOutput({ writeErr: () => {}, outputError: (text) => said.push(complaint(text)) });
  try {
    return command.parse(words(line), { from: "user" }).opts<ConnectionFlags>();
  } catch (error) {
    throw new Error(said.join("") || String(error));
  }
}

/** Words of a line as a shell takes them; <...> holds blanks. */
export function words(line: string): string[] {
  return (line.match(/<[^>]*>|\S+/g) ?? []).map((word) => word.replace(/^<(.*)>$/s, "$1"));
}
