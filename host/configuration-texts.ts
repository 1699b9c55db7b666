// What is wrong with a line of a configuration, in words, by CONFIG_* of the ABI. The C host says the same: firmware/texts.h
// is made from it. Behind a text goes the hint of the fault, if it has one: `TEXT: HINT`.

import {
  CONFIG_BAD_TEXT,
  CONFIG_BAD_VALUE,
  CONFIG_EXTRA_WORDS,
  CONFIG_LINE_TOO_LONG,
  CONFIG_MISSPELT_KEY,
  CONFIG_MORE,
  CONFIG_NOBODY,
  CONFIG_NOT_SUPPORTED,
  CONFIG_PATH_MISSING,
  CONFIG_PER_LISTENER,
  CONFIG_TOO_MUCH,
  CONFIG_UNKNOWN_KEY,
  CONFIG_VALUE_MISSING,
  CONFIG_VALUE_NOT_SUPPORTED,
} from "../assembly/abi.ts";

export const CONFIG_TEXT: Readonly<Record<number, string>> = {
  [CONFIG_BAD_TEXT]: "this line holds control characters, or is not UTF-8",
  [CONFIG_LINE_TOO_LONG]: "this line is too long",
  [CONFIG_UNKNOWN_KEY]: "there is no such key",
  [CONFIG_MISSPELT_KEY]: "there is no such key; the nearest is",
  [CONFIG_NOT_SUPPORTED]: "mosquitto has this key, Midge does not support it yet",
  [CONFIG_VALUE_MISSING]: "its value is missing",
  [CONFIG_BAD_VALUE]: "not a value it may have; it may be",
  [CONFIG_VALUE_NOT_SUPPORTED]: "Midge does not support this value yet",
  [CONFIG_PATH_MISSING]: "a path must follow",
  [CONFIG_EXTRA_WORDS]: "it takes fewer words",
  [CONFIG_PER_LISTENER]: "with several listeners Midge does not support this key yet",
  [CONFIG_NOBODY]:
    "nobody could connect: password files are not supported yet, so the file must say allow_anonymous true",
  [CONFIG_TOO_MUCH]: "the file is over 256 KiB, or has over 256 settings",
  [CONFIG_MORE]: "more is wrong with this file",
};
