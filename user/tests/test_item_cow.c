/* SPDX-License-Identifier: MIT */
/*
 * tests/test_item_cow.c: frames that several have.
 *
 * Whoever writes a page that is common gets a copy, but for the last owner, who
 * has it already. Pages shared with the right to write are copied at once.
 */
#include "tests/paging.h"

#define PLACE 0x2340000000ull

enum { SHARERS = 300, DEPTH = 6, COPIES_AT_ONCE = 12 };

static struct service service;

static uint64_t copies(void) {
    return counter(COUNTER_COW_COPY);
}

static uint64_t reuses(void) {
    return counter(COUNTER_COW_REUSE);
}

static void prepare(void) {
    service = service_make(1);
    accept_pages(512);
    probe_begin();
}

/* ---- Many owners ---- */

static int64_t space;

static uint8_t space_byte(uint64_t at) {
    uint8_t byte = 0;
    check_equal("look into the space",
                ipc_copy(space, COPY_IN, at, &byte, 1).error, 0);
    return byte;
}

static void space_write(uint64_t at, uint8_t byte) {
    check_equal("write to the space",
                ipc_copy(space, COPY_OUT, at, &byte, 1).error, 0);
}

/* The page SHARERS times in the space, from PLACE on. */
static void space_fill(const uint8_t *page, enum item_mode mode) {
    space = check_ok("space_create", sys_space_create());
    for (uint64_t i = 0; i < SHARERS; i++)
        check_ok("transfer", item_transfer(space, PLACE + i * PAGE_SIZE, page,
                                           1, mode, RW));
}

static void check_sharers(void) {
    uint8_t *page = pages_make(1, 3);
    space_fill(page, ITEM_SHARE);
    page[7] = 200;
    check_equal("what one wrote", space_byte(PLACE + 299 * PAGE_SIZE + 7), 200);
    space_write(PLACE + 150 * PAGE_SIZE + 7, 201);
    check_equal("what another wrote", page[7], 201);
    /* As many mappings go as a small count can hold. */
    check_equal("unmap", sys_unmap(space, PLACE, 256 * PAGE_SIZE), 0);
    uint8_t *other = pages_make(64, 9);
    check_equal("after 256 have gone", page[7], 201);
    check_ok("close", sys_handle_close(space));
    pages_fill(other, 64, 10);
    check_equal("after all have gone", page[7], 201);
    page_expect((uint64_t)page, 3, 0);
}

static void check_copies(void) {
    uint8_t *page = pages_make(1, 4);
    int64_t before = frames_free();
    space_fill(page, ITEM_COW);
    check_true("300 copies take no frames but for tables",
               before - frames_free() < 20);
    page[0] = 1;
    for (uint64_t i = 0; i < SHARERS; i += 50)
        space_write(PLACE + i * PAGE_SIZE, (uint8_t)(i / 50));
    for (uint64_t i = 0; i < SHARERS; i++)
        check_equal("whose byte", space_byte(PLACE + i * PAGE_SIZE),
                    i % 50 == 0 ? i / 50 : page_byte(4, 0, 0));
    check_ok("close", sys_handle_close(space));
    check_equal("mine", page[0], 1);
}

/* ---- Chains of forks and transfers ---- */

/* A copy of the page, then a child that does the same, then everybody writes:
 * the copy differs from the page, and both from the child's. */
static void chain(uint64_t base, uint64_t depth) {
    int64_t copy = check_ok(
        "cow", item_transfer(HANDLE_SELF, 0, (void *)base, 1, ITEM_COW, RW));
    page_expect((uint64_t)copy, 5, 0);
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0) {
        if (depth > 0)
            chain(depth % 2 ? (uint64_t)copy : base, depth - 1);
        sys_exit(0);
    }
    if (depth % 2)
        store_at(base + 1, (uint8_t)depth);
    store_at((uint64_t)copy + 2, (uint8_t)depth);
    check_equal("the copied", load_at(base + 1),
                depth % 2 ? (int64_t)depth : page_byte(5, 0, 1));
    check_equal("the copied", load_at(base + 2), page_byte(5, 0, 2));
    check_equal("the copy", load_at((uint64_t)copy + 1), page_byte(5, 0, 1));
    check_equal("the copy", load_at((uint64_t)copy + 2), (int64_t)depth);
    peer_end(pid);
}

static void page_fill_all(uint8_t *page) {
    for (uint64_t at = 0; at < PAGE_SIZE; at++)
        page[at] = page_byte(5, 0, at);
}

