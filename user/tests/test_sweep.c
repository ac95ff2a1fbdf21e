/* SPDX-License-Identifier: MIT */
/*
 * tests/test_sweep.c: a transfer, when each of its allocations fails in turn.
 *
 * Idea        As in tests/test_alloc.c: the n-th allocation fails, for n = 1,
 *             2, ... until there are fewer. Each time the sender has a definite
 *             error, both spaces are as they were, page by page, and the same
 *             message goes through when it is sent again.
 * Invariants  Needs a boot with debug=1.
 */
#include "tests/paging.h"

#define WINDOW 0x1100000000ull
#define GIB (1ull << 30)

enum { TRIES = 60, PAGES = 3, MOST = 512, STOP = 1 };

static void fail_at(uint64_t n) {
    check_equal("debug=1 is needed", sys_debug(DEBUG_FAIL_ALLOC, n).result, 0);
}

/* Switches the failure off; the allocations since it was set. */
static uint64_t fail_off(void) {
    return sys_debug(DEBUG_FAIL_ALLOC, 0).value;
}

/* ---- What is sent ---- */

struct plan {
    const char *what;
    uint8_t modes[MESSAGE_ITEMS]; /* of the items; then zeros */
    uint16_t pages;               /* of each item */
    bool shared;                  /* with another space, before */
    bool handle;                  /* is moved along */
};

static unsigned plan_items(const struct plan *plan) {
    unsigned count = 0;
    while (count < MESSAGE_ITEMS && plan->modes[count] != ITEM_NONE)
        count++;
    return count;
}

static uint8_t *base[MESSAGE_ITEMS];
static int64_t partner; /* a space that shares the pages, or -1 */

/* Pages with patterns 1, 2, ...; those that may move as a table at a multiple
 * of 2 MiB. */
static void plan_make(const struct plan *plan) {
    uint64_t place = USER_END - 2 * GIB;
    partner = -1;
    if (plan->shared)
        partner = check_ok("space_create", sys_space_create());
    for (unsigned i = 0; i < plan_items(plan); i++, place += GIB / 8) {
        base[i] = (uint8_t *)check_ok("map", sys_map(HANDLE_SELF, place,
                                                     plan->pages * PAGE_SIZE,
                                                     RW | MAP_FIXED, -1, 0));
        pages_fill(base[i], plan->pages, i + 1);
        if (plan->shared)
            check_ok("share", item_transfer(partner, 0, base[i], plan->pages,
                                            ITEM_SHARE, RW));
    }
}

static void plan_unmake(const struct plan *plan) {
    for (unsigned i = 0; i < plan_items(plan); i++)
        check_equal(
            "unmap",
            sys_unmap(HANDLE_SELF, (uint64_t)base[i], plan->pages * PAGE_SIZE),
            0);
    if (partner >= 0)
        check_ok("close", sys_handle_close(partner));
}

static struct message plan_message(const struct plan *plan) {
    unsigned count = plan_items(plan);
    struct message m = {.tag = tag_make(0, 1, 0, count)};
    for (unsigned i = 0; i < count; i++)
        item_set(&m, i, base[i], plan->pages, plan->modes[i], RW);
    return m;
}

/* The sender has all its pages, and may write them. */
static void plan_intact(const struct plan *plan) {
    for (unsigned i = 0; i < plan_items(plan); i++) {
        pages_expect((uint64_t)base[i], plan->pages, i + 1);
        for (uint64_t p = 0; p < plan->pages; p++)
            check_equal("the sender's right to write",
                        probe_store((uint64_t)base[i] + p * PAGE_SIZE,
                                    page_byte(i + 1, p, 0)),
                        0);
    }
}

/* ---- Into a space ---- */

static uint8_t look[PAGE_SIZE];

/* The byte at an address of a space, or an error. */
static int64_t space_load(int64_t space, uint64_t at) {
    struct copy_result got = ipc_copy(space, COPY_IN, at, look, 1);
    return got.error ? got.error : look[0];
}

