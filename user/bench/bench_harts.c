/* SPDX-License-Identifier: MIT */
/*
 * bench/bench_harts.c: what a call costs when there are many at a time.
 *
 * Idea        With time that counts instructions, all harts count into one
 *             instret. So clients call as often as they can between two values
 *             of it, and the instructions in between over the calls that all
 *             of them made is what one call costs. In `pairs` each hart has a
 *             client and a server of its own; a `crowd` has one server, and
 *             runs where the scheduler puts it. `fairness` is how many calls
 *             the client with the most made for each of the one with the
 *             fewest; `spread` is the same for programs that call nobody, but
 *             only count.
 * Use         tools/boot --smp 4 --append tick=100 -c 'bench_harts pairs/4'
 *             With ticks as short as these, QEMU lets the harts take turns
 *             often enough.
 * Output      A figure is a hundredth of an instruction, of `fairness` a
 *             thousandth. It includes the loop and the ticks.
 * Invariants  Pairs: every hart is busy all the time that counts: each client
 *             has started before, and made at least half the calls of the
 *             average.
 */
#include <stddef.h>
#include <stdint.h>

#include "abi/errno.h"
#include "bench/common/server.h"
#include "bench/common/trap.h"
#include "lib/syscall.h"

enum {
    HARTS_MOST = 8,
    WINDOW = 10000000, /* instructions of each client that count */
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

/* When the clients' calls count. */
struct window {
    uint64_t start, end;
};

/* A client; its exit status is the number of its calls that count. */
static void call_in(struct window window, int64_t session) {
    const struct load load = {tag_make(0, 8, 0, 0), 0, 0, 0};
    int64_t count = 0;
    for (unsigned i = 0; i < BENCH_WARM; i++)
        cost_call(session, load);
    while (bench_now() < window.start) {
    }
    for (; bench_now() < window.end; count++)
        cost_call(session, load);
    sys_exit(count);
}

/* What all clients have called. */
struct calls {
    uint64_t sum, fewest, most;
};

static struct calls calls_count(const int64_t *pids, uint64_t clients) {
    struct calls calls = {0, UINT64_MAX, 0};
    for (uint64_t i = 0; i < clients; i++) {
        uint64_t count = sys_wait(pids[i], DEADLINE_NONE).value;
        calls.fewest = count < calls.fewest ? count : calls.fewest;
        calls.most = count > calls.most ? count : calls.most;
        calls.sum += count;
    }
    return calls;
}

/* For so many clients, from when all of them have started. */
static struct window window_for(uint64_t clients) {
    uint64_t start = bench_now() + clients * START;
    return (struct window){start, start + clients * WINDOW};
}

/* In hundredths of an instruction. */
static uint64_t cost_of(const struct calls *calls, uint64_t clients) {
    return clients * WINDOW * 100 / calls->sum;
}

/* ---- Pairs ---- */

static void begin_pairs(const struct row *row) {
    for (hart = 0; hart < row->size; hart++)
        servers[hart] = server_start(&pinned);
}

static uint64_t measure_pairs(const struct row *row) {
    int64_t pids[HARTS_MOST];
    struct window window = window_for(row->size);
    for (hart = 0; hart < row->size; hart++) {
        pids[hart] = bench_must(sys_fork());
        if (pids[hart] != 0)
            continue;
        pin();
        call_in(window, servers[hart].session);
    }
    struct calls calls = calls_count(pids, row->size);
    bench_must(calls.fewest > calls.sum / row->size / 2 ? 0 : -ERANGE);
    return cost_of(&calls, row->size);
}

static void end_pairs(const struct row *row) {
    for (uint64_t i = 0; i < row->size; i++)
        server_end(&servers[i]);
}

/* ---- Crowds ---- */

static void begin_crowd(const struct row *row) {
    (void)row;
    servers[0] = server_start(NULL);
}

static struct calls crowd_calls(uint64_t clients) {
    int64_t pids[HARTS_MOST];
    struct window window = window_for(clients);
    for (unsigned i = 0; i < clients; i++) {
        pids[i] = bench_must(sys_fork());
        if (pids[i] == 0)
            call_in(window, servers[0].session);
    }
    return calls_count(pids, clients);
}

static uint64_t measure_crowd(const struct row *row) {
    struct calls calls = crowd_calls(row->size);
    return cost_of(&calls, row->size);
}

static uint64_t fairness_of(struct calls calls) {
    bench_must(calls.fewest > 0 ? 0 : -ERANGE);
    return calls.most * 1000 / calls.fewest;
}

static uint64_t measure_fairness(const struct row *row) {
    return fairness_of(crowd_calls(row->size));
}

/* ---- Threads that only count ---- */

static uint64_t measure_spread(const struct row *row) {
    int64_t pids[HARTS_MOST];
    struct window window = window_for(row->size);
    for (unsigned i = 0; i < row->size; i++) {
        pids[i] = bench_must(sys_fork());
        int64_t count = 0;
        for (uint64_t now = 0; pids[i] == 0 && now < window.end; count++)
            now = bench_now();
        if (pids[i] == 0)
            sys_exit(count);
    }
    return fairness_of(calls_count(pids, row->size));
}

static void end_crowd(const struct row *row) {
    (void)row;
    server_end(&servers[0]);
}

static const struct row rows[] = {
    {"pairs/1", measure_pairs, begin_pairs, end_pairs, 1, ROUNDS},
    {"pairs/2", measure_pairs, begin_pairs, end_pairs, 2, ROUNDS},
    {"pairs/4", measure_pairs, begin_pairs, end_pairs, 4, ROUNDS},
    {"pairs/8", measure_pairs, begin_pairs, end_pairs, 8, ROUNDS},
    {"crowd/1", measure_crowd, begin_crowd, end_crowd, 1, 1},
    {"crowd/2", measure_crowd, begin_crowd, end_crowd, 2, 1},
    {"crowd/4", measure_crowd, begin_crowd, end_crowd, 4, 1},
    {"crowd/8", measure_crowd, begin_crowd, end_crowd, 8, 1},
    {"fairness/8", measure_fairness, begin_crowd, end_crowd, 8, 1},
    {"spread/4", measure_spread, NULL, NULL, 4, 1},
    {"spread/8", measure_spread, NULL, NULL, 8, 1},
};

int main(int argc, char **argv) {
    return bench_run(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
