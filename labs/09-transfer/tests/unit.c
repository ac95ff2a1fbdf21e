/* SPDX-License-Identifier: MIT */
/*
 * unit.c: transfers without a system: no program can be loaded before they
 * work.
 *
 * The kernel is up and has no process. Runs of entries are plain arrays; for
 * the rest there are two spaces, of which `from` has four pages.
 */
#include "unit.h"

#include <stddef.h>

#include "abi/errno.h"
#include "abi/layout.h"
#include "vm/run.h"
#include "vm/space.h"
#include "vm/transfer.h"

void __wrap_first_process_start(void);

enum {
    RO = PROT_READ,
    RW = PROT_READ | PROT_WRITE,
    RX = PROT_READ | PROT_EXECUTE,
    PAGES = 4,
    RUN = 5,
};

#define PLACE ((va_t)0x123456000)
#define PLACE_END (PLACE + PAGES * PAGE_SIZE)

/* ---- Runs ---- */

/* One page each: that may be written; never touched; common with somebody;
 * marked, and shared with somebody; marked, and nobody else's. */
enum { OWN, NONE, COMMON, SHARED, ONCE_SHARED };

static pte_t from_entry[RUN], to_entry[RUN];
static pa_t run_frame[RUN];

static void run_page(unsigned i, pte_t flags, unsigned references) {
    run_frame[i] = frame_alloc_zero(true);
    from_entry[i] = pte_make(run_frame[i], flags);
    for (unsigned n = 1; n < references; n++) {
        frame_ref(run_frame[i]);
    }
}

/* A run of these pages, with the receiver's rights. */
static struct run run_make(unsigned prot) {
    run_page(OWN, pte_flags(RW), 1);
    run_page(COMMON, pte_flags(RO), 2);
    run_page(SHARED, pte_flags(RW) | PTE_SHARED, 2);
    run_page(ONCE_SHARED, pte_flags(RW) | PTE_SHARED, 1);
    return (struct run){
        .from = from_entry,
        .to = to_entry,
        .pages = RUN,
        .flags = pte_flags(prot),
    };
}

static void expect_entry(const char *what, pte_t got, unsigned page,
                         pte_t flags) {
    unit_equal(what, got, pte_make(run_frame[page], flags));
}

static void expect_references(unsigned own, unsigned common) {
    unit_equal("references to a page that was the sender's alone",
               frame_refs(run_frame[OWN]), own);
    unit_equal("references to a page that was common",
               frame_refs(run_frame[COMMON]), common);
    unit_equal("the sender's entry of a page that nobody has touched",
               from_entry[NONE], 0);
    unit_equal("the receiver's entry of a page that nobody has touched",
               to_entry[NONE], 0);
}

static void test_run_move(void) {
    struct run run = run_make(RW);
    unit_equal("pages that were there", run_move(&run), 4);
    expect_references(1, 2);
    for (unsigned i = 0; i < RUN; i++) {
        unit_equal("the sender's entry", from_entry[i], 0);
    }
    expect_entry("what was the sender's alone", to_entry[OWN], OWN,
                 pte_flags(RW));
    expect_entry("what is common may not be written", to_entry[COMMON], COMMON,
                 pte_flags(RO));
    expect_entry("what is shared stays marked", to_entry[SHARED], SHARED,
                 pte_flags(RW) | PTE_SHARED);
    unit_true("`lowered` has the rights that the sender lost",
              (run.lowered & (PTE_V | PTE_R | PTE_W)) ==
                  (PTE_V | PTE_R | PTE_W));
}

static void test_run_move_rights(void) {
    struct run run = run_make(RO);
    run_move(&run);
    expect_entry("an item without WRITE gives none", to_entry[OWN], OWN,
                 pte_flags(RO));
    run = run_make(RW);
    for (unsigned i = 0; i < RUN; i++) {
        from_entry[i] = to_entry[i] = 0;
    }
    unit_equal("pages, where nobody has touched any", run_move(&run), 0);
    unit_equal("`lowered`, where there was no page", run.lowered, 0);
}

