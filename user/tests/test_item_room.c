/* SPDX-License-Identifier: MIT */
/*
 * tests/test_item_room.c: where items go, how many, and from what ranges.
 *
 * A message that the receiver cannot take fails at its sender, whichever of the
 * two came first; the receiver goes on waiting and takes the next one.
 */
#include "tests/paging.h"
#include "tests/raw.h"

#define WINDOW 0x2340000000ull

static struct service service;

static void prepare(uint64_t window, uint64_t pages, unsigned most) {
    service = service_make(1);
    probe_begin();
    check_ok("accept", sys_accept(0, window, pages * PAGE_SIZE, most, 0,
                                  HANDLE_RECEIVED));
}

static int64_t call_item(const void *base, uint64_t pages, enum item_mode mode,
                         unsigned rights) {
    return item_call(service.session, base, pages, mode, rights);
}

/* Receives and answers what one item brought; where it is. */
static uint64_t take(uint64_t pages) {
    uint64_t base = item_receive(service.endpoint, pages);
    check_equal("reply", service_answer(0, 0), 0);
    return base;
}

/* Runs a client before the receive, so that it waits there, or after it. */
static int64_t client_start(void (*run)(uint64_t), uint64_t arg, bool first) {
    int64_t pid = peer_start(run, arg);
    if (first)
        pause_ms(SETTLE_MS);
    return pid;
}

/* ---- The window ---- */

static void fill_window(uint64_t unused) {
    (void)unused;
    static const uint8_t pages[] = {1, 3, 2, 2};
    for (unsigned i = 0; i < sizeof(pages); i++)
        check_equal(
            "call",
            call_item(pages_make(pages[i], i), pages[i], ITEM_MOVE + i % 3, RW),
            0);
    uint8_t *page = pages_make(1, 4);
    check_error("the window is used up", call_item(page, 1, ITEM_MOVE, RW),
                EMSGSIZE);
    pages_expect((uint64_t)page, 1, 4);
    step_call(service.session);
}

static void check_window(void) {
    for (unsigned first = 0; first < 2; first++) {
        prepare(WINDOW, 8, 8);
        int64_t pid = client_start(fill_window, 0, first);
        check_equal("first", (int64_t)take(1), WINDOW);
        check_equal("second", (int64_t)take(3), WINDOW + PAGE_SIZE);
        check_equal("third", (int64_t)take(2), WINDOW + 4 * PAGE_SIZE);
        check_equal("fourth", (int64_t)take(2), WINDOW + 6 * PAGE_SIZE);
        pages_expect(WINDOW, 1, 0);
        pages_expect(WINDOW + PAGE_SIZE, 3, 1);
        pages_expect(WINDOW + 4 * PAGE_SIZE, 2, 2);
        pages_expect(WINDOW + 6 * PAGE_SIZE, 2, 3);
        step_answer(service.endpoint);
        peer_end(pid);
        check_ok("unmap", sys_unmap(HANDLE_SELF, WINDOW, 8 * PAGE_SIZE));
    }
}

static void check_accept(void) {
    check_error("kind", sys_accept(2, 0, 0, 0, 0, 16), EINVAL);
    check_error("not a page", sys_accept(0, WINDOW + 8, PAGE_SIZE, 1, 0, 16),
                EINVAL);
    check_error("part of a page", sys_accept(0, WINDOW, 100, 1, 0, 16), EINVAL);
    check_error("the null page", sys_accept(0, PAGE_SIZE, PAGE_SIZE, 1, 0, 16),
                EINVAL);
    check_error("beyond",
                sys_accept(0, USER_END - PAGE_SIZE, 2 * PAGE_SIZE, 1, 0, 16),
                EINVAL);
    check_error("the kernel's half",
                sys_accept(0, -4096ull, PAGE_SIZE, 1, 0, 16), EINVAL);
    check_error("wraps", sys_accept(0, WINDOW, -4096ull, 1, 0, 16), EINVAL);
}

/* A fresh thread takes none. */
static void one_page(uint64_t result) {
    uint8_t *page = pages_make(1, 4);
    check_equal("call", call_item(page, 1, ITEM_COW, RW), (int64_t)result);
    pages_expect((uint64_t)page, 1, 4);
    pages_fill(page, 1, 5);
    step_call(service.session);
}

