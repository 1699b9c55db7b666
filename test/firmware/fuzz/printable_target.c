/* printable.c with any bytes: what comes out is UTF-8 that moves no cursor, and it says which bytes came in. */
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "printable.h"

/* The character that begins at `text`, which must be well-formed (Unicode 15, table 3-7); *used: its bytes. */
static uint32_t read_character(const uint8_t *text, size_t length, size_t *used) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const size_t size = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
  if (size > length) finding("a character is cut off");
  uint32_t character = size == 1 ? text[0] : text[0] & (0x7fu >> size);
  for (size_t i = 1; i < size; i++) {
    if ((text[i] & 0xc0) != 0x80) finding("what is printed is no UTF-8");
    character = character << 6 | (text[i] & 0x3f);
  }
  const bool is_surrogate = character >= 0xd800 && character <= 0xdfff;
  if (character < least[size] || is_surrogate || character > 0x10ffff) finding("a character that UTF-8 has not is printed");
  *used = size;
  return character;
}

static bool moves_cursor(uint32_t character) {
  if (character < 0x20 || (character >= 0x7f && character <= 0x9f)) return true;
  return (character >= 0x200b && character <= 0x200f) || (character >= 0x2028 && character <= 0x202e) || character == 0xfeff;
}

/* Bytes of what came in that the escape at `text` stands for, and, in *used, its own; 0: it stands for something else. */
static size_t read_escape(const char *text, size_t *used, const uint8_t *given, size_t length) {
  unsigned code;
  int end = 0;
  if (sscanf(text, "\\x%2x%n", &code, &end) == 1 && end == 4) {
    *used = 4;
    if (given[0] == code) return 1;
    return length > 1 && given[0] == (0xc0 | code >> 6) && given[1] == (0x80 | (code & 0x3f)) ? 2 : 0;
  }
  if (sscanf(text, "\\u{%6x}%n", &code, &end) != 1 || end == 0) return 0;
  *used = (size_t)end;
  size_t size;
  return read_character(given, length, &size) == code ? size : 0;
}

static void check(const char *text, size_t length, const uint8_t *given, size_t given_length) {
  size_t at = 0;
  for (size_t used, i = 0; i < length; i += used) {
    if (moves_cursor(read_character((const uint8_t *)text + i, length - i, &used))) finding("a control character is printed");
    if (at >= given_length) finding("more is printed than came in");
    /* A backslash that came in is not told from ours. */
    if (text[i] == '\\' && given[at] != '\\') {
      const size_t escaped = read_escape(text + i, &used, given + at, given_length - at);
      if (escaped == 0) finding("an escape of something else");
      at += escaped;
      continue;
    }
    if (at + used > given_length || memcmp(given + at, text + i, used) != 0) finding("what is printed did not come in");
    at += used;
  }
  if (at != given_length) finding("something is not printed");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = NULL;
  size_t length = 0;
  FILE *file = open_memstream(&text, &length);
  if (file == NULL) abort();
  printable_write(file, data, (uint32_t)size);
  fclose(file);
  check(text, length, data, size);
  free(text);
  return 0;
}