/* SHARE and COW need other pages: those that they cannot have go. */
static void run_leave_out(unsigned page) {
    from_entry[page] = 0;
}

static void test_run_share(void) {
    struct run run = run_make(RO);
    run_leave_out(COMMON);
    run.pages = 1;
    unit_equal("pages that were there", run_share(&run), 1);
    expect_references(2, 2);
    expect_entry("the sender's entry is marked, and loses nothing",
                 from_entry[OWN], OWN, pte_flags(RW) | PTE_SHARED);
    expect_entry("the receiver's has the item's rights, and is marked",
                 to_entry[OWN], OWN, pte_flags(RO) | PTE_SHARED);
    unit_equal("`lowered`: nothing is lost", run.lowered, 0);
    unit_equal("the receiver's entry behind the run", to_entry[SHARED], 0);
    run.from = &from_entry[SHARED];
    run.to = &to_entry[SHARED];
    run.flags = pte_flags(RW);
    run_share(&run);
    unit_equal("references to a page that two share",
               frame_refs(run_frame[SHARED]), 3);
    expect_entry("one more sharer", to_entry[SHARED], SHARED,
                 pte_flags(RW) | PTE_SHARED);
}

static void test_run_cow(void) {
    struct run run = run_make(RW);
    run_leave_out(SHARED);
    unit_equal("pages that were there", run_cow(&run), 3);
    expect_references(2, 3);
    expect_entry("the sender may not write", from_entry[OWN], OWN,
                 pte_flags(RO));
    expect_entry("the receiver may not write", to_entry[OWN], OWN,
                 pte_flags(RO));
    expect_entry("one more owner of what is common", to_entry[COMMON], COMMON,
                 pte_flags(RO));
    expect_entry("a mark that nobody else has goes", from_entry[ONCE_SHARED],
                 ONCE_SHARED, pte_flags(RO));
    expect_entry("and does not come", to_entry[ONCE_SHARED], ONCE_SHARED,
                 pte_flags(RO));
    unit_true("`lowered` has the right to write", run.lowered & PTE_W);
    run = run_make(RW);
    run.from = &from_entry[COMMON];
    run.pages = 1;
    run_cow(&run);
    unit_true("`lowered`, where nobody could write", !(run.lowered & PTE_W));
}

/* ---- Checks ---- */

static struct space *from, *to;

static struct space *space_make(void) {
    struct quota *quota = quota_create();
    struct space *space = quota == NULL ? NULL : space_create(quota);
    unit_true("a space", space != NULL);
    return space;
}

static void pages_map(va_t va, uint64_t pages, unsigned prot) {
    unit_signed(
        "map",
        space_map(from, va, pages * PAGE_SIZE, prot | MAP_FIXED, NULL, 0),
        (int64_t)va);
}

static void setup(void) {
    struct fill_request request;
    from = space_make();
    to = space_make();
    pages_map(PLACE, PAGES, RW);
    for (va_t va = PLACE; va < PLACE_END; va += PAGE_SIZE) {
        unit_signed("touch", space_fault(from, va, PROT_WRITE, &request), 0);
    }
}

static struct transfer_item item_of(va_t va, uint64_t pages,
                                    enum item_mode mode, unsigned prot) {
    return (struct transfer_item){.from = va,
                                  .pages = pages,
                                  .mode = (uint8_t)mode,
                                  .prot = (uint8_t)prot};
}

/* What the check says of a message with an item that is right, and this one
 * after it. */
static void expect_check(const char *what, struct transfer_item item,
                         int expected) {
    struct transfer transfer = {
        .from = from, .to = to, .count = 2, .failed = 77};
    transfer.item[0] = item_of(PLACE, 1, ITEM_MOVE, RW);
    transfer.item[1] = item;
    unit_signed(what, space_transfer_check(&transfer), expected);
    if (expected != 0) {
        unit_equal("which item it was", transfer.failed, 1);
    }
}