static void check_chain(void) {
    uint8_t *page = pages_map(1);
    page_fill_all(page);
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0) {
        chain((uint64_t)page, DEPTH);
        sys_exit(0);
    }
    peer_end(pid);
    for (uint64_t at = 0; at < PAGE_SIZE; at++)
        check_equal("after the chain", page[at], page_byte(5, 0, at));
}

/* ---- The last owner ---- */

static void cow_and_go(uint64_t pages) {
    uint8_t *base = pages_make(pages, 6);
    check_equal("call", item_call(service.session, base, pages, ITEM_COW, RW),
                0);
}

static void check_last_receiver(void) {
    prepare();
    int64_t pid = peer_start(cow_and_go, 3);
    uint64_t base = item_receive(service.endpoint, 3);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(pid);
    uint64_t copied = copies(), reused = reuses();
    int64_t frames = frames_free();
    for (uint64_t i = 0; i < 3; i++)
        store_at(base + i * PAGE_SIZE, 1);
    check_equal("copies", (int64_t)(copies() - copied), 0);
    check_equal("reuses", (int64_t)(reuses() - reused), 3);
    check_equal("frames", frames_free(), frames);
}

static void check_last_sender(void) {
    uint8_t *base = pages_make(3, 6);
    space = check_ok("space_create", sys_space_create());
    check_ok("cow", item_transfer(space, PLACE, base, 3, ITEM_COW, RW));
    uint64_t copied = copies(), reused = reuses();
    base[0] = 1;
    check_equal("copies while there are two", (int64_t)(copies() - copied), 1);
    check_equal("unmap", sys_unmap(space, PLACE, 3 * PAGE_SIZE), 0);
    base[PAGE_SIZE] = base[2 * PAGE_SIZE] = 1;
    check_equal("copies when there is one", (int64_t)(copies() - copied), 1);
    check_equal("reuses", (int64_t)(reuses() - reused), 2);
}

/* ---- Pages shared with the right to write ---- */

static void check_shared(void) {
    uint8_t *base = pages_make(COPIES_AT_ONCE + 1, 7);
    space = check_ok("space_create", sys_space_create());
    check_ok("share", item_transfer(space, PLACE, base, COPIES_AT_ONCE + 1,
                                    ITEM_SHARE, RW));
    uint64_t copied = copies();
    check_error(
        "more copies than at once",
        item_transfer(HANDLE_SELF, 0, base, COPIES_AT_ONCE + 1, ITEM_COW, RW),
        EMSGSIZE);
    check_equal("copies then", (int64_t)(copies() - copied), 0);
    int64_t copy = check_ok("cow", item_transfer(HANDLE_SELF, 0, base,
                                                 COPIES_AT_ONCE, ITEM_COW, RW));
    check_equal("copies", (int64_t)(copies() - copied), COPIES_AT_ONCE);
    base[1] = 91;
    check_equal("the partner sees it", space_byte(PLACE + 1), 91);
    space_write(PLACE + PAGE_SIZE + 1, 92);
    check_equal("so does this one", base[PAGE_SIZE + 1], 92);
    pages_expect((uint64_t)copy, COPIES_AT_ONCE, 7);
    check_equal("the copy", load_at((uint64_t)copy + 1), 0);
    check_equal("the copy", load_at((uint64_t)copy + PAGE_SIZE + 1), 0);
    store_at((uint64_t)copy + 2, 93);
    check_equal("nor do they see the copy", space_byte(PLACE + 2), 0);
}

/* Who shared with somebody who has gone is the only owner again. */
static void check_once_shared(void) {
    uint8_t *base = pages_make(20, 7);
    space = check_ok("space_create", sys_space_create());
    check_ok("share", item_transfer(space, PLACE, base, 20, ITEM_SHARE, RW));
    check_ok("close", sys_handle_close(space));
    uint64_t copied = copies();
    int64_t copy =
        check_ok("cow", item_transfer(HANDLE_SELF, 0, base, 20, ITEM_COW, RW));
    check_equal("copies", (int64_t)(copies() - copied), 0);
    base[0] = 1;
    page_expect((uint64_t)copy, 7, 0);
}

