/* SPDX-License-Identifier: MIT */
/*
 * bench/bench_items.c: what it costs to pass memory in a call.
 *
 * Idea        A call with one memory item to a server that takes it and
 *             answers with nothing. Each round hands over the next pages from
 *             the start of a region whose pages are all present and its own,
 *             and the server's pages pile up one behind the other. When the
 *             region is used up, and not counted, the server unmaps what it
 *             got and the region is filled again. The rows call/ have a WINDOW
 *             item instead, which the server reads by SYS_COPY.
 * Use         tools/boot -c 'bench_items move/1'
 * Invariants  The region begins at a multiple of 2 MiB and holds a multiple of
 *             what each row takes, so that move/512 always moves a whole page
 *             table's pages.
 */
#include <stddef.h>
#include <stdint.h>

#include "abi/layout.h"
#include "bench/common/server.h"
#include "bench/common/trap.h"
#include "lib/syscall.h"

enum {
    REGION_PAGES = 4096,
    TABLE_PAGES = 512, /* may be skipped, so that tables can move whole */
    MIB = 1 << 20,
};

static const uint64_t region = 1ull << 32;
static const uint64_t region_end = (1ull << 32) + REGION_PAGES * PAGE_SIZE;

static struct server server;
static uint64_t at;     /* the first byte not yet handed over */
static uint64_t length; /* of an item */

/* ---- Pages that change hands ---- */

/* A page of the server's that stays mapped, so that the page tables around it
 * do, too. Items come behind it. */
static int64_t neighbour;

static void accept_pages(void) {
    neighbour = bench_must(
        sys_map(HANDLE_SELF, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, -1, 0));
    *(volatile uint64_t *)neighbour = 1;
    bench_must(sys_accept(0, 0, 0, REGION_PAGES, 0, HANDLE_RECEIVED));
}

static void unmap_pages(uint64_t base) {
    (void)base;
    bench_must(sys_unmap(HANDLE_SELF, (uint64_t)neighbour + PAGE_SIZE,
                         (REGION_PAGES + TABLE_PAGES) * PAGE_SIZE));
}

static const struct server_kind pages_kind = {.accept = accept_pages,
                                              .clean = unmap_pages};

/* Maps the region anew, with every page present. */
static void fill(void) {
    server_clean(&server);
    bench_must(sys_unmap(HANDLE_SELF, region, region_end - region));
    bench_must(sys_map(HANDLE_SELF, region, region_end - region,
                       PROT_READ | PROT_WRITE, -1, 0));
    for (uint64_t page = region; page < region_end; page += PAGE_SIZE)
        *(volatile uint64_t *)page = page;
    at = region;
}

static void begin_pages(const struct row *row) {
    length = row->size * PAGE_SIZE;
    server = server_start(&pages_kind);
    at = region_end;
}

static uint64_t pass(enum item_mode mode) {
    if (at == region_end)
        fill();
    struct load load = {tag_make(0, 0, 0, 1), 0, at,
                        item_make(length, mode, ITEM_READ | ITEM_WRITE)};
    uint64_t cost = cost_call(server.session, load);
    at += length;
    return cost;
}

static uint64_t measure_move(const struct row *row) {
    (void)row;
    return pass(ITEM_MOVE);
}

static uint64_t measure_share(const struct row *row) {
    (void)row;
    return pass(ITEM_SHARE);
}

static uint64_t measure_cow(const struct row *row) {
    (void)row;
    return pass(ITEM_COW);
}

/* They are back with the reply, and the server has nothing to put away. */
static uint64_t measure_lend(const struct row *row) {
    (void)row;
    if (at == region_end)
        fill();
    struct load load = {tag_make(0, 0, 0, 1), 0, at,
                        item_make(length, ITEM_LEND, ITEM_READ | ITEM_WRITE)};
    return cost_call(server.session, load);
}

static void end_server(const struct row *row) {
    (void)row;
    server_end(&server);
}

/* ---- With what it takes to send again ---- */

