/* SPDX-License-Identifier: MIT */
/*
 * tests/test_lend_rule.c: what may be done with lent pages, and when they end.
 *
 * While pages are lent, nobody but the borrower may change them or what maps
 * them, and not by way of the kernel either. Whoever ends first, and in
 * whatever order, the lender has them back, or they are freed.
 */
#include "tests/paging.h"

#define WINDOW 0x2340000000ull
#define OTHER 0x2380000000ull

enum { PAGES = 3, BEFORE = 7, AFTER = 8 };

static struct service service;
static uint8_t *pages;
static const unsigned both[] = {RW, RO};

static void prepare(void) {
    service = service_make(1);
    accept_pages(512);
    probe_begin();
    pages = pages_make(PAGES, BEFORE);
}

static int64_t lend(int64_t session, const void *from, uint64_t count,
                    unsigned rights) {
    return item_call(session, from, count, ITEM_LEND, rights);
}

static int64_t self_item(const void *from, enum item_mode mode) {
    return item_transfer(HANDLE_SELF, 0, from, 1, mode, RO);
}

/* Nothing can be done to the page but lending it, if that. */
static void locked_expect(uint64_t page) {
    check_error("unmap", sys_unmap(HANDLE_SELF, page, PAGE_SIZE), EBUSY);
    check_error("unmap of more",
                sys_unmap(HANDLE_SELF, page - 16 * PAGE_SIZE, 64 * PAGE_SIZE),
                EBUSY);
    check_error("protect", sys_protect(HANDLE_SELF, page, PAGE_SIZE, RO),
                EBUSY);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++)
        check_error("transfer", self_item((void *)page, mode), EBUSY);
}

/* ---- The lender's side, while its call is open ---- */

static void call_lend(uint64_t rights) {
    check_equal("call", lend(service.session, pages, PAGES, (unsigned)rights),
                0);
}

/* The kernel does not write or read for the lender what it may not itself. */
static void copies_expect(uint64_t page, unsigned rights) {
    int64_t space = check_ok("space_create", sys_space_create());
    check_ok("map", sys_map(space, WINDOW, PAGE_SIZE, RW | MAP_FIXED, -1, 0));
    check_error("copy into what is lent",
                ipc_copy(space, COPY_IN, WINDOW, (void *)page, 8).error,
                EFAULT);
    check_equal("copy from what is lent",
                ipc_copy(space, COPY_OUT, WINDOW, (void *)page, 8).error,
                rights == RW ? -EFAULT : 0);
    check_ok("close", sys_handle_close(space));
}

static void lender(uint64_t rights) {
    pages = pages_make(PAGES, BEFORE);
    uint64_t page = (uint64_t)pages + PAGE_SIZE;
    int64_t tid = thread_start(call_lend, rights);
    pause_ms(3 * SETTLE_MS);
    locked_expect(page);
    check_error("lending twice",
                lend(service.session, (void *)page, 1, (unsigned)rights),
                EBUSY);
    check_equal("load", probe_load(page),
                rights == RW ? -EFAULT : page_byte(BEFORE, 1, 0));
    check_error("store", probe_store(page, 1), EFAULT);
    copies_expect(page, (unsigned)rights);
    int64_t child = check_ok("fork", sys_fork());
    if (child == 0) {
        check_error("in a child", probe_load(page), EFAULT);
        sys_exit(0);
    }
    peer_end(child);
    step_call(service.session);
    thread_end(tid);
    check_equal("afterwards", load_at(page),
                page_byte(rights == RW ? AFTER : BEFORE, 1, 0));
    pages_fill(pages, PAGES, 9);
    pages_expect((uint64_t)pages, PAGES, 9);
    check_ok("unmap",
             sys_unmap(HANDLE_SELF, (uint64_t)pages, PAGES * PAGE_SIZE));
}

