/* SPDX-License-Identifier: MIT */
/*
 * tests/test_item_give.c: replies that bring pages.
 *
 * A server gives its pages away with REPLY_RECV, as a client tells it to. The
 * first one of a client finds no place that the kernel knows of, those behind
 * it do: they take the short cut where there is one. The client looks at all
 * registers of its call, so that no difference between the two ways is hidden.
 */
#include "tests/paging.h"
#include "tests/raw.h"

#define WINDOW 0x1230000000ull

enum {
    PAGES = 8, /* that the server has, of pattern 1 */
    LABEL = 77,
    WORD = 1000, /* the answer's first word; the others follow */
};

/* What the server can be asked, as the label: words and answer. */
enum request {
    GIVE,    /* base, descriptor -> the item, or the error as the label */
    WHERE,   /* -> its pages */
    PEEK,    /* address -> the byte, or -EFAULT */
    PROTECT, /* address -> as SYS_PROTECT: a page may only be read from now on
              */
};

static struct server server;
static uint64_t given; /* the server's pages, in its space */

/* ---- The server ---- */

static void answer_make(struct message *m, const uint8_t *pages) {
    uint64_t a = m->words[0], b = m->words[1];
    int32_t label = tag_label(m->tag);
    uint64_t word = label == WHERE  ? (uint64_t)pages
                    : label == PEEK ? (uint64_t)probe_load(a)
                    : label == PROTECT
                        ? (uint64_t)sys_protect(HANDLE_SELF, a, PAGE_SIZE, RO)
                        : 0;
    *m = (struct message){.tag = tag_make(0, 1, 0, 0), .words = {word}};
    if (label != GIVE)
        return;
    m->tag = tag_make(LABEL, MESSAGE_WORDS, 0, 1);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        m->words[i] = WORD + i;
    message_item(m, 0, a, b);
}

static void serve(int64_t endpoint) {
    struct message m;
    probe_begin();
    check_ok("one hart", sys_thread_affinity(0, 1));
    const uint8_t *pages = pages_make(PAGES, 1);
    service_receive(endpoint, &m, MESSAGE_CALL);
    for (;;) {
        answer_make(&m, pages);
        int64_t error = ipc_reply_recv(endpoint, &m, DEADLINE_NONE);
        if (error == 0)
            continue;
        m = (struct message){.tag = tag_make((int32_t)error, 0, 0, 0)};
        check_equal("a reply that is still owed",
                    ipc_reply_recv(endpoint, &m, DEADLINE_NONE), 0);
    }
}

/* ---- The client ---- */

static uint64_t ask(enum request request, uint64_t a) {
    struct message m;
    check_equal("ask", service_call(server.session, request, a, &m), 0);
    return m.words[0];
}

static void begin(unsigned pages) {
    if (server.pid != 0) {
        peer_kill(server.pid);
        check_ok("close", sys_handle_close(server.session));
    }
    probe_begin();
    server = server_start(serve);
    check_ok("one hart", sys_thread_affinity(0, 1));
    check_ok("accept", sys_accept(1, 0, 0, pages, 4, HANDLE_RECEIVED));
    given = ask(WHERE, 0);
}

/* Calls for pages; what the call left in the registers. */
static struct registers take(unsigned page, unsigned pages, enum item_mode mode,
                             unsigned rights, uint64_t deadline) {
    struct registers r = {
        .a = {(uint64_t)server.session, tag_make(GIVE, 2, 0, 0),
              given + page * PAGE_SIZE,
              item_make(pages * PAGE_SIZE, mode, rights), 5, 5, 5, SYS_CALL},
        .t = {5, 5, 5, 0, 5, 5, deadline},
    };
    raw_trap(&r);
    return r;
}

/* The item is there, and the registers are what the contract says. Returns
 * where it is. */
static uint64_t took_expect(const struct registers *r, unsigned page,
                            unsigned pages, enum item_mode mode,
                            unsigned rights) {
    check_equal("call", (int64_t)r->a[0], 0);
    check_equal("tag", (int64_t)r->a[1],
                (int64_t)(tag_make(LABEL, MESSAGE_WORDS, 0, 1) |
                          (uint64_t)MESSAGE_CALL << TAG_KIND_SHIFT));
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        check_equal("word", (int64_t)(i < 5 ? r->a[2 + i] : r->t[i - 5]),
                    WORD + i);
    check_equal("badge", (int64_t)r->a[7], 0);
    check_equal("handles", (int64_t)r->t[3], 0);
    check_equal("descriptor", (int64_t)r->t[5],
                (int64_t)item_make(pages * PAGE_SIZE, mode, rights));
    check_equal("t6", (int64_t)r->t[6], 0);
    for (unsigned i = 0; i < pages; i++)
        page_expect(r->t[4] + i * PAGE_SIZE, 1, page + i);
    return r->t[4];
}

static uint64_t take_one(unsigned page, enum item_mode mode, unsigned rights) {
    struct registers r = take(page, 1, mode, rights, DEADLINE_NONE);
    return took_expect(&r, page, 1, mode, rights);
}