static void space_expect(const struct plan *plan, int64_t space, uint64_t at,
                         bool there) {
    for (unsigned i = 0; i < plan_items(plan); i++)
        for (uint64_t p = 0; p < plan->pages; p++, at += PAGE_SIZE)
            check_equal("a page of the receiver", space_load(space, at),
                        there ? page_byte(i + 1, p, 0) : -EPFAULT);
}

/* One transfer whose n-th allocation fails; whether it got so far. */
static bool space_try(const struct plan *plan, uint64_t n) {
    plan_make(plan);
    int64_t space = check_ok("space_create", sys_space_create());
    struct message m = plan_message(plan);
    m.words[0] = WINDOW;
    look[0] = 0;
    int64_t frames = frames_free();
    fail_at(n);
    int64_t result = ipc_transfer(space, &m);
    bool reached = fail_off() >= n;
    check_equal("transfer", result, reached ? -ENOMEM : 0);
    if (reached) {
        check_equal("frames after the failure", frames_free(), frames);
        frames_check();
        plan_intact(plan);
        space_expect(plan, space, WINDOW, false);
        m = plan_message(plan);
        m.words[0] = WINDOW;
        check_equal("the same again", ipc_transfer(space, &m), 0);
    }
    space_expect(plan, space, WINDOW, true);
    plan_unmake(plan);
    check_ok("close", sys_handle_close(space));
    return reached;
}

static void space_sweep(const struct plan *plan) {
    fail_at(TRIES * 1000);
    space_try(plan, TRIES * 1000); /* what is kept for later, is, from here */
    uint64_t n = 1;
    while (space_try(plan, n))
        check_true("the sweep has an end", ++n < TRIES);
    check_true(plan->what, n > 1); /* it allocates */
}

static void check_space(void) {
    static const struct plan plans[] = {
        {"move", {ITEM_MOVE}, PAGES, false, false},
        {"share", {ITEM_SHARE}, PAGES, false, false},
        {"cow", {ITEM_COW}, PAGES, false, false},
        {"cow of shared pages", {ITEM_COW}, PAGES, true, false},
        {"four",
         {ITEM_COW, ITEM_MOVE, ITEM_SHARE, ITEM_COW},
         PAGES,
         true,
         false},
        {"table", {ITEM_MOVE}, MOST, false, false},
    };
    probe_begin();
    for (unsigned i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
        space_sweep(&plans[i]);
}

/* ---- Regions ---- */

/*
 * Regions come from slabs, which grow by a frame at a time: with one region
 * more each time, sooner or later the first or second allocation is for one.
 * The middle of a range is moved, which needs one on both sides.
 */
static void check_regions(void) {
    unsigned failures = 0;
    probe_begin();
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t at = WINDOW + 2 * i * PAGE_SIZE;
        check_ok("map",
                 sys_map(HANDLE_SELF, at, PAGE_SIZE, RW | MAP_FIXED, -1, 0));
        uint8_t *pages = pages_make(3, 1);
        int64_t space = check_ok("space_create", sys_space_create());
        fail_at(1 + i % 2);
        int64_t result =
            item_transfer(space, WINDOW, pages + PAGE_SIZE, 1, ITEM_MOVE, RW);
        fail_off();
        frames_check();
        if (result < 0) {
            check_error("transfer", result, ENOMEM);
            failures++;
            pages_expect((uint64_t)pages, 3, 1);
            check_error("the receiver's", space_load(space, WINDOW), EPFAULT);
            check_equal(
                "in one piece",
                sys_protect(HANDLE_SELF, (uint64_t)pages, 3 * PAGE_SIZE, RW),
                0);
        }
        check_ok("unmap",
                 sys_unmap(HANDLE_SELF, (uint64_t)pages, 3 * PAGE_SIZE));
        check_ok("close", sys_handle_close(space));
    }
    check_true("transfers failed", failures > 0);
}

/* ---- In messages ---- */

static struct service service;
static const struct plan *sent;

/* Sends the message again and again, until the answer is STOP. It tells how
 * often it failed; each time everything is still here. */
