/* SPDX-License-Identifier: MIT */
/*
 * tests/test_item_more.c: pages that follow others, and what a failed transfer
 * takes back.
 *
 * Pages that come to lie behind those that came before take shorter ways in
 * the kernel; nothing else about them may differ. It takes them if the sender's
 * region is the one it looked up last, so what must fail is tried twice.
 */
#include "tests/receiver.h"

#define PLACE 0x1230000000ull
#define REACH 0x200000ull /* of a page table */

static int64_t space;

/* ---- Pages behind those that came before ---- */

static void check_quick_move(void) {
    receiver_start();
    uint8_t *pages = pages_map(7);
    pages_fill(pages, 6, 1);
    int64_t first = check_ok("move", give(pages, 1, ITEM_MOVE, RW));
    uint64_t before = counter(COUNTER_FENCE_PAGE);
    uint64_t all = counter(COUNTER_FENCE_SPACE);
    check_equal("behind it", give(pages + PAGE_SIZE, 2, ITEM_MOVE, RW),
                first + PAGE_SIZE);
    if (sys_system_info(INFO_HARTS, 0).value[0] == 1) {
        check_equal("fences", (int64_t)(counter(COUNTER_FENCE_PAGE) - before),
                    2);
        check_equal("fences of all",
                    (int64_t)(counter(COUNTER_FENCE_SPACE) - all), 0);
    }
    for (uint64_t i = 0; i < 3; i++) {
        expect_there(first + (int64_t)(i * PAGE_SIZE), 1, i);
        check_error("what was moved",
                    probe_load((uint64_t)pages + i * PAGE_SIZE), EFAULT);
    }
    uint64_t faults = counter(COUNTER_COW_COPY) + counter(COUNTER_COW_REUSE);
    check_equal("write", ask(STORE, (uint64_t)first + PAGE_SIZE, 9), 0);
    check_equal("faults of the new owner",
                (int64_t)(counter(COUNTER_COW_COPY) +
                          counter(COUNTER_COW_REUSE) - faults),
                0);
    for (uint64_t i = 3; i < 6; i++)
        page_expect((uint64_t)pages + i * PAGE_SIZE, 1, i);
    check_equal("what is left", probe_store((uint64_t)pages + 6 * PAGE_SIZE, 1),
                0);
}

static void check_quick_share(void) {
    static const unsigned rights[] = {RW, RO};
    for (unsigned i = 0; i < 2; i++) {
        receiver_start();
        uint8_t *pages = pages_make(4, 2);
        int64_t at = check_ok("share", give(pages, 1, ITEM_SHARE, rights[i]));
        check_equal("behind it",
                    give(pages + PAGE_SIZE, 2, ITEM_SHARE, rights[i]),
                    at + PAGE_SIZE);
        expect_there(at + PAGE_SIZE, 2, 1);
        check_equal("a write there", ask(STORE, (uint64_t)at + PAGE_SIZE, 5),
                    rights[i] == RW ? 0 : -EFAULT);
        check_equal("is seen here", pages[PAGE_SIZE],
                    rights[i] == RW ? 5 : page_byte(2, 1, 0));
        pages[2 * PAGE_SIZE] = 6;
        check_equal("and one here there",
                    ask(LOAD, (uint64_t)at + 2 * PAGE_SIZE, 0), 6);
    }
}

static void check_quick_cow(void) {
    receiver_start();
    uint8_t *pages = pages_make(4, 3);
    int64_t at = check_ok("cow", give(pages, 1, ITEM_COW, RW));
    check_equal("behind it", give(pages + PAGE_SIZE, 2, ITEM_COW, RW),
                at + PAGE_SIZE);
    pages[PAGE_SIZE] = 7;
    expect_there(at + PAGE_SIZE, 3, 1);
    check_equal("write", ask(STORE, (uint64_t)at + 2 * PAGE_SIZE, 8), 0);
    page_expect((uint64_t)pages, 3, 0);
    check_equal("the copied", pages[2 * PAGE_SIZE], page_byte(3, 2, 0));
    check_equal("the copy", ask(LOAD, (uint64_t)at + 2 * PAGE_SIZE, 0), 8);
}