static void check_fresh(void) {
    for (unsigned first = 0; first < 2; first++) {
        service = service_make(1);
        int64_t pid = client_start(one_page, -EMSGSIZE, first);
        step_answer(service.endpoint);
        peer_end(pid);
    }
}

static void up_to_four(uint64_t unused) {
    (void)unused;
    struct message m;
    uint8_t *pages = pages_make(8, 6);
    check_error("5", call_item(pages, 5, ITEM_MOVE, RW), EMSGSIZE);
    m = (struct message){.tag = tag_make(0, 0, 0, 2)};
    item_set(&m, 0, pages, 2, ITEM_SHARE, RW);
    item_set(&m, 1, pages + 2 * PAGE_SIZE, 3, ITEM_COW, RW);
    check_error("2 and 3", ipc_call(service.session, &m, DEADLINE_NONE),
                EMSGSIZE);
    check_error("far too many",
                call_item(pages, ITEM_LENGTH_MASK >> PAGE_SHIFT, ITEM_MOVE, RW),
                EMSGSIZE);
    pages_expect((uint64_t)pages, 8, 6);
    check_equal("4", call_item(pages, 4, ITEM_MOVE, RW), 0);
}

static void check_most(void) {
    for (unsigned first = 0; first < 2; first++) {
        prepare(0, 0, 4);
        int64_t pid = client_start(up_to_four, 0, first);
        pages_expect(take(4), 4, 6);
        peer_end(pid);
    }
}

/* A window between two mappings, touching both. */
static void check_between(void) {
    probe_begin();
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        uint8_t *low = (uint8_t *)check_ok(
            "map",
            sys_map(HANDLE_SELF, WINDOW, 2 * PAGE_SIZE, RW | MAP_FIXED, -1, 0));
        uint8_t *high = (uint8_t *)check_ok(
            "map", sys_map(HANDLE_SELF, WINDOW + 4 * PAGE_SIZE, 2 * PAGE_SIZE,
                           RW | MAP_FIXED, -1, 0));
        pages_fill(low, 2, 1);
        pages_fill(high, 2, 3);
        prepare(WINDOW + 2 * PAGE_SIZE, 2, 8);
        int64_t pid = check_ok("fork", sys_fork());
        if (pid == 0) {
            check_equal("call", call_item(pages_make(2, 2), 2, mode, RW), 0);
            sys_exit(0);
        }
        check_equal("base", (int64_t)take(2), WINDOW + 2 * PAGE_SIZE);
        peer_end(pid);
        for (unsigned i = 0; i < 3; i++)
            pages_expect(WINDOW + 2 * i * PAGE_SIZE, 2, 1 + i);
        check_ok("unmap", sys_unmap(HANDLE_SELF, WINDOW, 6 * PAGE_SIZE));
    }
}

static void into_occupied(uint64_t unused) {
    (void)unused;
    uint8_t *pages = pages_make(4, 8);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        struct message m = {.tag = tag_make(0, 0, 0, 2)};
        item_set(&m, 0, pages, 2, mode, RW);
        item_set(&m, 1, pages + 2 * PAGE_SIZE, 2, mode, RW);
        check_error("call", ipc_call(service.session, &m, DEADLINE_NONE),
                    ENOSPC);
        pages_expect((uint64_t)pages, 4, 8);
        pages_fill(pages, 4, 8);
    }
    step_call(service.session);
}

/* One page of the receiver's lies in the window, somewhere. */
static void check_occupied(void) {
    for (uint64_t at = 0; at < 4; at++) {
        prepare(WINDOW, 4, 8);
        uint8_t *mine = (uint8_t *)check_ok(
            "map", sys_map(HANDLE_SELF, WINDOW + at * PAGE_SIZE, PAGE_SIZE,
                           PROT_READ | PROT_WRITE | MAP_FIXED, -1, 0));
        pages_fill(mine, 1, 9);
        int64_t pid = client_start(into_occupied, 0, at % 2);
        step_answer(service.endpoint);
        peer_end(pid);
        pages_expect((uint64_t)mine, 1, 9);
        for (uint64_t i = 0; i < 4; i++)
            if (i != at)
                check_error("the rest of the window",
                            probe_load(WINDOW + i * PAGE_SIZE), EFAULT);
        check_ok("unmap", sys_unmap(HANDLE_SELF, WINDOW, 4 * PAGE_SIZE));
        /* The window is as it was. */
        pid = peer_start(one_page, 0);
        check_equal("base", (int64_t)take(1), WINDOW);
        step_answer(service.endpoint);
        peer_end(pid);
        check_ok("unmap", sys_unmap(HANDLE_SELF, WINDOW, 4 * PAGE_SIZE));
    }
}