/* The server says that its reply was refused, and its page is where it was. */
static void refused_expect(unsigned page, unsigned pages, enum item_mode mode,
                           unsigned rights, int error) {
    struct registers r = take(page, pages, mode, rights, DEADLINE_NONE);
    check_equal("call", (int64_t)r.a[0], 0);
    check_equal("what was wrong", tag_label(r.a[1]), -error);
    check_equal("items", tag_items(r.a[1]), 0);
    check_equal("the server's page",
                (int64_t)ask(PEEK, given + page * PAGE_SIZE),
                page_byte(1, page, 0));
}

/* ---- Checks ---- */

static void check_move(void) {
    begin(2);
    uint64_t first = take_one(0, ITEM_MOVE, RW);
    uint64_t slow = counter(COUNTER_REPLY_SLOW);
    uint64_t moved = counter(COUNTER_PAGES_MOVED);
    for (unsigned i = 1; i < PAGES - 1; i++)
        check_equal("behind the last", (int64_t)take_one(i, ITEM_MOVE, RW),
                    (int64_t)(first + i * PAGE_SIZE));
    slow = counter(COUNTER_REPLY_SLOW) - slow;
    check_equal("moved", (int64_t)(counter(COUNTER_PAGES_MOVED) - moved),
                PAGES - 2);
    if (sys_system_info(INFO_FEATURES, 0).value[0] & FEATURE_FASTPATH)
        check_true("the short cut", slow <= 1);
    else
        check_true("the long way", slow >= PAGES - 2);
    pages_expect(first, PAGES - 1, 1);
    for (unsigned i = 0; i < PAGES - 1; i++) {
        check_equal("what was given away",
                    (int64_t)ask(PEEK, given + i * PAGE_SIZE), -EFAULT);
        check_equal("a store", probe_store(first + i * PAGE_SIZE, 9), 0);
    }
    check_equal("what is left",
                (int64_t)ask(PEEK, given + (PAGES - 1) * PAGE_SIZE),
                page_byte(1, PAGES - 1, 0));
}

/* Who stores is seen by the other, or is not. */
static void common_expect(enum item_mode mode) {
    begin(1);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t at = take_one(i, mode, RW);
        store_at(at, 9);
        check_equal("the server's byte",
                    (int64_t)ask(PEEK, given + i * PAGE_SIZE),
                    mode == ITEM_SHARE ? 9 : page_byte(1, i, 0));
    }
    uint64_t at = take_one(4, mode, RO);
    check_error("a store to what may only be read", probe_store(at, 9), EFAULT);
}

static void check_share(void) {
    common_expect(ITEM_SHARE);
}

static void check_cow(void) {
    common_expect(ITEM_COW);
}

static void check_many(void) {
    begin(2);
    take_one(0, ITEM_MOVE, RW);
    refused_expect(1, 3, ITEM_MOVE, RW, EMSGSIZE);
    struct registers r = take(1, 2, ITEM_MOVE, RW, DEADLINE_NONE);
    took_expect(&r, 1, 2, ITEM_MOVE, RW);
    check_ok("accept none", sys_accept(1, 0, 0, 0, 4, HANDLE_RECEIVED));
    refused_expect(3, 1, ITEM_MOVE, RW, EMSGSIZE);
}

static void check_rights(void) {
    begin(2);
    take_one(0, ITEM_COW, RW);
    check_equal("protect", (int64_t)ask(PROTECT, given + PAGE_SIZE), 0);
    ask(PEEK, given + PAGE_SIZE);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++)
        refused_expect(1, 1, mode, RW, EPERM);
    take_one(1, ITEM_COW, RO);
    refused_expect(2, 1, ITEM_COW, PROT_WRITE, EINVAL);
}

/* In a window each item lies where the next one should. */
static void check_window(void) {
    begin(2);
    uint64_t first = take_one(0, ITEM_MOVE, RW);
    check_ok("accept",
             sys_accept(1, WINDOW, 3 * PAGE_SIZE, 2, 4, HANDLE_RECEIVED));
    for (unsigned i = 1; i < 4; i++)
        check_equal("in the window", (int64_t)take_one(i, ITEM_MOVE, RW),
                    (int64_t)(WINDOW + (i - 1) * PAGE_SIZE));
    page_expect(first, 1, 0);
}

/* A call that could have been taken back until then gets its item, too. */
static void check_deadline(void) {
    begin(1);
    uint64_t first = take_one(0, ITEM_MOVE, RW);
    for (unsigned i = 1; i < 4; i++) {
        struct registers r =
            take(i, 1, ITEM_MOVE, RW, time_after(CHECK_LIMIT_MS / 2));
        check_equal("behind the last",
                    (int64_t)took_expect(&r, i, 1, ITEM_MOVE, RW),
                    (int64_t)(first + i * PAGE_SIZE));
    }
}

static const struct check checks[] = {
    {"move", "pages come one behind the other, and are gone", check_move},
    {"share", "a store is seen by both", check_share},
    {"cow", "a store is seen by nobody else", check_cow},
    {"many", "more pages than the caller takes", check_many},
    {"rights", "more rights than the server has", check_rights},
    {"window", "pages for a place that the caller has named", check_window},
    {"deadline", "a call with a deadline gets pages", check_deadline},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
