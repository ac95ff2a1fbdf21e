/* SPDX-License-Identifier: MIT */
/*
 * tests/test_fence.c: how many fences each operation takes, and that what they
 * are for happens: no hart uses a page that it has lost.
 *
 * Idea        A fence is needed where a right is removed, and nowhere else. So
 *             the kernel's counters must have grown by exactly these many. A
 *             space that every hart has been in is fenced on each, and the
 *             others are asked once.
 */
#include "tests/paging.h"

enum {
    FENCE_PAGES = 32, /* vm/asid.h: up to here page by page */
    STEP = 50,        /* vm/space.h: pages a step */
    TABLE = 512,      /* pages below one table */
    ROUNDS = 100,
};

struct fences {
    uint64_t page, space, all, remote;
};

static uint64_t harts = 1; /* that this space has been in */

static struct fences fences_now(void) {
    return (struct fences){
        counter(COUNTER_FENCE_PAGE), counter(COUNTER_FENCE_SPACE),
        counter(COUNTER_FENCE_ALL), counter(COUNTER_FENCE_REMOTE)};
}

/* Since `before`, there were these fences on each hart, and all of a kind were
 * asked for at once. */
static void fences_expect(struct fences before, uint64_t page, uint64_t space,
                          uint64_t rounds) {
    struct fences now = fences_now();
    check_equal("fences of a page", (int64_t)(now.page - before.page),
                (int64_t)(page * harts));
    check_equal("fences of a space", (int64_t)(now.space - before.space),
                (int64_t)(space * harts));
    check_equal("fences of everything", (int64_t)(now.all - before.all), 0);
    check_equal("requests to other harts",
                (int64_t)(now.remote - before.remote),
                harts > 1 ? (int64_t)rounds : 0);
}

/* ---- Every hart has been here ---- */

static uint32_t arrived;
static uint32_t leave;

