/* SPDX-License-Identifier: MIT */
/*
 * tests/test_item_end.c: items in every kind of message, and ends of all kinds.
 *
 * Whoever waits, goes or is killed, a page is either the sender's still or the
 * receiver's, and each side is told which.
 */
#include "tests/paging.h"

#define WINDOW 0x2340000000ull

static struct service service;

static void prepare(unsigned most) {
    service = service_make(1);
    accept_pages(most);
    probe_begin();
}

static uint64_t take(uint64_t pages) {
    uint64_t base = item_receive(service.endpoint, pages);
    check_equal("reply", service_answer(0, 0), 0);
    return base;
}

/* ---- There and back ---- */

static void bounce(uint64_t rounds) {
    uint8_t *page = pages_make(2, 3);
    accept_pages(0);
    check_ok("accept", sys_accept(1, 0, 0, 2, 0, HANDLE_RECEIVED));
    for (uint64_t i = 0; i < rounds; i++) {
        struct message m = {.tag = tag_make(1, 0, 0, 1)};
        item_set(&m, 0, page, 2, ITEM_MOVE, RW);
        check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
        check_error(
            "gone",
            probe_load((uint64_t)page +
                       (m.item_base == (uint64_t)page ? 3 * PAGE_SIZE : 0)),
            EFAULT);
        page = (uint8_t *)m.item_base;
        check_equal("what the other wrote", page[1], (uint8_t)(2 * i + 1));
        page[1] = (uint8_t)(2 * i + 2);
        page_expect((uint64_t)page + PAGE_SIZE, 3, 1);
    }
}

static void check_bounce(void) {
    enum { ROUNDS = 40 };
    struct message m;
    prepare(2);
    int64_t pid = peer_start(bounce, ROUNDS);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    uint64_t faults = 0;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t base = m.item_base;
        if (i > 0)
            check_equal("what the other wrote", load_at(base + 1),
                        (uint8_t)(2 * i));
        store_at(base + 1, (uint8_t)(2 * i + 1));
        m = (struct message){.tag = tag_make(1, 0, 0, 1)};
        item_set(&m, 0, (void *)base, 2, ITEM_MOVE, RW);
        if (i == 2)
            faults = counter(COUNTER_COW_COPY) + counter(COUNTER_COW_REUSE);
        if (i + 1 < ROUNDS)
            check_equal("reply_recv",
                        ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE), 0);
        else
            check_equal("reply", ipc_reply(HANDLE_IMPLICIT, &m), 0);
        check_error("gone", probe_load(base + 2 * PAGE_SIZE), EFAULT);
    }
    check_equal("faults on the way",
                (int64_t)(counter(COUNTER_COW_COPY) +
                          counter(COUNTER_COW_REUSE) - faults),
                0);
    peer_end(pid);
}

/* ---- One-way messages ---- */

static void send_each(uint64_t unused) {
    (void)unused;
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        uint8_t *page = pages_make(1, mode);
        struct message m = {.tag = tag_make(1, 0, 0, 1)};
        item_set(&m, 0, page, 1, mode, RW);
        check_equal("send", ipc_send(service.session, &m, DEADLINE_NONE), 0);
        check_equal("the page", probe_load((uint64_t)page),
                    mode == ITEM_MOVE ? -EFAULT : page_byte(mode, 0, 0));
    }
    uint8_t *page = pages_make(1, 9);
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    item_set(&m, 0, page, 1, ITEM_LEND, RW);
    check_error("lend", ipc_send(service.session, &m, DEADLINE_NONE), EINVAL);
    item_set(&m, 0, page, 1, ITEM_WINDOW, RW);
    check_error("window", ipc_send(service.session, &m, DEADLINE_NONE), EINVAL);
    pages_expect((uint64_t)page, 1, 9);
}

static void check_send(void) {
    struct message m;
    prepare(1);
    int64_t pid = peer_start(send_each, 0);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        service_receive(service.endpoint, &m, MESSAGE_SEND);
        pages_expect(m.item_base, 1, mode);
    }
    peer_end(pid);
}

/* ---- Replies ---- */

static void want_pages(uint64_t unused) {
    (void)unused;
    struct message m;
    check_equal("call", service_call(service.session, 1, 0, &m), 0);
    check_equal("nothing was accepted", tag_items(m.tag), 0);
    check_ok("accept",
             sys_accept(1, WINDOW, 4 * PAGE_SIZE, 4, 0, HANDLE_RECEIVED));
    check_equal("call", service_call(service.session, 2, 0, &m), 0);
    check_equal("items", tag_items(m.tag), 2);
    check_equal("first", (int64_t)m.item_base, WINDOW);
    check_equal("second", (int64_t)m.words[6], WINDOW + PAGE_SIZE);
    pages_expect(WINDOW, 3, 5);
    check_error("read only", probe_store(WINDOW, 1), EFAULT);
    store_at(WINDOW + PAGE_SIZE, 1);
}

