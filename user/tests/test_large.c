/* SPDX-License-Identifier: MIT */
/*
 * tests/test_large.c: megapages: they come, move whole, and split.
 */
#include "tests/paging.h"

enum {
    LARGE_PAGES = 512,
    LARGE = LARGE_PAGES * PAGE_SIZE,
};

static struct service service;

/* `count` megapages, each touched. */
static uint64_t large_map(uint64_t count) {
    uint64_t base = (uint64_t)check_ok(
        "map", sys_map(HANDLE_SELF, 0, count * LARGE, RW | MAP_LARGE, -1, 0));
    check_equal("alignment", (int64_t)(base % LARGE), 0);
    for (uint64_t i = 0; i < count; i++)
        store_at(base + i * LARGE, (uint8_t)(i + 1));
    return base;
}

/* One page per table; a megapage has none. */
static void check_comes(void) {
    uint64_t zeros = counter(COUNTER_FAULT_ZERO);
    int64_t before = frames_free();
    uint64_t base = large_map(2);
    check_equal("faults", (int64_t)(counter(COUNTER_FAULT_ZERO) - zeros), 2);
    check_true("frames", before - frames_free() >= 2 * LARGE_PAGES &&
                             before - frames_free() < 2 * LARGE_PAGES + 8);
    for (uint64_t page = 1; page < 2 * LARGE_PAGES; page++)
        if (page != LARGE_PAGES)
            check_equal("zero", load_at(base + page * PAGE_SIZE + page), 0);
    check_ok("unmap", sys_unmap(HANDLE_SELF, base, 2 * LARGE));
    check_true("frames are back", before - frames_free() < 8);
    peer_dies(touch_load, base);
}

/* What cannot be a megapage is small pages. */
static void check_small(void) {
    uint64_t zeros = counter(COUNTER_FAULT_ZERO);
    uint64_t base =
        (uint64_t)check_ok("map", sys_map(HANDLE_SELF, 0, LARGE - PAGE_SIZE,
                                          RW | MAP_LARGE, -1, 0));
    store_at(base, 1);
    store_at(base + LARGE - 2 * PAGE_SIZE, 1);
    check_equal("faults", (int64_t)(counter(COUNTER_FAULT_ZERO) - zeros), 2);
    check_error(
        "with a stack",
        sys_map(HANDLE_SELF, 0, LARGE, RW | MAP_LARGE | MAP_STACK, -1, 0),
        EINVAL);
}

static void check_readonly(void) {
    uint64_t zeros = counter(COUNTER_FAULT_ZERO);
    uint64_t base = (uint64_t)check_ok(
        "map", sys_map(HANDLE_SELF, 0, LARGE, RO | MAP_LARGE, -1, 0));
    check_equal("zero", load_at(base + LARGE - 1), 0);
    check_equal("faults", (int64_t)(counter(COUNTER_FAULT_ZERO) - zeros), 1);
    probe_begin();
    check_error("store", probe_store(base, 1), EFAULT);
    check_ok("unmap", sys_unmap(HANDLE_SELF, base + PAGE_SIZE, PAGE_SIZE));
    check_error("store to a part", probe_store(base, 1), EFAULT);
}

/* ---- Moving ---- */

static void mover(uint64_t unused) {
    (void)unused;
    uint64_t base = large_map(2);
    store_at(base + LARGE + 5000, 77);
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    item_set(&m, 0, (void *)(base + LARGE), LARGE_PAGES, ITEM_MOVE, RW);
    check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
    check_equal("the first stays", load_at(base), 1);
    peer_dies(touch_load, base + LARGE);
}

