/* SPDX-License-Identifier: MIT */
/*
 * bench/common/bench.c: runs rows and prints their distributions.
 *
 * Idea        bench/common/bench.h. Here: sorting, and the histogram, whose
 *             columns are as narrow as lets them reach the 99th percentile;
 *             empty ones are left out.
 */
#include "bench/common/bench.h"

#include <stdbool.h>
#include <stddef.h>

#include "lib/printf.h"
#include "lib/string.h"
#include "posix/posix.h"

enum { COLUMNS = 32 };

static uint64_t samples[BENCH_ROUNDS];

int64_t bench_must(int64_t result) {
    if (result >= 0)
        return result;
    fprintf(2, "bench: a call failed: %ld\n", (long)result);
    exit(1);
}

/* Not inlined and not empty, so that each call is one stop at its address. */
__attribute__((noinline)) void bench_mark(void) {
    __asm__ volatile("");
}

/* Shell sort: short, and quick enough for a thousand. */
static void sort(unsigned count) {
    for (unsigned gap = count / 2; gap > 0; gap /= 2) {
        for (unsigned i = gap; i < count; i++) {
            uint64_t value = samples[i];
            unsigned j = i;
            for (; j >= gap && samples[j - gap] > value; j -= gap)
                samples[j] = samples[j - gap];
            samples[j] = value;
        }
    }
}

static void print_histogram(const char *name, unsigned count, uint64_t p99) {
    uint64_t start = samples[0], width = 1;
    unsigned at = 0;
    while ((p99 - start) / width >= COLUMNS)
        width *= 2;
    printf("hist %s %lu", name, width);
    for (; at < count && samples[at] <= p99; start += width) {
        unsigned first = at;
        while (at < count && samples[at] < start + width)
            at++;
        if (at > first)
            printf(" %lu:%u", start, at - first);
    }
    printf(" +:%u\n", count - at);
}

static void report(const char *name, unsigned count) {
    sort(count);
    uint64_t p99 = samples[(count - 1) * 99 / 100];
    printf("row %s %u %lu %lu %lu %lu\n", name, count, samples[0],
           samples[count / 2], p99, samples[count - 1]);
    print_histogram(name, count, p99);
}

static void run(const struct row *row, bool once) {
    unsigned rounds = row->rounds != 0 ? row->rounds : BENCH_ROUNDS;
    if (row->begin != NULL)
        row->begin(row);
    for (unsigned i = 0; i < BENCH_WARM && i < rounds; i++)
        row->measure(row);
    if (once) {
        rounds = 1;
        bench_mark();
    }
    for (unsigned i = 0; i < rounds; i++)
        samples[i] = row->measure(row);
    if (once)
        bench_mark();
    if (row->end != NULL)
        row->end(row);
    report(row->name, rounds);
}

static const struct row *find(const char *name, const struct row *rows,
                              unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    fprintf(2, "bench: no row %s; there are:", name);
    for (unsigned i = 0; i < count; i++)
        fprintf(2, " %s", rows[i].name);
    fprintf(2, "\n");
    exit(1);
}

int bench_run(int argc, char **argv, const struct row *rows, unsigned count) {
    bool once = argc > 1 && strcmp(argv[1], "-1") == 0;
    int first = once ? 2 : 1;
    for (int i = first; i < argc; i++)
        run(find(argv[i], rows, count), once);
    for (unsigned i = 0; argc <= first && i < count; i++)
        run(&rows[i], once);
    return 0;
}