/* Unmaps what each call brings, then answers. */
static void consume_pages(int64_t endpoint) {
    register int64_t s2 __asm__("s2") = endpoint;
    accept_pages();
    __asm__ volatile("li t6, 0\n"
                     "1: li a7, %1\n"
                     "mv a0, %0\n"
                     "li a1, 0\n"
                     "ecall\n"
                     "li a7, %2\n"
                     "li a0, -1\n"
                     "mv a1, t4\n"
                     "slli a2, t5, 16\n"
                     "srli a2, a2, 16\n"
                     "ecall\n"
                     "j 1b\n"
                     :
                     : "r"(s2), "i"(SYS_REPLY_RECV), "i"(SYS_UNMAP)
                     : "memory");
}

static const struct server_kind consumer_kind = {.serve = consume_pages};

static void begin_consumer(const struct row *row) {
    length = row->size * PAGE_SIZE;
    server = server_start(&consumer_kind);
    fill();
}

/* Sends the start of the region and writes to all of it again. */
static uint64_t send_again(enum item_mode mode) {
    struct load load = {tag_make(0, 0, 0, 1), 0, region,
                        item_make(length, mode, ITEM_READ | ITEM_WRITE)};
    uint64_t before = bench_now();
    cost_call(server.session, load);
    if (mode == ITEM_MOVE)
        bench_must(sys_map(HANDLE_SELF, region, length, PROT_READ | PROT_WRITE,
                           -1, 0));
    for (uint64_t page = region; page < region + length; page += PAGE_SIZE)
        *(volatile uint64_t *)page = page;
    return bench_since(before);
}

static uint64_t measure_refill(const struct row *row) {
    (void)row;
    return send_again(ITEM_MOVE);
}

static uint64_t measure_rewrite(const struct row *row) {
    (void)row;
    return send_again(ITEM_COW);
}

/* ---- Bytes that are copied ---- */

static uint8_t buffer[MIB] __attribute__((aligned(PAGE_SIZE)));

/* Copies what each call offers into the buffer, then answers. */
static void copy_windows(int64_t endpoint) {
    register int64_t s2 __asm__("s2") = endpoint;
    register uint8_t *s3 __asm__("s3") = buffer;
    __asm__ volatile("li t6, 0\n"
                     "1: li a7, %2\n"
                     "mv a0, %0\n"
                     "li a1, 0\n"
                     "ecall\n"
                     "li a7, %3\n"
                     "li a0, -1\n"
                     "li a1, %4\n"
                     "li a2, 0\n"
                     "mv a3, %1\n"
                     "slli a4, t5, 16\n"
                     "srli a4, a4, 16\n"
                     "li a5, 0\n"
                     "ecall\n"
                     "j 1b\n"
                     :
                     : "r"(s2), "r"(s3), "i"(SYS_REPLY_RECV), "i"(SYS_COPY),
                       "i"(COPY_IN)
                     : "memory");
}

static const struct server_kind window_kind = {.serve = copy_windows};

static void begin_window(const struct row *row) {
    (void)row;
    for (uint64_t i = 0; i < MIB; i += PAGE_SIZE)
        *(volatile uint8_t *)&buffer[i] = 1;
    server = server_start(&window_kind);
    for (uint64_t i = 0; i < MIB; i += PAGE_SIZE)
        *(volatile uint8_t *)&buffer[i] = 2;
}

static uint64_t measure_window(const struct row *row) {
    struct load load = {tag_make(0, 0, 0, 1), 0, (uint64_t)buffer,
                        item_make(row->size, ITEM_WINDOW, ITEM_READ)};
    return cost_call(server.session, load);
}

/* ---- Time ---- */

static uint64_t time_window(const struct row *row) {
    uint64_t before = time_now();
    measure_window(row);
    return time_now() - before;
}

/* The pages are there before the clock starts. */
static uint64_t time_move(const struct row *row) {
    (void)row;
    if (at == region_end)
        fill();
    struct load load = {tag_make(0, 0, 0, 1), 0, at,
                        item_make(length, ITEM_MOVE, ITEM_READ | ITEM_WRITE)};
    uint64_t before = time_now();
    cost_call(server.session, load);
    uint64_t time = time_now() - before;
    at += length;
    return time;
}

