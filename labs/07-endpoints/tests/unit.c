/* SPDX-License-Identifier: MIT */
/*
 * unit.c: sending and receiving, one by one; unit_reply.c has the rest.
 *
 * The kernel is complete but for its first process. What waits does so because
 * kit.h has put it there.
 */
#include "kit.h"
#include "replies.h"

#include "lib/print.h"

/* ---- Words ---- */

enum { S2 = 18, S11 = 27 }; /* in a frame */

static void test_words(void) {
    setup();
    write_message(client[0], session_handle, 100, DEADLINE_NONE);
    client[0]->frame.x[REG_T3] = 0x99;
    dirty(server);
    message_deliver_words(client[0], server, MESSAGE_SEND, BADGE);
    check_message(server, 100, tag_of(MESSAGE_SEND), BADGE);
    for (unsigned i = S2; i <= S11; i++)
        unit_equal("a register that is no message's", server->frame.x[i],
                   DIRT + i);
    unit_equal("the handle, in the sender's a0", client[0]->frame.x[REG_A0],
               session_handle);
    unit_equal("a word, in the sender's a2", client[0]->frame.x[REG_A2], 100);
    dirty(server);
    message_deliver_words(client[0], server, MESSAGE_CALL, 0);
    check_message(server, 100, tag_of(MESSAGE_CALL), 0);
}

/* ---- Sending to who waits ---- */

static void send_case(struct thread *to, bool quick) {
    put_receiver(to, quick);
    int64_t result = send_as(client[0], 100, DEADLINE_NONE);
    unit_signed("send to who waits returns RESULT_WRITTEN", result,
                RESULT_WRITTEN);
    check_result("a0 after a send", client[0], 0);
    check_state("the sender runs on", client[0], THREAD_RUNNING);
    check_awake("the receiver is woken", to);
    check_message(to, 100, tag_of(MESSAGE_SEND), BADGE);
    unit_true("a send leaves no reply to give", to->caller == NULL);
    unit_true("the receiver waits no more", endpoint->quick != to);
    check_lists(0, 0, 0);
    check_open(0);
}

static void test_send(void) {
    setup();
    send_case(server, true);
    send_case(second, false);
    put_receiver(server, true);
    unit_signed("a poll that finds a receiver",
                send_as(client[1], 5, DEADLINE_POLL), RESULT_WRITTEN);
    check_result("a0 after a send by poll", client[1], 0);
}

static void call_case(struct thread *caller, struct thread *to, bool quick,
                      uint64_t deadline) {
    put_receiver(to, quick);
    uint64_t waits = caller->wait_sequence;
    int64_t result = call_as(caller, 100, deadline);
    unit_signed("call to who waits returns RESULT_WAITING", result,
                RESULT_WAITING);
    check_called(caller, to);
    check_message(to, 100, tag_of(MESSAGE_CALL), BADGE);
    unit_true("the hart goes on with the receiver", thread_self() == to);
    check_state("the receiver runs", to, THREAD_RUNNING);
    unit_equal("wait_sequence grows by one", caller->wait_sequence, waits + 1);
    check_unlocked();
}

static void test_call(void) {
    setup();
    call_case(client[0], server, true, DEADLINE_NONE);
    unit_true("no deadline: none is armed",
              !(client[0]->flags & THREAD_DEADLINE));
}

static void test_call_listed(void) {
    setup();
    call_case(client[0], second, false, DEADLINE_NONE);
    check_lists(0, 0, 1);
    check_open(1);
}

static void test_call_deadline(void) {
    setup();
    call_case(client[0], server, true, later());
    unit_true("a deadline is armed", client[0]->flags & THREAD_DEADLINE);
    unit_true("a call with a deadline is no quick one",
              client[0]->flags & THREAD_IS_CALL);
    check_lists(0, 0, 1);
    check_open(1);
    call_case(client[1], second, false, DEADLINE_POLL);
    unit_true("a poll is about delivery: the reply may take its time",
              !(client[1]->flags & THREAD_DEADLINE));
}

static void refused_case(bool call) {
    write_message(client[0], session_handle, 100, DEADLINE_NONE);
    spoil_message(client[0]);
    become(client[0]);
    unit_signed("a message that does not fit returns RESULT_WRITTEN",
                call ? ipc_call(client[0]) : ipc_send(client[0]),
                RESULT_WRITTEN);
    check_result("a0 after a message that does not fit", client[0], -EMSGSIZE);
    check_state("its sender runs on", client[0], THREAD_RUNNING);
    check_state("the receiver waits on", server, THREAD_RECEIVING);
    check_dirty(server);
    unit_true("the receiver is still the endpoint's",
              endpoint->quick == server);
    unit_true("no reply is owed", server->caller == NULL);
    unit_true("THREAD_IS_CALL, after an error",
              !(client[0]->flags & THREAD_IS_CALL));
    check_lists(0, 0, 0);
    check_open(0);
}