/* The page below a stack is not free either. */
static void check_guard(void) {
    prepare(WINDOW, 1, 8);
    check_ok("map", sys_map(HANDLE_SELF, WINDOW + PAGE_SIZE, PAGE_SIZE,
                            RW | MAP_FIXED | MAP_STACK, -1, 0));
    int64_t pid = peer_start(one_page, -ENOSPC);
    step_answer(service.endpoint);
    peer_end(pid);
    check_error("the guard", probe_load(WINDOW), EFAULT);
}

/* ---- Ranges ---- */

static int64_t self_item(const void *base, uint64_t pages, enum item_mode mode,
                         unsigned rights) {
    return item_transfer(HANDLE_SELF, 0, base, pages, mode, rights);
}

/* Four pages in three regions: writable, read only, writable. */
static uint8_t *regions_make(uint64_t pattern) {
    uint8_t *base = pages_make(4, pattern);
    check_ok("protect", sys_protect(HANDLE_SELF, (uint64_t)base + PAGE_SIZE,
                                    PAGE_SIZE, RO));
    return base;
}

static void check_regions(void) {
    probe_begin();
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        uint8_t *base = regions_make(2);
        check_error("rights", self_item(base, 4, mode, RW), EPERM);
        pages_expect((uint64_t)base, 4, 2);
        check_equal("mine", probe_store((uint64_t)base, base[0]), 0);
        check_error("not mine", probe_store((uint64_t)base + PAGE_SIZE, 1),
                    EFAULT);
        int64_t got = check_ok("transfer", self_item(base, 4, mode, RO));
        pages_expect((uint64_t)got, 4, 2);
        for (unsigned i = 0; i < 4; i++)
            check_error("the receiver's",
                        probe_store((uint64_t)got + i * PAGE_SIZE, 1), EFAULT);
        if (mode != ITEM_MOVE)
            check_equal("mine", probe_store((uint64_t)base, 1), 0);
    }
}

static void check_hole(void) {
    probe_begin();
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_LEND; mode++)
        for (uint64_t at = 0; at < 4; at++) {
            uint8_t *base = pages_make(4, 3);
            uint64_t hole = (uint64_t)base + at * PAGE_SIZE;
            check_ok("unmap", sys_unmap(HANDLE_SELF, hole, PAGE_SIZE));
            check_error("a hole", self_item(base, 4, mode, RW),
                        mode == ITEM_LEND ? EINVAL : EFAULT);
            for (uint64_t i = 0; i < 4; i++)
                if (i == at)
                    check_error("still a hole", probe_load(hole), EFAULT);
                else
                    page_expect((uint64_t)base + i * PAGE_SIZE, 3, i);
        }
}

/* Pages around the range, in the same region, do not notice. */
static void check_neighbours(void) {
    probe_begin();
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        uint8_t *base = pages_make(5, 4);
        uint64_t copied = counter(COUNTER_COW_COPY);
        uint64_t reused = counter(COUNTER_COW_REUSE);
        int64_t got =
            check_ok("transfer", item_transfer(HANDLE_SELF, WINDOW,
                                               base + PAGE_SIZE, 3, mode, RO));
        for (uint64_t i = 0; i < 3; i++)
            page_expect((uint64_t)got + i * PAGE_SIZE, 4, i + 1);
        page_expect((uint64_t)base, 4, 0);
        page_expect((uint64_t)base + 4 * PAGE_SIZE, 4, 4);
        base[PAGE_SIZE - 1] = base[4 * PAGE_SIZE] = 1;
        check_equal("faults",
                    (int64_t)(counter(COUNTER_COW_COPY) - copied +
                              counter(COUNTER_COW_REUSE) - reused),
                    0);
        check_error("below", probe_load((uint64_t)got - PAGE_SIZE), EFAULT);
        check_error("above", probe_load((uint64_t)got + 3 * PAGE_SIZE), EFAULT);
        check_ok("unmap", sys_unmap(HANDLE_SELF, (uint64_t)got, 3 * PAGE_SIZE));
    }
}

