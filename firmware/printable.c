#include "printable.h"

#include <stdbool.h>
#include <stddef.h>

/* Characters of the Unicode categories Cc, Cf, Zl and Zp, from 0x80 up: first and last of each run, of Unicode 15. */
static const uint32_t hidden[][2] = {
    {0x80, 0x9f},       {0xad, 0xad},       {0x600, 0x605},     {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},
    {0x890, 0x891},     {0x8e2, 0x8e2},     {0x180e, 0x180e},   {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x2064},
    {0x2066, 0x206f},   {0xfeff, 0xfeff},   {0xfff9, 0xfffb},   {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f},
    {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0001, 0xe0001}, {0xe0020, 0xe007f},
};

static bool is_hidden(uint32_t character) {
  if (character < 0x80) return character < 0x20 || character == 0x7f;
  for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
    if (character >= hidden[i][0] && character <= hidden[i][1]) return true;
  }
  return false;
}

/* Bytes of the character that begins with `first`; 0 when none does. */
static uint32_t sequence_length(uint8_t first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* The character at `bytes`, and how many it takes: 0 for what is no UTF-8. */
static uint32_t decode(const uint8_t *bytes, uint32_t length, uint32_t *used) {
  /* The first character that needs so many bytes: one that is written with more than it needs is no UTF-8. */
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const uint32_t size = sequence_length(bytes[0]);
  *used = 0;
  if (size == 0 || size > length) return 0;
  uint32_t character = size == 1 ? bytes[0] : bytes[0] & (0x7fu >> size);
  for (uint32_t i = 1; i < size; i++) {
    if ((bytes[i] & 0xc0) != 0x80) return 0;
    character = character << 6 | (bytes[i] & 0x3f);
  }
  if (character < least[size] || (character >= 0xd800 && character <= 0xdfff) || character > 0x10ffff) return 0;
  *used = size;
  return character;
}

void printable_write(FILE *file, const uint8_t *bytes, uint32_t length) {
  for (uint32_t at = 0, used; at < length; at += used) {
    const uint32_t character = decode(bytes + at, length - at, &used);
    if (used == 0) {
      fprintf(file, "\\x%02x", bytes[at]);
      used = 1;
    } else if (!is_hidden(character)) fwrite(bytes + at, 1, used, file);
    else fprintf(file, character <= 0xff ? "\\x%02x" : "\\u{%x}", (unsigned)character);
  }
}