/* Receives the loan, saves its reply, and goes on until the next call. */
static void check_lender(void) {
    struct message m;
    for (unsigned i = 0; i < 2; i++) {
        prepare();
        int64_t pid = peer_start(lender, both[i]);
        uint64_t base = item_receive(service.endpoint, PAGES);
        int64_t reply = check_ok("reply_save", sys_reply_save());
        if (both[i] == RW)
            pages_fill((uint8_t *)base, PAGES, AFTER);
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        check_equal("the step", tag_items(m.tag), 0);
        m = (struct message){.tag = 0};
        pages_expect(base, PAGES, both[i] == RW ? AFTER : BEFORE);
        check_equal("the loan's reply", ipc_reply(reply, &m), 0);
        check_equal("the step's reply", service_answer(0, 0), 0);
        peer_end(pid);
        check_error("returned", probe_load(base), EFAULT);
    }
}

/* ---- The borrower's side ---- */

static void check_borrower(void) {
    for (unsigned i = 0; i < 2; i++) {
        prepare();
        int64_t pid = peer_start(call_lend, both[i]);
        uint64_t base = item_receive(service.endpoint, PAGES);
        locked_expect(base + PAGE_SIZE);
        int64_t store = probe_store(base, page_byte(BEFORE, 0, 0));
        check_equal("store", store, both[i] == RW ? 0 : -EFAULT);
        check_error(
            "into the own space, but not as a loan",
            item_transfer(HANDLE_SELF, 0, (void *)base, 1, ITEM_LEND, RO),
            EINVAL);
        int64_t child = check_ok("fork", sys_fork());
        if (child == 0) {
            check_error("in a child", probe_load(base), EFAULT);
            sys_exit(0);
        }
        peer_end(child);
        pages_expect(base, PAGES, BEFORE);
        check_equal("reply", service_answer(0, 0), 0);
        peer_end(pid);
        check_error("returned", probe_load(base), EFAULT);
        check_error("returned", probe_load(base + 2 * PAGE_SIZE), EFAULT);
    }
}

/* ---- What can be lent ---- */

static void lend_kinds(uint64_t unused) {
    (void)unused;
    int64_t space = check_ok("space_create", sys_space_create());
    uint8_t *shared = pages_make(1, 1);
    check_ok("share", item_transfer(space, 0, shared, 1, ITEM_SHARE, RW));
    check_error("a shared page", lend(service.session, shared, 1, RO), EPERM);
    uint8_t *fixed = pages_make(1, 2);
    check_ok("protect",
             sys_protect(HANDLE_SELF, (uint64_t)fixed, PAGE_SIZE, RO));
    check_error("for writing", lend(service.session, fixed, 1, RW), EPERM);
    uint8_t *holed = pages_make(3, 3);
    check_ok("unmap",
             sys_unmap(HANDLE_SELF, (uint64_t)holed + PAGE_SIZE, PAGE_SIZE));
    check_error("a hole", lend(service.session, holed, 3, RW), EFAULT);
    uint8_t *lazy = pages_map(4);
    check_equal("untouched", lend(service.session, lazy, 4, RW), 0);
    pages_expect((uint64_t)lazy, 4, 4);
    /* A range over two regions, with a page that is common. */
    uint8_t *mixed = pages_make(2, 4);
    int64_t copy =
        check_ok("cow", item_transfer(HANDLE_SELF, 0, mixed, 1, ITEM_COW, RW));
    check_ok("protect", sys_protect(HANDLE_SELF, (uint64_t)mixed + PAGE_SIZE,
                                    PAGE_SIZE, RO));
    check_error("rights", lend(service.session, mixed, 2, RW), EPERM);
    check_equal("mixed", lend(service.session, mixed, 2, RO), 0);
    pages_expect((uint64_t)mixed, 2, 4);
    check_error("not mine", probe_store((uint64_t)mixed + PAGE_SIZE, 1),
                EFAULT);
    check_equal("mine", probe_store((uint64_t)mixed, 1), 0);
    page_expect((uint64_t)copy, 4, 0);
    check_equal("common", lend(service.session, (void *)copy, 1, RW), 0);
    pages_expect((uint64_t)copy, 1, 4);
    check_equal("mine", load_at((uint64_t)mixed), 1);
}

