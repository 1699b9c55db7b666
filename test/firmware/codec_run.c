/* The codec module in C, compiled or interpreted, asked line by line what test/core/codec.ts asks it:
 *
 *   put HEX              writes the bytes at inputPtr(), and 64 bytes of 0xa5 behind them
 *   call NAME A B        calls an export; prints what it returns
 *   prefixes N LEVEL     decode(0, LEVEL) to decode(N - 1, LEVEL); prints how many did not ask for more
 *   get N                prints the first N bytes of the output in hex
 *
 * codec_wasm2c.c and codec_wasm3.c are the two engines. */
#include "codec_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILLER 0xa5
#define FILLER_LENGTH 64
/* decode(): the first packet is not whole. */
#define NEED_MORE 0x100

static int fail(const char *what, const char *line) {
  fprintf(stderr, "codec_run: %s: %.60s\n", what, line);
  return 1;
}

static int digit(char character) {
  return character <= '9' ? character - '0' : character - 'a' + 10;
}

static void put(const char *hex) {
  uint8_t *to = codec_memory() + codec_call("inputPtr", 0, 0);
  while (hex[0] > ' ' && hex[1] > ' ') {
    *to++ = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
    hex += 2;
  }
  memset(to, FILLER, FILLER_LENGTH);
}

static void get(uint32_t length) {
  const uint8_t *from = codec_memory() + codec_call("outputPtr", 0, 0);
  for (uint32_t i = 0; i < length; i++) printf("%02x", from[i]);
  putchar('\n');
}

static uint32_t prefixes(uint32_t count, uint32_t level) {
  uint32_t early = 0;
  for (uint32_t length = 0; length < count; length++) early += codec_call("decode", length, level) != NEED_MORE;
  return early;
}

int main(void) {
  char *line = NULL;
  size_t capacity = 0;
  if (!codec_start()) return fail("the module does not start", "");
  while (getline(&line, &capacity, stdin) > 0) {
    char name[64];
    unsigned a = 0, b = 0;
    if (strncmp(line, "put ", 4) == 0) put(line + 4);
    else if (sscanf(line, "call %63s %u %u", name, &a, &b) >= 1) printf("%u\n", (unsigned)codec_call(name, a, b));
    else if (sscanf(line, "prefixes %u %u", &a, &b) == 2) printf("%u\n", (unsigned)prefixes(a, b));
    else if (sscanf(line, "get %u", &a) == 1) get(a);
    else return fail("not a line of this program", line);
  }
  free(line);
  return 0;
}
