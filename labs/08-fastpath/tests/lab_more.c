/* SPDX-License-Identifier: MIT */
/*
 * lab_more.c: handles and pages by the short cut, and all at once on four
 * harts.
 */
#include "lab_fast.h"

enum {
    HARTS = 4,
    ROAMERS = 3,
    CALLS = 150,
    KILLS = 5,
    RW = ITEM_READ | ITEM_WRITE,
};

/* ---- Handles ---- */

static void handle_server(uint64_t unused) {
    struct message m;
    (void)unused;
    check_ok("accept", sys_accept(0, 0, 0, 0, 2, HANDLE_RECEIVED + 20));
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    while (tag_label(m.tag) != LABEL_STOP) {
        uint64_t badge = m.badge;
        check_equal("handles that arrive", tag_handles(m.tag), 2);
        for (unsigned i = 0; i < 2; i++)
            check_equal("close what arrived",
                        sys_handle_close((int64_t)handle_at(m.handles, i)), 0);
        m = (struct message){.tag = tag_make(0, 2, 0, 0),
                             .words = {m.words[0] + 1, badge}};
        check_equal("reply_recv",
                    ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE), 0);
    }
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_handles(void) {
    uint64_t before = 0;
    service = service_make(BADGE);
    int64_t tid = thread_start(handle_server, 0);
    int64_t signals = check_ok("create", sys_notification_create());
    for (unsigned i = 0; i < TIMES; i++) {
        if (i == WARM)
            before = counter_of(COUNTER_CALL_SLOW);
        struct message m = {.tag = tag_make(1, 1, 2, 0), .words = {i}};
        m.handles = handle_pack(signals, 0) | handle_pack(service.session, 1);
        check_equal("call with two handles",
                    ipc_call(service.session, &m, DEADLINE_NONE), 0);
        check_equal("the answer", (int64_t)m.words[0], i + 1);
        check_equal("the badge", (int64_t)m.words[1], BADGE);
    }
    check_true("calls with handles take the fast path",
               counter_of(COUNTER_CALL_SLOW) - before <= FEW);
    echo_end(tid);
}

/* ---- Pages ---- */

/* Pages with a number in each. The first to go are those at the start. */
static uint64_t pages_make(uint64_t first) {
    uint64_t pages = (uint64_t)check_ok(
        "map", sys_map(HANDLE_SELF, 0, (TIMES + 4) * PAGE_SIZE,
                       PROT_READ | PROT_WRITE, -1, 0));
    for (uint64_t i = 0; i < TIMES + 4; i++)
        *(volatile uint64_t *)(pages + i * PAGE_SIZE) = first + i;
    return pages;
}

static struct message page_message(uint64_t page) {
    struct message m = {.tag = tag_make(1, 1, 0, 1), .words = {9}};
    message_item(&m, 0, page, item_make(PAGE_SIZE, ITEM_MOVE, RW));
    return m;
}

/* What is in a page that has arrived; it can be written. */
static uint64_t page_number(const struct message *m) {
    volatile uint64_t *page = (volatile uint64_t *)m->item_base;
    check_equal("the word that goes with a page", (int64_t)m->words[0], 9);
    page[1] = 1;
    return page[0];
}