/* A reply that cannot go is still owed. */
static void check_reply(void) {
    struct message m, bad = {.tag = tag_make(1, 0, 0, 1)};
    prepare(0);
    uint8_t *pages = pages_make(5, 5);
    int64_t pid = peer_start(want_pages, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    item_set(&bad, 0, pages, 1, ITEM_MOVE, RW);
    check_error("none accepted", ipc_reply(HANDLE_IMPLICIT, &bad), EMSGSIZE);
    struct message again = bad;
    check_error("none accepted",
                ipc_reply_recv(service.endpoint, &again, DEADLINE_NONE),
                EMSGSIZE);
    check_equal("reply", service_answer(0, 0), 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("label", tag_label(m.tag), 2);
    item_set(&bad, 0, pages, 1, ITEM_LEND, RW);
    check_error("lend", ipc_reply(HANDLE_IMPLICIT, &bad), EINVAL);
    item_set(&bad, 0, pages, 1, ITEM_WINDOW, RW);
    check_error("window", ipc_reply(HANDLE_IMPLICIT, &bad), EINVAL);
    item_set(&bad, 0, pages, 5, ITEM_MOVE, RW);
    check_error("too many", ipc_reply(HANDLE_IMPLICIT, &bad), EMSGSIZE);
    item_set(&bad, 0, (void *)WINDOW, 1, ITEM_MOVE, RW);
    check_error("a hole", ipc_reply(HANDLE_IMPLICIT, &bad), EFAULT);
    pages_expect((uint64_t)pages, 5, 5);
    m = (struct message){.tag = tag_make(1, 0, 0, 2)};
    item_set(&m, 0, pages, 1, ITEM_SHARE, RO);
    item_set(&m, 1, pages + PAGE_SIZE, 2, ITEM_MOVE, RW);
    check_equal("reply", ipc_reply(HANDLE_IMPLICIT, &m), 0);
    check_error("moved", probe_load((uint64_t)pages + PAGE_SIZE), EFAULT);
    check_equal("shared", probe_store((uint64_t)pages + 1, 1), 0);
    peer_end(pid);
}

/* The caller has gone: so has the reply, but not what it carried. */
static void check_reply_to_dead(void) {
    struct message m;
    prepare(0);
    uint8_t *page = pages_make(1, 6);
    int64_t pid = peer_start(want_pages, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t saved = check_ok("reply_save", sys_reply_save());
    peer_kill(pid);
    m = (struct message){.tag = tag_make(1, 0, 0, 1)};
    item_set(&m, 0, page, 1, ITEM_MOVE, RW);
    check_error("reply", ipc_reply(saved, &m), EPIPE);
    pages_expect((uint64_t)page, 1, 6);
}

/* ---- Handles and pages together ---- */

static void both_or_neither(uint64_t unused) {
    (void)unused;
    struct message m = {.tag = tag_make(1, 0, 1, 1) | tag_move(0)};
    uint8_t *page = pages_make(1, 7);
    int64_t own = check_ok("create", sys_endpoint_create());
    int64_t session = session_make(own, 5);
    m.handles = handle_pack(session, 0);
    item_set(&m, 0, page, 1, ITEM_MOVE, RW);
    /* In turn the receiver has no room for the handle, for the page, takes no
     * handle, takes no page. */
    static const int errors[] = {ENOSPC, ENOSPC, EMSGSIZE, EMSGSIZE};
    for (unsigned i = 0; i < 4; i++) {
        struct message try = m;
        check_error("call", ipc_call(service.session, &try, DEADLINE_NONE),
                    errors[i]);
        check_equal("the handle", sys_handle_info(session).result,
                    HANDLE_SESSION);
        pages_expect((uint64_t)page, 1, 7);
        step_call(service.session);
    }
    check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
    check_error("the handle", sys_handle_info(session).result, EBADF);
    check_error("the page", probe_load((uint64_t)page), EFAULT);
}

static void check_both(void) {
    struct message m;
    service = service_make(1);
    probe_begin();
    int64_t pid = peer_start(both_or_neither, 0);
    for (int64_t slot = HANDLE_RECEIVED; slot < HANDLE_MAX; slot++)
        sys_handle_dup(service.session, (uint64_t)slot, SESSION_RIGHTS, 0);
    check_ok("accept", sys_accept(0, WINDOW, PAGE_SIZE, 1, 1, HANDLE_RECEIVED));
    step_answer(service.endpoint);
    check_error("no page has come", probe_load(WINDOW), EFAULT);
    check_ok("close", sys_handle_close(HANDLE_MAX - 1));
    check_ok("map",
             sys_map(HANDLE_SELF, WINDOW, PAGE_SIZE, RW | MAP_FIXED, -1, 0));
    step_answer(service.endpoint);
    check_error("no handle has come", sys_handle_info(HANDLE_MAX - 1).result,
                EBADF);
    check_ok("unmap", sys_unmap(HANDLE_SELF, WINDOW, PAGE_SIZE));
    check_ok("accept", sys_accept(0, WINDOW, PAGE_SIZE, 1, 0, HANDLE_RECEIVED));
    step_answer(service.endpoint);
    check_ok("accept", sys_accept(0, WINDOW, PAGE_SIZE, 0, 1, HANDLE_RECEIVED));
    step_answer(service.endpoint);
    check_ok("accept", sys_accept(0, WINDOW, PAGE_SIZE, 1, 1, HANDLE_RECEIVED));
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("the handle's slot", handle_at(m.handles, 0), HANDLE_MAX - 1);
    check_equal("the handle", sys_handle_info(HANDLE_MAX - 1).result,
                HANDLE_SESSION);
    pages_expect(WINDOW, 1, 7);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(pid);
}

/* ---- Waiting senders ---- */

static void give_up(uint64_t unused) {
    (void)unused;
    uint8_t *pages = pages_make(2, 8);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_LEND; mode++) {
        struct message m = {.tag = tag_make(1, 0, 0, 1)};
        item_set(&m, 0, pages, 2, mode, RW);
        check_error("poll", ipc_call(service.session, &m, DEADLINE_POLL),
                    EAGAIN);
        check_error("call", ipc_call(service.session, &m, time_after(2)),
                    ETIMEDOUT);
        pages_expect((uint64_t)pages, 2, 8);
        pages_fill(pages, 2, 8);
    }
}

static void check_timeout(void) {
    prepare(2);
    peer_end(peer_start(give_up, 0));
    service_quiet(service.endpoint);
}

static void waits_for_ever(uint64_t mode) {
    item_call(service.session, pages_make(2, 8), 2, (enum item_mode)mode, RW);
    check_fail("a call that nobody answers returned", 0, 1);
}

static void check_killed(void) {
    prepare(2);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_LEND; mode++) {
        int64_t pid = peer_start(waits_for_ever, mode);
        pause_ms(SETTLE_MS);
        peer_kill(pid);
        service_quiet(service.endpoint);
    }
}

/* What was sent is gone from its place when its turn comes. */
static uint64_t pulled;

static void queued(uint64_t result) {
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    item_set(&m, 0, (void *)pulled, 2, ITEM_MOVE, RW);
    check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE),
                (int64_t)result);
}

