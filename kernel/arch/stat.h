/* SPDX-License-Identifier: MIT */
/*
 * arch/stat.h: a number that is measured again and again: how often, the
 * smallest, the largest, the sum.
 *
 * Idea        One hart adds, any hart reads, and no lock is taken: the
 *             sequence is odd while the fields change. A reader whose fields
 *             did not all come from between two changes knows and asks again,
 *             so an average is never made of one value's sum and another's
 *             count. One that is all zero is ready for use.
 * Invariant   Only the hart that owns it adds, with interrupts off.
 */
#ifndef OCTAVO_ARCH_STAT_H
#define OCTAVO_ARCH_STAT_H

#include <stdbool.h>
#include <stdint.h>

struct statistic {
    uint64_t sequence;
    uint64_t count, min, max, sum; /* min and max: 0 while count is 0 */
};

/* (gcc's own atomic store would be an exchange.) */
static inline void stat_set(uint64_t *field, uint64_t value) {
    *(volatile uint64_t *)field = value;
}

/* Adds a value to one of this hart's. */
static inline void stat_add(struct statistic *stat, uint64_t value) {
    uint64_t sequence = stat->sequence;
    uint64_t count = stat->count;
    bool first = count == 0;
    stat_set(&stat->sequence, sequence + 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    if (first || value < stat->min)
        stat_set(&stat->min, value);
    if (value > stat->max)
        stat_set(&stat->max, value);
    stat_set(&stat->sum, stat->sum + value);
    stat_set(&stat->count, count + 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    stat_set(&stat->sequence, sequence + 2);
}

/* Copies the fields; false if they changed meanwhile. */
static inline bool stat_read(const struct statistic *from,
                             struct statistic *to) {
    to->sequence = __atomic_load_n(&from->sequence, __ATOMIC_ACQUIRE);
    to->count = __atomic_load_n(&from->count, __ATOMIC_RELAXED);
    to->min = __atomic_load_n(&from->min, __ATOMIC_RELAXED);
    to->max = __atomic_load_n(&from->max, __ATOMIC_RELAXED);
    to->sum = __atomic_load_n(&from->sum, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return to->sequence % 2 == 0 &&
           __atomic_load_n(&from->sequence, __ATOMIC_RELAXED) == to->sequence;
}

#endif