static void check_quick_lazy(void) {
    for (unsigned i = 0; i < 6; i++) {
        unsigned mode = ITEM_MOVE + i / 2;
        if (i % 2 == 0)
            receiver_start();
        uint8_t *pages = pages_map(7);
        pages_fill(pages, 1, 4);
        pages_fill(pages + 2 * PAGE_SIZE, 1, 5);
        pages_fill(pages + 4 * PAGE_SIZE, 3, 6);
        int64_t at = check_ok("first", give(pages, 1, mode, RW));
        touch_load((uint64_t)pages + 4 * PAGE_SIZE);
        check_equal("behind it", give(pages + PAGE_SIZE, 3, mode, RW),
                    at + PAGE_SIZE);
        check_equal("untouched", ask(LOAD, (uint64_t)at + PAGE_SIZE, 0), 0);
        expect_there(at + 2 * PAGE_SIZE, 5, 0);
        check_equal("untouched", ask(STORE, (uint64_t)at + 3 * PAGE_SIZE, 1),
                    0);
        page_expect((uint64_t)pages + 4 * PAGE_SIZE, 6, 0);
    }
}

/* Shared pages are there for both, touched or not. */
static void check_quick_fresh(void) {
    receiver_start();
    uint8_t *pages = pages_map(7);
    pages_fill(pages, 1, 4);
    pages_fill(pages + 4 * PAGE_SIZE, 3, 6);
    for (unsigned i = 1; i < 4; i++) {
        check_ok("share", give(pages, 1, ITEM_SHARE, RW));
        int64_t at = check_ok("behind it",
                              give(pages + i * PAGE_SIZE, 1, ITEM_SHARE, RW));
        check_equal("untouched", ask(LOAD, (uint64_t)at, 0), 0);
        pages[i * PAGE_SIZE] = 9;
        check_equal("shared", ask(LOAD, (uint64_t)at, 0), 9);
    }
}

/* Pages that may only be read, to where pages came that may be written. */
static void check_quick_rights(void) {
    receiver_start();
    uint8_t *pages = pages_make(4, 5);
    uint8_t *fixed = pages_make(2, 6);
    check_ok("protect",
             sys_protect(HANDLE_SELF, (uint64_t)fixed, 2 * PAGE_SIZE, RO));
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        check_ok("first", give(pages + (mode - 1) * PAGE_SIZE, 1, mode, RW));
        for (unsigned i = 0; i < 2; i++)
            check_error("more than the sender's", give(fixed, 1, mode, RW),
                        EPERM);
        page_expect((uint64_t)fixed, 6, 0);
    }
    struct message m = {.tag = tag_make(TAKE, 0, 0, 1)};
    item_set(&m, 0, pages + 3 * PAGE_SIZE, 1, ITEM_COW, RW);
    check_ok("cow", give(pages + 3 * PAGE_SIZE, 1, ITEM_COW, RW));
    m.item_desc |= 1ull << 48;
    check_error("an unknown bit", ipc_call(receiver.session, &m, DEADLINE_NONE),
                EINVAL);
    page_expect((uint64_t)pages + 3 * PAGE_SIZE, 5, 3);
}

/* Rights that cannot be, behind pages that would have them. */
static void check_quick_odd(void) {
    receiver_start();
    uint8_t *pages = pages_make(8, 5);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++)
        for (unsigned i = 0; i < 3; i++) {
            check_error("no right to read", give(pages, 1, mode, ITEM_WRITE),
                        EINVAL);
            check_error("no right", give(pages, 1, mode, 0), EINVAL);
        }
    pages_expect((uint64_t)pages, 8, 5);
}

/* 2 MiB behind a page, with fewer rights than they had. */
static void check_quick_whole(void) {
    enum { TABLE = 512 };
    uint8_t *pages = (uint8_t *)(PLACE + 8 * REACH);
    receiver_start();
    check_equal("accept", ask(ACCEPT, PLACE - PAGE_SIZE, TABLE + 1), 0);
    check_ok("map", sys_map(HANDLE_SELF, (uint64_t)pages,
                            (2 * TABLE) * PAGE_SIZE, RW | MAP_FIXED, -1, 0));
    check_equal("one page", give(pages_make(2, 1), 1, ITEM_MOVE, RO),
                (int64_t)(PLACE - PAGE_SIZE));
    pages_fill(pages, TABLE + 1, 2);
    check_equal("many", give(pages, TABLE, ITEM_MOVE, RO), (int64_t)PLACE);
    expect_there((int64_t)PLACE, 2, 0);
    check_error("write", ask(STORE, PLACE, 1), EFAULT);
    page_expect((uint64_t)pages + TABLE * PAGE_SIZE, 2, TABLE);
}

