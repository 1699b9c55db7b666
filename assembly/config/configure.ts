// Reads a mosquitto.conf: counts what it has, finds all that is wrong with it, and only if that is nothing does as it says.
// Three walks over the text, each bounded by its length, and nothing kept. What the keys mean is settings.ts.

import {
  BAD_ARGUMENT,
  BAD_STATE,
  CONFIG_NOBODY,
  CONFIG_NOT_SUPPORTED,
  CONFIG_TOO_MUCH,
  CONFIG_VALUE_MISSING,
  OK,
  OPTION_AUTHENTICATE,
} from "../abi";
import { CONFIG_FAULTS_MAX, CONFIG_SETTINGS_MAX, CONFIG_SIZE_MAX, option } from "../limits";
import { fault, faultAt, faultCount, faultsStart, faultUnknown } from "./faults";
import * as keys from "./keys";
import { key, keyLength, lineFault, lineNumber, linesStart, nextLine, valueLength } from "./lines";
import { countDefaultListener, countListener, listenerCount, listenersStart, pushDefaultListener } from "./listeners";
import { NOT_FOUND, nameIndex } from "./names";
import { IGNORED_KEYS, UNSUPPORTED_KEYS } from "./other-keys";
import { anonymous, setKey, settingsStart } from "./settings";
import { FALSE, NO_BOOLEAN } from "./values";

let isConfigured: bool = false;
/** Number of the last line that says who may connect without a name. */
let anonymousLine: u32 = 0;

/** Returns OK, BAD_ARGUMENT with nothing changed but events of what is wrong, or BAD_STATE when it was OK before. */
export function configure(text: usize, length: u32): u32 {
  if (isConfigured) return BAD_STATE;
  faultsStart();
  if (length > CONFIG_SIZE_MAX || count(text, length) > CONFIG_SETTINGS_MAX) faultAt(0, CONFIG_TOO_MUCH);
  else check(text, length);
  if (faultCount > 0) return BAD_ARGUMENT;
  walk(text, length, true);
  pushDefaultListener();
  isConfigured = true;
  return OK;
}

/** Counts listeners; returns how many lines will be acted on. */
function count(text: usize, length: u32): u32 {
  let lines: u32 = 0;
  anonymousLine = 0;
  listenersStart();
  for (linesStart(text, length); nextLine(); ) {
    const id = nameIndex(keys.KEYS, key, keyLength);
    if (id != NOT_FOUND) lines++;
    if (id == keys.LISTENER) countListener();
    else if (id == keys.PORT || id == keys.BIND_ADDRESS) countDefaultListener();
    else if (id == keys.ALLOW_ANONYMOUS) anonymousLine = lineNumber;
  }
  return lines;
}

function check(text: usize, length: u32): void {
  walk(text, length, false);
  // Who checks clients lets some in. Without a listener only this machine can connect, and mosquitto lets it.
  if (option(OPTION_AUTHENTICATE) != 0) return;
  if (anonymous == FALSE || (anonymous == NO_BOOLEAN && listenerCount > 0)) faultAt(anonymousLine, CONFIG_NOBODY);
}

function walk(text: usize, length: u32, isApplying: bool): void {
  settingsStart(isApplying);
  for (linesStart(text, length); faultCount <= CONFIG_FAULTS_MAX && nextLine(); ) {
    const id = nameIndex(keys.KEYS, key, keyLength);
    if (lineFault != OK) fault(lineFault);
    else if (id == NOT_FOUND) otherKey();
    else if (valueLength == 0) fault(CONFIG_VALUE_MISSING);
    else setKey(id);
  }
}

function otherKey(): void {
  if (nameIndex(IGNORED_KEYS, key, keyLength) != NOT_FOUND) return;
  if (nameIndex(UNSUPPORTED_KEYS, key, keyLength) != NOT_FOUND) fault(CONFIG_NOT_SUPPORTED);
  else faultUnknown();
}
