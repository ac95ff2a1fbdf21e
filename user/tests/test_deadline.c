/* SPDX-License-Identifier: MIT */
/*
 * tests/test_deadline.c: polls and absolute deadlines of each call that waits.
 *
 * A deadline that passes takes the call back wherever it is, as if it had never
 * been made; one that does not pass leaves nothing behind.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum { SHORT_MS = 5, LONG_MS = 200 };

static struct service service;

/* Now is at or after the deadline, and not later than two ticks. */
static void check_on_time(uint64_t deadline) {
    uint64_t now = time_now();
    uint64_t tick = sys_system_info(INFO_TIMEBASE, 0).value[1];
    uint64_t slack = time_after(1) - time_now();
    check_true("not before the deadline", now >= deadline);
    check_true("at most two ticks after the deadline",
               now <= deadline + 2 * tick + slack);
}

static void check_recv(void) {
    struct message m = {.tag = 77, .words = {1, 2, 3}, .badge = 4};
    service = service_make(1);
    uint64_t deadline = time_after(SHORT_MS);
    check_error("recv", ipc_recv(service.endpoint, &m, deadline), ETIMEDOUT);
    check_on_time(deadline);
    deadline = time_after(SHORT_MS);
    m = (struct message){.tag = 0};
    check_error("reply_recv", ipc_reply_recv(service.endpoint, &m, deadline),
                ETIMEDOUT);
    check_on_time(deadline);
}

static void check_call_queued(void) {
    struct message m = {.tag = tag_make(1, 2, 0, 0), .words = {5, 6}};
    service = service_make(1);
    uint64_t deadline = time_after(SHORT_MS);
    check_error("call", ipc_call(service.session, &m, deadline), ETIMEDOUT);
    check_on_time(deadline);
    check_equal("the message is as it was", (int64_t)m.words[1], 6);
    deadline = time_after(SHORT_MS);
    check_error("send", ipc_send(service.session, &m, deadline), ETIMEDOUT);
    check_on_time(deadline);
    service_quiet(service.endpoint);
}

static void impatient(uint64_t unused) {
    struct message m = {.tag = tag_make(1, 0, 0, 0)};
    (void)unused;
    uint64_t deadline = time_after(SHORT_MS);
    check_error("call", ipc_call(service.session, &m, deadline), ETIMEDOUT);
    check_on_time(deadline);
}

