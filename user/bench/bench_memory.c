/* SPDX-License-Identifier: MIT */
/*
 * bench/bench_memory.c: what page faults cost.
 *
 * Idea        One round is one access that faults: `rdinstret; sd; rdinstret`,
 *             less the second read. Each round takes the next page of a region
 *             that was put into the state in question before the first round.
 * Use         tools/boot -c 'bench_memory lazy_fault'
 * Invariants  A round is as good as its state: a child that must still share
 *             pages sleeps, one that must not has been waited for.
 */
#include <stddef.h>
#include <stdint.h>

#include "abi/layout.h"
#include "bench/common/bench.h"
#include "bench/common/server.h"
#include "lib/ipc.h"
#include "lib/syscall.h"

enum { REGION = BENCH_MOST * PAGE_SIZE };

static uint64_t region, at; /* the next page's address */
static int64_t child;

static void begin_region(const struct row *row) {
    (void)row;
    region = (uint64_t)bench_must(
        sys_map(HANDLE_SELF, 0, REGION, PROT_READ | PROT_WRITE, -1, 0));
    at = region;
}

static void end_region(const struct row *row) {
    (void)row;
    bench_must(sys_unmap(HANDLE_SELF, region, REGION));
}

static uint64_t measure_store(const struct row *row) {
    uint64_t before, after;
    (void)row;
    __asm__ volatile("rdinstret %0\n"
                     "sd zero, 0(%2)\n"
                     "rdinstret %1\n"
                     : "=&r"(before), "=&r"(after)
                     : "r"(at)
                     : "memory");
    at += PAGE_SIZE;
    return after - before - 1;
}

/* Every page of the region is there, and shared with a child. */
static void begin_shared(const struct row *row) {
    begin_region(row);
    for (uint64_t page = region; page < region + REGION; page += PAGE_SIZE)
        *(volatile uint64_t *)page = page;
    child = bench_must(sys_fork());
    if (child == 0) {
        sys_sleep(DEADLINE_NONE);
        sys_exit(0);
    }
}

static void end_child(void) {
    bench_must(sys_kill(child));
    bench_must(sys_wait(child, DEADLINE_NONE).result);
}

static void end_shared(const struct row *row) {
    end_child();
    end_region(row);
}

/* It was shared, and is this process's alone again. */
static void begin_left(const struct row *row) {
    begin_shared(row);
    end_child();
}

/* ---- A page of a pager ---- */

static uint8_t page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static struct server pager;

/* Answers each fault with its one page, which all then share. */
static void serve_page(int64_t endpoint) {
    register int64_t s2 __asm__("s2") = endpoint;
    register uint8_t *s3 __asm__("s3") = page;
    register uint64_t s4 __asm__("s4") =
        item_make(PAGE_SIZE, ITEM_SHARE, ITEM_READ);
    page[0] = 1;
    __asm__ volatile("li a1, 0\n"
                     "li t6, 0\n"
                     "1: li a7, %3\n"
                     "mv a0, %0\n"
                     "mv t4, %1\n"
                     "mv t5, %2\n"
                     "ecall\n"
                     "li a1, %4\n"
                     "j 1b\n"
                     :
                     : "r"(s2), "r"(s3), "r"(s4), "i"(SYS_REPLY_RECV),
                       "i"(1 << TAG_ITEMS_SHIFT)
                     : "memory");
}

static const struct server_kind pager_kind = {.serve = serve_page};

static void begin_paged(const struct row *row) {
    (void)row;
    pager = server_start(&pager_kind);
    region = (uint64_t)bench_must(sys_map(
        HANDLE_SELF, 0, REGION, PROT_READ | MAP_PAGER, pager.session, 0));
    at = region;
}

static void end_paged(const struct row *row) {
    end_region(row);
    server_end(&pager);
}

static uint64_t measure_load(const struct row *row) {
    uint64_t before, after, value;
    (void)row;
    __asm__ volatile("rdinstret %0\n"
                     "ld %2, 0(%3)\n"
                     "rdinstret %1\n"
                     : "=&r"(before), "=&r"(after), "=&r"(value)
                     : "r"(at)
                     : "memory");
    at += PAGE_SIZE;
    return after - before - 1;
}

static const struct row rows[] = {
    {"lazy_fault", measure_store, begin_region, end_region, 0, 0},
    {"cow_fault_copy", measure_store, begin_shared, end_shared, 0, 0},
    {"cow_fault_reuse", measure_store, begin_left, end_region, 0, 0},
    {"pager_fault", measure_load, begin_paged, end_paged, 0, 0},
};

int main(int argc, char **argv) {
    return bench_run(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
