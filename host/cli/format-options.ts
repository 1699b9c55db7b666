// The options of `midge sub` and `midge rr` that say how a message is printed: -F, -v, --pretty, -N, and the help of -F.

import type { Command } from "commander";
import { compileFormat, type Format, payloadFormat, verboseFormat } from "./format.ts";

/** The flags that choose a format. */
export interface FormatFlags {
  verbose?: boolean;
  F?: string;
  pretty?: boolean;
  N?: boolean;
}

/** Adds the options to a command. */
export function addFormatOptions(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .option("-v, --verbose", "print topic and payload")
    .option("-F <format>", "print this format, see below")
    .option("--pretty", "with %j or %J: over several lines")
    .option("-N", "no line end after a message");
}

/** What the flags choose; -F comes before -v. Throws UsageFailure when the format is wrong. */
export function chosenFormat(flags: FormatFlags): Format {
  if (flags.F !== undefined) return compileFormat(flags.F, flags.pretty);
  return flags.verbose ? verboseFormat : payloadFormat;
}

/** Help of -F. */
export const FORMAT_HELP = `
Format (-F): text with these sequences; %10t is at least 10 characters wide, %-10t left aligned, %010l with zeros, %.10t at most 10
  %t topic       %p payload      %l its length   %x %X payload in hexadecimal
  %q QoS         %r retained     %m packet id    %% a percent sign
  %j JSON with the payload as a string           %J JSON with the payload as JSON
  %I time in ISO 8601            %U Unix time with nanoseconds
  @X conversion X of strftime(3), @N nanoseconds, @@ an at sign
  \\\\ \\0 \\a \\e \\n \\r \\t \\v        escapes
  of MQTT 5.0, empty where a message has none:
  %C content type                %F payload format (1: text)      %E message expiry, seconds
  %R response topic              %D correlation data              %P user properties, NAME:VALUE
  %S subscription identifiers    %A topic alias
`;