/* A page that is common moves as such: its new owner copies when it writes. */
static void check_move_common(void) {
    for (unsigned rights = RO; rights <= RW; rights += RW - RO) {
        uint8_t *base = pages_make(2, 7);
        int64_t twin = check_ok(
            "cow", item_transfer(HANDLE_SELF, 0, base, 2, ITEM_COW, RW));
        space = check_ok("space_create", sys_space_create());
        check_ok("move",
                 item_transfer(space, PLACE, base, 2, ITEM_MOVE, rights));
        uint64_t copied = copies();
        if (rights == RW)
            space_write(PLACE, 61);
        check_equal("copies", (int64_t)(copies() - copied), rights == RW);
        pages_expect((uint64_t)twin, 2, 7);
        store_at((uint64_t)twin + PAGE_SIZE, 62);
        check_equal("moved", space_byte(PLACE + PAGE_SIZE), page_byte(7, 1, 0));
        check_ok("close", sys_handle_close(space));
    }
}

/* A page that is common must be the sender's own before it is shared. */
static void check_share_common(void) {
    uint8_t *base = pages_make(2, 7);
    int64_t twin =
        check_ok("cow", item_transfer(HANDLE_SELF, 0, base, 2, ITEM_COW, RW));
    space = check_ok("space_create", sys_space_create());
    check_ok("share", item_transfer(space, PLACE, base, 2, ITEM_SHARE, RW));
    base[0] = 61;
    check_equal("shared", space_byte(PLACE), 61);
    space_write(PLACE + PAGE_SIZE, 62);
    check_equal("shared", base[PAGE_SIZE], 62);
    pages_expect((uint64_t)twin, 2, 7);
}

/* What was received by SHARE stays shared over fork, what was given does not.
 */
static void share_and_stay(uint64_t unused) {
    (void)unused;
    uint8_t *base = pages_make(1, 8);
    check_equal("call", item_call(service.session, base, 1, ITEM_SHARE, RW), 0);
    int64_t pid = check_ok("fork", sys_fork());
    base[0] = 31;
    if (pid == 0) {
        base[1] = 32;
        sys_exit(0);
    }
    peer_end(pid);
    step_call(service.session);
    check_equal("by the receiver's child", base[2], 33);
    check_equal("not by the own child", base[1], 0);
}

static void check_fork(void) {
    prepare();
    int64_t pid = peer_start(share_and_stay, 0);
    uint64_t base = item_receive(service.endpoint, 1);
    store_at(base + 1, 0);
    check_equal("reply", service_answer(0, 0), 0);
    int64_t child = check_ok("fork", sys_fork());
    if (child == 0) {
        store_at(base + 2, 33);
        sys_exit(0);
    }
    peer_end(child);
    check_equal("by the child", load_at(base + 2), 33);
    step_answer(service.endpoint);
    peer_end(pid);
    check_equal("by the sender", load_at(base), 31);
}

/* ---- Rights ---- */

static void check_rights(void) {
    probe_begin();
    uint8_t *base = pages_make(3, 9);
    uint64_t from = (uint64_t)base;
    check_ok("protect", sys_protect(HANDLE_SELF, from, 3 * PAGE_SIZE, RO));
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        uint64_t page = from + (mode == ITEM_MOVE ? 2 : 0) * PAGE_SIZE;
        check_error("more than the sender has",
                    item_transfer(HANDLE_SELF, 0, (void *)page, 1, mode, RW),
                    EPERM);
        int64_t got =
            check_ok("transfer",
                     item_transfer(HANDLE_SELF, 0, (void *)page, 1, mode, RO));
        check_error("store", probe_store((uint64_t)got, 1), EFAULT);
        check_error("raise",
                    sys_protect(HANDLE_SELF, (uint64_t)got, PAGE_SIZE, RW),
                    EPERM);
        peer_dies(jump_to, (uint64_t)got);
        page_expect((uint64_t)got, 9, mode == ITEM_MOVE ? 2 : 0);
        if (mode != ITEM_MOVE)
            check_error("the sender's store", probe_store(page, 1), EFAULT);
    }
    int64_t copy = item_transfer(HANDLE_SELF, 0, base, 2, ITEM_COW, RO);
    check_ok("protect", sys_protect(HANDLE_SELF, from, PAGE_SIZE, RW));
    check_equal("the sender may again", probe_store(from + 1, 77), 0);
    check_equal("the copy", load_at((uint64_t)copy + 1), 0);
}