static void check_move(void) {
    struct message m;
    service = service_make(1);
    check_ok("accept", sys_accept(0, 0, 0, LARGE_PAGES, 0, HANDLE_RECEIVED));
    int64_t client = peer_start(mover, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    uint64_t faults = counter(COUNTER_FAULT_ZERO);
    check_equal("first byte", load_at(m.item_base), 2);
    check_equal("a byte", load_at(m.item_base + 5000), 77);
    store_at(m.item_base + LARGE - 1, 9);
    check_equal("faults", (int64_t)(counter(COUNTER_FAULT_ZERO) - faults), 0);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(client);
    check_equal("last byte", load_at(m.item_base + LARGE - 1), 9);
    check_ok("unmap", sys_unmap(HANDLE_SELF, m.item_base, LARGE));
}

/* Part of one, to a place in the same space. */
static void check_part(void) {
    uint64_t base = large_map(1);
    store_at(base + 7 * PAGE_SIZE, 70);
    struct message m = {.tag = tag_make(0, 1, 0, 1)};
    item_set(&m, 0, (void *)(base + 7 * PAGE_SIZE), 1, ITEM_MOVE, RW);
    check_equal("transfer", ipc_transfer(HANDLE_SELF, &m), 0);
    check_equal("moved", load_at(m.item_base), 70);
    peer_dies(touch_load, base + 7 * PAGE_SIZE);
    check_equal("its neighbour", load_at(base + 8 * PAGE_SIZE), 0);
    check_equal("the first", load_at(base), 1);
}

/* ---- Splitting ---- */

static void writer(uint64_t base) {
    check_equal("inherited", load_at(base), 1);
    store_at(base, 50);
    store_at(base + LARGE - 1, 51);
    check_equal("zero", load_at(base + 3 * PAGE_SIZE), 0);
}

static void check_fork(void) {
    uint64_t base = large_map(3);
    uint64_t copies = counter(COUNTER_COW_COPY);
    peer_end(peer_start(writer, base));
    check_equal("copies", (int64_t)(counter(COUNTER_COW_COPY) - copies) >= 2,
                1);
    check_equal("mine", load_at(base), 1);
    check_equal("mine", load_at(base + LARGE - 1), 0);
    store_at(base, 3);
    check_equal("mine", load_at(base + 2 * LARGE), 3);
}

static void check_unmap_part(void) {
    uint64_t base = large_map(3);
    store_at(base + 2 * LARGE + 10 * PAGE_SIZE, 66);
    check_ok("unmap", sys_unmap(HANDLE_SELF, base + 10 * PAGE_SIZE, 2 * LARGE));
    check_equal("before", load_at(base + 9 * PAGE_SIZE), 0);
    check_equal("first", load_at(base), 1);
    peer_dies(touch_load, base + 10 * PAGE_SIZE);
    peer_dies(touch_load, base + LARGE);
    peer_dies(touch_load, base + 2 * LARGE + 9 * PAGE_SIZE);
    check_equal("behind", load_at(base + 2 * LARGE + 10 * PAGE_SIZE), 66);
}

static void check_protect(void) {
    uint64_t base = large_map(2);
    check_ok("protect", sys_protect(HANDLE_SELF, base + LARGE, LARGE, RO));
    pages_readonly(base + LARGE, 2);
    store_at(base, 4);
    check_ok("protect",
             sys_protect(HANDLE_SELF, base + PAGE_SIZE, PAGE_SIZE, PROT_NONE));
    peer_dies(touch_load, base + PAGE_SIZE);
    check_equal("first", load_at(base), 4);
    store_at(base + 2 * PAGE_SIZE, 4);
}

static void lender(uint64_t base) {
    for (unsigned mode = ITEM_SHARE; mode <= ITEM_LEND; mode++) {
        struct message m = {.tag = tag_make(1, 0, 0, 1)};
        item_set(&m, 0, (void *)(base + mode * 2 * PAGE_SIZE), 2, mode, RW);
        check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
    }
    check_equal("shared", load_at(base + ITEM_SHARE * 2 * PAGE_SIZE), 60);
    check_equal("copied", load_at(base + ITEM_COW * 2 * PAGE_SIZE), 0);
    check_equal("lent", load_at(base + ITEM_LEND * 2 * PAGE_SIZE), 60);
}

static void lender_start(uint64_t unused) {
    (void)unused;
    uint64_t window = large_map(1);
    for (unsigned rights = ITEM_READ; rights <= ITEM_WRITE; rights++) {
        struct message m = {.tag = tag_make(1, 0, 0, 1)};
        message_item(&m, 0, window, item_make(LARGE, ITEM_WINDOW, rights));
        check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
        window = rights == ITEM_READ ? large_map(1) : window;
    }
    check_equal("copied", load_at(window + 1), 33);
    lender(large_map(1));
}

static void check_items(void) {
    struct message m;
    uint8_t bytes[16] = {0};
    service = service_make(1);
    check_ok("accept", sys_accept(0, 0, 0, 8, 0, HANDLE_RECEIVED));
    int64_t client = peer_start(lender_start, 0);
    for (uint64_t what = COPY_IN; what; what = what == COPY_IN ? COPY_OUT : 0) {
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        check_equal("copy", ipc_copy(HANDLE_IMPLICIT, what, 0, bytes, 16).error,
                    0);
        check_equal("byte", bytes[0], 1);
        bytes[1] = 33;
        check_equal("reply", service_answer(0, 0), 0);
    }
    for (unsigned mode = ITEM_SHARE; mode <= ITEM_LEND; mode++) {
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        check_equal("zero", load_at(m.item_base), 0);
        store_at(m.item_base, 60);
        check_equal("reply", service_answer(0, 0), 0);
    }
    peer_end(client);
}

/* ---- More than one step, and edges ---- */

/* More megapages than are split in one step. */
static void check_many(void) {
    enum { MANY = 6 };
    uint64_t base = large_map(MANY);
    check_equal("protect", sys_protect(HANDLE_SELF, base, MANY * LARGE, RO), 0);
    for (uint64_t i = 0; i < MANY; i++) {
        check_equal("byte", load_at(base + i * LARGE), (int64_t)i + 1);
        pages_readonly(base + (i + 1) * LARGE - PAGE_SIZE, 1);
    }
    check_equal("protect", sys_protect(HANDLE_SELF, base, MANY * LARGE, RW), 0);
    store_at(base + MANY * LARGE - 1, 3);
}

/* A region that neither begins nor ends at a megapage, between others. */
static void check_edges(void) {
    uint64_t base =
        (uint64_t)check_ok("map", sys_map(HANDLE_SELF, 0, 4 * LARGE,
                                          PROT_NONE | MAP_LARGE, -1, 0));
    check_ok("unmap", sys_unmap(HANDLE_SELF, base, 4 * LARGE));
    uint64_t start = base + 5 * PAGE_SIZE, length = 3 * LARGE;
    check_ok("below",
             sys_map(HANDLE_SELF, base, 5 * PAGE_SIZE, RO | MAP_FIXED, -1, 0));
    check_ok("above", sys_map(HANDLE_SELF, start + length, PAGE_SIZE,
                              RO | MAP_FIXED, -1, 0));
    check_ok("map", sys_map(HANDLE_SELF, start, length,
                            RW | MAP_FIXED | MAP_LARGE, -1, 0));
    uint64_t zeros = counter(COUNTER_FAULT_ZERO);
    store_at(start, 1);
    store_at(start + length - 1, 1);
    store_at(base + LARGE, 1);
    store_at(base + 3 * LARGE - 1, 1);
    check_equal("faults", (int64_t)(counter(COUNTER_FAULT_ZERO) - zeros), 4);
    store_at(base + 2 * LARGE - 1, 1);
    check_equal("no more", (int64_t)(counter(COUNTER_FAULT_ZERO) - zeros), 4);
    probe_begin();
    check_error("below", probe_store(start - 1, 1), EFAULT);
    check_error("above", probe_store(start + length, 1), EFAULT);
}

/* ---- What was moved ---- */

static void receiver_uses(uint64_t base) {
    check_ok("protect",
             sys_protect(HANDLE_SELF, base + PAGE_SIZE, PAGE_SIZE, RO));
    check_error("store", probe_store(base + PAGE_SIZE, 1), EFAULT);
    store_at(base + 2 * PAGE_SIZE, 5);
    check_equal("byte", load_at(base + 7 * PAGE_SIZE), 70);
    check_ok("unmap", sys_unmap(HANDLE_SELF, base + LARGE / 2, LARGE / 2));
    check_error("load", probe_load(base + LARGE - 1), EFAULT);
}

/* Through a window: whole, not at a multiple of 2 MiB, and with fewer rights.
 */
static void check_window(void) {
    static const uint64_t windows[] = {1ull << 37, (1ull << 37) + PAGE_SIZE};
    probe_begin();
    for (unsigned i = 0; i < 4; i++) {
        unsigned rights = i & 2 ? RO : RW;
        uint64_t base = large_map(1), to = windows[i & 1];
        store_at(base + 7 * PAGE_SIZE, 70);
        check_equal("transfer",
                    item_transfer(HANDLE_SELF, to, (void *)base, LARGE_PAGES,
                                  ITEM_MOVE, rights),
                    (int64_t)to);
        check_error("load", probe_load(base), EFAULT);
        check_equal("first", load_at(to), 1);
        if (rights == RO)
            check_error("store", probe_store(to, 1), EFAULT);
        else
            receiver_uses(to);
        check_ok("unmap", sys_unmap(HANDLE_SELF, to, LARGE));
    }
}

/* ---- While it is filled ---- */

static uint64_t filling;

static void filler(uint64_t unused) {
    (void)unused;
    sys_thread_priority(0, 1);
    store_at(filling, 44);
}

static void forked_look(uint64_t unused) {
    (void)unused;
    int64_t first = load_at(filling);
    check_true("first", first == 0 || first == 44);
    store_at(filling, 50);
    pages_expect_zero(filling + PAGE_SIZE, 3);
}

/* What another thread does to the region meanwhile. */
static void interfere(unsigned how) {
    const uint64_t half = filling + LARGE / 2;
    if (how == 0)
        check_ok("unmap", sys_unmap(HANDLE_SELF, half, LARGE / 2));
    else if (how == 1)
        check_ok("protect", sys_protect(HANDLE_SELF, half, LARGE / 2, RO));
    else if (how == 2)
        peer_end(peer_start(forked_look, 0));
    else
        check_ok("move",
                 item_transfer(HANDLE_SELF, 0, (void *)half, 3, ITEM_MOVE, RW));
}

static void fill_and_interfere(uint64_t arg) {
    uint64_t units = sys_system_info(INFO_TIMEBASE, 0).value[0] / 100000;
    filling = (uint64_t)check_ok(
        "map", sys_map(HANDLE_SELF, 0, LARGE, RW | MAP_LARGE, -1, 0));
    int64_t other = thread_start(filler, 0);
    sys_sleep(time_now() + arg / 4 * units);
    interfere(arg % 4);
    thread_end(other);
    check_equal("stored", load_at(filling), 44);
    pages_expect_zero(filling + PAGE_SIZE, 3);
    frames_check();
}

static void check_filling(void) {
    for (uint64_t delay = 1; delay < 60; delay += 14)
        for (unsigned how = 0; how < 4; how++)
            peer_end(peer_start(fill_and_interfere, delay * 4 + how));
}

static void toucher(uint64_t number) {
    store_at(filling + number * PAGE_SIZE, (uint8_t)(number + 1));
}

/* Several threads need it at once: it is filled once. */
static void check_threads(void) {
    enum { TOUCHERS = 4 };
    int64_t threads[TOUCHERS];
    for (unsigned round = 0; round < 4; round++) {
        int64_t before = frames_free();
        filling = (uint64_t)check_ok(
            "map", sys_map(HANDLE_SELF, 0, LARGE, RW | MAP_LARGE, -1, 0));
        for (unsigned i = 0; i < TOUCHERS; i++)
            threads[i] = thread_start(toucher, i);
        for (unsigned i = 0; i < TOUCHERS; i++)
            thread_end(threads[i]);
        for (unsigned i = 0; i < TOUCHERS; i++)
            check_equal("stored", load_at(filling + i * PAGE_SIZE), i + 1);
        check_true("frames", before - frames_free() < LARGE_PAGES + 64);
        check_ok("unmap", sys_unmap(HANDLE_SELF, filling, LARGE));
    }
}

/* ---- Memory ---- */

/* Whatever allocation fails, the page is there in the end, small or large. */
static void check_failures(void) {
    for (uint64_t k = 1; k <= 6; k++) {
        uint64_t base = (uint64_t)check_ok(
            "map", sys_map(HANDLE_SELF, 0, LARGE, RW | MAP_LARGE, -1, 0));
        sys_debug(DEBUG_FAIL_ALLOC, k);
        int64_t child = sys_fork();
        if (child == 0) {
            store_at(base + 5, 1);
            sys_exit(0);
        }
        sys_debug(DEBUG_FAIL_ALLOC, 0);
        if (child > 0)
            sys_wait(child, DEADLINE_NONE);
        store_at(base + 5, 2);
        sys_debug(DEBUG_FAIL_ALLOC, k);
        int64_t result = sys_protect(HANDLE_SELF, base, PAGE_SIZE, RO);
        sys_debug(DEBUG_FAIL_ALLOC, 0);
        check_true("protect", result == 0 || result == -ENOMEM);
        check_equal("byte", load_at(base + 5), 2);
        check_ok("unmap", sys_unmap(HANDLE_SELF, base, LARGE));
    }
}

static void half_filled(uint64_t unused) {
    (void)unused;
    uint64_t base = (uint64_t)check_ok(
        "map", sys_map(HANDLE_SELF, 0, LARGE, RW | MAP_LARGE, -1, 0));
    sys_thread_priority(0, 1);
    store_at(base, 1);
}

/* Killed while its megapage is being zeroed: no frame is lost. */
static void check_killed(void) {
    uint64_t units = sys_system_info(INFO_TIMEBASE, 0).value[0] / 100000;
    for (uint64_t delay = 1; delay < 60; delay += 7) {
        int64_t pid = peer_start(half_filled, 0);
        sys_sleep(time_now() + delay * units);
        sys_kill(pid);
        sys_wait(pid, DEADLINE_NONE);
    }
}

static const struct check checks[] = {
    {"comes", "a megapage is two million zeros, and free again", check_comes},
    {"small", "what cannot be a megapage is small pages", check_small},
    {"readonly", "one that cannot be written is zeros, too", check_readonly},
    {"move", "a megapage moves whole", check_move},
    {"part", "part of a megapage moves as small pages", check_part},
    {"fork", "fork splits, and copies on write", check_fork},
    {"unmap_part", "part of a megapage can be unmapped", check_unmap_part},
    {"protect", "part of a megapage can be protected", check_protect},
    {"items", "shared, copied, lent and read by SYS_COPY", check_items},
    {"many", "many megapages split in steps", check_many},
    {"edges", "a megapage keeps within its region", check_edges},
    {"window", "a megapage goes through windows, with the rights stated",
     check_window},
    {"filling", "a region may change while its megapage is filled",
     check_filling},
    {"threads", "threads that touch a megapage at once fill one",
     check_threads},
    {"failures", "failed allocations lose nothing", check_failures},
    {"killed", "a process killed while one is zeroed loses nothing",
     check_killed},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