static void test_valid(void) {
    va_t va = PLACE + PAGE_SIZE;
    setup();
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_LEND; mode++) {
        expect_check("two good items", item_of(va, 3, mode, RW), 0);
        expect_check("two good items", item_of(va, 1, mode, RO), 0);
    }
    expect_check("no page", item_of(va, 0, ITEM_MOVE, RW), -EINVAL);
    expect_check("not a page's start", item_of(va + 8, 1, ITEM_MOVE, RW),
                 -EINVAL);
    expect_check("no rights", item_of(va, 1, ITEM_MOVE, 0), -EINVAL);
    expect_check("write, not read", item_of(va, 1, ITEM_MOVE, PROT_WRITE),
                 -EINVAL);
    expect_check("execute, not read", item_of(va, 1, ITEM_COW, PROT_EXECUTE),
                 -EINVAL);
    expect_check("write and execute",
                 item_of(va, 1, ITEM_SHARE, RW | PROT_EXECUTE), -EINVAL);
    expect_check("the kernel's", item_of((va_t)-4096, 1, ITEM_MOVE, RO),
                 -EINVAL);
    expect_check("above user memory",
                 item_of(USER_END - PAGE_SIZE, 2, ITEM_MOVE, RO), -EINVAL);
    expect_check("more pages than there are addresses",
                 item_of(va, (1ull << 52) + 1, ITEM_MOVE, RO), -EINVAL);
    expect_check("more bytes than user memory",
                 item_of(va, 1ull << 51, ITEM_MOVE, RO), -EINVAL);
}

static void test_clash(void) {
    setup();
    expect_check("MOVE of what the item before moves",
                 item_of(PLACE, 1, ITEM_MOVE, RW), -EINVAL);
    expect_check("a range that contains it", item_of(PLACE, 3, ITEM_COW, RO),
                 -EINVAL);
    expect_check("the range behind it",
                 item_of(PLACE + PAGE_SIZE, 3, ITEM_MOVE, RW), 0);
    for (unsigned a = ITEM_MOVE; a <= ITEM_LEND; a++) {
        for (unsigned b = ITEM_MOVE; b <= ITEM_LEND; b++) {
            struct transfer transfer = {.from = from, .to = to, .count = 2};
            bool fine = a == b && (a == ITEM_SHARE || a == ITEM_COW);
            transfer.item[0] = item_of(PLACE, 3, a, RO);
            transfer.item[1] = item_of(PLACE + 2 * PAGE_SIZE, 2, b, RO);
            unit_signed("only SHARE with SHARE, and COW with COW, may overlap",
                        space_transfer_check(&transfer), fine ? 0 : -EINVAL);
        }
    }
}

static void test_regions(void) {
    va_t next = PLACE_END;
    setup();
    pages_map(next, 2, RO);
    pages_map(next + 3 * PAGE_SIZE, 1, RX);
    expect_check("two regions", item_of(PLACE + PAGE_SIZE, 5, ITEM_COW, RO), 0);
    expect_check("a right that the second region has not",
                 item_of(PLACE + PAGE_SIZE, 5, ITEM_COW, RW), -EPERM);
    expect_check("nor any", item_of(next, 2, ITEM_SHARE, RX), -EPERM);
    expect_check("code", item_of(next + 3 * PAGE_SIZE, 1, ITEM_MOVE, RX), 0);
    expect_check("a hole at the end", item_of(next, 3, ITEM_MOVE, RO), -EFAULT);
    expect_check("a hole in the middle", item_of(next, 4, ITEM_MOVE, RO),
                 -EFAULT);
    expect_check("a hole at the start",
                 item_of(next + 2 * PAGE_SIZE, 2, ITEM_MOVE, RO), -EFAULT);
    expect_check("nothing mapped", item_of(PAGE_SIZE, 1, ITEM_MOVE, RO),
                 -EFAULT);
}

