/* SPDX-License-Identifier: MIT */
/*
 * bench/common/bench.h: rows of figures, in guest instructions.
 *
 * Idea        A row measures one operation many times, by reading instret
 *             right before and right after it, and prints the distribution.
 *             Under -icount shift=0 with one hart the counter counts nothing
 *             but what ran in between, so that each figure is exact; the median
 *             drops the rounds in which the timer struck.
 * Use         static uint64_t measure(const struct row *row) { ... }
 *             static const struct row rows[] = {{"name", measure}, ...};
 *             return bench_run(argc, argv, rows, COUNT);
 *             The program then takes names of rows (none: all), and -1: the
 *             last round lies between two calls of bench_mark(), where
 *             tools/cost stops the machine.
 * Output      row NAME ROUNDS MIN MEDIAN P99 MAX
 *             hist NAME WIDTH VALUE:COUNT... +:COUNT   columns from VALUE on;
 *                                              the last is what lies above
 */
#ifndef OCTAVO_BENCH_COMMON_BENCH_H
#define OCTAVO_BENCH_COMMON_BENCH_H

#include <stdint.h>

enum {
    BENCH_ROUNDS = 1000, /* measured, unless the row says otherwise */
    BENCH_WARM = 16,     /* before those, at most; not counted */
    BENCH_MOST = BENCH_ROUNDS + BENCH_WARM,
};

struct row {
    const char *name;
    /* One round; returns its instructions. */
    uint64_t (*measure)(const struct row *row);
    void (*begin)(const struct row *row); /* before the first; may be NULL */
    void (*end)(const struct row *row);   /* after the last; may be NULL */
    uint64_t size;                        /* for functions of several rows */
    unsigned rounds;                      /* 0: BENCH_ROUNDS */
};

/* Runs the rows that argv names; returns the program's exit status. */
int bench_run(int argc, char **argv, const struct row *rows, unsigned count);

/* Ends the program if the result of a call is negative. */
int64_t bench_must(int64_t result);

/* Does nothing; it is where tools/cost stops. */
void bench_mark(void);

/* What lies between two reads, in C: see OPERATION in bench/common/trap.h for
 * single system calls. */
static inline uint64_t bench_now(void) {
    uint64_t count;
    __asm__ volatile("rdinstret %0" : "=r"(count)::"memory");
    return count;
}

/* Instructions from `before` to now, without the read itself. */
static inline uint64_t bench_since(uint64_t before) {
    return bench_now() - before - 1;
}

#endif