/* Untouched pages cross without a frame, as far as the mode allows. */
static void check_lazy(void) {
    enum { PAGES = 40 };
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        uint8_t *base = pages_map(PAGES);
        base[3 * PAGE_SIZE] = 7;
        uint64_t zeroed = counter(COUNTER_FAULT_ZERO);
        int64_t frames = frames_free();
        int64_t got = check_ok("transfer", self_item(base, PAGES, mode, RW));
        int64_t made = mode == ITEM_SHARE ? PAGES - 1 : 0;
        check_equal("pages made",
                    (int64_t)(counter(COUNTER_FAULT_ZERO) - zeroed), made);
        int64_t taken = frames - frames_free();
        check_true("frames taken", taken >= made && taken <= made + 3);
        check_equal("touched", load_at((uint64_t)got + 3 * PAGE_SIZE), 7);
        store_at((uint64_t)got + 3 * PAGE_SIZE, 0);
        pages_expect_zero((uint64_t)got, PAGES);
        store_at((uint64_t)got + 9 * PAGE_SIZE, 8);
        if (mode != ITEM_MOVE)
            check_equal("the sender's", base[9 * PAGE_SIZE],
                        mode == ITEM_SHARE ? 8 : 0);
    }
}

/* ---- Several items ---- */

/* What this message, of items alone, leads to in this space. */
static struct registers raw_items(unsigned count, uint64_t base[4],
                                  const uint64_t desc[4]) {
    struct registers r = {
        .a = {(uint64_t)HANDLE_SELF, tag_make(0, 0, 0, count)}};
    r.a[7] = SYS_TRANSFER;
    r.t[4] = base[0];
    r.t[5] = desc[0];
    r.t[1] = base[1];
    r.t[2] = desc[1];
    r.a[6] = base[2];
    r.t[0] = desc[2];
    r.a[4] = base[3];
    r.a[5] = desc[3];
    raw_trap(&r);
    return r;
}

/* Of four items one, each in turn, is bad in each way: it is named, and none
 * has gone. */
static void check_named(void) {
    static const int errors[] = {EINVAL, EINVAL, EFAULT, EPERM, EINVAL};
    probe_begin();
    uint8_t *pages = pages_make(8, 5);
    uint8_t *fixed = pages_make(1, 6);
    check_ok("protect",
             sys_protect(HANDLE_SELF, (uint64_t)fixed, PAGE_SIZE, RO));
    for (unsigned bad = 0; bad < 4; bad++)
        for (unsigned way = 0; way < 5; way++) {
            uint64_t base[4], desc[4];
            for (unsigned i = 0; i < 4; i++) {
                base[i] = (uint64_t)pages + 2 * i * PAGE_SIZE;
                desc[i] = item_make(2 * PAGE_SIZE, ITEM_MOVE + i % 3, RW);
            }
            if (way == 0)
                base[bad] += 16;
            if (way == 1)
                desc[bad] |= 1ull << 50;
            if (way == 2)
                base[bad] = WINDOW;
            if (way == 3)
                base[bad] = (uint64_t)fixed,
                desc[bad] = item_make(PAGE_SIZE, ITEM_COW, RW);
            if (way == 4)
                base[bad] = USER_END - PAGE_SIZE;
            struct registers r = raw_items(4, base, desc);
            check_error("transfer", (int64_t)r.a[0], errors[way]);
            check_equal("the item", (int64_t)r.a[1], bad);
            pages_expect((uint64_t)pages, 8, 5);
            for (unsigned i = 0; i < 8; i++)
                check_equal("still writable",
                            probe_store((uint64_t)pages + i * PAGE_SIZE,
                                        page_byte(5, i, 0)),
                            0);
        }
}

