/* SPDX-License-Identifier: MIT */
/*
 * lib/string.c: memory and strings.
 *
 * Idea        Bytes are moved a word at a time wherever both sides are
 *             aligned alike: first single bytes up to a word boundary, then
 *             blocks of eight words, then words, then the last bytes. When the
 *             two sides are aligned differently, the words that are stored are
 *             put together from two loaded ones.
 * Invariants  Every word access is aligned, so that it is fast on machines
 *             that trap others; a read may touch bytes of the same word beyond
 *             a string's end, but never another page.
 */
#include "lib/string.h"

#include <stdint.h>

/* Keeps the compiler from turning these loops into calls of themselves. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

typedef uint64_t __attribute__((may_alias)) word_t;

enum { WORD = sizeof(word_t), BLOCK = 8 * WORD };

static inline size_t misalignment(const void *address) {
    return (uintptr_t)address % WORD;
}

/* Copies whole words upward; both sides aligned. Returns the bytes copied. */
static size_t words_copy(void *to, const void *from, size_t length) {
    word_t *d = to;
    const word_t *s = from;
    size_t left = length;
    for (; left >= BLOCK; left -= BLOCK, d += 8, s += 8) {
        word_t a = s[0], b = s[1], c = s[2], e = s[3];
        word_t f = s[4], g = s[5], h = s[6], i = s[7];
        d[0] = a;
        d[1] = b;
        d[2] = c;
        d[3] = e;
        d[4] = f;
        d[5] = g;
        d[6] = h;
        d[7] = i;
    }
    for (; left >= WORD; left -= WORD)
        *d++ = *s++;
    return length - left;
}

/* Copies whole words upward; `to` aligned, `from` not. Reads only words that
 * hold at least one byte of the source. Returns the bytes copied. */
static __attribute__((no_sanitize("address"))) size_t
words_shift(void *to, const void *from, size_t length) {
    size_t skew = misalignment(from);
    if (length < WORD)
        return 0;
    word_t *d = to;
    const word_t *s = (const word_t *)((const char *)from - skew);
    unsigned low = 8 * skew, high = 64 - low;
    word_t carry = *s++ >> low;
    size_t left = length;
    for (; left >= WORD; left -= WORD) {
        word_t next = *s++;
        *d++ = carry | next << high;
        carry = next >> low;
    }
    return length - left;
}

void *memcpy(void *to, const void *from, size_t length) {
    char *d = to;
    const char *s = from;
    if (length >= 2 * WORD) {
        for (; misalignment(d) != 0; length--)
            *d++ = *s++;
        size_t done = misalignment(s) == 0 ? words_copy(d, s, length)
                                           : words_shift(d, s, length);
        d += done;
        s += done;
        length -= done;
    }
    while (length-- > 0)
        *d++ = *s++;
    return to;
}

/* memcpy() runs upward and has loaded what it overwrites, so it serves whenever
 * `to` is below `from`. */
void *memmove(void *to, const void *from, size_t length) {
    if ((uintptr_t)to - (uintptr_t)from >= length)
        return memcpy(to, from, length);
    char *d = (char *)to + length;
    const char *s = (const char *)from + length;
    if (misalignment(d) == misalignment(s)) {
        for (; length > 0 && misalignment(d) != 0; length--)
            *--d = *--s;
        for (; length >= WORD; length -= WORD) {
            d -= WORD;
            s -= WORD;
            *(word_t *)d = *(const word_t *)s;
        }
    }
    while (length-- > 0)
        *--d = *--s;
    return to;
}

void *memset(void *to, int byte, size_t length) {
    char *d = to;
    if (length >= 2 * WORD) {
        word_t word = (uint8_t)byte * 0x0101010101010101ull;
        for (; misalignment(d) != 0; length--)
            *d++ = (char)byte;
        for (; length >= BLOCK; length -= BLOCK, d += BLOCK) {
            word_t *w = (word_t *)d;
            w[0] = w[1] = w[2] = w[3] = word;
            w[4] = w[5] = w[6] = w[7] = word;
        }
        for (; length >= WORD; length -= WORD, d += WORD)
            *(word_t *)d = word;
    }
    while (length-- > 0)
        *d++ = (char)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t length) {
    const uint8_t *x = a, *y = b;
    if (misalignment(x) == 0 && misalignment(y) == 0)
        for (; length >= WORD && *(const word_t *)x == *(const word_t *)y;
             length -= WORD, x += WORD, y += WORD)
            ;
    for (; length > 0; length--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

void *memchr(const void *from, int byte, size_t length) {
    const uint8_t *s = from;
    for (; length > 0; length--, s++)
        if (*s == (uint8_t)byte)
            return (void *)(uintptr_t)s;
    return NULL;
}

/* Whether one of the word's bytes is zero: only then does a borrow or the byte
 * itself reach a top bit that was clear. */
static inline int has_zero(word_t word) {
    return ((word - 0x0101010101010101ull) & ~word & 0x8080808080808080ull) !=
           0;
}

__attribute__((no_sanitize("address"))) size_t strlen(const char *text) {
    const char *s = text;
    for (; misalignment(s) != 0; s++)
        if (*s == 0)
            return (size_t)(s - text);
    while (!has_zero(*(const word_t *)s))
        s += WORD;
    while (*s != 0)
        s++;
    return (size_t)(s - text);
}

size_t strnlen(const char *text, size_t limit) {
    size_t length = 0;
    while (length < limit && text[length] != 0)
        length++;
    return length;
}

int strcmp(const char *a, const char *b) {
    while (*a != 0 && *a == *b)
        a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t limit) {
    for (; limit > 0; limit--, a++, b++)
        if (*a != *b || *a == 0)
            return (uint8_t)*a - (uint8_t)*b;
    return 0;
}

char *strchr(const char *text, int byte) {
    for (; *text != (char)byte; text++)
        if (*text == 0)
            return NULL;
    return (char *)(uintptr_t)text;
}

char *strrchr(const char *text, int byte) {
    const char *last = NULL;
    do {
        if (*text == (char)byte)
            last = text;
    } while (*text++ != 0);
    return (char *)(uintptr_t)last;
}

char *strcpy(char *to, const char *from) {
    memcpy(to, from, strlen(from) + 1);
    return to;
}

char *strncpy(char *to, const char *from, size_t size) {
    size_t length = strnlen(from, size);
    memcpy(to, from, length);
    memset(to + length, 0, size - length);
    return to;
}

size_t strlcpy(char *to, const char *from, size_t size) {
    size_t length = strlen(from);
    size_t fits = length < size ? length : size - 1;
    memcpy(to, from, fits);
    to[fits] = 0;
    return length;
}

size_t strlcat(char *to, const char *from, size_t size) {
    size_t used = strnlen(to, size);
    if (used == size)
        return size + strlen(from);
    return used + strlcpy(to + used, from, size - used);
}

int atoi(const char *text) {
    while (*text == ' ' || *text == '\t')
        text++;
    int negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    unsigned value = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (unsigned)(*text - '0');
    return (int)(negative ? 0 - value : value);
}

int number_parse(const char *text, long *value) {
    int negative = *text == '-';
    const char *digit = text + negative;
    unsigned long limit = 0x7fffffffffffffffull + (unsigned)negative;
    unsigned long sum = 0;
    if (*digit == 0)
        return -1;
    for (; *digit != 0; digit++) {
        unsigned long next = (unsigned long)(unsigned char)*digit - '0';
        if (next > 9 || sum > (limit - next) / 10)
            return -1;
        sum = sum * 10 + next;
    }
    *value = (long)(negative ? 0 - sum : sum);
    return 0;
}
