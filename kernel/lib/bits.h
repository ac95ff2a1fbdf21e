/* SPDX-License-Identifier: MIT */
/*
 * lib/bits.h: single bits of a word, rounding, big-endian reads.
 *
 * RV64IMAC has no instruction that finds a bit, so the first two cost about
 * twenty instructions each.
 */
#ifndef OCTAVO_LIB_BITS_H
#define OCTAVO_LIB_BITS_H

#include <stdint.h>

/* The number of the highest bit set in a word that is not 0. */
static inline unsigned bits_highest(uint64_t word) {
    unsigned number = 0;
    for (unsigned half = 32; half > 0; half /= 2) {
        if (word >> half != 0) {
            word >>= half;
            number += half;
        }
    }
    return number;
}

/* The same for the lowest. */
static inline unsigned bits_lowest(uint64_t word) {
    return bits_highest(word & -word);
}

/* Rounds to a multiple of `unit`, a power of two. */
static inline uint64_t round_down(uint64_t value, uint64_t unit) {
    return value & ~(unit - 1);
}

static inline uint64_t round_up(uint64_t value, uint64_t unit) {
    return round_down(value + unit - 1, unit);
}

/* Reads a big-endian word at any address. */
static inline uint32_t read_be32(const void *at) {
    const uint8_t *byte = at;
    return (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 |
           (uint32_t)byte[2] << 8 | byte[3];
}

#endif