/* What has left leaves no region. */
static void check_quick_rest(void) {
    enum { TIMES = 300 };
    space = check_ok("space_create", sys_space_create());
    check_ok("map", sys_map(HANDLE_SELF, PLACE + REACH - PAGE_SIZE, PAGE_SIZE,
                            RW | MAP_FIXED, -1, 0));
    store_at(PLACE + REACH - PAGE_SIZE, 1); /* their table stays */
    for (unsigned i = 0; i < TIMES; i++) {
        uint8_t *pages = (uint8_t *)check_ok(
            "map", sys_map(HANDLE_SELF, PLACE + i % 128 * 4 * PAGE_SIZE,
                           2 * PAGE_SIZE, RW | MAP_FIXED, -1, 0));
        pages_fill(pages, 2, 1);
        check_ok("first", item_transfer(space, 0, pages, 1, ITEM_MOVE, RW));
        check_ok("rest",
                 item_transfer(space, 0, pages + PAGE_SIZE, 1, ITEM_MOVE, RW));
    }
}

/* Nothing of the receiver's is covered. */
static void check_quick_room(void) {
    receiver_start();
    uint8_t *pages = pages_make(24, 7);
    uint64_t at = (uint64_t)check_ok("first", give(pages, 1, ITEM_MOVE, RW));
    check_ok("map behind it", ask(MAP, at + PAGE_SIZE, 0));
    check_equal("write", ask(STORE, at + PAGE_SIZE, 77), 0);
    uint64_t next =
        (uint64_t)check_ok("second", give(pages + PAGE_SIZE, 1, ITEM_MOVE, RW));
    check_true("elsewhere", next != at + PAGE_SIZE);
    check_equal("what was there", ask(LOAD, at + PAGE_SIZE, 0), 77);
    check_ok("map a stack behind its guard",
             ask(MAP, next + 2 * PAGE_SIZE, MAP_STACK));
    at = (uint64_t)check_ok("third",
                            give(pages + 2 * PAGE_SIZE, 1, ITEM_MOVE, RW));
    check_true("not in the guard", at != next + PAGE_SIZE);
    check_error("more than it takes",
                give(pages + 3 * PAGE_SIZE, 9, ITEM_MOVE, RW), EMSGSIZE);
    check_equal("accept", ask(ACCEPT, PLACE, 8), 0);
    check_equal("in the window", give(pages + 3 * PAGE_SIZE, 1, ITEM_MOVE, RW),
                (int64_t)PLACE);
    pages_fill(pages + 4 * PAGE_SIZE, 20, 8);
}

static void check_quick_shared(void) {
    receiver_start();
    uint8_t *pages = pages_make(4, 9);
    uint64_t shared =
        (uint64_t)check_ok("share", give(pages, 1, ITEM_SHARE, RW));
    check_ok("cow", give(pages + PAGE_SIZE, 1, ITEM_COW, RW));
    int64_t copy =
        check_ok("cow of what is shared", give(pages, 1, ITEM_COW, RW));
    pages[0] = 55;
    check_equal("it stays shared", ask(LOAD, shared, 0), 55);
    expect_there(copy, 9, 0);
}

/* From the middle of a region, and from its start to its end. */
static void check_quick_part(void) {
    receiver_start();
    uint8_t *pages = pages_map(5);
    pages_fill(pages + 2 * PAGE_SIZE, 2, 3);
    check_ok("first", give(pages_make(2, 1), 1, ITEM_MOVE, RW));
    probe_store((uint64_t)pages + 2 * PAGE_SIZE + 8, 1);
    int64_t at = check_ok("from the middle",
                          give(pages + 2 * PAGE_SIZE, 1, ITEM_MOVE, RW));
    expect_there(at, 3, 0);
    check_equal("before it", probe_store((uint64_t)pages, 1), 0);
    check_error("it", probe_load((uint64_t)pages + 2 * PAGE_SIZE), EFAULT);
    check_ok("the rest", give(pages + 3 * PAGE_SIZE, 2, ITEM_MOVE, RW));
    check_error("the rest", probe_load((uint64_t)pages + 4 * PAGE_SIZE),
                EFAULT);
    check_ok("map there", sys_map(HANDLE_SELF, (uint64_t)pages + 2 * PAGE_SIZE,
                                  3 * PAGE_SIZE, RW | MAP_FIXED, -1, 0));
    pages_expect_zero((uint64_t)pages + 2 * PAGE_SIZE, 3);
}

/* The last pages below a table take it along. */
static void check_quick_table(void) {
    receiver_start();
    check_ok("first", give(pages_make(2, 1), 1, ITEM_MOVE, RW));
    check_ok("map",
             sys_map(HANDLE_SELF, PLACE, 3 * PAGE_SIZE, RW | MAP_FIXED, -1, 0));
    int64_t before = frames_free();
    pages_fill((uint8_t *)PLACE, 1, 2);
    check_ok("the only page", give((void *)PLACE, 1, ITEM_MOVE, RW));
    check_equal("free frames", frames_free(), before - 1);
}

