/* SPDX-License-Identifier: MIT */
/*
 * tests/test_pager_end.c: pagers, clients and regions that come and go while a
 * fault is served; faults within system calls.
 */
#include "lib/safe.h"
#include "tests/pager.h"

/* ---- Ends ---- */

static void check_dead(void) {
    struct message m;
    service = service_make(1);
    int64_t waits = peer_start(toucher, RO);
    int64_t queued = peer_start(toucher, RW);
    pause_ms(SETTLE_MS);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_ok("close", sys_handle_close(service.endpoint));
    peer_end_with(waits, STATUS_KILLED);
    peer_end_with(queued, STATUS_KILLED);
    peer_dies(toucher, RO);
}

static void check_revoked(void) {
    struct message m;
    service = service_make(1);
    int64_t client = peer_start(toucher, RO);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_ok("revoke", sys_revoke(service.session));
    peer_end_with(client, STATUS_KILLED);
    check_error("answer", service_answer(0, 0), EPIPE);
}

static void check_timeout(void) {
    struct message m;
    service = service_make(1);
    int64_t client = peer_start(toucher, RO);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    pause_ms(PAGER_TIMEOUT_MS - 100);
    check_error("not before its time", sys_wait(client, DEADLINE_POLL).result,
                EAGAIN);
    pause_ms(200);
    peer_end_with(client, STATUS_KILLED);
    check_error("answer", service_answer(0, 0), EPIPE);
}

static void check_killed(void) {
    struct message m;
    service = service_make(1);
    int64_t client = peer_start(toucher, RO);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    peer_kill(client);
    uint8_t *page = pages_make(1, 8);
    check_error("answer", fault_answer(page, 1, ITEM_MOVE, RW), EPIPE);
    page_expect((uint64_t)page, 8, 0);
    client = peer_start(toucher, RO);
    pause_ms(SETTLE_MS);
    peer_kill(client);
    service_quiet(service.endpoint);
}

static void check_self(void) {
    service = service_make(1);
    struct message m;
    check_error("poll", ipc_recv(service.endpoint, &m, DEADLINE_POLL), EAGAIN);
    char byte;
    char *region = (char *)region_map(1, RO);
    check_equal("one's own fault", safe_copy(&byte, region, 1), -EFAULT);
}

/* ---- Threads ---- */

static uint64_t common;

static void thread_touch(uint64_t page) {
    page_expect(common + page * PAGE_SIZE, 3, page);
}

static void thread_fails(uint64_t page) {
    touch_load(common + page * PAGE_SIZE);
    sys_exit(1);
}

static void unmapper(uint64_t unused) {
    (void)unused;
    common = region_map(2, RO);
    thread_start(thread_fails, 0);
    pause_ms(SETTLE_MS);
    check_ok("unmap", sys_unmap(HANDLE_SELF, common, PAGE_SIZE));
    touch_load(common + PAGE_SIZE);
    sys_exit(1);
}

/* The answer comes when there is no region any more. */
static void check_unmapped(void) {
    struct message m;
    service = service_make(1);
    uint8_t *page = pages_make(1, 3);
    int64_t client = peer_start(unmapper, 0);
    fault_receive(&m, 0);
    int64_t first = check_ok("save", ipc_reply_save());
    fault_receive(&m, 1);
    m = (struct message){.tag = tag_make(0, 0, 0, 1)};
    item_set(&m, 0, page, 1, ITEM_SHARE, RO);
    check_equal("late answer", ipc_reply(first, &m), 0);
    peer_end_with(client, STATUS_KILLED);
}

static void pair(uint64_t unused) {
    (void)unused;
    common = region_map(1, RO);
    int64_t other = thread_start(thread_touch, 0);
    thread_touch(0);
    thread_end(other);
}

/* Two threads ask for one page: the second answer changes nothing. */
static void check_twice(void) {
    struct message m;
    service = service_make(1);
    uint8_t *page = pages_make(2, 3);
    int64_t client = peer_start(pair, 0);
    fault_receive(&m, 0);
    int64_t first = check_ok("save", ipc_reply_save());
    fault_receive(&m, 0);
    answer_ok(page, 1, ITEM_SHARE, RO);
    m = (struct message){.tag = tag_make(0, 0, 0, 1)};
    item_set(&m, 0, page + PAGE_SIZE, 1, ITEM_MOVE, RW);
    check_equal("second answer", ipc_reply(first, &m), 0);
    peer_end(client);
    page_expect((uint64_t)page + PAGE_SIZE, 3, 1);
}