static void test_send_refused(void) {
    setup();
    put_receiver(server, true);
    refused_case(false);
    refused_case(true);
}

/* ---- Waiting to be received ---- */

static void test_queue(void) {
    setup();
    unit_signed("call with nobody there returns RESULT_WAITING",
                call_as(client[0], 100, DEADLINE_NONE), RESULT_WAITING);
    check_state("a caller that waits is THREAD_SENDING", client[0],
                THREAD_SENDING);
    unit_true("it has THREAD_IS_CALL", client[0]->flags & THREAD_IS_CALL);
    unit_true("thread->endpoint is where it waits",
              client[0]->endpoint == endpoint);
    unit_true("thread->session is its session", client[0]->session == session);
    unit_true("thread->server is NULL: nobody owes it a reply",
              client[0]->server == NULL);
    unit_true("the hart no longer works for it", thread_self() != client[0]);
    check_lists(0, 1, 0);
    check_open(1);
    unit_signed("send with nobody there returns RESULT_WAITING",
                send_as(client[1], 200, later()), RESULT_WAITING);
    unit_true("a send has no THREAD_IS_CALL",
              !(client[1]->flags & THREAD_IS_CALL));
    unit_true("its deadline is armed", client[1]->flags & THREAD_DEADLINE);
    check_lists(0, 2, 0);
    check_open(2);
    unit_equal("the message stays in the frame", client[0]->frame.x[REG_A2],
               100);
}