static void check_kinds(void) {
    prepare();
    int64_t pid = peer_start(lend_kinds, 0);
    uint64_t base = item_receive(service.endpoint, 4);
    pages_expect_zero(base, 4);
    pages_fill((uint8_t *)base, 4, 4);
    check_equal("reply", service_answer(0, 0), 0);
    uint64_t copies = counter(COUNTER_COW_COPY);
    base = item_receive(service.endpoint, 2);
    check_equal("copies for reading",
                (int64_t)(counter(COUNTER_COW_COPY) - copies), 0);
    pages_expect(base, 2, 4);
    check_equal("reply", service_answer(0, 0), 0);
    base = item_receive(service.endpoint, 1);
    pages_expect(base, 1, 4);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(pid);
}

/* A child that was forked before has its own pages throughout. */
static void lend_after_fork(uint64_t unused) {
    (void)unused;
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0) {
        pause_ms(3 * SETTLE_MS);
        pages_expect((uint64_t)pages, PAGES, BEFORE);
        pages_fill(pages, PAGES, 20);
        sys_exit(0);
    }
    call_lend(RW);
    pages_expect((uint64_t)pages, PAGES, AFTER);
    peer_end(pid);
    pages_expect((uint64_t)pages, PAGES, AFTER);
}

static void check_after_fork(void) {
    prepare();
    int64_t pid = peer_start(lend_after_fork, 0);
    uint64_t base = item_receive(service.endpoint, PAGES);
    pages_fill((uint8_t *)base, PAGES, AFTER);
    pause_ms(6 * SETTLE_MS);
    pages_expect(base, PAGES, AFTER);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(pid);
}

/* Everything that one message can lend, and more. */
static void lend_most(uint64_t unused) {
    (void)unused;
    uint8_t *many = pages_make(513, 5);
    check_error("513", lend(service.session, many, 513, RW), EMSGSIZE);
    check_equal("512", lend(service.session, many, 512, RW), 0);
    pages_expect((uint64_t)many, 513, 5);
    pages_fill(many, 513, 6);
}

static void check_most(void) {
    prepare();
    int64_t pid = peer_start(lend_most, 0);
    uint64_t base = item_receive(service.endpoint, 512);
    pages_expect(base, 512, 5);
    check_equal("reply", service_answer(0, 0), 0);
    check_error("returned", probe_load(base + 511 * PAGE_SIZE), EFAULT);
    peer_end(pid);
}

/* ---- Several loans ---- */

static void lend_one(uint64_t number) {
    check_equal("call",
                lend(service.session, pages + number * PAGE_SIZE, 1, RW), 0);
}

static void lend_three(uint64_t unused) {
    (void)unused;
    int64_t tid[PAGES];
    for (uint64_t i = 0; i < PAGES; i++)
        tid[i] = thread_start(lend_one, i);
    for (uint64_t i = 0; i < PAGES; i++)
        thread_end(tid[i]);
    pages_expect((uint64_t)pages, PAGES, AFTER);
    check_ok("protect",
             sys_protect(HANDLE_SELF, (uint64_t)pages, PAGES * PAGE_SIZE, RO));
}

/* Neighbours are lent by three threads, and come back in another order. */
static void check_order(void) {
    static const uint8_t orders[][PAGES] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
    struct message m;
    for (unsigned i = 0; i < 3; i++) {
        prepare();
        int64_t reply[PAGES];
        int64_t pid = peer_start(lend_three, 0);
        for (uint64_t k = 0; k < PAGES; k++) {
            uint64_t base = item_receive(service.endpoint, 1);
            for (uint64_t page = 0; page < PAGES; page++)
                if (load_at(base) == page_byte(BEFORE, page, 0)) {
                    for (uint64_t at = 0; at < PAGE_SIZE; at += PAGE_STEP)
                        store_at(base + at, page_byte(AFTER, page, at));
                    break;
                }
            reply[k] = check_ok("reply_save", sys_reply_save());
        }
        for (unsigned k = 0; k < PAGES; k++) {
            m = (struct message){.tag = 0};
            check_equal("reply", ipc_reply(reply[orders[i][k]], &m), 0);
        }
        peer_end(pid);
    }
}