/* The pager is a thread of the process whose memory it is. */
static void own_pager(uint64_t page) {
    struct message m;
    fault_receive(&m, 0);
    answer_ok((void *)page, 1, ITEM_MOVE, RW);
}

static void check_thread(void) {
    service = service_make(1);
    uint64_t page = (uint64_t)pages_make(1, 6);
    uint64_t region = region_map(1, RW);
    int64_t pager = thread_start(own_pager, page);
    page_expect(region, 6, 0);
    store_at(region, 5);
    check_equal("store", load_at(region), 5);
    thread_end(pager);
    pages_gone((uint8_t *)page, 1);
}

/* ---- Pagers of pagers, and forks ---- */

static struct service middle;

/* Serves one fault with what its own pager gives it. */
static void middleman(uint64_t unused) {
    struct message m;
    (void)unused;
    uint64_t region = region_map(1, RO);
    service_receive(middle.endpoint, &m, MESSAGE_CALL);
    uint8_t *page = pages_map(1);
    memcpy(page, (void *)region, PAGE_SIZE);
    answer_ok(page, 1, ITEM_MOVE, RW);
}

static void middle_client(uint64_t unused) {
    (void)unused;
    service = middle;
    toucher(RO);
}

/* In a thread, as the endpoint is this process's. */
static void check_nested(void) {
    struct message m;
    service = service_make(1);
    middle = service_make(2);
    uint8_t *page = pages_make(1, 4);
    thread_start(middleman, 0);
    int64_t client = peer_start(middle_client, 0);
    fault_receive(&m, 0);
    answer_ok(page, 1, ITEM_SHARE, RO);
    peer_end(client);
}

static void forker(uint64_t unused) {
    (void)unused;
    common = region_map(2, RO);
    thread_touch(0);
    int64_t child = peer_start(thread_touch, 1);
    peer_end(child);
    thread_touch(1);
}

static void check_fork(void) {
    struct message m;
    service.endpoint = check_ok("endpoint", sys_endpoint_create());
    service.session =
        check_ok("mint", sys_session_mint(service.endpoint, 5, SESSION_RIGHTS,
                                          SESSION_NOTIFY_CLOSED));
    uint8_t *page = pages_make(2, 3);
    int64_t client = peer_start(forker, 0);
    check_ok("close", sys_handle_close(service.session));
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t at = i == 0 ? 0 : 1;
        fault_receive(&m, at);
        answer_ok(page + at * PAGE_SIZE, 1, ITEM_SHARE, RO);
    }
    service_receive(service.endpoint, &m, MESSAGE_CLOSED);
    check_equal("badge of what is closed", (int64_t)m.badge, 5);
    peer_end(client);
}

/* The session lives as long as a region refers to it, and no longer. */
static void check_closed(void) {
    struct message m;
    service.endpoint = check_ok("endpoint", sys_endpoint_create());
    service.session =
        check_ok("mint", sys_session_mint(service.endpoint, 5, SESSION_RIGHTS,
                                          SESSION_NOTIFY_CLOSED));
    uint64_t region = region_map(4, RO);
    check_ok("close", sys_handle_close(service.session));
    service_quiet(service.endpoint);
    check_ok("hole", sys_unmap(HANDLE_SELF, region + PAGE_SIZE, PAGE_SIZE));
    check_ok("end",
             sys_unmap(HANDLE_SELF, region + 2 * PAGE_SIZE, 2 * PAGE_SIZE));
    service_quiet(service.endpoint);
    check_ok("rest", sys_unmap(HANDLE_SELF, region, PAGE_SIZE));
    service_receive(service.endpoint, &m, MESSAGE_CLOSED);
}

/* ---- The kernel never calls a pager ---- */

