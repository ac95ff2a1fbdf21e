/* SPDX-License-Identifier: MIT */
/*
 * tests/test_race.c: what must not be lost when two things meet.
 *
 * The first group needs no second hart: it brings about by order what a race
 * brings about by chance. The second makes threads on all harts meet often.
 */
#include "tests/check.h"
#include "tests/order.h"
#include "tests/peer.h"

static struct service service;
static struct service second;
static volatile uint64_t stop;

/* ---- Order ---- */

static void signal_receiver(uint64_t unused) {
    struct message m;
    (void)unused;
    service_receive(service.endpoint, &m, MESSAGE_SIGNAL);
    check_equal("bits", (int64_t)m.words[0], 5);
}

static void check_bind_pending(void) {
    service = service_make(1);
    int64_t bell = check_ok("notification", sys_notification_create());
    int64_t tid = thread_start(signal_receiver, 0);
    pause_ms(SETTLE_MS);
    check_equal("signal", sys_signal(bell, 5), 0);
    check_equal("bind", sys_notification_bind(bell, service.endpoint), 0);
    thread_end(tid);
}

/* Sends a handle, which the receiver does not take; meanwhile the session's
 * only handle is closed. */
static void refused_sender(uint64_t session) {
    struct message m = {.tag = tag_make(1, 0, 1, 0),
                        .handles = handle_pack(second.session, 0)};
    check_error("send", ipc_send((int64_t)session, &m, DEADLINE_NONE),
                EMSGSIZE);
}

static void check_closed_behind_refused(void) {
    struct message m;
    service = service_make(1);
    second = service_make(2);
    check_ok("accept no handle", sys_accept(0, 0, 0, 0, 0, HANDLE_RECEIVED));
    int64_t session =
        check_ok("mint", sys_session_mint(service.endpoint, 9, SESSION_RIGHTS,
                                          SESSION_NOTIFY_CLOSED));
    int64_t tid = thread_start(refused_sender, (uint64_t)session);
    pause_ms(SETTLE_MS);
    check_equal("close", sys_handle_close(session), 0);
    service_receive(service.endpoint, &m, MESSAGE_CLOSED);
    check_equal("badge", (int64_t)m.badge, 9);
    thread_end(tid);
}

static void one_sender(uint64_t priority) {
    struct message m = {.tag = tag_make(1, 0, 0, 0)};
    order_place((int64_t)priority);
    check_equal("send", ipc_send(service.session, &m, DEADLINE_NONE), 0);
}

/* Takes one message at a low priority and is told to go on by a bell. */
static int64_t bell;

static void send_server(uint64_t unused) {
    struct message m;
    (void)unused;
    order_place(PRIORITY_L);
    check_equal("no message", ipc_recv(service.endpoint, &m, DEADLINE_POLL),
                -EAGAIN);
    order_await(bell);
    service_receive(service.endpoint, &m, MESSAGE_SEND);
    order_add('s');
    busy_ms(3);
    order_add('S');
}

static void middle(uint64_t unused) {
    (void)unused;
    order_place(PRIORITY_M);
    order_await(bell);
    order_add('m');
}

/* The server got H's priority for as long as H waited, and no longer: M, which
 * becomes ready then, runs before the server goes on. */
static void check_send_boost_ends(void) {
    order_place(PRIORITY_H + 4);
    service = service_make(1);
    bell = check_ok("notification", sys_notification_create());
    int64_t server = thread_start(send_server, 0);
    pause_ms(SETTLE_MS);
    int64_t sender = thread_start(one_sender, PRIORITY_H);
    pause_ms(SETTLE_MS);
    int64_t other = bell;
    check_equal("wake the server", sys_signal(other, 1), 0);
    bell = check_ok("notification", sys_notification_create());
    int64_t m = thread_start(middle, 0);
    pause_ms(1);
    check_equal("wake the middle", sys_signal(bell, 1), 0);
    thread_end(m);
    thread_end(server);
    thread_end(sender);
    order_expect("smS");
}

/* ---- Meetings ---- */

static void exec_twice_thread(uint64_t space) {
    struct sys_start start = {.stack = USER_STACK_TOP, .heap = USER_IMAGE};
    sys_space_commit((int64_t)space, &start);
}

/* Two threads take on an empty space at once: one of them does, and dies of it
 * with the process; a hang would be a thread whose end was forgotten. */
static void exec_twice(uint64_t round) {
    for (unsigned i = 0; i < 2; i++) {
        int64_t space = check_ok("space", sys_space_create());
        thread_start(exec_twice_thread, (uint64_t)space);
    }
    struct message m;
    if (round % 2)
        sys_sleep(DEADLINE_NONE);
    ipc_recv(service_make(0).endpoint, &m, DEADLINE_NONE);
}

static void check_exec_twice(void) {
    for (unsigned i = 0; i < 20; i++)
        peer_dies(exec_twice, i);
}

static void echo(uint64_t unused) {
    struct message m;
    (void)unused;
    int64_t error = ipc_recv(service.endpoint, &m, DEADLINE_NONE);
    while (error == 0)
        error = ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE);
}

enum { SLOT = 60 };

/* Calls through a slot that another thread keeps changing. */
static void slot_caller(uint64_t unused) {
    struct message m;
    (void)unused;
    while (!stop) {
        int64_t error = service_call(SLOT, 1, 0, &m);
        check_true("the call succeeds, or the slot held something else",
                   error == 0 || error == -EBADF);
    }
}

static void check_slot_changes(void) {
    service = service_make(1);
    bell = check_ok("notification", sys_notification_create());
    thread_start(echo, 0);
    int64_t tid = thread_start(slot_caller, 0);
    uint64_t end = time_after(60);
    while (time_now() < end) {
        for (unsigned i = 0; i < 50; i++)
            sys_handle_dup(i % 2 ? bell : service.session, SLOT, RIGHT_ALL,
                           DUP_REPLACE);
        sys_handle_close(SLOT);
    }
    stop = 1;
    thread_end(tid);
}

/* Priorities change while the threads are made ready by others. */
static void signal_ponger(uint64_t index) {
    while (!stop) {
        sys_wait_signal(bell, time_now() + 2000);
        sys_signal(bell, 1 << index);
    }
}

static void check_priority_storm(void) {
    enum { THREADS = 6 };
    int64_t tids[THREADS];
    order_place(PRIORITY_H + 4);
    bell = check_ok("notification", sys_notification_create());
    for (unsigned i = 0; i < THREADS; i++)
        tids[i] = thread_start(signal_ponger, i);
    uint64_t end = time_after(60);
    for (unsigned i = 0; time_now() < end; i++) {
        int64_t tid = tids[i % THREADS];
        check_ok("priority", sys_thread_priority(tid, 1 + i % 7));
        check_ok("affinity", sys_thread_affinity(tid, i % 3 ? 0xff : 1));
        sys_sleep(time_now() + 500 + i % 700);
    }
    stop = 1;
    for (unsigned i = 0; i < THREADS; i++)
        thread_end(tids[i]);
}

static const struct check checks[] = {
    {"bind_pending", "bits from before a bind reach who receives already",
     check_bind_pending},
    {"closed_behind_refused", "a notice behind a refused message is received",
     check_closed_behind_refused},
    {"send_boost_ends", "a taken message no longer lends its priority",
     check_send_boost_ends},
    {"exec_twice", "of two threads that exec at once, one does",
     check_exec_twice},
    {"slot_changes", "a call through a slot that changes is sound",
     check_slot_changes},
    {"priority_storm", "priorities change while threads become ready",
     check_priority_storm},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
