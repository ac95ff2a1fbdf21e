/* SPDX-License-Identifier: MIT */
/*
 * tests/test_contract.c: the table of docs/book/09-transfer.md, cell by
 * cell: what becomes of a page, by mode and by what it is at the sender.
 *
 * A server stores to the page that it gets, and says in its reply whether it
 * could and how many pages the kernel had copied or made by then. The sender
 * looks at what is left to it.
 */
#include "tests/paging.h"

enum { OLD = 11, NEW = 99, GONE = -EFAULT };

/* The columns: modes with their rights. */
static const struct way {
    enum item_mode mode;
    unsigned rights;
} ways[] = {{ITEM_MOVE, RW},
            {ITEM_SHARE, RW},
            {ITEM_COW, RW},
            {ITEM_LEND, RW},
            {ITEM_LEND, RO}};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

/* A cell. On an error the page must be as it was. */
struct cell {
    int error;       /* of the call, or 0 */
    int sender;      /* what the sender reads in the end, or GONE */
    int twin;        /* what is read through another mapping; 0: no other */
    unsigned copied; /* pages copied, before the receiver has them */
    unsigned made;   /* zero pages made, likewise */
};

static struct server server;

/* ---- The receiver ---- */

static void serve(int64_t endpoint) {
    struct message m;
    accept_pages(8);
    probe_begin();
    for (;;) {
        service_receive(endpoint, &m, MESSAGE_CALL);
        uint64_t copied = counter(COUNTER_COW_COPY);
        uint64_t made = counter(COUNTER_FAULT_ZERO);
        int64_t stored = probe_store(m.item_base, NEW);
        struct message answer = {
            .tag = tag_make(0, 3, 0, 0),
            .words = {(uint64_t)stored, copied, made},
        };
        check_equal("reply", ipc_reply(HANDLE_IMPLICIT, &answer), 0);
    }
}

/* ---- A cell ---- */

static void cell_expect(uint8_t *page, int64_t twin, const struct way *way,
                        const struct cell *cell) {
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    item_set(&m, 0, page, 1, way->mode, way->rights);
    uint64_t copied = counter(COUNTER_COW_COPY);
    uint64_t made = counter(COUNTER_FAULT_ZERO);
    check_equal("call", ipc_call(server.session, &m, DEADLINE_NONE),
                -cell->error);
    if (cell->error == 0) {
        check_equal("the receiver's store", (int64_t)m.words[0],
                    way->rights == RW ? 0 : -EFAULT);
        check_equal("copied", (int64_t)(m.words[1] - copied), cell->copied);
        check_equal("made", (int64_t)(m.words[2] - made), cell->made);
    }
    check_equal("the sender's page", probe_load((uint64_t)page), cell->sender);
    if (cell->twin != 0)
        check_equal("the twin", load_at((uint64_t)twin), cell->twin);
    if (cell->sender != GONE)
        check_equal("the sender's store", probe_store((uint64_t)page, OLD), 0);
}

static uint8_t *page_make(void) {
    uint8_t *page = pages_map(1);
    page[0] = OLD;
    return page;
}

static int64_t twin_make(const uint8_t *page, enum item_mode mode) {
    return check_ok("twin", item_transfer(HANDLE_SELF, 0, page, 1, mode, RW));
}

/* What was forked and loaded lazily is settled after a first call. */
static void begin(void) {
    probe_begin();
    server = server_start(serve);
    item_call(server.session, page_make(), 1, ITEM_MOVE, RW);
    item_call(server.session, page_make(), 1, ITEM_MOVE, RW);
}

static void end(void) {
    peer_kill(server.pid);
    check_ok("close", sys_handle_close(server.session));
}

/* ---- Rows ---- */

static void check_own(void) {
    static const struct cell row[WAYS] = {{.sender = GONE},
                                          {.sender = NEW},
                                          {.sender = OLD},
                                          {.sender = NEW},
                                          {.sender = OLD}};
    begin();
    for (unsigned i = 0; i < WAYS; i++)
        cell_expect(page_make(), 0, &ways[i], &row[i]);
    end();
}

static void check_untouched(void) {
    static const struct cell row[WAYS] = {{.sender = GONE},
                                          {.sender = NEW, .made = 1},
                                          {.sender = 0},
                                          {.sender = NEW, .made = 1},
                                          {.sender = 0, .made = 1}};
    begin();
    for (unsigned i = 0; i < WAYS; i++)
        cell_expect(pages_map(1), 0, &ways[i], &row[i]);
    end();
}

static void check_common(void) {
    static const struct cell row[WAYS] = {
        {.sender = GONE, .twin = OLD},
        {.sender = NEW, .twin = OLD, .copied = 1},
        {.sender = OLD, .twin = OLD},
        {.sender = NEW, .twin = OLD, .copied = 1},
        {.sender = OLD, .twin = OLD}};
    begin();
    for (unsigned i = 0; i < WAYS; i++) {
        uint8_t *page = page_make();
        cell_expect(page, twin_make(page, ITEM_COW), &ways[i], &row[i]);
    }
    end();
}

