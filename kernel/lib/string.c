/* SPDX-License-Identifier: MIT */
/*
 * lib/string.c: bytes, strings and whole pages.
 *
 * Idea        Move eight bytes at a time where both addresses allow it, and
 *             single bytes at the edges. Words are never read across an
 *             unaligned address: machines may take a trap for each.
 * Invariants  memcpy, memset and their kin are what the compiler itself calls.
 *             So it must not find a copy or a fill in their own loops and put
 *             a call to the same function there: an option in the Makefile.
 */
#include "lib/string.h"

#include <stdint.h>

#include "abi/layout.h"

/* A word of memory that may hold anything. */
typedef uint64_t __attribute__((may_alias)) word_t;

enum {
    WORD = sizeof(word_t),
    BLOCK = 8 * WORD,
    PAGE_WORDS = PAGE_SIZE / WORD,
};

static inline size_t misalignment(const void *pointer) {
    return (uintptr_t)pointer % WORD;
}

/* Eight words, all loaded before the first is stored so that a machine need
 * not wait for each. */
static inline void copy_block(word_t *t, const word_t *f) {
    word_t a = f[0], b = f[1], c = f[2], d = f[3];
    word_t e = f[4], g = f[5], h = f[6], i = f[7];
    t[0] = a, t[1] = b, t[2] = c, t[3] = d;
    t[4] = e, t[5] = g, t[6] = h, t[7] = i;
}

void *memcpy(void *to, const void *from, size_t len) {
    uint8_t *t = to;
    const uint8_t *f = from;
    if (misalignment(t) == misalignment(f)) {
        for (; len > 0 && misalignment(t) != 0; len--)
            *t++ = *f++;
        for (; len >= BLOCK; len -= BLOCK, t += BLOCK, f += BLOCK)
            copy_block((word_t *)t, (const word_t *)f);
        for (; len >= WORD; len -= WORD, t += WORD, f += WORD)
            *(word_t *)t = *(const word_t *)f;
    }
    for (; len > 0; len--)
        *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t len) {
    if ((uintptr_t)to - (uintptr_t)from >= len)
        return memcpy(to, from, len);
    /* From the end, as the target overlaps what lies behind the source. */
    for (; len > 0; len--)
        ((uint8_t *)to)[len - 1] = ((const uint8_t *)from)[len - 1];
    return to;
}

void *memset(void *to, int byte, size_t len) {
    uint8_t *t = to;
    word_t word = (uint8_t)byte * 0x0101010101010101ull;
    for (; len > 0 && misalignment(t) != 0; len--)
        *t++ = (uint8_t)byte;
    uint8_t *end = t + len / WORD * WORD;
#pragma GCC unroll 8
    for (; t != end; t += WORD)
        *(word_t *)t = word;
    for (len %= WORD; len > 0; len--)
        *t++ = (uint8_t)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t len) {
    const uint8_t *x = a;
    const uint8_t *y = b;
    for (; len > 0; len--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *text) {
    const char *end = text;
    while (*end != '\0')
        end++;
    return (size_t)(end - text);
}

int strcmp(const char *a, const char *b) {
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t max) {
    for (; max > 0; max--, a++, b++) {
        if (*a != *b)
            return (uint8_t)*a - (uint8_t)*b;
        if (*a == '\0')
            return 0;
    }
    return 0;
}

void page_zero(void *page) {
    word_t *word = page;
    word_t *end = word + PAGE_WORDS;
#pragma GCC unroll 64
    for (; word != end; word++)
        *word = 0;
}

void page_copy(void *to, const void *from) {
    word_t *t = to;
    const word_t *f = from;
    const word_t *end = f + PAGE_WORDS;
    for (; f != end; f += PAGE_WORDS / 4, t += PAGE_WORDS / 4) {
#pragma GCC unroll 16
        for (unsigned i = 0; i < PAGE_WORDS / 4; i += BLOCK / WORD)
            copy_block(t + i, f + i);
    }
}