/* One page shared twice is at two places. */
static void check_same_twice(void) {
    receiver_start();
    uint8_t *pages = pages_make(1, 9);
    int64_t first = check_ok("share", give(pages, 1, ITEM_SHARE, RW));
    int64_t second = check_ok("again", give(pages, 1, ITEM_SHARE, RW));
    check_true("apart", first != second);
    pages[5] = 99;
    check_equal("first", ask(LOAD, (uint64_t)first + 5, 0), 99);
    check_equal("second", ask(LOAD, (uint64_t)second + 5, 0), 99);
}

/* ---- Failing ---- */

/* A transfer of two items to `to`, the second of which finds its place used. */
static void transfer_fails(uint64_t to, const uint8_t *base, uint64_t pages,
                           enum item_mode mode) {
    struct message m = {.tag = tag_make(0, 1, 0, 2), .words = {to}};
    item_set(&m, 0, base, pages, mode, RW);
    item_set(&m, 1, base + pages * PAGE_SIZE, 1, mode, RW);
    check_error("transfer", ipc_transfer(space, &m), ENOSPC);
}

/* Makes the space, with pages that are in the way. */
static void space_make(unsigned count) {
    space = check_ok("space_create", sys_space_create());
    for (unsigned i = 0; i < count; i++)
        check_ok("map", sys_map(space, PLACE + i * REACH, PAGE_SIZE,
                                RW | MAP_FIXED, -1, 0));
}

static void check_undo_regions(void) {
    enum { TIMES = 300 };
    space_make(1);
    uint8_t *pages = pages_map(2 * TIMES + 2);
    for (uint64_t i = 0; i < TIMES; i++)
        transfer_fails(PLACE - PAGE_SIZE, pages + (2 * i + 1) * PAGE_SIZE, 1,
                       ITEM_MOVE);
    check_ok("unmap", sys_unmap(HANDLE_SELF, (uint64_t)pages,
                                (2 * TIMES + 2) * PAGE_SIZE));
}

static void check_undo_tables(void) {
    enum { TIMES = 16 };
    space_make(TIMES);
    uint8_t *pages = pages_make(2, 1);
    transfer_fails(PLACE - PAGE_SIZE, pages, 1, ITEM_MOVE);
    int64_t before = frames_free();
    for (uint64_t i = 0; i < TIMES; i++)
        transfer_fails(PLACE + i * REACH - PAGE_SIZE, pages, 1, ITEM_MOVE);
    check_equal("free frames", frames_free(), before);
    pages_expect((uint64_t)pages, 2, 1);
}

/* Pages that come to touch have one region: both go again. */
static void check_undo_order(void) {
    space_make(1);
    uint8_t *pages = pages_make(3, 1);
    check_ok("before them", item_transfer(space, PLACE - 3 * PAGE_SIZE,
                                          pages_make(2, 2), 1, ITEM_COW, RW));
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        struct message m = {.tag = tag_make(0, 1, 0, 3),
                            .words = {PLACE - 2 * PAGE_SIZE}};
        for (unsigned i = 0; i < 3; i++)
            item_set(&m, i, pages + i * PAGE_SIZE, 1, mode, RW);
        check_error("transfer", ipc_transfer(space, &m), ENOSPC);
    }
    pages_expect((uint64_t)pages, 3, 1);
    check_ok("transfer", item_transfer(space, PLACE - 2 * PAGE_SIZE, pages, 2,
                                       ITEM_MOVE, RW));
}

/* Untouched pages whose table is not there either. */
static void check_no_table(void) {
    space_make(0);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        check_ok("map", sys_map(HANDLE_SELF, PLACE + mode * REACH,
                                3 * PAGE_SIZE, RW | MAP_FIXED, -1, 0));
        check_ok("transfer",
                 item_transfer(space, 0, (void *)(PLACE + mode * REACH), 3,
                               mode, RW));
    }
    pages_expect_zero(PLACE + ITEM_COW * REACH, 3);
}

static void check_undo_quota(void) {
    enum { PAGES = 500, TIMES = 100 };
    space_make(1);
    uint8_t *pages = pages_map(PAGES + 1);
    for (uint64_t i = 0; i < PAGES; i++)
        pages[i * PAGE_SIZE] = 1;
    for (uint64_t i = 0; i < TIMES; i++)
        transfer_fails(PLACE - PAGES * PAGE_SIZE, pages, PAGES, ITEM_MOVE);
}