static void test_queue_order(void) {
    static const uint16_t priorities[CLIENTS] = {8, 12, 8, 20, 12};
    static const uint8_t order[CLIENTS] = {3, 1, 4, 0, 2};
    setup();
    for (unsigned i = 0; i < CLIENTS; i++) {
        client[i]->base = client[i]->priority = priorities[i];
        call_as(client[i], 100 * i, DEADLINE_NONE);
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        unit_true("senders wait by priority, the first to come first",
                  sender_at(i) == client[order[i]]);
    check_lists(0, CLIENTS, 0);
}

static void queue_error(const char *what, struct thread *thread, int64_t result,
                        int error) {
    unit_signed(what, result, RESULT_WRITTEN);
    check_result(what, thread, -error);
    check_state("who has an error runs on", thread, THREAD_RUNNING);
    unit_true("flags after an error",
              !(thread->flags & (THREAD_IS_CALL | THREAD_DEADLINE)));
    check_lists(0, 0, 0);
    check_open(0);
}

static void test_queue_errors(void) {
    setup();
    queue_error("a call by poll, with nobody there", client[0],
                call_as(client[0], 1, DEADLINE_POLL), EAGAIN);
    queue_error("a send by poll, with nobody there", client[0],
                send_as(client[0], 1, DEADLINE_POLL), EAGAIN);
    queue_error("a call whose deadline is past", client[0],
                call_as(client[0], 1, 2), ETIMEDOUT);
    write_message(client[0], session_handle, 1, DEADLINE_NONE);
    client[0]->frame.x[REG_A1] = tag_make(LABEL, 0, 1, 0);
    client[0]->frame.x[REG_T3] = 60;
    become(client[0]);
    queue_error("a call with a handle that is none, with nobody there",
                client[0], ipc_call(client[0]), EBADF);
}

static void test_deadlock(void) {
    setup();
    endpoint->server = client[0];
    queue_error("a call to an endpoint that one serves oneself", client[0],
                call_as(client[0], 1, DEADLINE_NONE), EDEADLK);
    queue_error("a send to an endpoint that one serves oneself", client[0],
                send_as(client[0], 1, DEADLINE_NONE), EDEADLK);
    endpoint->server = server;
    put_caller(server, client[0], false);
    session->uses = SESSION_HANDLES;
    list_remove(&server->link);
    queue_error("a call to who waits for oneself", client[0],
                call_as(client[0], 1, DEADLINE_NONE), EDEADLK);
    client[0]->caller = NULL;
    server->state = THREAD_RUNNING;
    unit_signed("a call to who works", call_as(client[0], 1, DEADLINE_NONE),
                RESULT_WAITING);
    check_lists(0, 1, 0);
}

/* ---- Receiving ---- */

static void test_receive(void) {
    setup();
    write_message(client[0], session_handle, 100, DEADLINE_NONE);
    write_message(client[1], session_handle, 200, DEADLINE_NONE);
    put_sender(client[0], false);
    put_sender(client[1], true);
    unit_signed("receive with senders there returns RESULT_WRITTEN",
                receive_as(server, DEADLINE_NONE), RESULT_WRITTEN);
    check_message(server, 100, tag_of(MESSAGE_SEND), BADGE);
    check_state("the receiver runs on", server, THREAD_RUNNING);
    check_awake("the sender is woken", client[0]);
    check_result("a0 after a send that waited", client[0], 0);
    unit_true("a send leaves no reply to give", server->caller == NULL);
    check_lists(0, 1, 0);
    check_open(1);
    unit_signed("receive by poll, with a sender there",
                receive_as(server, DEADLINE_POLL), RESULT_WRITTEN);
    check_message(server, 200, tag_of(MESSAGE_CALL), BADGE);
    check_called(client[1], server);
    check_lists(0, 0, 1);
    check_open(1);
}

static void test_receive_waits(void) {
    setup();
    server->caller_gone = true;
    boost(server);
    unit_signed("receive with nothing there returns RESULT_WAITING",
                receive_as(server, DEADLINE_NONE), RESULT_WAITING);
    check_state("it waits as THREAD_RECEIVING", server, THREAD_RECEIVING);
    unit_true("thread->endpoint is where it waits",
              server->endpoint == endpoint);
    unit_true("the first to wait is the quick one", endpoint->quick == server);
    unit_true("the endpoint's server", endpoint->server == server);
    unit_true("thread->caller_gone is forgotten", !server->caller_gone);
    check_unboosted(server);
    check_lists(0, 0, 0);
    unit_signed("a second receiver waits", receive_as(second, later()),
                RESULT_WAITING);
    unit_true("its deadline is armed", second->flags & THREAD_DEADLINE);
    unit_true("it is in the list", is_in(&endpoint->receivers, second));
    check_lists(1, 0, 0);
}

static void test_receive_errors(void) {
    setup();
    unit_signed("a poll with nothing there returns RESULT_WRITTEN",
                receive_as(server, DEADLINE_POLL), RESULT_WRITTEN);
    check_result("a poll with nothing there", server, -EAGAIN);
    receive_as(server, 2);
    check_result("a receive whose deadline is past", server, -ETIMEDOUT);
    check_state("who has an error runs on", server, THREAD_RUNNING);
    unit_true("nobody waits", endpoint->quick == NULL);
    check_lists(0, 0, 0);
}

static void test_receive_refused(void) {
    setup();
    for (unsigned i = 0; i < 3; i++) {
        write_message(client[i], session_handle, 100 * i, DEADLINE_NONE);
        put_sender(client[i], i != 1);
    }
    spoil_message(client[0]);
    spoil_message(client[1]);
    unit_signed("receive goes on to the next sender",
                receive_as(server, DEADLINE_NONE), RESULT_WRITTEN);
    check_message(server, 200, tag_of(MESSAGE_CALL), BADGE);
    check_called(client[2], server);
    for (unsigned i = 0; i < 2; i++) {
        check_awake("whose message does not fit is woken", client[i]);
        check_result("a0 of whose message does not fit", client[i], -EMSGSIZE);
        unit_true("it has no THREAD_IS_CALL",
                  !(client[i]->flags & THREAD_IS_CALL));
    }
    check_lists(0, 0, 1);
    check_open(1);
}

/* ---- Question ---- */

static void test_question(void) {
    setup();
    uint32_t calls = client[0]->call_sequence;
    uint64_t waits = client[0]->wait_sequence;
    call_as(client[0], 1, later());
    cancel(client[0], ETIMEDOUT);
    call_as(client[0], 1, DEADLINE_POLL);
    put_receiver(server, false);
    call_as(client[0], 1, later());
    unsigned open = session->uses - SESSION_HANDLES;
    cancel(client[0], ETIMEDOUT);
    kprintf("question: waits %lu, calls %u, open %u\n",
            client[0]->wait_sequence - waits, client[0]->call_sequence - calls,
            open);
}

static const struct unit units[] = {
    {"words", test_words},
    {"send", test_send},
    {"call", test_call},
    {"call_listed", test_call_listed},
    {"call_deadline", test_call_deadline},
    {"send_refused", test_send_refused},
    {"queue", test_queue},
    {"queue_order", test_queue_order},
    {"queue_errors", test_queue_errors},
    {"deadlock", test_deadlock},
    {"receive", test_receive},
    {"receive_waits", test_receive_waits},
    {"receive_errors", test_receive_errors},
    {"receive_refused", test_receive_refused},
    {"reply", test_reply},
    {"reply_quick", test_reply_quick},
    {"reply_recv", test_reply_recv},
    {"reply_more", test_reply_more},
    {"reply_refused", test_reply_refused},
    {"reply_gone", test_reply_gone},
    {"save", test_save},
    {"save_quick", test_save_quick},
    {"save_full", test_save_full},
    {"late", test_late},
    {"late_saved", test_late_saved},
    {"closed", test_closed},
    {"died", test_died},
    {"cancel_receive", test_cancel_receive},
    {"cancel_send", test_cancel_send},
    {"cancel_call", test_cancel_call},
    {"cancel_other", test_cancel_other},
    {"question", test_question},
};

void __wrap_first_process_start(void);

void __wrap_first_process_start(void) {
    unit_run(units, sizeof(units) / sizeof(units[0]));
}
