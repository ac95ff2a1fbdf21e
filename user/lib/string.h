/* SPDX-License-Identifier: MIT */
/*
 * lib/string.h: memory and strings.
 *
 * The functions of C's <string.h> under their own names and with its meaning,
 * as far as this system needs them, and two that cannot overrun a buffer.
 * They trust their pointers; for a caller's pointers there is lib/safe.h.
 */
#ifndef OCTAVO_LIB_STRING_H
#define OCTAVO_LIB_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int byte, size_t length);
int memcmp(const void *a, const void *b, size_t length);
void *memchr(const void *from, int byte, size_t length);

size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t limit);
char *strchr(const char *text, int byte);
char *strrchr(const char *text, int byte);
char *strcpy(char *to, const char *from);
char *strncpy(char *to, const char *from, size_t size);

/* Copies at most size - 1 bytes and always ends `to` with a NUL (size > 0).
 * Returns strlen(from): at least `size` means that it was cut. */
size_t strlcpy(char *to, const char *from, size_t size);

/* Appends likewise. Returns the length that it tried to make. */
size_t strlcat(char *to, const char *from, size_t size);

/* A decimal number with an optional sign, after blanks; stops at the first
 * other character. */
int atoi(const char *text);

/*
 * Reads a whole decimal number, with an optional '-', into *value. 0, or -1
 * when the text is anything else or the number does not fit.
 */
int number_parse(const char *text, long *value);

#endif
