/* SPDX-License-Identifier: MIT */
/*
 * tests/test_lend.c: pages that a server has until it replies.
 */
#include "tests/paging.h"

static struct service service;
static uint8_t *pages;

enum { PAGES = 3 };

static void prepare(void) {
    service = service_make(1);
    check_ok("accept", sys_accept(0, 0, 0, 8, 0, HANDLE_RECEIVED));
    pages = pages_make(PAGES, 7);
}

/* A message that lends all pages. */
static struct message lend_message(unsigned rights) {
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    item_set(&m, 0, pages, PAGES, ITEM_LEND, rights);
    return m;
}

static void lender(uint64_t rights) {
    struct message m = lend_message((unsigned)rights);
    check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
    check_equal("first page", load_at((uint64_t)pages),
                rights == RW ? 88 : page_byte(7, 0, 0));
    pages_fill(pages, PAGES, 9);
    pages_expect((uint64_t)pages, PAGES, 9);
    check_ok("unmap",
             sys_unmap(HANDLE_SELF, (uint64_t)pages, PAGES * PAGE_SIZE));
}

static void check_lend(void) {
    static const unsigned rights[] = {RW, RO};
    prepare();
    for (unsigned i = 0; i < 2; i++) {
        struct message m;
        int64_t client = peer_start(lender, rights[i]);
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        pages_expect(m.item_base, PAGES, 7);
        check_error("unmap", sys_unmap(HANDLE_SELF, m.item_base, PAGE_SIZE),
                    EBUSY);
        check_error("protect",
                    sys_protect(HANDLE_SELF, m.item_base, PAGE_SIZE, RO),
                    EBUSY);
        if (rights[i] == RW)
            store_at(m.item_base, 88);
        else
            peer_dies(touch_store, m.item_base);
        check_equal("reply", service_answer(0, 0), 0);
        peer_end(client);
        peer_dies(touch_load, m.item_base);
    }
}

/* ---- What the lender may do meanwhile ---- */

static void meanwhile(uint64_t rights) {
    pause_ms(SETTLE_MS);
    check_error("unmap", sys_unmap(HANDLE_SELF, (uint64_t)pages, PAGE_SIZE),
                EBUSY);
    struct message m = lend_message((unsigned)rights);
    check_error("lending twice", ipc_call(service.session, &m, DEADLINE_NONE),
                EBUSY);
    if (rights == RO)
        page_expect((uint64_t)pages, 7, 0);
    store_at((uint64_t)pages, 1);
}

static void lender_with_thread(uint64_t rights) {
    thread_start(meanwhile, rights);
    lender(rights);
}

static void check_meanwhile(void) {
    static const unsigned rights[] = {RW, RO};
    prepare();
    for (unsigned i = 0; i < 2; i++) {
        struct message m;
        int64_t client = peer_start(lender_with_thread, rights[i]);
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        peer_end_with(client, STATUS_KILLED);
        pages_expect(m.item_base, PAGES, 7);
        check_error("reply", service_answer(0, 0), EPIPE);
        peer_dies(touch_load, m.item_base);
    }
}

/* ---- Ends ---- */

static void lend_server(int64_t endpoint) {
    struct message m;
    check_ok("accept", sys_accept(0, 0, 0, 8, 0, HANDLE_RECEIVED));
    service_receive(endpoint, &m, MESSAGE_CALL);
    store_at(m.item_base, 88);
    sys_exit(0);
}

static void check_server_exit(void) {
    prepare();
    struct server server = server_start(lend_server);
    struct message m = lend_message(RW);
    check_error("call", ipc_call(server.session, &m, DEADLINE_NONE), EPIPE);
    check_equal("written", pages[0], 88);
    pages_fill(pages, PAGES, 5);
    peer_end(server.pid);
}

static void impatient(uint64_t unused) {
    (void)unused;
    struct message m = lend_message(RW);
    check_equal("call",
                ipc_call(service.session, &m, time_after(2 * SETTLE_MS)), 0);
}

static void check_no_timeout(void) {
    struct message m;
    prepare();
    for (unsigned queued = 0; queued < 2; queued++) {
        int64_t client = peer_start(impatient, 0);
        if (queued)
            pause_ms(SETTLE_MS);
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        pause_ms(10 * SETTLE_MS);
        store_at(m.item_base, 3);
        check_equal("reply", service_answer(0, 0), 0);
        peer_end(client);
    }
}

static void check_saved(void) {
    struct message m;
    prepare();
    int64_t client = peer_start(lender, RW);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    store_at(m.item_base, 88);
    struct message answer = {.tag = 0};
    check_equal("reply", ipc_reply(reply, &answer), 0);
    peer_end(client);
    peer_dies(touch_load, m.item_base);
    client = peer_start(lender, RW);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    reply = check_ok("reply_save", ipc_reply_save());
    peer_kill(client);
    page_expect(m.item_base, 7, 0);
    check_error("reply", ipc_reply(reply, &answer), EPIPE);
    peer_dies(touch_load, m.item_base);
    client = peer_start(lender, RW);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    reply = check_ok("reply_save", ipc_reply_save());
    peer_kill(client);
    check_ok("close", sys_handle_close(reply));
    peer_dies(touch_load, m.item_base);
}