/* Fewer rights than the sender has, and never the right to execute. */
static void check_lower(void) {
    probe_begin();
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        uint8_t *base = pages_make(1, 9);
        int64_t got = check_ok(
            "transfer", item_transfer(HANDLE_SELF, 0, base, 1, mode, RO));
        check_error("store", probe_store((uint64_t)got, 1), EFAULT);
        check_error("execute",
                    item_transfer(HANDLE_SELF, 0, (void *)got, 1, mode,
                                  RO | ITEM_EXECUTE),
                    EPERM);
        if (mode != ITEM_MOVE)
            check_equal("the sender's store", probe_store((uint64_t)base, 5),
                        0);
        check_equal("what the receiver reads", load_at((uint64_t)got),
                    mode == ITEM_SHARE ? 5 : page_byte(9, 0, 0));
    }
}

/* A page of code goes on without its right to run. */
static void check_execute(void) {
    static const uint8_t ret[] = {0x67, 0x80, 0, 0};
    uint8_t *code = pages_make(1, 0);
    memcpy(code, ret, sizeof(ret));
    check_ok("protect", sys_protect(HANDLE_SELF, (uint64_t)code, PAGE_SIZE,
                                    RO | PROT_EXECUTE));
    jump_to((uint64_t)code);
    for (unsigned mode = ITEM_COW; mode >= ITEM_MOVE; mode--) {
        int64_t runs =
            check_ok("code", item_transfer(HANDLE_SELF, 0, code, 1, ITEM_COW,
                                           RO | ITEM_EXECUTE));
        int64_t data =
            check_ok("data", item_transfer(HANDLE_SELF, 0, code, 1, mode, RO));
        jump_to((uint64_t)runs);
        peer_dies(jump_to, (uint64_t)data);
        check_error("raise",
                    sys_protect(HANDLE_SELF, (uint64_t)data, PAGE_SIZE,
                                RO | PROT_EXECUTE),
                    EPERM);
    }
}

/* ---- Pairs at the same addresses ---- */

static void paired(uint64_t number) {
    struct message m;
    uint8_t *base =
        (uint8_t *)check_ok("map", sys_map(HANDLE_SELF, PLACE, 2 * PAGE_SIZE,
                                           RW | MAP_FIXED, -1, 0));
    pages_fill(base, 2, 20 + number);
    m = (struct message){.tag = tag_make((int32_t)number, 0, 0, 1)};
    item_set(&m, 0, base, 2, ITEM_COW, RW);
    check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
    base[0] = (uint8_t)(100 + number);
    step_call(service.session);
    check_equal("mine", base[0], (int64_t)(100 + number));
    page_expect((uint64_t)base + PAGE_SIZE, 20 + number, 1);
}

static void check_pairs(void) {
    enum { PAIRS = 3 };
    uint64_t base[PAIRS];
    int64_t pid[PAIRS];
    struct message m;
    prepare();
    for (uint64_t i = 0; i < PAIRS; i++)
        pid[i] = peer_start(paired, i);
    for (uint64_t calls = 0; calls < 2 * PAIRS; calls++) {
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        if (tag_items(m.tag) == 1) {
            base[tag_label(m.tag)] = m.item_base;
            store_at(m.item_base + PAGE_SIZE, (uint8_t)tag_label(m.tag));
        }
        check_equal("reply", service_answer(0, 0), 0);
    }
    for (uint64_t i = 0; i < PAIRS; i++) {
        page_expect(base[i], 20 + i, 0);
        check_equal("mine", load_at(base[i] + PAGE_SIZE), (int64_t)i);
        peer_end(pid[i]);
    }
}

static const struct check checks[] = {
    {"sharers", "300 mappings of one frame, which lives until the last goes",
     check_sharers},
    {"copies", "300 copies on write of one page", check_copies},
    {"chain", "copies of copies over forks, each with its own bytes",
     check_chain},
    {"last_receiver", "the receiver that is left copies nothing",
     check_last_receiver},
    {"last_sender", "the sender that is left copies nothing",
     check_last_sender},
    {"shared", "COW of pages shared for writing copies them at once",
     check_shared},
    {"once_shared", "pages that nobody shares any more are private",
     check_once_shared},
    {"move_common", "a page that is copied on write moves as such",
     check_move_common},
    {"share_common", "a page that was copied on write is shared as one's own",
     check_share_common},
    {"fork", "what came by SHARE stays shared over fork", check_fork},
    {"rights", "a page that may only be read stays so", check_rights},
    {"lower", "the receiver's rights are those stated", check_lower},
    {"execute", "the right to execute goes only where it is stated",
     check_execute},
    {"pairs", "three pairs that use the same addresses", check_pairs},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