static void sender(uint64_t unused) {
    (void)unused;
    struct message m = {.tag = 0};
    uint64_t failures = 0;
    probe_begin();
    while (tag_label(m.tag) != STOP) {
        int64_t own = check_ok("create", sys_endpoint_create());
        int64_t session = session_make(own, 1);
        int64_t result = -ENOMEM;
        plan_make(sent);
        check_equal("ready", service_call(service.session, 0, 0, &m), 0);
        while (result == -ENOMEM) {
            m = plan_message(sent);
            m.words[0] = failures;
            m.handles = handle_pack(session, 0);
            if (sent->handle)
                m.tag |= 1 << TAG_HANDLES_SHIFT | tag_move(0);
            result = ipc_call(service.session, &m, DEADLINE_NONE);
            if (result == -ENOMEM) {
                failures++;
                plan_intact(sent);
                check_equal("the handle", sys_handle_info(session).result,
                            HANDLE_SESSION);
            }
        }
        check_equal("call", result, 0);
        for (unsigned i = 0; i < plan_items(sent); i++)
            check_equal("a page afterwards", probe_load((uint64_t)base[i]),
                        sent->modes[i] == ITEM_MOVE ? -EFAULT
                                                    : page_byte(i + 1, 0, 0));
        plan_unmake(sent);
        check_equal("the handle", sys_handle_info(session).result,
                    sent->handle ? -EBADF : HANDLE_SESSION);
        if (!sent->handle)
            check_ok("close", sys_handle_close(session));
        check_ok("close", sys_handle_close(own));
    }
}

/* Receives with the n-th allocation failing; the failures the sender had. */
static uint64_t receive_try(uint64_t n, bool *reached) {
    uint64_t window = WINDOW + n % 64 * GIB;
    unsigned pages = plan_items(sent) * sent->pages;
    struct message m;
    service_receive(service.endpoint, &m, MESSAGE_CALL); /* has pages */
    check_equal("ready", service_answer(0, 0), 0);
    check_ok("accept", sys_accept(0, window, pages * PAGE_SIZE, pages, 1,
                                  HANDLE_RECEIVED));
    pause_ms(SETTLE_MS);
    fail_at(n);
    int64_t result = ipc_recv(service.endpoint, &m, DEADLINE_NONE);
    *reached = fail_off() >= n;
    check_equal("recv", result, 0);
    frames_check();
    for (unsigned i = 0; i < plan_items(sent); i++)
        pages_expect(window + i * sent->pages * PAGE_SIZE, sent->pages, i + 1);
    uint64_t failures = m.words[0];
    check_equal("handles", tag_handles(m.tag), sent->handle);
    if (sent->handle)
        check_ok("close", sys_handle_close(handle_at(m.handles, 0)));
    check_equal("reply", service_answer(*reached ? 0 : STOP, 0), 0);
    sys_unmap(HANDLE_SELF, window, pages * PAGE_SIZE);
    return failures;
}

static void message_sweep(const struct plan *plan) {
    sent = plan;
    service = service_make(1);
    int64_t pid = peer_start(sender, 0);
    bool reached = true;
    uint64_t n = 1, failures = 0;
    for (; reached && n < TRIES; n++)
        failures = receive_try(n, &reached);
    peer_end(pid);
    check_true("the sweep has an end", !reached);
    check_true(plan->what, failures > 0); /* it allocates */
    check_ok("close", sys_handle_close(service.session));
    check_ok("close", sys_handle_close(service.endpoint));
}

