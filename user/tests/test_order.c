/* SPDX-License-Identifier: MIT */
/*
 * tests/test_order.c: who is served first, and at whose priority.
 *
 * Donation: a server of low priority (L) works for a client of high priority
 * (H) while a third thread (M), between the two and with no part in it, wants
 * the hart. M must wait, or the client would wait for M: priority inversion.
 */
#include "tests/check.h"
#include "tests/order.h"
#include "tests/peer.h"

static struct service service;
static struct service second;
static int64_t go_m; /* signalled: M may run */
static int64_t go_h;

static void start(void) {
    service = service_make(1);
    second = service_make(2);
    go_m = check_ok("create", sys_notification_create());
    go_h = check_ok("create", sys_notification_create());
    check_ok("affinity", sys_thread_affinity(0, 1));
}

/* ---- Order of service ---- */

struct queued {
    uint8_t priority;
    uint8_t word;
};

static void queue_caller(uint64_t packed) {
    struct message m;
    order_place((int64_t)(packed & 0xff));
    check_equal("call", service_call(service.session, 1, packed >> 8, &m), 0);
}

/* Queues callers in this order and expects them served in that order. */
static void queue_check(const struct queued *callers, unsigned count,
                        const uint8_t *served) {
    int64_t tids[8];
    start();
    for (unsigned i = 0; i < count; i++) {
        tids[i] = thread_start(queue_caller,
                               callers[i].priority | callers[i].word << 8);
        pause_ms(SETTLE_MS);
    }
    for (unsigned i = 0; i < count; i++) {
        struct message m;
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        check_equal("who is served", (int64_t)m.words[0], served[i]);
        check_equal("reply", service_answer(0, 0), 0);
    }
    for (unsigned i = 0; i < count; i++)
        thread_end(tids[i]);
}

static void check_fifo(void) {
    static const struct queued callers[] = {{4, 0}, {4, 1}, {4, 2},
                                            {4, 3}, {4, 4}, {4, 5}};
    static const uint8_t served[] = {0, 1, 2, 3, 4, 5};
    queue_check(callers, 6, served);
}

static void check_priority(void) {
    static const struct queued callers[] = {{2, 0}, {5, 1}, {3, 2},
                                            {5, 3}, {1, 4}, {6, 5}};
    static const uint8_t served[] = {5, 1, 3, 2, 0, 4};
    queue_check(callers, 6, served);
}

static void receiver(uint64_t letter) {
    struct message m;
    order_place(PRIORITY_M);
    for (unsigned i = 0; i < 2; i++) {
        service_receive(service.endpoint, &m, MESSAGE_SEND);
        order_add((char)letter);
    }
}

static void check_receivers(void) {
    int64_t tids[3];
    start();
    for (unsigned i = 0; i < 3; i++) {
        tids[i] = thread_start(receiver, 'a' + i);
        pause_ms(SETTLE_MS);
    }
    for (unsigned i = 0; i < 6; i++) {
        struct message m = {.tag = 0};
        check_equal("send", ipc_send(service.session, &m, DEADLINE_NONE), 0);
        pause_ms(SETTLE_MS);
    }
    for (unsigned i = 0; i < 3; i++)
        thread_end(tids[i]);
    order_expect("abcabc");
}

/* ---- Donation ---- */

static void thread_m(uint64_t unused) {
    (void)unused;
    order_place(PRIORITY_M);
    order_await(go_m);
    order_add('m');
}

/* Calls `service`; 'h' when it is done. */
static void thread_h(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_H);
    order_await(go_h);
    check_equal("call", service_call(service.session, 1, 0, &m), 0);
    order_add('h');
}

/* Serves one call of `service`, in which M becomes ready. */
static void server_once(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_L);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_ok("signal", sys_signal(go_m, 1));
    busy_ms(30);
    order_add('s');
    check_equal("reply", service_answer(0, 0), 0);
}

/* Starts the threads, lets H go, and expects the order. */
static void donation_run(void (*const *threads)(uint64_t), unsigned count,
                         const char *expected) {
    int64_t tids[6];
    for (unsigned i = 0; i < count; i++)
        tids[i] = thread_start(threads[i], 0);
    pause_ms(2 * SETTLE_MS);
    check_ok("signal", sys_signal(go_h, 1));
    for (unsigned i = 0; i < count; i++)
        thread_end(tids[i]);
    order_expect(expected);
}