/* ---- Lending on ---- */

static void middle_serve(int64_t endpoint) {
    struct message m;
    check_ok("accept", sys_accept(0, 0, 0, 8, 0, HANDLE_RECEIVED));
    service_receive(endpoint, &m, MESSAGE_CALL);
    page_expect(m.item_base, 7, 0);
    struct message on = {.tag = tag_make(2, 0, 0, 1)};
    item_set(&on, 0, (void *)(m.item_base + PAGE_SIZE), 1, ITEM_LEND, RW);
    int64_t result = ipc_call(service.session, &on, DEADLINE_NONE);
    check_equal("lending on", result, 0);
    store_at(m.item_base, 88);
    check_equal("what the second wrote", load_at(m.item_base + PAGE_SIZE), 77);
    check_equal("reply", service_answer(0, 0), 0);
}

static void chain_client(uint64_t session) {
    struct message m = lend_message(RW);
    check_equal("call", ipc_call((int64_t)session, &m, DEADLINE_NONE), 0);
    check_equal("first", pages[0], 88);
    check_equal("second", pages[PAGE_SIZE], 77);
    pages_fill(pages, PAGES, 2);
}

static void check_chain(void) {
    struct message m;
    prepare();
    struct server server = server_start(middle_serve);
    int64_t client = peer_start(chain_client, (uint64_t)server.session);
    check_ok("accept", sys_accept(0, 0, 0, 8, 0, HANDLE_RECEIVED));
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    page_expect(m.item_base, 7, 1);
    store_at(m.item_base, 77);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(client);
    peer_end(server.pid);
}

static void broken_client(uint64_t session) {
    struct message m = lend_message(RW);
    check_error("call", ipc_call((int64_t)session, &m, DEADLINE_NONE), EPIPE);
    while (sys_unmap(HANDLE_SELF, (uint64_t)pages, PAGES * PAGE_SIZE) == -EBUSY)
        pause_ms(1);
}

/* The one in the middle dies: the pages come back when the last one replies. */
static void check_broken_chain(void) {
    struct message m;
    prepare();
    struct server server = server_start(middle_serve);
    int64_t client = peer_start(broken_client, (uint64_t)server.session);
    check_ok("accept", sys_accept(0, 0, 0, 8, 0, HANDLE_RECEIVED));
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    peer_kill(server.pid);
    pause_ms(SETTLE_MS);
    page_expect(m.item_base, 7, 1);
    store_at(m.item_base, 77);
    check_error("reply", service_answer(0, 0), EPIPE);
    peer_dies(touch_load, m.item_base);
    peer_end(client);
}

/* Lends on in one message what came with two calls. */
static void joining_serve(int64_t endpoint) {
    struct message m, on = {.tag = tag_make(2, 0, 0, 2)};
    check_ok("accept", sys_accept(0, 0, 0, 8, 0, HANDLE_RECEIVED));
    for (unsigned i = 0; i < 2; i++) {
        service_receive(endpoint, &m, MESSAGE_CALL);
        item_set(&on, i, (void *)m.item_base, 1, ITEM_LEND, RW);
        check_ok("save", ipc_reply_save());
        accept_pages(8);
    }
    ipc_call(service.session, &on, DEADLINE_NONE);
}

/* The same for two clients at once: neither is forgotten. */
static void check_broken_two(void) {
    struct message m;
    prepare();
    struct server server = server_start(joining_serve);
    int64_t one = peer_start(broken_client, (uint64_t)server.session);
    int64_t two = peer_start(broken_client, (uint64_t)server.session);
    accept_pages(8);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    page_expect(m.item_base, 7, 0);
    peer_kill(server.pid);
    pause_ms(SETTLE_MS);
    check_error("reply", service_answer(0, 0), EPIPE);
    peer_end(one);
    peer_end(two);
}

static const struct check checks[] = {
    {"lend", "lent pages are the server's until it replies, then back",
     check_lend},
    {"meanwhile", "the lender's other threads cannot write what is lent",
     check_meanwhile},
    {"server_exit", "pages come back when the server ends", check_server_exit},
    {"no_timeout", "a received call that lends does not time out",
     check_no_timeout},
    {"saved", "a saved reply keeps the pages until it is given or closed",
     check_saved},
    {"chain", "what is borrowed can be lent on", check_chain},
    {"broken_chain", "if one in a chain dies, pages come back from the last",
     check_broken_chain},
    {"broken_two", "if it has lent on what two have lent, both get theirs back",
     check_broken_two},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
