/* SPDX-License-Identifier: MIT */
/*
 * tests/test_item_self.c: SYS_TRANSFER, within a space and into another.
 *
 * A space that is being built is looked at with SYS_COPY.
 */
#include "tests/paging.h"

/* Where the checks put things: nothing else is near. */
#define PLACE 0x2340000000ull

enum { RX = PROT_READ | PROT_EXECUTE };

static uint8_t *map_at(uint64_t address, uint64_t pages) {
    return (uint8_t *)check_ok("map at a place",
                               sys_map(HANDLE_SELF, address, pages * PAGE_SIZE,
                                       RW | MAP_FIXED, -1, 0));
}

/* Pages that came by a transfer, so that others that do may be joined to their
 * region. */
static uint8_t *make_at(uint64_t address, uint64_t pages, uint64_t pattern) {
    uint8_t *base = pages_make(pages, pattern);
    check_ok("transfer",
             item_transfer(HANDLE_SELF, address, base, pages, ITEM_MOVE, RW));
    return (uint8_t *)address;
}

/* ---- Within one space ---- */

static void check_self(void) {
    probe_begin();
    uint8_t *base = make_at(PLACE, 3, 1);
    uint64_t to = PLACE + 16 * PAGE_SIZE;
    check_equal("move", item_transfer(HANDLE_SELF, to, base, 3, ITEM_MOVE, RW),
                (int64_t)to);
    pages_expect(to, 3, 1);
    check_error("what was moved", probe_load(PLACE), EFAULT);
    int64_t twin = check_ok(
        "share", item_transfer(HANDLE_SELF, 0, (void *)to, 3, ITEM_SHARE, RW));
    store_at(to + 5, 123);
    check_equal("through the other mapping", load_at((uint64_t)twin + 5), 123);
    int64_t copy = check_ok(
        "cow", item_transfer(HANDLE_SELF, 0, (void *)twin, 3, ITEM_COW, RW));
    store_at((uint64_t)twin + 5, 99);
    check_equal("the copy", load_at((uint64_t)copy + 5), 123);
    store_at((uint64_t)copy + 6, 77);
    check_true("the copied", load_at((uint64_t)twin + 6) != 77);
}

/* The window touches what is moved: on either side of it. */
static void check_beside(void) {
    probe_begin();
    uint8_t *base = make_at(PLACE, 4, 1);
    check_ok("move the end up",
             item_transfer(HANDLE_SELF, PLACE + 4 * PAGE_SIZE,
                           base + 2 * PAGE_SIZE, 2, ITEM_MOVE, RW));
    pages_expect(PLACE, 2, 1);
    check_error("a hole", probe_load(PLACE + 2 * PAGE_SIZE), EFAULT);
    page_expect(PLACE + 4 * PAGE_SIZE, 1, 2);
    page_expect(PLACE + 5 * PAGE_SIZE, 1, 3);
    check_ok("move the start down",
             item_transfer(HANDLE_SELF, PLACE + 3 * PAGE_SIZE,
                           base + 4 * PAGE_SIZE, 1, ITEM_MOVE, RW));
    page_expect(PLACE + 3 * PAGE_SIZE, 1, 2);
    check_ok("move into the hole",
             item_transfer(HANDLE_SELF, PLACE + 2 * PAGE_SIZE,
                           base + 5 * PAGE_SIZE, 1, ITEM_MOVE, RW));
    page_expect(PLACE + 2 * PAGE_SIZE, 1, 3);
    check_ok("unmap", sys_unmap(HANDLE_SELF, PLACE, 4 * PAGE_SIZE));
}

/* Items that fill the hole between two ranges, the next of which cannot go: all
 * is as it was. */
