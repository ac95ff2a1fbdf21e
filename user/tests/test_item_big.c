/* SPDX-License-Identifier: MIT */
/*
 * tests/test_item_big.c: moves of 2 MiB and more.
 *
 * A range that fills tables of 2 MiB on both sides moves by its tables: the
 * cost does not depend on the pages. Whether that happened shows in the
 * instructions; what came must be the same either way.
 */
#include "tests/paging.h"

/* Multiples of 2 MiB in one GiB, with nothing else in it. */
#define HERE 0x2340000000ull
#define THERE 0x2344000000ull
#define BIG (512ull * PAGE_SIZE)

enum {
    TABLE_COST = 2500, /* guest instructions of moving a table, at most */
    PAGES_COST = 6000, /* of moving 512 entries, at least */
};

static uint8_t *map_at(uint64_t address, uint64_t pages) {
    return (uint8_t *)check_ok("map",
                               sys_map(HANDLE_SELF, address, pages * PAGE_SIZE,
                                       RW | MAP_FIXED, -1, 0));
}

static uint8_t *make_at(uint64_t address, uint64_t pages, uint64_t pattern) {
    uint8_t *base = map_at(address, pages);
    pages_fill(base, pages, pattern);
    return base;
}

/* Moves within the own space; the instructions it took. */
static uint64_t move(uint64_t from, uint64_t to, uint64_t pages,
                     unsigned rights) {
    uint64_t start = instructions_now();
    check_equal(
        "move",
        item_transfer(HANDLE_SELF, to, (void *)from, pages, ITEM_MOVE, rights),
        (int64_t)to);
    return instructions_now() - start;
}

static uint64_t moved(void) {
    return counter(COUNTER_PAGES_MOVED);
}

/* Costs are exact on one hart, and without the checks of the debug build. */
static bool costs_count(void) {
    uint64_t features = sys_system_info(INFO_FEATURES, 0).value[0];
    return sys_system_info(INFO_HARTS, 0).value[0] == 1 &&
           !(features & FEATURE_DEBUG);
}

static void cost_expect(const char *what, uint64_t cost, bool table) {
    if (costs_count())
        check_true(what, table ? cost < TABLE_COST : cost > PAGES_COST);
}

static void check_table(void) {
    probe_begin();
    make_at(HERE, 514, 1);
    int64_t frames = frames_free();
    uint64_t before = moved();
    uint64_t cost = move(HERE, THERE, 512, RW);
    cost_expect("2 MiB move as a table", cost, true);
    check_equal("pages moved", (int64_t)(moved() - before), 512);
    check_true("frames", frames_free() >= frames - 2);
    pages_expect(THERE, 512, 1);
    for (uint64_t i = 0; i < 512; i += 73)
        check_error("gone", probe_load(HERE + i * PAGE_SIZE), EFAULT);
    page_expect(HERE + BIG, 1, 512);
    page_expect(HERE + BIG + PAGE_SIZE, 1, 513);
    /* Memory again on both sides, page by page. */
    map_at(HERE, 512);
    pages_expect_zero(HERE, 512);
    check_ok("unmap", sys_unmap(HANDLE_SELF, THERE + 5 * PAGE_SIZE, PAGE_SIZE));
    check_error("unmapped", probe_load(THERE + 5 * PAGE_SIZE), EFAULT);
    store_at(THERE + 6 * PAGE_SIZE, 2);
    check_ok("protect", sys_protect(HANDLE_SELF, THERE, 2 * PAGE_SIZE, RO));
    check_error("protected", probe_store(THERE, 1), EFAULT);
    check_equal("not protected", probe_store(THERE + 2 * PAGE_SIZE, 1), 0);
}

/* Within a message, between two spaces, and back with the reply. */
static struct service service;

static void big_client(uint64_t unused) {
    (void)unused;
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    check_ok("accept", sys_accept(1, THERE, BIG, 512, 0, HANDLE_RECEIVED));
    probe_begin();
    item_set(&m, 0, make_at(HERE, 512, 2), 512, ITEM_MOVE, RW);
    check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
    check_equal("base", (int64_t)m.item_base, THERE);
    check_error("gone", probe_load(HERE), EFAULT);
    check_equal("what the server wrote", load_at(THERE + 99), 42);
    store_at(THERE + 99, page_byte(2, 0, 99));
    pages_expect(THERE, 512, 2);
}