/* The same place, again and again, for loans and for others. */
static void check_window(void) {
    for (unsigned round = 0; round < 4; round++) {
        prepare();
        check_ok("accept", sys_accept(0, WINDOW, PAGES * PAGE_SIZE, PAGES, 0,
                                      HANDLE_RECEIVED));
        int64_t pid = peer_start(call_lend, both[round % 2]);
        check_equal("base", (int64_t)item_receive(service.endpoint, PAGES),
                    WINDOW);
        check_error(
            "occupied",
            sys_map(HANDLE_SELF, WINDOW, PAGE_SIZE, RW | MAP_FIXED, -1, 0),
            EEXIST);
        check_equal("reply", service_answer(0, 0), 0);
        peer_end(pid);
        check_ok("free again", sys_map(HANDLE_SELF, WINDOW, PAGE_SIZE,
                                       RW | MAP_FIXED, -1, 0));
        check_equal("zero", load_at(WINDOW), 0);
        check_ok("unmap", sys_unmap(HANDLE_SELF, WINDOW, PAGE_SIZE));
    }
}

/* ---- Ends ---- */

/* An attempt to reply gives the pages back, whatever becomes of the reply. */
static void check_failed_reply(void) {
    struct message bad = {.tag = tag_make(0, 0, 0, 1)};
    prepare();
    uint8_t *mine = pages_make(1, 1);
    int64_t pid = peer_start(call_lend, RW);
    uint64_t base = item_receive(service.endpoint, PAGES);
    item_set(&bad, 0, mine, 1, ITEM_MOVE, RW);
    check_error("reply", ipc_reply(HANDLE_IMPLICIT, &bad), EMSGSIZE);
    pages_expect((uint64_t)mine, 1, 1);
    check_error("returned", probe_load(base), EFAULT);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(pid);
}

static void revoked_lender(uint64_t session) {
    check_error("call", lend((int64_t)session, pages, PAGES, RW), ESTALE);
    while (probe_load((uint64_t)pages) < 0)
        pause_ms(1);
    pages_expect((uint64_t)pages, PAGES, AFTER);
    pages_fill(pages, PAGES, 9);
}

/* The session is revoked: the server keeps the pages until it replies. */
static void check_revoked(void) {
    prepare();
    int64_t session = session_make(service.endpoint, 2);
    int64_t pid = peer_start(revoked_lender, (uint64_t)session);
    uint64_t base = item_receive(service.endpoint, PAGES);
    check_equal("revoke", sys_revoke(session), 0);
    pause_ms(SETTLE_MS);
    pages_fill((uint8_t *)base, PAGES, AFTER);
    check_error("reply", service_answer(0, 0), EPIPE);
    check_error("returned", probe_load(base), EFAULT);
    peer_end(pid);
}

static void keep_or_end(int64_t endpoint) {
    struct message m;
    accept_pages(8);
    service_receive(endpoint, &m, MESSAGE_CALL);
    pages_fill((uint8_t *)m.item_base, PAGES, AFTER);
    if (tag_label(m.tag) == 1)
        sys_exit(0);
    sys_reply_save();
    service_receive(endpoint, &m, MESSAGE_CALL);
}

static void server_is_killed(uint64_t pid) {
    pause_ms(2 * SETTLE_MS);
    check_ok("kill", sys_kill((int64_t)pid));
}

/* The server ends in each way: the caller has EPIPE, and its pages. */
static void check_server_ends(void) {
    prepare();
    for (unsigned way = 0; way < 4; way++) {
        struct server server = server_start(keep_or_end);
        struct message m = {.tag = tag_make(way == 0 ? 1 : 2, 0, 0, 1)};
        unsigned rights = way == 3 ? RO : RW;
        if (way > 0)
            thread_start(server_is_killed, (uint64_t)server.pid);
        pages_fill(pages, PAGES, way == 3 ? AFTER : BEFORE);
        item_set(&m, 0, pages, PAGES, ITEM_LEND, rights);
        check_error("call", ipc_call(server.session, &m, DEADLINE_NONE), EPIPE);
        pages_expect((uint64_t)pages, PAGES, AFTER);
        pages_fill(pages, PAGES, BEFORE);
        peer_end_with(server.pid, way == 0 ? 0 : STATUS_KILLED);
        check_ok("close", sys_handle_close(server.session));
    }
}

/* ---- Lending on ---- */

static struct service second;