static void pull_away(uint64_t how) {
    probe_begin();
    pulled = (uint64_t)pages_make(2, 9);
    int64_t tid = thread_start(queued, how == 2 ? 0 : how ? -EPERM : -EFAULT);
    pause_ms(SETTLE_MS);
    if (how == 0)
        check_ok("unmap",
                 sys_unmap(HANDLE_SELF, pulled + PAGE_SIZE, PAGE_SIZE));
    if (how == 1)
        check_ok("protect",
                 sys_protect(HANDLE_SELF, pulled + PAGE_SIZE, PAGE_SIZE, RO));
    if (how == 2)
        store_at(pulled, 77); /* what goes is what is there then */
    step_call(service.session);
    thread_end(tid);
    check_equal("the first page", probe_load(pulled),
                how == 2 ? -EFAULT : page_byte(9, 0, 0));
}

static void check_pulled(void) {
    for (uint64_t how = 0; how < 3; how++) {
        prepare(2);
        int64_t pid = peer_start(pull_away, how);
        pause_ms(3 * SETTLE_MS);
        if (how == 2)
            check_equal("written while it waited", load_at(take(2)), 77);
        step_answer(service.endpoint);
        peer_end(pid);
    }
}

/* ---- Ends of those who have pages ---- */

static void serve_and_keep(int64_t endpoint) {
    struct message m;
    accept_pages(8);
    service_receive(endpoint, &m, MESSAGE_CALL);
    for (uint64_t at = 0; at < item_length(m.item_desc); at += PAGE_SIZE)
        store_at(m.item_base + at, 66);
    check_equal("reply", service_answer(0, 0), 0);
    service_receive(endpoint, &m, MESSAGE_CALL);
    sys_exit(0);
}

