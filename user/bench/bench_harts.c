/* SPDX-License-Identifier: MIT */
/*
 * bench/bench_harts.c: what a call costs when every hart makes calls.
 *
 * Idea        With time that counts instructions, all harts count into one
 *             instret. So clients call as often as they can between two values
 *             of it, and the instructions in between over the calls that all
 *             of them made is what one call costs. Each hart has a client and
 *             a server of its own.
 * Use         tools/boot --smp 4 --append tick=100 -c 'bench_harts pairs/4'
 *             With ticks as short as these, QEMU lets the harts take turns
 *             often enough.
 * Output      A figure is a hundredth of an instruction. It includes the loop
 *             and the ticks.
 * Invariants  Every hart is busy all the time that counts: each client has
 *             started before, and made at least half the calls of the average.
 */
#include <stddef.h>
#include <stdint.h>

#include "abi/errno.h"
#include "bench/common/server.h"
#include "bench/common/trap.h"
#include "lib/syscall.h"

enum {
    HARTS_MOST = 8,
    WINDOW = 10000000, /* instructions of each hart that count */
    START = 400000,    /* and of each before, to start clients */
    ROUNDS = 2,
};

static uint64_t hart; /* where the process to be started belongs */
static struct server servers[HARTS_MOST];

static void pin(void) {
    bench_must(sys_thread_affinity(0, 1ull << hart));
}

static void serve_pinned(int64_t endpoint) {
    pin();
    server_echo(endpoint);
}

static const struct server_kind pinned = {.serve = serve_pinned};

/* A client from `start` on; its exit status is the number of its calls. */
static void call_until(int64_t session, uint64_t start, uint64_t end) {
    const struct load load = {tag_make(0, 8, 0, 0), 0, 0, 0};
    int64_t count = 0;
    pin();
    for (unsigned i = 0; i < BENCH_WARM; i++)
        cost_call(session, load);
    while (bench_now() < start) {
    }
    for (; bench_now() < end; count++)
        cost_call(session, load);
    sys_exit(count);
}

static void begin_pairs(const struct row *row) {
    for (hart = 0; hart < row->size; hart++)
        servers[hart] = server_start(&pinned);
}

static uint64_t measure_pairs(const struct row *row) {
    int64_t pids[HARTS_MOST];
    uint64_t harts = row->size, sum = 0, fewest = UINT64_MAX;
    uint64_t start = bench_now() + harts * START;
    for (hart = 0; hart < harts; hart++) {
        pids[hart] = bench_must(sys_fork());
        if (pids[hart] == 0)
            call_until(servers[hart].session, start, start + harts * WINDOW);
    }
    for (uint64_t i = 0; i < harts; i++) {
        uint64_t calls = sys_wait(pids[i], DEADLINE_NONE).value;
        fewest = calls < fewest ? calls : fewest;
        sum += calls;
    }
    bench_must(fewest > sum / harts / 2 ? 0 : -ERANGE);
    return harts * WINDOW * 100 / sum;
}

static void end_pairs(const struct row *row) {
    for (uint64_t i = 0; i < row->size; i++)
        server_end(&servers[i]);
}

static const struct row rows[] = {
    {"pairs/1", measure_pairs, begin_pairs, end_pairs, 1, ROUNDS},
    {"pairs/2", measure_pairs, begin_pairs, end_pairs, 2, ROUNDS},
    {"pairs/4", measure_pairs, begin_pairs, end_pairs, 4, ROUNDS},
    {"pairs/8", measure_pairs, begin_pairs, end_pairs, 8, ROUNDS},
};

int main(int argc, char **argv) {
    return bench_run(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