static void check_beside_undo(void) {
    probe_begin();
    uint8_t *low = make_at(PLACE, 2, 1);
    uint8_t *high = make_at(PLACE + 3 * PAGE_SIZE, 2, 2);
    uint8_t *many = map_at(PLACE + (1ull << 30) + PAGE_SIZE, 513);
    pages_fill(many, 513, 3);
    uint8_t *filler = map_at(USER_MAP_BASE, (PLACE - USER_MAP_BASE) >> 12);
    for (unsigned round = 0; round < 2; round++) {
        struct message m = {.tag = tag_make(0, 1, 0, 4)};
        item_set(&m, 0, high + PAGE_SIZE, 1, ITEM_MOVE, RW);
        item_set(&m, 1, round ? low + PAGE_SIZE : low, 1, ITEM_MOVE, RW);
        item_set(&m, 2, high, 1, ITEM_MOVE, RW);
        item_set(&m, 3, many, 513, ITEM_MOVE, RW);
        check_error("more than 512 pages", ipc_transfer(HANDLE_SELF, &m),
                    EMSGSIZE);
        pages_expect(PLACE, 2, 1);
        pages_expect(PLACE + 3 * PAGE_SIZE, 2, 2);
        check_error("the hole", probe_load(PLACE + 2 * PAGE_SIZE), EFAULT);
    }
    check_ok("unmap",
             sys_unmap(HANDLE_SELF, (uint64_t)filler, PLACE - USER_MAP_BASE));
}

/* ---- Bounds ---- */

/* Not a multiple of 2 MiB: no table can move whole. */
static void check_bound(void) {
    for (unsigned items = MESSAGE_ITEMS + 1; items < 8; items++) {
        struct message many = {.tag = tag_make(0, 1, 0, items)};
        for (unsigned i = 0; i < MESSAGE_ITEMS; i++)
            item_set(&many, i, pages_make(1, 1), 1, ITEM_SHARE, RW);
        check_error("more than four items", ipc_transfer(HANDLE_SELF, &many),
                    EINVAL);
    }
    uint8_t *lazy = map_at(PLACE + PAGE_SIZE, 600);
    check_error("share of 513 untouched pages",
                item_transfer(HANDLE_SELF, 0, lazy, 513, ITEM_SHARE, RW),
                EMSGSIZE);
    struct message m = {.tag = tag_make(0, 1, 0, 2)};
    item_set(&m, 0, lazy, 300, ITEM_SHARE, RW);
    item_set(&m, 1, lazy + 300 * PAGE_SIZE, 300, ITEM_SHARE, RW);
    check_error("twice 300", ipc_transfer(HANDLE_SELF, &m), EMSGSIZE);
    check_ok("512", item_transfer(HANDLE_SELF, 0, lazy, 512, ITEM_SHARE, RW));
    pages_fill(lazy, 600, 4);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++)
        check_error("513 pages",
                    item_transfer(HANDLE_SELF, 0, lazy, 513, mode, RW),
                    EMSGSIZE);
    pages_expect((uint64_t)lazy, 600, 4);
    check_ok("512", item_transfer(HANDLE_SELF, 0, lazy, 512, ITEM_MOVE, RW));
    page_expect((uint64_t)lazy + 512 * PAGE_SIZE, 4, 512);
}

/* ---- Into another space ---- */

static int64_t space;

static void space_expect(uint64_t at, uint64_t pages, uint64_t pattern) {
    static uint8_t page[PAGE_SIZE];
    for (uint64_t i = 0; i < pages; i++) {
        struct copy_result got =
            ipc_copy(space, COPY_IN, at + i * PAGE_SIZE, page, PAGE_SIZE);
        check_equal("look into the space", got.error, 0);
        page_expect((uint64_t)page, pattern, i);
    }
}

static void check_other(void) {
    probe_begin();
    space = check_ok("space_create", sys_space_create());
    uint8_t *base = pages_make(4, 1);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        uint64_t at = PLACE + mode * 0x10000;
        uint64_t from =
            (uint64_t)base + (mode == ITEM_MOVE ? 2 : 0) * PAGE_SIZE;
        pages_fill((void *)from, 2, mode);
        check_equal("transfer",
                    item_transfer(space, at, (void *)from, 2, mode, RW),
                    (int64_t)at);
        check_equal("the sender's access", probe_load(from),
                    mode == ITEM_MOVE ? -EFAULT : page_byte(mode, 0, 0));
        if (mode == ITEM_COW)
            store_at(from, 1);
        space_expect(at, 2, mode);
        check_error("occupied",
                    item_transfer(space, at + PAGE_SIZE, base, 1, mode, RW),
                    ENOSPC);
    }
    check_error("lend", item_transfer(space, 0, base, 1, ITEM_LEND, RW),
                EINVAL);
    check_error("window", item_transfer(space, 0, base, 1, ITEM_WINDOW, RW),
                EINVAL);
    check_error("not a page", item_transfer(space, 8, base, 1, ITEM_COW, RW),
                EINVAL);
    check_error("the kernel's half",
                item_transfer(space, -4096ull, base, 1, ITEM_COW, RW), ENOSPC);
    struct service other = service_make(1);
    check_error("not a space",
                item_transfer(other.endpoint, 0, base, 1, ITEM_COW, RW), EBADF);
    check_error("no handle", item_transfer(99, 0, base, 1, ITEM_COW, RW),
                EBADF);
    check_ok("close", sys_handle_close(space));
    check_error("closed", item_transfer(space, 0, base, 1, ITEM_COW, RW),
                EBADF);
}