static void check_undo_copies(void) {
    space_make(1);
    uint8_t *pages = pages_make(3, 2);
    check_ok("share", item_transfer(space, 0, pages, 2, ITEM_SHARE, RW));
    transfer_fails(PLACE - 2 * PAGE_SIZE, pages, 2, ITEM_COW);
    int64_t before = frames_free();
    for (unsigned i = 0; i < 16; i++)
        transfer_fails(PLACE - 2 * PAGE_SIZE, pages, 2, ITEM_COW);
    check_equal("free frames", frames_free(), before);
}

/* What is made and ends again leaves nothing behind. */
static void check_objects(void) {
    enum { TIMES = 3000, SLACK = 8 };
    receiver_start();
    uint8_t *pages = pages_make(1, 3);
    check_ok("lend", give(pages, 1, ITEM_LEND, RW));
    int64_t before = frames_free();
    for (unsigned i = 0; i < TIMES; i++) {
        uint64_t at = PLACE + i % 16 * 2 * PAGE_SIZE;
        check_ok("map",
                 sys_map(HANDLE_SELF, at, PAGE_SIZE, RW | MAP_FIXED, -1, 0));
        check_ok("lend", give(pages, 1, ITEM_LEND, RW));
        check_ok("unmap", sys_unmap(HANDLE_SELF, at, PAGE_SIZE));
    }
    check_true("free frames", frames_free() >= before - SLACK);
}

/* ---- What the kernel tells of transfers ---- */

static void remap_expect(const struct sys_words *stat) {
    uint64_t count = stat->value[0], min = stat->value[1];
    uint64_t max = stat->value[2], sum = stat->value[3];
    check_true("at least", min > 0 && min <= max);
    check_true("on average", count * min <= sum && sum <= count * max);
}

/* The least and the most that a transfer took, with a dear one among them. */
static void check_remap(void) {
    check_ok("affinity", sys_thread_affinity(0, 1));
    space = check_ok("space_create", sys_space_create());
    uint8_t *pages = pages_make(402, 1);
    check_ok("few", item_transfer(space, 0, pages, 1, ITEM_COW, RW));
    struct sys_words before = sys_system_info(INFO_REMAP, 0);
    remap_expect(&before);
    check_ok("many", item_transfer(space, 0, pages, 400, ITEM_COW, RW));
    check_ok("few", item_transfer(space, 0, pages, 1, ITEM_COW, RO));
    struct sys_words after = sys_system_info(INFO_REMAP, 0);
    remap_expect(&after);
    check_equal("transfers", (int64_t)(after.value[0] - before.value[0]), 2);
    check_true("the most",
               after.value[2] * 2 > after.value[3] - before.value[3]);
}

static const struct check checks[] = {
    {"quick_move", "MOVE to behind what came before", check_quick_move},
    {"quick_share", "SHARE to behind what came before", check_quick_share},
    {"quick_cow", "COW to behind what came before", check_quick_cow},
    {"quick_lazy", "untouched pages to behind what came before",
     check_quick_lazy},
    {"quick_fresh", "SHARE of untouched pages to behind what came before",
     check_quick_fresh},
    {"quick_rights", "what may not go, to behind what came before",
     check_quick_rights},
    {"quick_odd", "rights that cannot be", check_quick_odd},
    {"quick_whole", "2 MiB to behind what came before", check_quick_whole},
    {"quick_rest", "300 regions that leave in two parts", check_quick_rest},
    {"quick_room", "what lies behind what came before stays", check_quick_room},
    {"quick_shared", "COW of a shared page to behind what came before",
     check_quick_shared},
    {"quick_part", "MOVE from the middle, and of the rest, of a region",
     check_quick_part},
    {"quick_table", "MOVE of the last page below a page table",
     check_quick_table},
    {"same_twice", "one page shared twice", check_same_twice},
    {"undo_regions", "300 failures leave the sender's regions whole",
     check_undo_regions},
    {"undo_tables", "a failure gives page tables back", check_undo_tables},
    {"undo_order", "a failure of the third of items that touch",
     check_undo_order},
    {"no_table", "untouched pages without a page table", check_no_table},
    {"undo_quota", "a failure charges nothing", check_undo_quota},
    {"undo_copies", "a failure gives the frames of copies back",
     check_undo_copies},
    {"objects", "3000 regions and loans leave nothing behind", check_objects},
    {"remap", "what transfers take at least and at most", check_remap},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
