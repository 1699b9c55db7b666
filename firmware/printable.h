/* Text of strangers for a terminal. */
#ifndef MIDGE_PRINTABLE_H
#define MIDGE_PRINTABLE_H

#include <stdint.h>
#include <stdio.h>

/* Writes UTF-8 so that it cannot move the cursor or colour the terminal: control characters as \x1b, invisible and
 * direction-changing ones as \u{202e}, bytes that are no UTF-8 as \xff. */
void printable_write(FILE *file, const uint8_t *bytes, uint32_t length);

#endif