static void check_overlap(void) {
    static const uint8_t fine[5][5] = {
        [ITEM_SHARE][ITEM_SHARE] = 1, [ITEM_COW][ITEM_COW] = 1};
    for (unsigned one = ITEM_MOVE; one <= ITEM_COW; one++)
        for (unsigned two = ITEM_MOVE; two <= ITEM_COW; two++)
            for (unsigned by = 0; by < 3; by++) {
                uint8_t *pages = pages_make(5, 5);
                struct message m = {.tag = tag_make(0, 1, 0, 2)};
                item_set(&m, 0, pages + PAGE_SIZE, 2, one, RW);
                item_set(&m, 1, pages + by * PAGE_SIZE, 2, two, RW);
                int64_t result = ipc_transfer(HANDLE_SELF, &m);
                check_equal("transfer", result, fine[one][two] ? 0 : -EINVAL);
                pages_expect((uint64_t)pages, 5, 5);
                if (result == 0)
                    for (unsigned i = 0; i < 2; i++)
                        page_expect(m.words[6] + i * PAGE_SIZE, 5, by + i);
            }
}

static void four_and_window(uint64_t unused) {
    (void)unused;
    static uint8_t text[] = "in the window";
    struct message m = {.tag = tag_make(3, 2, 0, 4), .words = {5, 6}};
    uint8_t *pages = pages_make(6, 7);
    item_set(&m, 0, pages, 1, ITEM_MOVE, RW);
    message_item(&m, 1, (uint64_t)text,
                 item_make(sizeof(text), ITEM_WINDOW, ITEM_READ));
    item_set(&m, 2, pages + PAGE_SIZE, 2, ITEM_SHARE, RO);
    item_set(&m, 3, pages + 3 * PAGE_SIZE, 3, ITEM_COW, RW);
    check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
    pages_gone(pages, 1);
    for (uint64_t i = 1; i < 6; i++)
        page_expect((uint64_t)pages + i * PAGE_SIZE, 7, i);
}

static void check_four(void) {
    char text[14];
    struct message m;
    prepare(WINDOW, 8, 8);
    int64_t pid = peer_start(four_and_window, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("words", tag_words(m.tag), 2);
    check_equal("word", (int64_t)m.words[0], 5);
    check_equal("word", (int64_t)m.words[1], 6);
    check_equal("item 0", (int64_t)m.item_base, WINDOW);
    check_equal("item 1", (int64_t)m.words[6], 0);
    check_equal("item 2", (int64_t)m.words[4], WINDOW + PAGE_SIZE);
    check_equal("item 3", (int64_t)m.words[2], WINDOW + 3 * PAGE_SIZE);
    check_equal("descriptor of item 2", (int64_t)m.words[5],
                (int64_t)item_make(2 * PAGE_SIZE, ITEM_SHARE, RO));
    pages_expect(WINDOW, 6, 7);
    check_error("item 2 may not be written", probe_store(WINDOW + PAGE_SIZE, 1),
                EFAULT);
    struct copy_result got =
        ipc_copy(HANDLE_IMPLICIT, 1 | COPY_IN, 0, text, sizeof(text));
    check_equal("copy from the window", got.error, 0);
    check_equal("text", strcmp(text, "in the window"), 0);
    got = ipc_copy(HANDLE_IMPLICIT, 0 | COPY_IN, 0, text, sizeof(text));
    check_error("copy from what was moved", got.error, EINVAL);
    got = ipc_copy(HANDLE_IMPLICIT, 3 | COPY_OUT, 0, text, sizeof(text));
    check_error("copy to what was copied on write", got.error, EINVAL);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(pid);
}

static const struct check checks[] = {
    {"window",
     "items go into the window one behind the other, until it is "
     "used up",
     check_window},
    {"accept", "windows that cannot be", check_accept},
    {"fresh", "a thread that said nothing takes no pages", check_fresh},
    {"most", "no more pages than the receiver takes", check_most},
    {"between", "a window that touches mappings on both sides", check_between},
    {"occupied", "a window with a page in it: nothing changes", check_occupied},
    {"guard", "a window in a stack's guard", check_guard},
    {"regions", "a range over several regions", check_regions},
    {"hole", "a range with a hole", check_hole},
    {"neighbours", "the pages around a range", check_neighbours},
    {"lazy", "pages that nobody has touched", check_lazy},
    {"named", "the item that is at fault is named, and none goes", check_named},
    {"overlap", "ranges of one message that overlap", check_overlap},
    {"four", "three ranges and a WINDOW in one call", check_four},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