static void check_receiver_ends(void) {
    probe_begin();
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++)
        for (unsigned kill = 0; kill < 2; kill++) {
            struct server server = server_start(serve_and_keep);
            struct message m;
            uint8_t *base = pages_make(3, 10);
            int64_t frames = frames_free();
            check_equal("call", item_call(server.session, base, 3, mode, RW),
                        0);
            if (kill) {
                peer_kill(server.pid);
            } else {
                check_error("call to who exits",
                            service_call(server.session, 0, 0, &m), EPIPE);
                peer_end(server.pid);
            }
            uint8_t *fresh = (uint8_t *)check_ok(
                "map", sys_map(HANDLE_SELF, WINDOW, 8 * PAGE_SIZE,
                               RW | MAP_FIXED, -1, 0));
            pages_fill(fresh, 8, 11);
            for (uint64_t i = 0; i < 3; i++) {
                int64_t byte = probe_load((uint64_t)base + i * PAGE_SIZE);
                check_equal("the page", byte,
                            mode == ITEM_MOVE    ? -EFAULT
                            : mode == ITEM_SHARE ? 66
                                                 : page_byte(10, i, 0));
                if (mode != ITEM_MOVE)
                    check_equal("mine again",
                                probe_store((uint64_t)base + i * PAGE_SIZE, 1),
                                0);
            }
            check_ok("unmap",
                     sys_unmap(HANDLE_SELF, (uint64_t)fresh, 8 * PAGE_SIZE));
            check_true("frames come back", frames_free() >= frames);
            check_ok("close", sys_handle_close(server.session));
        }
}

static void send_and_end(uint64_t mode) {
    uint8_t *base = pages_make(3, 12);
    check_equal("call",
                item_call(service.session, base, 3, (enum item_mode)mode, RW),
                0);
    if (mode != ITEM_MOVE)
        base[0] = 55;
    sys_kill(sys_getpid());
}

static void check_sender_ends(void) {
    prepare(3);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        int64_t pid = peer_start(send_and_end, mode);
        uint64_t base = take(3);
        peer_end_with(pid, STATUS_KILLED);
        uint8_t *fresh = pages_make(8, 13);
        check_equal("the first byte", load_at(base),
                    mode == ITEM_SHARE ? 55 : page_byte(12, 0, 0));
        store_at(base, page_byte(12, 0, 0));
        pages_expect(base, 3, 12);
        pages_expect((uint64_t)fresh, 8, 13);
    }
}

/* Between two threads of one process there is one space. */
static void thread_sender(uint64_t mode) {
    uint8_t *base = pages_make(2, 14);
    check_equal("call",
                item_call(service.session, base, 2, (enum item_mode)mode, RW),
                0);
    if (mode == ITEM_LEND)
        pages_fill(base, 2, 15);
    check_equal("mine", probe_load((uint64_t)base),
                mode == ITEM_MOVE   ? -EFAULT
                : mode == ITEM_LEND ? page_byte(15, 0, 0)
                                    : page_byte(14, 0, 0));
}

static void check_threads(void) {
    prepare(2);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_LEND; mode++) {
        int64_t tid = thread_start(thread_sender, mode);
        uint64_t base = item_receive(service.endpoint, 2);
        pages_expect(base, 2, 14);
        check_equal("reply", service_answer(0, 0), 0);
        thread_end(tid);
        check_equal("what came", probe_load(base),
                    mode == ITEM_LEND ? -EFAULT : page_byte(14, 0, 0));
    }
}

static const struct check checks[] = {
    {"bounce", "pages that go forth and back by MOVE", check_bounce},
    {"send", "items in one-way messages", check_send},
    {"reply", "items in replies; one that cannot go is still owed",
     check_reply},
    {"reply_to_dead", "a reply to one who has gone keeps its pages",
     check_reply_to_dead},
    {"both", "handles and pages: both or neither", check_both},
    {"timeout", "a call that is given up keeps its pages", check_timeout},
    {"killed", "a sender is killed while it waits", check_killed},
    {"pulled", "pages that change while their message waits", check_pulled},
    {"receiver_ends", "the receiver exits or is killed", check_receiver_ends},
    {"sender_ends", "the sender is gone, the pages are not", check_sender_ends},
    {"threads", "items between threads of one process", check_threads},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