static void check_donation(void) {
    static void (*const threads[])(uint64_t) = {server_once, thread_m,
                                                thread_h};
    start();
    donation_run(threads, 3, "shm");
}

static void server_between(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_L);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("call", service_call(second.session, 1, 0, &m), 0);
    order_add('1');
    check_equal("reply", service_answer(0, 0), 0);
}

static void server_last(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_L - 1);
    service_receive(second.endpoint, &m, MESSAGE_CALL);
    check_ok("signal", sys_signal(go_m, 1));
    busy_ms(30);
    order_add('2');
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_transitive(void) {
    static void (*const threads[])(uint64_t) = {server_last, server_between,
                                                thread_m, thread_h};
    start();
    donation_run(threads, 4, "21hm");
}

/* The second server is busy for someone unimportant; then the first, working
 * for H, queues there. */
static void server_last_busy(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_L - 1);
    service_receive(second.endpoint, &m, MESSAGE_CALL);
    check_ok("signal", sys_signal(go_h, 1));
    check_ok("signal", sys_signal(go_m, 1));
    busy_ms(30);
    order_add('2');
    check_equal("reply", service_answer(0, 0), 0);
    service_receive(second.endpoint, &m, MESSAGE_CALL);
    order_add('3');
    check_equal("reply", service_answer(0, 0), 0);
}

static void client_low(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_L - 1);
    pause_ms(SETTLE_MS); /* until the others wait */
    check_equal("call", service_call(second.session, 1, 0, &m), 0);
    order_add('l');
}

static void check_queued_chain(void) {
    int64_t tids[5];
    static void (*const threads[])(uint64_t) = {
        thread_m, thread_h, server_between, server_last_busy, client_low};
    start();
    for (unsigned i = 0; i < 5; i++)
        tids[i] = thread_start(threads[i], 0);
    for (unsigned i = 0; i < 5; i++)
        thread_end(tids[i]);
    order_expect("231hml");
}

/* Serves L; meanwhile H queues and lends its priority from the queue. */
static void server_twice(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_L);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_ok("signal", sys_signal(go_h, 1));
    check_ok("signal", sys_signal(go_m, 1));
    busy_ms(30);
    order_add('s');
    check_equal("reply", service_answer(0, 0), 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    order_add('t');
    check_equal("reply", service_answer(0, 0), 0);
}

static void client_first(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_L - 1);
    pause_ms(SETTLE_MS); /* until the others wait */
    check_equal("call", service_call(service.session, 1, 0, &m), 0);
    order_add('l');
}

static void check_queued_donor(void) {
    int64_t tids[4];
    static void (*const threads[])(uint64_t) = {thread_m, thread_h,
                                                server_twice, client_first};
    start();
    for (unsigned i = 0; i < 4; i++)
        tids[i] = thread_start(threads[i], 0);
    for (unsigned i = 0; i < 4; i++)
        thread_end(tids[i]);
    order_expect("sthml");
}

/* ---- Donors that come late, to a chain that stands already ---- */

/* Serves someone unimportant by another server, then H. */
static void server_chained(uint64_t unused) {
    struct message m;
    server_between(unused);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    order_add('x');
    check_equal("reply", service_answer(0, 0), 0);
}

static void server_last_late(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_L - 1);
    service_receive(second.endpoint, &m, MESSAGE_CALL);
    check_ok("signal", sys_signal(go_h, 1));
    check_ok("signal", sys_signal(go_m, 1));
    busy_ms(30);
    order_add('2');
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_late_donor(void) {
    int64_t tids[5];
    static void (*const threads[])(uint64_t) = {
        thread_m, thread_h, server_last_late, server_chained, client_first};
    start();
    for (unsigned i = 0; i < 5; i++)
        tids[i] = thread_start(threads[i], 0);
    for (unsigned i = 0; i < 5; i++)
        thread_end(tids[i]);
    order_expect("21xhml");
}

static int64_t go_client;

/* Starts a chain that queues behind the one that is served. */
static void client_chained(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_L);
    order_await(go_client);
    check_equal("call", service_call(service.session, 1, 0, &m), 0);
    order_add('c');
}