static void check_copy(void) {
    service = service_make(1);
    int64_t space = check_ok("space", sys_space_create());
    const uint64_t at = 0x100000;
    check_ok("map", sys_map(space, at, PAGE_SIZE, RW | MAP_FIXED, -1, 0));
    check_ok("map", sys_map(space, at + PAGE_SIZE, PAGE_SIZE,
                            RW | MAP_FIXED | MAP_PAGER, service.session, 0));
    uint8_t *mine = pages_make(2, 3);
    struct copy_result copy =
        ipc_copy(space, COPY_OUT, at + 100, mine, 2 * PAGE_SIZE - 200);
    check_error("copy to a missing page", copy.error, EPFAULT);
    check_equal("bytes before it", (int64_t)copy.done, PAGE_SIZE - 100);
    copy = ipc_copy(space, COPY_IN, at + PAGE_SIZE, mine, 8);
    check_error("copy from a missing page", copy.error, EPFAULT);
    check_equal("bytes", (int64_t)copy.done, 0);
    service_quiet(service.endpoint);
}

static void copier(uint64_t unused) {
    (void)unused;
    uint64_t region = region_map(3, RO);
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    message_item(&m, 0, region + 10,
                 item_make(2 * PAGE_SIZE + 20, ITEM_WINDOW, ITEM_READ));
    check_equal("call with a window",
                ipc_call(service.session, &m, DEADLINE_NONE), 0);
    m = (struct message){.tag = tag_make(2, 0, 0, 1)};
    message_item(&m, 0, region, item_make(8, ITEM_WINDOW, ITEM_WRITE));
    check_equal("call with another",
                ipc_call(service.session, &m, DEADLINE_NONE), 0);
    sys_unmap(HANDLE_SELF, region, 3 * PAGE_SIZE);
    region = region_map(2, RW);
    m = (struct message){.tag = tag_make(3, 0, 0, 1)};
    item_set(&m, 0, (void *)region, 2, ITEM_MOVE, RW);
    check_equal("call with pages", ipc_call(service.session, &m, DEADLINE_NONE),
                0);
    pages_gone((uint8_t *)region, 2);
    region = region_map(1, RW);
    m = (struct message){.tag = tag_make(4, 0, 0, 1)};
    item_set(&m, 0, (void *)region, 1, ITEM_SHARE, RW);
    check_equal("call that fails", ipc_call(service.session, &m, DEADLINE_NONE),
                -EFAULT);
}