static void check_shared(void) {
    static const struct cell row[WAYS] = {
        {.sender = GONE, .twin = NEW},
        {.sender = NEW, .twin = NEW},
        {.sender = OLD, .twin = OLD, .copied = 1},
        {.error = EPERM, .sender = OLD, .twin = OLD},
        {.error = EPERM, .sender = OLD, .twin = OLD}};
    begin();
    for (unsigned i = 0; i < WAYS; i++) {
        uint8_t *page = page_make();
        cell_expect(page, twin_make(page, ITEM_SHARE), &ways[i], &row[i]);
    }
    end();
}

static void check_once_shared(void) {
    static const struct cell row[WAYS] = {{.sender = GONE},
                                          {.sender = NEW},
                                          {.sender = OLD},
                                          {.error = EPERM, .sender = OLD},
                                          {.error = EPERM, .sender = OLD}};
    begin();
    for (unsigned i = 0; i < WAYS; i++) {
        uint8_t *page = page_make();
        int64_t twin = twin_make(page, ITEM_SHARE);
        check_ok("unmap", sys_unmap(HANDLE_SELF, (uint64_t)twin, PAGE_SIZE));
        cell_expect(page, 0, &ways[i], &row[i]);
    }
    end();
}

static void check_absent(void) {
    static const struct cell cell = {.error = EFAULT, .sender = GONE};
    begin();
    for (unsigned i = 0; i < WAYS; i++) {
        uint8_t *page = page_make();
        check_ok("unmap", sys_unmap(HANDLE_SELF, (uint64_t)page, PAGE_SIZE));
        cell_expect(page, 0, &ways[i], &cell);
    }
    end();
}

/* ---- Pages on loan ---- */

static void borrow(int64_t endpoint) {
    struct message m;
    accept_pages(8);
    probe_begin();
    service_receive(endpoint, &m, MESSAGE_CALL);
    for (unsigned i = 0; i < WAYS; i++)
        check_equal("of what is borrowed",
                    item_call(server.session, (void *)m.item_base, 1,
                              ways[i].mode, ways[i].rights),
                    ways[i].mode == ITEM_LEND ? 0 : -EBUSY);
    pause_ms(4 * SETTLE_MS);
    check_equal("reply", service_answer(0, 0), 0);
}

static void while_lent(uint64_t page) {
    pause_ms(2 * SETTLE_MS);
    for (unsigned i = 0; i < WAYS; i++)
        check_equal("of what is lent",
                    item_call(server.session, (void *)page, 1, ways[i].mode,
                              ways[i].rights),
                    -EBUSY);
}

static void check_on_loan(void) {
    begin();
    struct server borrower = server_start(borrow);
    uint8_t *page = page_make();
    int64_t tid = thread_start(while_lent, (uint64_t)page);
    check_equal("lend", item_call(borrower.session, page, 1, ITEM_LEND, RW), 0);
    thread_end(tid);
    check_equal("what the last borrower wrote", page[0], NEW);
    peer_end(borrower.pid);
    end();
}

/* ---- A reply while what it returns is lent on ---- */

static void serve_slowly(int64_t endpoint) {
    struct message m;
    accept_pages(8);
    service_receive(endpoint, &m, MESSAGE_CALL);
    pause_ms(4 * SETTLE_MS);
    check_equal("reply", service_answer(0, 0), 0);
}

static void lend_on(uint64_t page) {
    check_equal("lend on",
                item_call(server.session, (void *)page, 1, ITEM_LEND, RW), 0);
}

static void reply_twice(int64_t endpoint) {
    struct message m, answer = {.tag = 0};
    accept_pages(8);
    service_receive(endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    int64_t tid = thread_start(lend_on, m.item_base);
    pause_ms(SETTLE_MS);
    check_error("reply", ipc_reply(reply, &answer), EBUSY);
    thread_end(tid);
    check_equal("reply again", ipc_reply(reply, &answer), 0);
}

static void check_reply_early(void) {
    server = server_start(serve_slowly);
    struct server borrower = server_start(reply_twice);
    uint8_t *page = page_make();
    check_equal("lend", item_call(borrower.session, page, 1, ITEM_LEND, RW), 0);
    page[0] = OLD;
    peer_end(borrower.pid);
    peer_end(server.pid);
}

static const struct check checks[] = {
    {"own", "a page that is the sender's alone", check_own},
    {"untouched", "a page that nobody has touched", check_untouched},
    {"common", "a page that is common by COW", check_common},
    {"shared", "a page shared for writing", check_shared},
    {"once_shared", "a page that nobody shares any more", check_once_shared},
    {"absent", "no page", check_absent},
    {"on_loan", "a page that is borrowed, and one that is lent", check_on_loan},
    {"reply_early", "a reply has to wait for pages that are lent on",
     check_reply_early},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