static void server_last_queued(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_L - 1);
    service_receive(second.endpoint, &m, MESSAGE_CALL);
    check_ok("signal", sys_signal(go_client, 1));
    check_ok("signal", sys_signal(go_h, 1));
    check_ok("signal", sys_signal(go_m, 1));
    busy_ms(30);
    order_add('2');
    check_equal("reply", service_answer(0, 0), 0);
    service_receive(second.endpoint, &m, MESSAGE_CALL);
    order_add('3');
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_late_donor_queued(void) {
    int64_t tids[6];
    static void (*const threads[])(uint64_t) = {
        thread_m,       thread_h,       server_last_queued,
        server_chained, client_chained, client_low};
    start();
    go_client = check_ok("create", sys_notification_create());
    for (unsigned i = 0; i < 6; i++)
        tids[i] = thread_start(threads[i], 0);
    for (unsigned i = 0; i < 6; i++)
        thread_end(tids[i]);
    order_expect("231xhmcl");
}

/* Gives up while the server works for it. */
static void thread_h_impatient(uint64_t unused) {
    struct message m = {.tag = tag_make(1, 0, 0, 0)};
    (void)unused;
    order_place(PRIORITY_H);
    order_await(go_h);
    check_error("call", ipc_call(service.session, &m, time_after(30)),
                ETIMEDOUT);
    order_add('h');
}

static void server_slow(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_L);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_ok("signal", sys_signal(go_m, 1));
    busy_ms(120);
    order_add('s');
    check_error("reply", service_answer(0, 0), EPIPE);
}

static void check_donor_gone(void) {
    static void (*const threads[])(uint64_t) = {server_slow, thread_m,
                                                thread_h_impatient};
    start();
    donation_run(threads, 3, "hms");
}

/* Queues behind H with a priority that is still above M's. */
static void thread_second(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_H - 1);
    order_await(go_m);
    check_ok("signal", sys_signal(go_m, 1));
    check_equal("call", service_call(service.session, 1, 0, &m), 0);
    order_add('i');
}

static void server_slow_twice(uint64_t unused) {
    struct message m;
    server_slow(unused);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    order_add('t');
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_one_donor_left(void) {
    static void (*const threads[])(uint64_t) = {
        server_slow_twice, thread_second, thread_m, thread_h_impatient};
    start();
    donation_run(threads, 4, "hstim");
}

static void server_saves(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_L);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    check_ok("signal", sys_signal(go_m, 1));
    order_add('s');
    m = (struct message){.tag = 0};
    check_equal("reply", ipc_reply(reply, &m), 0);
}

static void check_save_ends(void) {
    static void (*const threads[])(uint64_t) = {server_saves, thread_m,
                                                thread_h};
    start();
    donation_run(threads, 3, "msh");
}

/* After the reply the server is as unimportant as before. */
static void server_after(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_L);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("reply", service_answer(0, 0), 0);
    check_ok("signal", sys_signal(go_m, 1));
    order_add('s');
}

static void check_falls_back(void) {
    static void (*const threads[])(uint64_t) = {server_after, thread_m,
                                                thread_h};
    start();
    donation_run(threads, 3, "hms");
}

static const struct check checks[] = {
    {"fifo", "callers of one priority are served first come, first served",
     check_fifo},
    {"priority", "callers are served by priority, then by time",
     check_priority},
    {"receivers", "receivers of one endpoint take turns", check_receivers},
    {"donation", "a server runs at its client's priority", check_donation},
    {"transitive", "donation reaches the server's server", check_transitive},
    {"queued_chain", "donation reaches a server through another's queue",
     check_queued_chain},
    {"queued_donor", "a queued caller donates before it is served",
     check_queued_donor},
    {"late_donor", "a donor that comes late reaches the end of the chain",
     check_late_donor},
    {"late_donor_queued", "a late donor reaches through a queue in the chain",
     check_late_donor_queued},
    {"donor_gone", "a donor that times out takes its priority with it",
     check_donor_gone},
    {"one_donor_left", "of two donors the one that stays still counts",
     check_one_donor_left},
    {"save_ends", "saving the reply ends the donation", check_save_ends},
    {"falls_back", "the reply ends the donation", check_falls_back},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