/* What a message refers to is paged in by its sender, before it is sent. */
static void check_items(void) {
    struct message m;
    service = service_make(1);
    check_ok("accept", sys_accept(0, 0, 0, 4, 0, HANDLE_RECEIVED));
    uint8_t *pages = pages_make(3, 3), byte;
    int64_t client = peer_start(copier, 0);
    for (uint64_t i = 0; i < 3; i++) {
        fault_receive(&m, i);
        check_error("the window of the call that waits for the page",
                    ipc_copy(HANDLE_IMPLICIT, COPY_IN, 0, &byte, 1).error,
                    EINVAL);
        answer_ok(pages + i * PAGE_SIZE, 1, ITEM_SHARE, RO);
    }
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    struct copy_result copy =
        ipc_copy(HANDLE_IMPLICIT, COPY_IN, 2 * PAGE_SIZE - 10, &byte, 1);
    check_equal("copy", copy.error, 0);
    check_equal("byte of the window", byte, page_byte(3, 2, 0));
    check_equal("reply", service_answer(0, 0), 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    copy = ipc_copy(HANDLE_IMPLICIT, COPY_OUT, 0, &byte, 1);
    check_error("copy to what may not be written", copy.error, EPFAULT);
    check_equal("reply", service_answer(0, 0), 0);
    for (uint64_t i = 0; i < 2; i++) {
        fault_receive(&m, i);
        answer_ok(pages + i * PAGE_SIZE, 1, ITEM_COW, RW);
    }
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    pages_expect(m.item_base, 2, 3);
    check_equal("reply", service_answer(0, 0), 0);
    fault_receive(&m, 0);
    check_equal("refuse", service_answer(-1, 0), 0);
    peer_end(client);
}

enum { LONG = 1100, HOLE = 700, SEND = 1 }; /* pages, in three tables */

static uint64_t instructions(void) {
    uint64_t count;
    __asm__ volatile("rdinstret %0" : "=r"(count));
    return count;
}

static void long_client(uint64_t unused) {
    (void)unused;
    uint64_t region = region_map(LONG, RO);
    for (uint64_t i = 0; i < LONG; i++)
        if (i != HOLE)
            touch_load(region + i * PAGE_SIZE);
    for (unsigned round = 0; round < 2; round++) {
        struct message m = {.tag = tag_make(SEND, 0, 0, 1)};
        message_item(&m, 0, region,
                     item_make(LONG * PAGE_SIZE, ITEM_WINDOW, ITEM_READ));
        uint64_t before = instructions();
        check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
        if (round == 1)
            check_true("the call costs little for each page",
                       instructions() - before < 25 * LONG);
    }
}

/* The one page that is missing in a long range is asked for. */
static void check_long(void) {
    struct message m;
    service = service_make(1);
    uint8_t *pages = pages_make(PAGER_PAGES, 3);
    int64_t client = peer_start(long_client, 0);
    for (unsigned calls = 0, last = 0; calls < 2;) {
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        if (tag_label(m.tag) == SEND) {
            check_equal("the last page that was asked for", last, HOLE);
            check_equal("reply", service_answer(0, 0), 0);
            calls++;
            continue;
        }
        last = (unsigned)((m.words[0] - OFFSET) / PAGE_SIZE);
        uint64_t most = last < HOLE ? HOLE - last : LONG - last;
        uint64_t count = last == HOLE         ? 1
                         : most > PAGER_PAGES ? PAGER_PAGES
                                              : most;
        answer_ok(pages, count, ITEM_SHARE, RO);
    }
    peer_end(client);
}

static struct service other;

/* A client of the copying server; the bytes come from here. */
static void window_client(uint64_t unused) {
    (void)unused;
    uint8_t *page = pages_make(1, 9);
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    message_item(&m, 0, (uint64_t)page,
                 item_make(PAGE_SIZE, ITEM_WINDOW, ITEM_READ | ITEM_WRITE));
    check_equal("call", ipc_call(other.session, &m, DEADLINE_NONE), 0);
}

/* Copies into a page of its own that is paged, while it owes a reply. */
static void window_server(uint64_t unused) {
    struct message m;
    (void)unused;
    uint8_t *region = (uint8_t *)region_map(2, RW);
    service_receive(other.endpoint, &m, MESSAGE_CALL);
    struct copy_result copy =
        ipc_copy(HANDLE_IMPLICIT, COPY_IN | COPY_NOFAULT, 0, region, PAGE_SIZE);
    check_error("copy without faults", copy.error, EFAULT);
    copy = ipc_copy(HANDLE_IMPLICIT, COPY_IN, 0, region + 8, PAGE_SIZE);
    check_error("copy", copy.error, EFAULT);
    check_equal("bytes before the page that is refused", (int64_t)copy.done,
                PAGE_SIZE - 8);
    check_equal("byte", region[8], page_byte(9, 0, 0));
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_own_copy(void) {
    struct message m;
    service = service_make(1);
    other = service_make(2);
    uint8_t *page = pages_make(1, 3);
    thread_start(window_server, 0);
    int64_t client = peer_start(window_client, 0);
    fault_receive(&m, 0);
    answer_ok(page, 1, ITEM_MOVE, RW);
    fault_receive(&m, 1);
    check_equal("refuse", service_answer(-1, 0), 0);
    peer_end(client);
}

static const struct check checks[] = {
    {"dead", "a dead pager ends who needs it", check_dead},
    {"revoked", "so does a revoked session", check_revoked},
    {"timeout", "and one that does not answer in time", check_timeout},
    {"killed", "a thread can be killed while its fault is served",
     check_killed},
    {"self", "nobody waits for himself", check_self},
    {"unmapped", "a region may go while a fault is served", check_unmapped},
    {"twice", "two threads may ask for one page", check_twice},
    {"thread", "a process may page itself", check_thread},
    {"nested", "a pager may have a pager", check_nested},
    {"fork", "fork inherits regions with their pagers", check_fork},
    {"closed", "a region keeps its session open", check_closed},
    {"copy", "a copy stops at a missing page", check_copy},
    {"items", "a message's pages come before it is sent", check_items},
    {"long", "of many pages of a message the one that is missing comes",
     check_long},
    {"own_copy", "a copy's own side is paged in", check_own_copy},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