static uint32_t word_load(const uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void visit(uint64_t hart) {
    check_ok("affinity", sys_thread_affinity(0, 1ull << hart));
    __atomic_fetch_add(&arrived, 1, __ATOMIC_ACQ_REL);
    while (word_load(&leave) == 0)
        pause_ms(1);
}

/* This thread stays on hart 0; others were, or (stay) are, on all. */
static void harts_visit(bool stay) {
    harts = sys_system_info(INFO_HARTS, 0).value[0];
    check_ok("affinity", sys_thread_affinity(0, 1));
    int64_t tid[8];
    for (uint64_t i = 1; i < harts; i++)
        tid[i] = thread_start(visit, i);
    while (word_load(&arrived) < harts - 1)
        pause_ms(1);
    if (!stay) {
        __atomic_store_n(&leave, 1, __ATOMIC_RELEASE);
        for (uint64_t i = 1; i < harts; i++)
            thread_end(tid[i]);
    }
}

/* ---- Taking pages and rights away ---- */

static void unmap(uint8_t *base, uint64_t pages) {
    check_equal("unmap",
                sys_unmap(HANDLE_SELF, (uint64_t)base, pages * PAGE_SIZE), 0);
}

static void protect(uint8_t *base, uint64_t pages, unsigned rights) {
    check_equal(
        "protect",
        sys_protect(HANDLE_SELF, (uint64_t)base, pages * PAGE_SIZE, rights), 0);
}

/* More pages than are taken away, so that no table becomes empty. */
static void check_unmap(void) {
    harts_visit(false);
    uint8_t *base = pages_make(300, 1);
    struct fences before = fences_now();
    unmap(base, 1);
    fences_expect(before, 1, 0, 1);
    before = fences_now();
    unmap(base + PAGE_SIZE, FENCE_PAGES);
    fences_expect(before, FENCE_PAGES, 0, 1);
    base += (1 + FENCE_PAGES) * PAGE_SIZE;
    before = fences_now();
    unmap(base, FENCE_PAGES + 1);
    fences_expect(before, 0, 1, 1);
    base += (FENCE_PAGES + 1) * PAGE_SIZE;
    before = fences_now();
    unmap(base, 3 * STEP);
    fences_expect(before, 0, 3, 3);
}

static void check_unmap_table(void) {
    harts_visit(false);
    uint8_t *base = pages_map(3 * TABLE);
    base += TABLE * PAGE_SIZE - (uint64_t)base % (TABLE * PAGE_SIZE);
    store_at((uint64_t)base, 1);
    struct fences before = fences_now();
    unmap(base, 1);
    fences_expect(before, 0, 1, 1);
    before = fences_now();
    unmap(base + PAGE_SIZE, TABLE); /* never touched */
    fences_expect(before, 0, 0, 0);
}

static void check_protect(void) {
    harts_visit(false);
    uint8_t *base = pages_make(100, 2);
    struct fences before = fences_now();
    protect(base, 5, PROT_READ);
    fences_expect(before, 5, 0, 1);
    before = fences_now();
    protect(base + 5 * PAGE_SIZE, FENCE_PAGES + 1, PROT_READ);
    fences_expect(before, 0, 1, 1);
    before = fences_now();
    protect(base, 5, PROT_READ);
    fences_expect(before, 0, 0, 0);
}

/* Rights that are given: by protect, by the fault after it, by a touch. */
static void check_grant(void) {
    harts_visit(false);
    uint8_t *base = pages_make(4, 3);
    protect(base, 4, PROT_READ);
    struct fences before = fences_now();
    protect(base, 4, RW);
    for (unsigned i = 0; i < 4; i++)
        store_at((uint64_t)base + i * PAGE_SIZE, 1);
    fences_expect(before, 0, 0, 0);
    before = fences_now();
    pages_make(10, 4);
    fences_expect(before, 0, 0, 0);
}

/* ---- Fork and copy-on-write ---- */

static void sleep_long(uint64_t unused) {
    (void)unused;
    pause_ms(CHECK_LIMIT_MS);
}

/* What fork costs itself, with no more pages than one step forks; the copies
 * after it are fences of pages. */
static void check_fork(void) {
    harts_visit(false);
    pages_make(2, 5);
    struct fences before = fences_now();
    int64_t child = peer_start(sleep_long, 0);
    struct fences now = fences_now();
    check_equal("fences of a space", (int64_t)(now.space - before.space),
                (int64_t)harts);
    check_equal("fences of everything", (int64_t)(now.all - before.all), 0);
    peer_kill(child);
}

static void check_copy(void) {
    harts_visit(false);
    uint64_t base = (uint64_t)pages_make(2, 6);
    int64_t child = peer_start(sleep_long, 0);
    pause_ms(SETTLE_MS);
    struct fences before = fences_now(); /* and the stack is a copy now */
    uint64_t copies = counter(COUNTER_COW_COPY);
    before = fences_now();
    store_at(base, 1);
    fences_expect(before, 1, 0, 1);
    check_equal("copies", (int64_t)(counter(COUNTER_COW_COPY) - copies), 1);
    peer_kill(child);
    uint64_t reuses = counter(COUNTER_COW_REUSE);
    before = fences_now();
    store_at(base + PAGE_SIZE, 1);
    fences_expect(before, 0, 0, 0);
    check_equal("reuses", (int64_t)(counter(COUNTER_COW_REUSE) - reuses), 1);
}

/* ---- Messages ---- */

/* Answers until it is killed. */
static void server_run(int64_t endpoint) {
    struct message m;
    check_ok("affinity", sys_thread_affinity(0, 1));
    for (;;) {
        check_ok("accept", sys_accept(0, 0, 0, 4 * TABLE, 0, HANDLE_RECEIVED));
        if (ipc_recv(endpoint, &m, DEADLINE_NONE) == 0)
            service_answer(0, 0);
    }
}

static struct server server;

static void prepare(void) {
    harts_visit(false);
    server = server_start(server_run);
    struct message m = {.tag = 0};
    check_equal("call", ipc_call(server.session, &m, DEADLINE_NONE), 0);
}

/* Sends items of `pages` pages each, `apart` pages from one to the next. */
static void send(uint8_t *base, unsigned items, uint64_t pages, uint64_t apart,
                 enum item_mode mode) {
    struct message m = {.tag = tag_make(1, 0, 0, items)};
    for (unsigned i = 0; i < items; i++)
        item_set(&m, i, base + i * apart * PAGE_SIZE, pages, mode, RW);
    check_equal("call", ipc_call(server.session, &m, DEADLINE_NONE), 0);
}

static void check_move(void) {
    prepare();
    uint8_t *base = pages_make(300, 7);
    struct fences before = fences_now();
    send(base, 1, 1, 1, ITEM_MOVE);
    fences_expect(before, 1, 0, 1);
    before = fences_now();
    send(base + PAGE_SIZE, 4, 1, 1, ITEM_MOVE);
    fences_expect(before, 4, 0, 1);
    before = fences_now();
    send(base + 10 * PAGE_SIZE, 4, 2, FENCE_PAGES, ITEM_MOVE);
    fences_expect(before, 0, 1, 1);
    peer_kill(server.pid);
}

static void check_move_table(void) {
    prepare();
    uint8_t *base = pages_make(2 * TABLE, 8);
    base += (0 - (uint64_t)base) % (TABLE * PAGE_SIZE);
    struct fences before = fences_now();
    send(base, 1, TABLE, TABLE, ITEM_MOVE);
    fences_expect(before, 0, 1, 1);
    peer_kill(server.pid);
}

static void check_share(void) {
    prepare();
    uint8_t *base = pages_make(20, 9);
    struct fences before = fences_now();
    send(base, 4, 2, 3, ITEM_SHARE);
    fences_expect(before, 0, 0, 0);
    peer_kill(server.pid);
}

static void check_cow(void) {
    prepare();
    uint8_t *base = pages_make(20, 10);
    struct fences before = fences_now();
    send(base, 4, 2, 2, ITEM_COW);
    fences_expect(before, 8, 0, 1);
    before = fences_now();
    send(base, 4, 2, 2, ITEM_COW); /* nobody may write them any more */
    fences_expect(before, 0, 0, 0);
    peer_kill(server.pid);
}

/* Calls between two spaces. */
static void check_switch(void) {
    prepare();
    struct fences before = fences_now();
    struct message m = {.tag = 0};
    for (unsigned i = 0; i < ROUNDS; i++)
        check_equal("call", ipc_call(server.session, &m, DEADLINE_NONE), 0);
    fences_expect(before, 0, 0, 0);
    peer_kill(server.pid);
}

static void check_exit(void) {
    harts_visit(false);
    int64_t child = peer_start(sleep_long, 0);
    pause_ms(SETTLE_MS);
    struct fences before = fences_now();
    peer_kill(child);
    pause_ms(SETTLE_MS);
    harts = 1; /* the child's affinity is this one's */
    fences_expect(before, 0, 1, 0);
}

/* ---- What fences are for ---- */

enum taking { TAKE_UNMAP, TAKE_RIGHT, TAKE_MOVE };

/* Writes a page for ever, on the last hart. */
static void hammer(uint64_t page) {
    uint64_t last = sys_system_info(INFO_HARTS, 0).value[0] - 1;
    check_ok("affinity", sys_thread_affinity(0, 1ull << last));
    for (uint64_t i = 1;; i++)
        *(volatile uint64_t *)page = i;
}

static void take_from_hammer(uint64_t how) {
    uint8_t *base = pages_make(3, 11);
    check_ok("affinity", sys_thread_affinity(0, 1));
    thread_start(hammer, (uint64_t)base);
    pause_ms(SETTLE_MS);
    if (how == TAKE_UNMAP)
        unmap(base, 1);
    else if (how == TAKE_RIGHT)
        protect(base, 1, PROT_READ);
    else
        send(base, 1, 1, 1, ITEM_MOVE);
    pause_ms(10 * SETTLE_MS); /* and still the hammer writes: exit with 0 */
}

static void check_taken(void) {
    prepare();
    for (unsigned how = TAKE_UNMAP; how <= TAKE_MOVE; how++)
        peer_dies(take_from_hammer, how);
    peer_kill(server.pid);
}

/* The page does not change in the child, whatever the parent's hammer does. */
static void page_rests(uint64_t page) {
    uint64_t first = *(volatile uint64_t *)page;
    pause_ms(SETTLE_MS);
    check_equal("the child's page", *(volatile int64_t *)page, (int64_t)first);
}

static void check_forked(void) {
    harts_visit(true);
    uint64_t page = (uint64_t)pages_make(1, 12);
    thread_start(hammer, page);
    pause_ms(SETTLE_MS);
    for (unsigned i = 0; i < 3; i++)
        peer_end(peer_start(page_rests, page));
    uint64_t before = *(volatile uint64_t *)page;
    pause_ms(SETTLE_MS);
    check_true("the parent goes on", *(volatile uint64_t *)page != before);
}

/* ---- Rights that are being taken ---- */

enum { LONG = 2048, TOO_LATE = 2 };

static uint64_t range;

static void protector(uint64_t unused) {
    (void)unused;
    sys_thread_affinity(0, 1);
    sys_thread_priority(0, 1);
    check_equal("protect",
                sys_protect(HANDLE_SELF, range, LONG * PAGE_SIZE,
                            PROT_READ | PROT_EXECUTE),
                0);
}

/*
 * Runs code on a page that a long SYS_PROTECT, in another thread, has yet to
 * come to: it gains the right to execute, and loses the one to write at once,
 * which nobody is told of later. Killed if this is too early.
 */
static void protect_meanwhile(uint64_t delay) {
    const uint16_t ret = 0x8082;
    range = (uint64_t)pages_map(LONG);
    const uint64_t last = range + (LONG - 1) * PAGE_SIZE;
    for (uint64_t at = range; at <= last; at += PAGE_SIZE)
        *(volatile uint16_t *)at = ret;
    probe_begin();
    check_ok("affinity", sys_thread_affinity(0, 1));
    int64_t other = thread_start(protector, 0);
    sys_sleep(time_now() + delay);
    if (probe_store(last, (uint8_t)ret) < 0)
        sys_exit(TOO_LATE);
    uint64_t fences = counter(COUNTER_FENCE_PAGE);
    jump_to(last);
    check_true("a fence", counter(COUNTER_FENCE_PAGE) > fences);
    check_error("store to code", probe_store(last, (uint8_t)ret), EFAULT);
    check_equal("the one before it", probe_store(last - PAGE_SIZE, 0x82), 0);
    thread_end(other);
    check_error("store to code", probe_store(last - PAGE_SIZE, 0x82), EFAULT);
}

static void check_meanwhile(void) {
    uint64_t units = sys_system_info(INFO_TIMEBASE, 0).value[0] / 100000;
    unsigned good = 0;
    for (uint64_t delay = 2; delay <= 42; delay += 5) {
        int64_t pid = peer_start(protect_meanwhile, delay * units);
        struct sys_pair end = sys_wait(pid, DEADLINE_NONE);
        check_equal("wait", end.result, pid);
        int64_t status = (int64_t)end.value;
        check_true("status", status == 0 || status == TOO_LATE ||
                                 status == STATUS_KILLED);
        good += status == 0;
    }
    check_true("neither too early nor too late, once", good > 0);
}

static const struct check checks[] = {
    {"unmap", "unmapping fences pages up to 32, beyond that once a step",
     check_unmap},
    {"unmap_table", "a table that becomes empty takes a fence of the space",
     check_unmap_table},
    {"protect", "taking a right away fences once, and only if it was there",
     check_protect},
    {"grant", "giving rights and pages takes no fence", check_grant},
    {"fork", "fork fences the parent once", check_fork},
    {"copy", "a copy on write fences its page, the last owner none",
     check_copy},
    {"move", "MOVE fences once, for one item or four", check_move},
    {"move_table", "moving 2 MiB fences once", check_move_table},
    {"share", "SHARE takes no fence", check_share},
    {"cow", "COW fences once, and only if the pages were writable", check_cow},
    {"switch", "switching between spaces takes no fence", check_switch},
    {"exit", "the end of a process takes a fence where it was", check_exit},
    {"taken", "no hart writes a page after it was taken away", check_taken},
    {"meanwhile", "a right that is being taken goes with a fence",
     check_meanwhile},
    {"forked", "no hart writes a page of the child after fork", check_forked},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