static const struct row rows[] = {
    {"move/1", measure_move, begin_pages, end_server, 1, 0},
    {"move/2", measure_move, begin_pages, end_server, 2, 0},
    {"move/4", measure_move, begin_pages, end_server, 4, 0},
    {"move/16", measure_move, begin_pages, end_server, 16, 0},
    {"move/32", measure_move, begin_pages, end_server, 32, 0},
    {"move/64", measure_move, begin_pages, end_server, 64, 0},
    {"move/256", measure_move, begin_pages, end_server, 256, 0},
    {"move/512", measure_move, begin_pages, end_server, 512, 0},
    {"share/1", measure_share, begin_pages, end_server, 1, 0},
    {"share/2", measure_share, begin_pages, end_server, 2, 0},
    {"share/4", measure_share, begin_pages, end_server, 4, 0},
    {"share/16", measure_share, begin_pages, end_server, 16, 0},
    {"share/32", measure_share, begin_pages, end_server, 32, 0},
    {"share/64", measure_share, begin_pages, end_server, 64, 0},
    {"share/256", measure_share, begin_pages, end_server, 256, 0},
    {"share/512", measure_share, begin_pages, end_server, 512, 0},
    {"cow/1", measure_cow, begin_pages, end_server, 1, 0},
    {"cow/2", measure_cow, begin_pages, end_server, 2, 0},
    {"cow/4", measure_cow, begin_pages, end_server, 4, 0},
    {"cow/16", measure_cow, begin_pages, end_server, 16, 0},
    {"cow/32", measure_cow, begin_pages, end_server, 32, 0},
    {"cow/64", measure_cow, begin_pages, end_server, 64, 0},
    {"cow/256", measure_cow, begin_pages, end_server, 256, 0},
    {"cow/512", measure_cow, begin_pages, end_server, 512, 0},
    {"lend/1", measure_lend, begin_pages, end_server, 1, 0},
    {"lend/2", measure_lend, begin_pages, end_server, 2, 0},
    {"lend/4", measure_lend, begin_pages, end_server, 4, 0},
    {"lend/16", measure_lend, begin_pages, end_server, 16, 0},
    {"lend/32", measure_lend, begin_pages, end_server, 32, 0},
    {"lend/64", measure_lend, begin_pages, end_server, 64, 0},
    {"lend/256", measure_lend, begin_pages, end_server, 256, 0},
    {"lend/512", measure_lend, begin_pages, end_server, 512, 0},
    {"refill/1", measure_refill, begin_consumer, end_server, 1, 200},
    {"refill/2", measure_refill, begin_consumer, end_server, 2, 200},
    {"refill/3", measure_refill, begin_consumer, end_server, 3, 200},
    {"refill/4", measure_refill, begin_consumer, end_server, 4, 200},
    {"refill/16", measure_refill, begin_consumer, end_server, 16, 200},
    {"refill/64", measure_refill, begin_consumer, end_server, 64, 200},
    {"refill/256", measure_refill, begin_consumer, end_server, 256, 200},
    {"rewrite/1", measure_rewrite, begin_consumer, end_server, 1, 200},
    {"rewrite/2", measure_rewrite, begin_consumer, end_server, 2, 200},
    {"rewrite/3", measure_rewrite, begin_consumer, end_server, 3, 200},
    {"rewrite/4", measure_rewrite, begin_consumer, end_server, 4, 200},
    {"rewrite/16", measure_rewrite, begin_consumer, end_server, 16, 200},
    {"rewrite/64", measure_rewrite, begin_consumer, end_server, 64, 200},
    {"rewrite/256", measure_rewrite, begin_consumer, end_server, 256, 200},
    {"call/64", measure_window, begin_window, end_server, 64, 0},
    {"call/512", measure_window, begin_window, end_server, 512, 0},
    {"call/4096", measure_window, begin_window, end_server, 4096, 0},
    {"call/8192", measure_window, begin_window, end_server, 8192, 0},
    {"call/12288", measure_window, begin_window, end_server, 12288, 0},
    {"call/16384", measure_window, begin_window, end_server, 16384, 0},
    {"call/65536", measure_window, begin_window, end_server, 65536, 0},
    {"call/262144", measure_window, begin_window, end_server, 262144, 200},
    {"call/1048576", measure_window, begin_window, end_server, MIB, 200},
    {"time_copy_1m", time_window, begin_window, end_server, MIB, 200},
    {"time_move_1m", time_move, begin_pages, end_server, MIB / PAGE_SIZE, 0},
};

int main(int argc, char **argv) {
    return bench_run(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