static void check_message(void) {
    static const struct plan plans[] = {
        {"move", {ITEM_MOVE}, PAGES, false, true},
        {"share", {ITEM_SHARE}, PAGES, false, true},
        {"cow", {ITEM_COW}, PAGES, true, true},
        {"three", {ITEM_COW, ITEM_MOVE, ITEM_SHARE}, PAGES, true, true},
        {"table", {ITEM_MOVE}, MOST, false, true},
    };
    for (unsigned i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
        message_sweep(&plans[i]);
}

static void check_lend(void) {
    static const struct plan plans[] = {
        {"lend", {ITEM_LEND}, PAGES, false, false},
        {"lend and a handle", {ITEM_LEND}, PAGES, false, true},
        {"lend and others",
         {ITEM_LEND, ITEM_MOVE, ITEM_LEND},
         PAGES,
         false,
         true},
    };
    for (unsigned i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
        message_sweep(&plans[i]);
}

/* ---- Preparing ---- */

/* Pages that must be made before they can be shared: those that were made may
 * stay, but nobody can tell. */
static void check_prepare(void) {
    unsigned failures = 0;
    probe_begin();
    for (uint64_t n = 1; n < TRIES; n++) {
        uint8_t *pages = pages_map(20);
        pages_fill(pages, 1, 1);
        int64_t copy = check_ok(
            "cow", item_transfer(HANDLE_SELF, 0, pages, 20, ITEM_COW, RW));
        int64_t space = check_ok("space_create", sys_space_create());
        fail_at(n);
        int64_t result =
            item_transfer(space, WINDOW, pages, 20, ITEM_SHARE, RW);
        bool reached = fail_off() >= n;
        frames_check();
        if (reached) {
            check_error("share", result, ENOMEM);
            check_error("the receiver's", space_load(space, WINDOW), EPFAULT);
            failures++;
        }
        pages_expect((uint64_t)pages, 1, 1);
        pages_expect_zero((uint64_t)pages + PAGE_SIZE, 19);
        pages_expect((uint64_t)copy, 1, 1);
        check_ok("unmap",
                 sys_unmap(HANDLE_SELF, (uint64_t)pages, 20 * PAGE_SIZE));
        check_ok("unmap",
                 sys_unmap(HANDLE_SELF, (uint64_t)copy, 20 * PAGE_SIZE));
        check_ok("close", sys_handle_close(space));
        if (!reached)
            break;
    }
    check_true("as many failures as pages", failures > 20);
}

/* ---- Quota ---- */

/* A receiver whose quota is used up: the same, without a failing frame. */
static void check_quota(void) {
    probe_begin();
    uint64_t most = sys_system_info(INFO_MEMORY, 0).value[0];
    uint8_t *pages = pages_make(PAGES, 1);
    uint64_t filler = WINDOW;
    int64_t space = check_ok("space_create", sys_space_create());
    uint64_t shared = 0;
    int64_t result = 0;
    /* The same pages over and over: they are charged, and take no frames. */
    uint8_t *many = pages_make(MOST, 2);
    for (; result >= 0 && shared < 2 * most / MOST; shared++) {
        result = item_transfer(space, filler, many, MOST, ITEM_SHARE, RO);
        filler += MOST * PAGE_SIZE;
    }
    check_error("more than the quota", result, ENOMEM);
    while (item_transfer(space, filler, many, 1, ITEM_SHARE, RO) > 0)
        filler += PAGE_SIZE;
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        check_error("transfer",
                    item_transfer(space, filler, pages, PAGES, mode, RW),
                    ENOMEM);
        pages_expect((uint64_t)pages, PAGES, 1);
        check_equal("writable", probe_store((uint64_t)pages, pages[0]), 0);
        check_error("the receiver's", space_load(space, filler), EPFAULT);
    }
    frames_check();
    check_ok("close", sys_handle_close(space));
    space = check_ok("space_create", sys_space_create());
    check_ok("with room again",
             item_transfer(space, filler, pages, PAGES, ITEM_MOVE, RW));
}

static const struct check checks[] = {
    {"space", "transfers into a space, at each of their allocations",
     check_space},
    {"regions", "regions that cannot be split or made", check_regions},
    {"message", "items in messages, with a handle, at each allocation",
     check_message},
    {"lend", "LEND in messages, at each allocation", check_lend},
    {"prepare", "pages that are made to be shared, at each allocation",
     check_prepare},
    {"quota", "the receiver's quota is used up", check_quota},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