static void check_call(void) {
    struct message m;
    service = service_make(1);
    accept_pages(512);
    int64_t pid = peer_start(big_client, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("chosen for tables", (int64_t)(m.item_base % BIG), 0);
    pages_expect(m.item_base, 512, 2);
    store_at(m.item_base + 99, 42);
    check_equal("reply", ipc_reply(HANDLE_IMPLICIT, &m), 0);
    peer_end(pid);
}

/* Where tables cannot move, pages do. */
static void check_pages(void) {
    uint64_t cost;
    make_at(HERE, 512, 3);
    cost = move(HERE, THERE + PAGE_SIZE, 512, RW);
    cost_expect("to no multiple of 2 MiB", cost, false);
    pages_expect(THERE + PAGE_SIZE, 512, 3);
    cost = move(THERE + PAGE_SIZE, HERE, 512, RW);
    cost_expect("from no multiple of 2 MiB", cost, false);
    pages_expect(HERE, 512, 3);
    cost = move(HERE, THERE, 512, RO);
    cost_expect("with fewer rights", cost, false);
    pages_expect(THERE, 512, 3);
    probe_begin();
    for (uint64_t i = 0; i < 512; i++)
        check_error("read only", probe_store(THERE + i * PAGE_SIZE, 1), EFAULT);
    cost = move(THERE, HERE, 512, RO);
    cost_expect("with the same rights", cost, true);
    check_error("read only", probe_store(HERE, 1), EFAULT);
    pages_expect(HERE, 512, 3);
}

/* Two regions with different rights in one 2 MiB: the rights of one do not go
 * for the other. */
static void half_fixed(unsigned half) {
    uint64_t fixed = HERE + half * 256 * PAGE_SIZE;
    make_at(HERE, 512, 4);
    check_ok("protect", sys_protect(HANDLE_SELF, fixed, 256 * PAGE_SIZE, RO));
    check_error(
        "rights",
        item_transfer(HANDLE_SELF, THERE, (void *)HERE, 512, ITEM_MOVE, RW),
        EPERM);
    move(HERE, THERE, 512, RO);
    for (uint64_t i = 0; i < 512; i += 15)
        check_error("read only", probe_store(THERE + i * PAGE_SIZE, 1), EFAULT);
    pages_expect(THERE, 512, 4);
    check_ok("unmap", sys_unmap(HANDLE_SELF, THERE, BIG));
}

static void check_regions(void) {
    probe_begin();
    half_fixed(0);
    half_fixed(1);
}

/* A few pages in a table, none in another, and pages in front and behind. */
static void check_sparse(void) {
    probe_begin();
    map_at(HERE - PAGE_SIZE, 3 * 512 + 2);
    static const unsigned touched[] = {0, 1, 100, 511, 512, 513, 1536, 1537};
    for (unsigned i = 0; i < 8; i++)
        store_at(HERE - PAGE_SIZE + touched[i] * PAGE_SIZE, (uint8_t)(i + 1));
    uint64_t before = moved();
    move(HERE - PAGE_SIZE, THERE - PAGE_SIZE, 3 * 512 + 2, RW);
    check_equal("pages moved", (int64_t)(moved() - before), 8);
    for (unsigned i = 0; i < 8; i++)
        check_equal("byte", load_at(THERE - PAGE_SIZE + touched[i] * PAGE_SIZE),
                    i + 1);
    check_equal("untouched", load_at(THERE + 700 * PAGE_SIZE), 0);
    check_equal("untouched", load_at(THERE + 300 * PAGE_SIZE), 0);
    check_error("gone", probe_load(HERE - PAGE_SIZE), EFAULT);
    check_error("gone", probe_load(HERE + 700 * PAGE_SIZE), EFAULT);
}

/* A table of pages that are common with a child. */
static void check_common(void) {
    make_at(HERE, 512, 5);
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0) {
        move(HERE, THERE, 512, RW);
        pages_fill((uint8_t *)THERE, 512, 6);
        sys_exit(0);
    }
    peer_end(pid);
    pages_expect(HERE, 512, 5);
    move(HERE, THERE, 512, RW);
    pid = check_ok("fork", sys_fork());
    pages_fill((uint8_t *)THERE, 512, 7);
    if (pid == 0) {
        pages_expect(THERE, 512, 7);
        sys_exit(0);
    }
    peer_end(pid);
    pages_expect(THERE, 512, 7);
}

/* A table with pages that are shared for writing: they stay so. */
static void check_shared(void) {
    make_at(HERE, 512, 8);
    int64_t twin = check_ok(
        "share", item_transfer(HANDLE_SELF, 0, (void *)(HERE + 9 * PAGE_SIZE),
                               2, ITEM_SHARE, RW));
    move(HERE, THERE, 512, RW);
    store_at((uint64_t)twin, 91);
    store_at(THERE + 10 * PAGE_SIZE, 92);
    check_equal("through the table", load_at(THERE + 9 * PAGE_SIZE), 91);
    check_equal("through the other", load_at((uint64_t)twin + PAGE_SIZE), 92);
}

/* Tables are moved all or not at all, like pages. */
static void check_undo(void) {
    probe_begin();
    make_at(HERE, 512, 9);
    struct message m = {.tag = tag_make(0, 1, 0, 2), .words = {THERE}};
    check_ok("map", sys_map(HANDLE_SELF, THERE + BIG, PAGE_SIZE, RW | MAP_FIXED,
                            -1, 0));
    uint8_t *page = pages_make(1, 10);
    item_set(&m, 0, (void *)HERE, 512, ITEM_MOVE, RW);
    item_set(&m, 1, page, 1, ITEM_MOVE, RW);
    check_error("occupied", ipc_transfer(HANDLE_SELF, &m), ENOSPC);
    pages_expect(HERE, 512, 9);
    pages_expect((uint64_t)page, 1, 10);
    check_error("nothing came", probe_load(THERE), EFAULT);
    check_equal("mine", probe_store(HERE + 7 * PAGE_SIZE, 1), 0);
}

/* Tables that are empty in the receiver's place, left by what was there. */
static void check_place_used(void) {
    make_at(THERE, 512, 11);
    check_ok("unmap", sys_unmap(HANDLE_SELF, THERE, BIG));
    make_at(HERE, 512, 12);
    move(HERE, THERE, 512, RW);
    pages_expect(THERE, 512, 12);
    move(THERE, HERE, 512, RW);
    pages_expect(HERE, 512, 12);
}

static const struct check checks[] = {
    {"table", "2 MiB at multiples of 2 MiB move as a table", check_table},
    {"call", "2 MiB in a call, and back in its reply", check_call},
    {"pages", "2 MiB elsewhere, or with fewer rights, move as pages",
     check_pages},
    {"regions", "2 MiB in two regions", check_regions},
    {"sparse", "more than 512 pages of which few were touched", check_sparse},
    {"common", "a table of pages that are copied on write", check_common},
    {"shared", "a table with pages shared for writing", check_shared},
    {"undo", "a table stays if what is behind it cannot go", check_undo},
    {"place_used", "a table to where there was one", check_place_used},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