/* Two items, one behind the other, are more than can go at once: the next
 * transfer finds everything as it was. */
static void check_other_undo(void) {
    space = check_ok("space_create", sys_space_create());
    check_ok("transfer",
             item_transfer(space, PLACE, pages_make(1, 1), 1, ITEM_COW, RW));
    for (unsigned mode = ITEM_COW; mode >= ITEM_MOVE; mode--) {
        uint8_t *base = pages_make(600, 2);
        struct message m = {.tag = tag_make(0, 1, 0, 3),
                            .words = {PLACE + PAGE_SIZE}};
        item_set(&m, 0, base, 2, mode, RW);
        item_set(&m, 1, base + 2 * PAGE_SIZE, 298, mode, RW);
        item_set(&m, 2, base + 300 * PAGE_SIZE, 300, mode, RW);
        check_error("600 pages", ipc_transfer(space, &m), EMSGSIZE);
        pages_expect((uint64_t)base, 600, 2);
        space_expect(PLACE, 1, 1);
        check_equal("2 pages where they would have been",
                    item_transfer(space, PLACE + PAGE_SIZE, base, 2, mode, RW),
                    (int64_t)(PLACE + PAGE_SIZE));
        space_expect(PLACE + PAGE_SIZE, 2, 2);
        check_ok("unmap", sys_unmap(space, PLACE + PAGE_SIZE, 2 * PAGE_SIZE));
    }
}

/* ---- A program made of transferred pages ---- */

extern const char exit_start[], exit_end[];
__asm__(".section .rodata\n"
        ".balign 8\n"
        "exit_start: ld a0, 0(sp); add a0, a0, a1; li a7, 31; ecall\n"
        "exit_end:\n"
        ".text\n");
_Static_assert(SYS_EXIT == 31, "the program above knows the number");

/* Exits with what lies at the start of its data, and its second argument. */
static void run_transferred(uint64_t mode) {
    uint8_t *code = pages_make(1, 0), *data = pages_make(1, 0);
    for (const char *at = exit_start; at < exit_end; at++)
        code[at - exit_start] = (uint8_t)*at;
    *(uint64_t *)data = 40;
    check_ok("protect",
             sys_protect(HANDLE_SELF, (uint64_t)code, PAGE_SIZE, RX));
    space = check_ok("space_create", sys_space_create());
    check_ok("code", item_transfer(space, PLACE, code, 1, mode, RX));
    check_ok("data",
             item_transfer(space, PLACE + PAGE_SIZE, data, 1, mode, RW));
    struct sys_start start = {.entry = PLACE,
                              .stack = PLACE + PAGE_SIZE,
                              .arg1 = 2,
                              .heap = 0x400000};
    check_ok("commit", sys_space_commit(space, &start));
}

static void check_program(void) {
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++)
        peer_end_with(peer_start(run_transferred, mode), 42);
}

static const struct check checks[] = {
    {"self", "each mode within one space", check_self},
    {"beside", "a range moves to where it touches itself", check_beside},
    {"beside_undo", "what cannot move does not, whatever it touches",
     check_beside_undo},
    {"bound", "four items, 512 pages at once and not one more, touched or not",
     check_bound},
    {"other", "each mode into a space being built, and its errors",
     check_other},
    {"other_undo", "items that are taken back out of another space",
     check_other_undo},
    {"program", "a program of moved, shared or copied pages runs",
     check_program},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