static void check_call_open(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(impatient, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    peer_end(pid);
    check_error("late reply", service_answer(0, 0), EPIPE);
    service_quiet(service.endpoint);
}

static void check_call_saved(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(impatient, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    peer_end(pid);
    m = (struct message){.tag = 0};
    check_error("late reply", ipc_reply(reply, &m), EPIPE);
    check_error("the handle is gone", ipc_reply(reply, &m), EBADF);
}

static struct service other;

/* Gives up on one server and calls another: the first one's late answer must
 * not be taken for the second's. */
static void fickle(uint64_t unused) {
    struct message m;
    impatient(unused);
    check_equal("call another", service_call(other.session, 2, 0, &m), 0);
    check_equal("whose answer", (int64_t)m.words[0], 222);
}

static void check_late_reply(void) {
    struct message m;
    service = service_make(1);
    other = service_make(2);
    int64_t pid = peer_start(fickle, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    service_receive(other.endpoint, &m, MESSAGE_CALL);
    m = (struct message){.tag = tag_make(0, 1, 0, 0), .words = {111}};
    check_error("late reply", ipc_reply(reply, &m), EPIPE);
    check_equal("reply", service_answer(0, 222), 0);
    peer_end(pid);
}

/* The same with both replies saved: only the call's number tells them apart. */
static void fickle_saved(uint64_t unused) {
    struct message m;
    impatient(unused);
    check_equal("call again", service_call(service.session, 2, 0, &m), 0);
    check_equal("whose answer", (int64_t)m.words[0], 222);
}

static int64_t answer_saved(int64_t reply, uint64_t word) {
    struct message m = {.tag = tag_make(0, 1, 0, 0), .words = {word}};
    return ipc_reply(reply, &m);
}

static void check_late_saved(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(fickle_saved, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t old = check_ok("reply_save", ipc_reply_save());
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    check_error("late reply", answer_saved(old, 111), EPIPE);
    check_equal("reply", answer_saved(reply, 222), 0);
    peer_end(pid);
}

static void check_past(void) {
    struct message m = {.tag = 0};
    service = service_make(1);
    int64_t signals = check_ok("create", sys_notification_create());
    check_error("recv", ipc_recv(service.endpoint, &m, 2), ETIMEDOUT);
    check_error("call", ipc_call(service.session, &m, 2), ETIMEDOUT);
    check_error("send", ipc_send(service.session, &m, 2), ETIMEDOUT);
    check_error("wait_signal", sys_wait_signal(signals, 2).result, ETIMEDOUT);
    check_equal("sleep", sys_sleep(2), 0);
    service_quiet(service.endpoint);
}

static void waker(uint64_t session) {
    struct message m = {.tag = 0};
    for (unsigned i = 0; i < 4; i++) {
        pause_ms(SHORT_MS);
        check_equal("send", ipc_send((int64_t)session, &m, DEADLINE_NONE), 0);
    }
}

static void check_absolute(void) {
    struct message m;
    service = service_make(1);
    uint64_t deadline = time_after(LONG_MS);
    int64_t pid = peer_start(waker, (uint64_t)service.session);
    for (unsigned i = 0; i < 4; i++)
        check_equal("recv", ipc_recv(service.endpoint, &m, deadline), 0);
    check_error("recv", ipc_recv(service.endpoint, &m, deadline), ETIMEDOUT);
    check_on_time(deadline);
    peer_end(pid);
}

static void check_not_left_over(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(waker, (uint64_t)service.session);
    uint64_t deadline = time_after(2 * SHORT_MS);
    check_equal("recv before the deadline",
                ipc_recv(service.endpoint, &m, deadline), 0);
    for (unsigned i = 0; i < 3; i++)
        check_equal("recv without a deadline",
                    ipc_recv(service.endpoint, &m, DEADLINE_NONE), 0);
    check_true("the first deadline has passed", time_now() > deadline);
    peer_end(pid);
}

static void check_signal(void) {
    int64_t signals = check_ok("create", sys_notification_create());
    check_error("poll", sys_wait_signal(signals, DEADLINE_POLL).result, EAGAIN);
    uint64_t deadline = time_after(SHORT_MS);
    check_error("wait", sys_wait_signal(signals, deadline).result, ETIMEDOUT);
    check_on_time(deadline);
}

static void sleeper(uint64_t ms) {
    pause_ms(ms);
}

static void check_wait(void) {
    check_error("no child", sys_wait(-1, DEADLINE_NONE).result, ECHILD);
    int64_t pid = peer_start(sleeper, LONG_MS);
    check_error("poll", sys_wait(pid, DEADLINE_POLL).result, EAGAIN);
    uint64_t deadline = time_after(SHORT_MS);
    check_error("wait", sys_wait(-1, deadline).result, ETIMEDOUT);
    check_on_time(deadline);
    peer_end(pid);
}

static void check_join(void) {
    int64_t tid = thread_start(sleeper, LONG_MS);
    check_error("poll", sys_thread_join(tid, DEADLINE_POLL).result, EAGAIN);
    uint64_t deadline = time_after(SHORT_MS);
    check_error("join", sys_thread_join(tid, deadline).result, ETIMEDOUT);
    check_on_time(deadline);
    thread_end(tid);
}

static void check_sleep(void) {
    uint64_t deadline = time_after(SHORT_MS);
    check_equal("sleep", sys_sleep(deadline), 0);
    check_on_time(deadline);
    check_error("a poll does not sleep", sys_sleep(DEADLINE_POLL), EAGAIN);
}

static void receiver(uint64_t session) {
    struct message m = {.tag = tag_make(3, 0, 0, 0)};
    pause_ms(SHORT_MS);
    check_equal("poll with a receiver there",
                ipc_send((int64_t)session, &m, DEADLINE_POLL), 0);
}

static void check_poll_delivers(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(receiver, (uint64_t)service.session);
    service_receive(service.endpoint, &m, MESSAGE_SEND);
    check_equal("label", tag_label(m.tag), 3);
    peer_end(pid);
    pid = peer_start(waker, (uint64_t)service.session);
    pause_ms(2 * SHORT_MS);
    check_equal("poll with a sender there",
                ipc_recv(service.endpoint, &m, DEADLINE_POLL), 0);
    for (unsigned i = 0; i < 3; i++)
        service_receive(service.endpoint, &m, MESSAGE_SEND);
    peer_end(pid);
}

/* Deadlines in reverse order of the sleepers' starts: each wakes at its own. */
static volatile unsigned woken;

static void ordered_sleeper(uint64_t rank) {
    pause_ms(20 + 25 * rank);
    check_equal("sleepers that woke before", woken, (int64_t)rank);
    woken++;
}

static void check_order(void) {
    int64_t tids[5];
    for (unsigned i = 0; i < 5; i++)
        tids[i] = thread_start(ordered_sleeper, 4 - i);
    for (unsigned i = 0; i < 5; i++)
        thread_end(tids[i]);
    check_equal("sleepers", woken, 5);
}

static const struct check checks[] = {
    {"recv", "recv and reply_recv end at their deadline", check_recv},
    {"call_queued", "a queued call or send is taken back at its deadline",
     check_call_queued},
    {"call_open", "a call ends at its deadline while it is served",
     check_call_open},
    {"call_saved", "a call ends at its deadline while its reply is saved",
     check_call_saved},
    {"late_reply", "a late reply does not answer the caller's next call",
     check_late_reply},
    {"late_saved", "a late saved reply does not answer a later saved call",
     check_late_saved},
    {"past", "a deadline in the past ends a wait at once", check_past},
    {"absolute", "messages that come in between do not move a deadline",
     check_absolute},
    {"not_left_over", "a deadline that was not reached is forgotten",
     check_not_left_over},
    {"signal", "wait_signal polls and ends at its deadline", check_signal},
    {"wait", "wait polls and ends at its deadline", check_wait},
    {"join", "thread_join polls and ends at its deadline", check_join},
    {"sleep", "sleep ends at its deadline", check_sleep},
    {"poll_delivers", "a poll delivers when the other side waits",
     check_poll_delivers},
    {"order", "sleepers wake in the order of their deadlines", check_order},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