/* Serves at the first endpoint and lends on to the second. */
static void middle(int64_t endpoint) {
    struct message m;
    accept_pages(8);
    probe_begin();
    service_receive(endpoint, &m, MESSAGE_CALL);
    uint64_t base = m.item_base;
    unsigned rights = item_rights(m.item_desc);
    if (rights == RO)
        check_error("more than lent",
                    lend(service.session, (void *)base, PAGES, RW), EPERM);
    int64_t result = lend(service.session, (void *)base, PAGES, rights);
    check_equal("lending on", result, 0);
    pages_expect(base, PAGES, rights == RW ? AFTER : BEFORE);
    check_equal("store", probe_store(base, page_byte(AFTER, 0, 0)),
                rights == RW ? 0 : -EFAULT);
    check_equal("reply", service_answer(0, 0), 0);
}

static void first_lender(uint64_t rights) {
    check_equal("call", lend(second.session, pages, PAGES, (unsigned)rights),
                0);
    pages_expect((uint64_t)pages, PAGES, rights == RW ? AFTER : BEFORE);
    pages_fill(pages, PAGES, 9);
}

static void check_on(void) {
    for (unsigned i = 0; i < 2; i++) {
        prepare();
        struct server server = server_start(middle);
        second.session = server.session;
        accept_pages(PAGES);
        int64_t pid = peer_start(first_lender, both[i]);
        uint64_t base = item_receive(service.endpoint, PAGES);
        pages_expect(base, PAGES, BEFORE);
        if (both[i] == RW)
            pages_fill((uint8_t *)base, PAGES, AFTER);
        check_equal("reply", service_answer(0, 0), 0);
        peer_end(pid);
        peer_end(server.pid);
        check_error("returned", probe_load(base), EFAULT);
        check_ok("close", sys_handle_close(server.session));
    }
}

static void lends_to_second(uint64_t unused) {
    (void)unused;
    int64_t result = lend(second.session, pages, PAGES, RW);
    check_error("call", result, EPIPE);
    while (probe_load((uint64_t)pages) < 0)
        pause_ms(1);
    pages_fill(pages, PAGES, 9);
}

/* Of a chain of three each is killed in turn, some of them after another. */
static void check_broken(void) {
    enum { LENDER, MIDDLE, WAYS = 4 };
    static const uint8_t victims[WAYS][2] = {
        {LENDER, LENDER}, {MIDDLE, MIDDLE}, {LENDER, MIDDLE}, {MIDDLE, LENDER}};
    for (unsigned way = 0; way < WAYS; way++) {
        prepare();
        struct server server = server_start(middle);
        second.session = server.session;
        accept_pages(PAGES);
        int64_t pid[2] = {peer_start(lends_to_second, 0), server.pid};
        bool killed[2] = {false, false};
        uint64_t base = item_receive(service.endpoint, PAGES);
        for (unsigned k = 0; k < 2; k++)
            if (!killed[victims[way][k]]) {
                killed[victims[way][k]] = true;
                peer_kill(pid[victims[way][k]]);
                pages_expect(base, PAGES, BEFORE);
                check_equal("still mine", probe_store(base, load_at(base)), 0);
            }
        check_equal("reply", service_answer(0, 0), killed[MIDDLE] ? -EPIPE : 0);
        check_error("returned", probe_load(base), EFAULT);
        if (!killed[LENDER])
            peer_end(pid[LENDER]);
        if (!killed[MIDDLE])
            peer_kill(pid[MIDDLE]);
        check_ok("close", sys_handle_close(server.session));
    }
}

static const struct check checks[] = {
    {"lender", "what the lender may do with what it has lent", check_lender},
    {"borrower", "what the borrower may do with it", check_borrower},
    {"kinds", "which pages can be lent", check_kinds},
    {"after_fork", "a child has its own copy of what is lent later",
     check_after_fork},
    {"most", "512 pages can be lent, and not one more", check_most},
    {"order", "neighbouring loans come back in any order", check_order},
    {"window", "the borrower's place is free again", check_window},
    {"failed_reply", "pages come back also if the reply fails",
     check_failed_reply},
    {"revoked", "the session of a loan is revoked", check_revoked},
    {"server_ends", "the server exits or is killed with a loan",
     check_server_ends},
    {"on", "what is lent can be lent on, with no more rights", check_on},
    {"broken", "a chain of loans in which some are killed", check_broken},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