static void test_locked(void) {
    setup();
    pages_map(PLACE_END, 2, RO);
    struct region *region = region_find(from, PLACE_END);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_LEND; mode++) {
        struct transfer_item item = item_of(PLACE_END, 2, mode, RO);
        region->flags = REGION_LENT;
        expect_check("of what is lent", item, -EBUSY);
        region->flags = REGION_BORROWED;
        expect_check("what is borrowed can be lent on", item,
                     mode == ITEM_LEND ? 0 : -EBUSY);
        region->flags = REGION_BORROWED | REGION_LENT;
        expect_check("of what is lent on", item, -EBUSY);
        region->flags = 0;
        region->memory = (struct memory *)region; /* only looked at for NULL */
        expect_check("of a memory object", item, -EPERM);
        region->memory = NULL;
        expect_check("of ordinary memory", item, 0);
    }
}

/* ---- A whole transfer ---- */

/* The middle of the sender's region goes. */
static struct transfer transfer_make(enum item_mode mode) {
    struct transfer transfer = {.from = from, .to = to, .count = 1};
    transfer.item[0] = item_of(PLACE + PAGE_SIZE, 2, mode, RW);
    return transfer;
}

static pte_t entry(struct space *space, va_t va) {
    const pte_t *leaf = pagetable_find(&space->table, va, 0);
    return leaf == NULL ? 0 : *leaf;
}

static void test_first(void) {
    setup();
    struct transfer transfer = transfer_make(ITEM_MOVE);
    uint64_t charge = from->quota->frames;
    pa_t frame = pte_frame(entry(from, PLACE + PAGE_SIZE));
    unit_signed("a MOVE of two pages", space_transfer(&transfer), 0);
    va_t at = transfer.item[0].to;
    unit_true("where they are now", at != 0 && at % PAGE_SIZE == 0);
    unit_equal("the receiver's frame", pte_frame(entry(to, at)), frame);
    unit_equal("references to it", frame_refs(frame), 1);
    unit_equal("the sender's entry", entry(from, PLACE + PAGE_SIZE), 0);
    unit_true("a hole between two regions of the sender",
              region_find(from, PLACE) != NULL &&
                  region_find(from, PLACE + PAGE_SIZE) == NULL &&
                  region_find(from, PLACE + 3 * PAGE_SIZE) != NULL);
    const struct region *region = region_find(to, at);
    unit_true("the receiver's region", region != NULL && region->start == at &&
                                           region->end == at + 2 * PAGE_SIZE &&
                                           region->prot == RW);
    unit_equal("the sender pays for two pages less", from->quota->frames,
               charge - 2);
    unit_true("what the sender was before, it is at its edges",
              entry(from, PLACE) != 0 &&
                  entry(from, PLACE + 3 * PAGE_SIZE) != 0);
}

/* Allocations fail, one after the other, until it goes through. */
static void test_sweep(void) {
    setup();
    uint64_t from_frames = from->quota->frames;
    uint64_t from_objects = from->quota->objects;
    uint64_t to_frames = to->quota->frames;
    uint64_t to_objects = to->quota->objects;
    unsigned failures = 0;
    for (uint64_t n = 1;; n++) {
        struct transfer transfer = transfer_make(ITEM_MOVE);
        frame_fail_after(n);
        int result = space_transfer(&transfer);
        frame_fail_after(0);
        if (result == 0) {
            break;
        }
        failures++;
        unit_signed("memory runs out", result, -ENOMEM);
        unit_equal("the sender's charge", from->quota->frames, from_frames);
        unit_equal("the sender's regions", from->quota->objects, from_objects);
        unit_equal("the receiver's charge", to->quota->frames, to_frames);
        unit_equal("the receiver's regions", to->quota->objects, to_objects);
        unit_true("the sender's entry", entry(from, PLACE + PAGE_SIZE) != 0);
        unit_true("failures end", failures < 20);
    }
    unit_true("there were failures", failures > 1);
}

static const struct unit units[] = {
    {"run_move", test_run_move},   {"run_move_rights", test_run_move_rights},
    {"run_share", test_run_share}, {"run_cow", test_run_cow},
    {"valid", test_valid},         {"clash", test_clash},
    {"regions", test_regions},     {"locked", test_locked},
    {"first", test_first},         {"sweep", test_sweep},
};

void __wrap_first_process_start(void) {
    unit_run(units, sizeof(units) / sizeof(units[0]));
}