/* Answers with what is in the page. */
static void page_taker(int64_t endpoint) {
    struct message m;
    check_ok("accept", sys_accept(0, 0, 0, 1, 0, HANDLE_RECEIVED));
    service_receive(endpoint, &m, MESSAGE_CALL);
    while (tag_label(m.tag) != LABEL_STOP) {
        m = (struct message){.tag = tag_make(0, 1, 0, 0),
                             .words = {page_number(&m)}};
        check_equal("reply_recv", ipc_reply_recv(endpoint, &m, DEADLINE_NONE),
                    0);
    }
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_pages(void) {
    uint64_t before = 0;
    struct server server = server_start(page_taker);
    uint64_t pages = pages_make(100);
    for (unsigned i = 0; i < TIMES; i++) {
        if (i == WARM)
            before = counter_of(COUNTER_CALL_SLOW);
        struct message m = page_message(pages + i * PAGE_SIZE);
        check_equal("call with a page",
                    ipc_call(server.session, &m, DEADLINE_NONE), 0);
        check_equal("what is in the page", (int64_t)m.words[0], 100 + i);
    }
    check_true("calls with a page take the fast path",
               counter_of(COUNTER_CALL_SLOW) - before <= FEW);
    echo_stop(server.session);
    peer_end(server.pid);
}

/* Gives a page with each answer. */
static void page_giver(int64_t endpoint) {
    struct message m;
    uint64_t pages = pages_make(500);
    service_receive(endpoint, &m, MESSAGE_CALL);
    while (tag_label(m.tag) != LABEL_STOP) {
        m = page_message(pages);
        pages += PAGE_SIZE;
        check_equal("reply_recv with a page",
                    ipc_reply_recv(endpoint, &m, DEADLINE_NONE), 0);
    }
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_pages_back(void) {
    uint64_t before = 0;
    struct message m;
    struct server server = server_start(page_giver);
    check_ok("accept", sys_accept(1, 0, 0, 1, 0, HANDLE_RECEIVED));
    for (unsigned i = 0; i < TIMES; i++) {
        if (i == WARM)
            before = counter_of(COUNTER_REPLY_SLOW);
        check_equal("call", service_call(server.session, 1, 0, &m), 0);
        check_equal("what is in the page", (int64_t)page_number(&m), 500 + i);
    }
    check_true("replies with a page take the fast path",
               counter_of(COUNTER_REPLY_SLOW) - before <= FEW);
    echo_stop(server.session);
    peer_end(server.pid);
}

/* ---- All at once ---- */

static struct service at[HARTS];

static void pinned_server(uint64_t hart) {
    check_ok("affinity", sys_thread_affinity(0, 1ull << hart));
    echo_on(at[hart].endpoint);
}

static void pinned_client(uint64_t hart) {
    check_ok("affinity", sys_thread_affinity(0, 1ull << hart));
    for (uint64_t i = 0; i < CALLS; i++)
        echo_call(at[hart].session, hart << 32 | i);
}

static void roamer(uint64_t id) {
    for (uint64_t i = 0; i < CALLS / 4; i++)
        echo_call(at[(id + i) % HARTS].session, (id + 10) << 32 | i);
}

static void victim(uint64_t id) {
    for (uint64_t i = 0;; i++)
        echo_call(at[(id + i) % HARTS].session, (id + 20) << 32 | i);
}

static void storm_kills(void) {
    for (unsigned i = 0; i < KILLS; i++) {
        int64_t pid = peer_start(victim, i);
        sys_sleep(time_now() + 600 + 700 * i);
        peer_kill(pid);
    }
}

static void check_storm(void) {
    int64_t tids[HARTS], pids[HARTS + ROAMERS];
    uint64_t before = counter_of(COUNTER_CALL_SLOW);
    for (unsigned i = 0; i < HARTS; i++)
        at[i] = service_make(BADGE);
    for (unsigned i = 0; i < HARTS; i++)
        tids[i] = thread_start(pinned_server, i);
    for (unsigned i = 0; i < HARTS; i++)
        pids[i] = peer_start(pinned_client, i);
    for (unsigned i = 0; i < HARTS; i++)
        peer_end(pids[i]);
    check_true("some of the calls are fast",
               counter_of(COUNTER_CALL_SLOW) - before < HARTS * CALLS / 2);
    for (unsigned i = 0; i < HARTS; i++)
        pids[i] = peer_start(pinned_client, i);
    for (unsigned i = 0; i < ROAMERS; i++)
        pids[HARTS + i] = peer_start(roamer, i);
    storm_kills();
    for (unsigned i = 0; i < HARTS + ROAMERS; i++)
        peer_end(pids[i]);
    for (unsigned i = 0; i < HARTS; i++) {
        echo_stop(at[i].session);
        thread_end(tids[i]);
    }
}

/* ---- Questions ---- */

static volatile double number = 1;

/* How many of ten calls are slow, of a client that used no number before. */
static uint64_t slow_of_ten(uint64_t deadline) {
    uint64_t before = counter_of(COUNTER_CALL_SLOW);
    for (unsigned i = 0; i < 10; i++) {
        struct message m = {.tag = tag_make(0, 1, 0, 0)};
        check_equal("call", ipc_call(service.session, &m, deadline), 0);
    }
    return counter_of(COUNTER_CALL_SLOW) - before;
}

static void asking_client(uint64_t unused) {
    char line[CHECK_LINE];
    (void)unused;
    expect_fast(COUNTER_CALL_SLOW, service.session);
    uint64_t timed = slow_of_ten(time_after(1000));
    slow_of_ten(DEADLINE_NONE);
    number *= 1.5;
    uint64_t after = slow_of_ten(DEADLINE_NONE);
    snprintf(line, sizeof(line), "# question: deadline %lu, number %lu\n",
             (unsigned long)timed, (unsigned long)after);
    line_write(line);
    echo_stop(service.session);
}

static void check_question(void) {
    service = service_make(BADGE);
    int64_t pid = peer_start(asking_client, 0);
    echo_on(service.endpoint);
    peer_end(pid);
}

static const struct check checks[] = {
    {"question", "which calls are slow", check_question},
    {"handles", "calls with handles are fast, and bring them", check_handles},
    {"pages", "calls with a page are fast, and move it", check_pages},
    {"pages_back", "so are replies with a page", check_pages_back},
    {"storm", "clients that stay, roam and are killed, on four harts",
     check_storm},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
