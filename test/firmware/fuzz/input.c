#include "input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t *at;
static size_t left;

void input_begin(const uint8_t *bytes, size_t length) {
  at = bytes;
  left = length;
  allocation_fails(0);
}

bool input_is_over(void) {
  return left == 0;
}

void input_bytes(void *to, size_t length) {
  const size_t there = length < left ? length : left;
  if (there > 0) memcpy(to, at, there);
  if (length > there) memset((uint8_t *)to + there, 0, length - there);
  at += there;
  left -= there;
}

uint8_t input_u8(void) {
  uint8_t byte;
  input_bytes(&byte, 1);
  return byte;
}

uint32_t input_u32(void) {
  uint8_t bytes[4];
  input_bytes(bytes, sizeof bytes);
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

void read_bytes(const void *bytes, size_t length) {
  /* Not optimised away. */
  const volatile uint8_t *from = bytes;
  for (size_t i = 0; i < length; i++) (void)from[i];
}

static uint32_t until_failure;

void allocation_fails(uint32_t count) {
  until_failure = count;
}

static bool fails(void) {
  return until_failure > 0 && --until_failure == 0;
}

/* The linker (--wrap) turns every call of the host's to these. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *bytes, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *bytes, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size) {
  return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *bytes, size_t size) {
  return fails() ? NULL : __real_realloc(bytes, size);
}

char *__wrap_strdup(const char *text) {
  return fails() ? NULL : __real_strdup(text);
}

_Noreturn void finding(const char *rule) {
  fprintf(stderr, "FINDING: %s\n", rule);
  abort();
}
