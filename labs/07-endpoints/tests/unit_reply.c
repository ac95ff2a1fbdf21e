/* SPDX-License-Identifier: MIT */
/*
 * unit_reply.c: replies, those that were saved, and calls that end without.
 */
#include "replies.h"

#include "kit.h"

/* ---- Replies ---- */

static void check_replied(struct thread *caller, uint64_t first) {
    check_awake("who is answered is woken", caller);
    check_message(caller, first, tag_of(MESSAGE_CALL), 0);
}

static void reply_case(bool quick) {
    uint32_t sequence = client[0]->call_sequence;
    dirty(client[0]);
    put_caller(client[0], server, quick);
    boost(server);
    unit_signed("reply returns RESULT_WRITTEN",
                reply_as(server, (uint64_t)HANDLE_IMPLICIT, 300),
                RESULT_WRITTEN);
    check_result("a0 after a reply", server, 0);
    check_state("who replies runs on", server, THREAD_RUNNING);
    unit_true("REPLY does not hand the hart over",
              hart_self()->handoff == NULL && thread_self() == server);
    check_replied(client[0], 300);
    check_call_over(client[0], server);
    check_unboosted(server);
    if (!quick)
        unit_equal("call_sequence grows with the end of a call",
                   client[0]->call_sequence, sequence + 1);
    check_lists(0, 0, 0);
    check_open(0);
}

void test_reply(void) {
    setup();
    reply_case(false);
}

void test_reply_quick(void) {
    setup();
    reply_case(true);
    reply_as(server, (uint64_t)HANDLE_IMPLICIT, 1);
    check_result("a second reply to the same call", server, -ESTALE);
}

void test_reply_recv(void) {
    setup();
    put_caller(client[0], server, false);
    unit_signed("reply_recv with nobody there returns RESULT_WAITING",
                reply_recv_as(server, 300), RESULT_WAITING);
    check_replied(client[0], 300);
    unit_true("the hart goes on with who is answered",
              thread_self() == client[0]);
    check_state("the server waits again", server, THREAD_RECEIVING);
    check_call_over(client[0], server);
    put_caller(client[1], second, false);
    thread_set_flag(client[1], THREAD_EXPIRED);
    unit_signed("reply_recv to a caller whose tick has passed",
                reply_recv_as(second, 400), RESULT_WAITING);
    unit_true("equals run first, when a tick has passed",
              thread_self() != client[1]);
    check_replied(client[1], 400);
    unit_true("THREAD_EXPIRED ends with the call",
              !(client[1]->flags & THREAD_EXPIRED));
}

void test_reply_more(void) {
    setup();
    put_caller(client[0], server, false);
    write_message(client[1], session_handle, 500, DEADLINE_NONE);
    put_sender(client[1], true);
    unit_signed("reply_recv with a sender there returns RESULT_WRITTEN",
                reply_recv_as(server, 300), RESULT_WRITTEN);
    unit_true("if more calls wait, the server goes on",
              thread_self() == server && hart_self()->handoff == NULL);
    check_replied(client[0], 300);
    check_message(server, 500, tag_of(MESSAGE_CALL), BADGE);
    check_called(client[1], server);
    check_open(1);
}

void test_reply_refused(void) {
    setup();
    put_caller(client[0], server, false);
    dirty(client[0]);
    write_message(server, (uint64_t)HANDLE_IMPLICIT, 300, DEADLINE_NONE);
    server->frame.x[REG_A1] = tag_make(LABEL, 1, 1, 0);
    server->frame.x[REG_T3] = 60;
    become(server);
    ipc_reply(server);
    check_result("a reply with a handle that is none", server, -EBADF);
    check_called(client[0], server);
    check_dirty(client[0]);
    check_lists(0, 0, 1);
    check_open(1);
    reply_as(server, (uint64_t)HANDLE_IMPLICIT, 301);
    check_result("the next reply", server, 0);
    check_replied(client[0], 301);
}

void test_reply_gone(void) {
    setup();
    reply_as(server, (uint64_t)HANDLE_IMPLICIT, 1);
    check_result("a reply when none is owed", server, -ESTALE);
    server->caller_gone = true;
    reply_as(server, (uint64_t)HANDLE_IMPLICIT, 1);
    check_result("a reply to a caller that is gone", server, -EPIPE);
    reply_as(server, (uint64_t)HANDLE_IMPLICIT, 1);
    check_result("the second one", server, -ESTALE);
    check_unlocked();
}

/* ---- Saved replies ---- */

static uint64_t save_as(struct thread *thread) {
    become(thread);
    int64_t slot = ipc_reply_save(thread);
    unit_true("reply_save gives a slot from 16 on", slot >= HANDLE_RECEIVED);
    return (uint64_t)slot;
}

static void check_no_handle(uint64_t handle) {
    struct handle_entry entry;
    unit_signed("a reply's handle that was used",
                handle_lookup(&server_process->handles, handle, HANDLE_REPLY, 0,
                              &entry),
                -EBADF);
}

static void save_case(bool quick) {
    struct handle_entry entry;
    put_caller(client[0], server, quick);
    uint64_t handle = save_as(server);
    unit_true("a saved reply is not the thread's", server->caller == NULL);
    unit_true("nobody in particular owes it", client[0]->server == NULL);
    check_state("the caller waits on", client[0], THREAD_CALLING);
    check_lists(0, 0, 1);
    check_open(1);
    unit_signed("find the reply",
                handle_lookup(&server_process->handles, handle, HANDLE_REPLY,
                              RIGHT_REPLY | RIGHT_PASS | RIGHT_GRANT, &entry),
                0);
    unit_true("the reply's object is the caller", entry.object == client[0]);
    unit_equal("the reply's generation is the call's number", entry.generation,
               client[0]->call_sequence);
    put_caller(client[1], server, false);
    reply_as(server, handle, 300);
    check_result("a0 after a saved reply", server, 0);
    check_replied(client[0], 300);
    check_no_handle(handle);
    check_called(client[1], server);
    check_open(1);
}

void test_save(void) {
    setup();
    save_case(false);
}

void test_save_quick(void) {
    setup();
    save_case(true);
}

void test_save_full(void) {
    setup();
    put_caller(client[0], server, false);
    struct handle_entry entry = {.type = HANDLE_AUTHORITY};
    while (handle_insert(&server_process->handles, 0, &entry) >= 0)
        continue;
    become(server);
    unit_signed("reply_save into a full table", ipc_reply_save(server),
                -ENOSPC);
    check_called(client[0], server);
    check_lists(0, 0, 1);
}

/* The call that was saved ends, and the client makes its next one. */
static uint64_t outlived_reply(void) {
    put_caller(client[0], server, false);
    uint64_t handle = save_as(server);
    list_remove(&client[0]->link);
    client[0]->flags = 0;
    client[0]->call_sequence++;
    session->uses--;
    put_caller(client[0], second, false);
    dirty(client[0]);
    return handle;
}

void test_late(void) {
    setup();
    uint64_t handle = outlived_reply();
    reply_as(server, handle, 300);
    check_result("a reply to a call that has ended", server, -EPIPE);
    check_no_handle(handle);
    check_dirty(client[0]);
    check_called(client[0], second);
    check_open(1);
}

void test_late_saved(void) {
    setup();
    uint64_t handle = outlived_reply();
    uint64_t next = save_as(second);
    reply_as(server, handle, 300);
    check_result("a reply to the call before this one", server, -EPIPE);
    check_dirty(client[0]);
    reply_as(server, next, 301);
    check_result("the reply to this one", server, 0);
    check_replied(client[0], 301);
}

/* ---- Ends ---- */

static void check_ended(struct thread *caller, int error) {
    check_awake("whose call has ended is woken", caller);
    check_result("a0 of whose call has ended", caller, -error);
}

void test_closed(void) {
    setup();
    put_caller(client[0], server, false);
    uint64_t handle = save_as(server);
    unit_signed("close a saved reply",
                handle_close(&server_process->handles, handle), 0);
    check_ended(client[0], EPIPE);
    check_lists(0, 0, 0);
    check_open(0);
    handle = outlived_reply();
    unit_signed("close a reply whose call has ended",
                handle_close(&server_process->handles, handle), 0);
    check_called(client[0], second);
    check_open(1);
}

static void died_case(bool quick) {
    put_caller(client[0], server, quick);
    server->serves = endpoint;
    endpoint->server = server;
    reply_thread_died(server);
    check_ended(client[0], EPIPE);
    check_call_over(client[0], server);
    unit_true("endpoint->server is no thread that is dead",
              endpoint->server == NULL);
    unit_true("thread->serves of who is dead is NULL", server->serves == NULL);
    check_lists(0, 0, 0);
    check_open(0);
}

void test_died(void) {
    setup();
    died_case(false);
    died_case(true);
    put_caller(client[0], server, false);
    save_as(server);
    endpoint->server = second;
    put_sender(client[1], true);
    server->serves = endpoint;
    reply_thread_died(server);
    check_state("a saved reply is not the thread's", client[0], THREAD_CALLING);
    check_state("who waits to be received waits on", client[1], THREAD_SENDING);
    unit_true("another thread serves the endpoint", endpoint->server == second);
}

/* ---- Taking back ---- */

void test_cancel_receive(void) {
    setup();
    put_receiver(server, true);
    put_receiver(second, false);
    unit_true("a wait is taken back", cancel(server, ETIMEDOUT));
    check_ended(server, ETIMEDOUT);
    unit_true("the quick receiver is gone", endpoint->quick == NULL);
    unit_true("a wait is taken back", cancel(second, ECANCELED));
    check_ended(second, ECANCELED);
    check_lists(0, 0, 0);
}

void test_cancel_send(void) {
    setup();
    for (unsigned i = 0; i < 3; i++)
        put_sender(client[i], i != 1);
    server->serves = endpoint;
    endpoint->server = server;
    boost(server);
    unit_true("a wait is taken back", cancel(client[1], ETIMEDOUT));
    check_ended(client[1], ETIMEDOUT);
    check_unboosted(server);
    check_lists(0, 2, 0);
    check_open(2);
    unit_true("a wait is taken back", cancel(client[0], ETIMEDOUT));
    check_ended(client[0], ETIMEDOUT);
    unit_true("THREAD_IS_CALL of who waits no more",
              !(client[0]->flags & THREAD_IS_CALL));
    unit_true("the last one stays", sender_at(0) == client[2]);
    check_lists(0, 1, 0);
    check_open(1);
}

static void cancel_case(bool quick) {
    uint32_t sequence = client[0]->call_sequence;
    put_caller(client[0], server, quick);
    boost(server);
    unit_true("a wait is taken back", cancel(client[0], ETIMEDOUT));
    check_ended(client[0], ETIMEDOUT);
    check_call_over(client[0], server);
    unit_true("server->caller_gone tells it to the server",
              server->caller_gone);
    check_unboosted(server);
    if (!quick)
        unit_equal("call_sequence grows with the end of a call",
                   client[0]->call_sequence, sequence + 1);
    check_lists(0, 0, 0);
    check_open(0);
    server->caller_gone = false;
}

void test_cancel_call(void) {
    setup();
    cancel_case(false);
    cancel_case(true);
    put_caller(client[0], server, false);
    endpoint->server = server;
    save_as(server);
    unit_true("a wait is taken back", cancel(client[0], ETIMEDOUT));
    check_ended(client[0], ETIMEDOUT);
    unit_true("whose reply was saved, the thread owes it no more",
              !server->caller_gone);
    check_lists(0, 0, 0);
    check_open(0);
}

void test_cancel_other(void) {
    setup();
    put_caller(client[0], server, false);
    dirty(client[0]);
    uint64_t waits = client[0]->wait_sequence;
    unit_true("a wait with another number is not taken back",
              !endpoint_cancel(client[0], waits - 1, -ETIMEDOUT));
    check_called(client[0], server);
    check_dirty(client[0]);
    check_unlocked();
    client[0]->state = THREAD_READY;
    unit_true("of who waits no more nothing is taken back",
              !endpoint_cancel(client[0], waits, -ETIMEDOUT));
    check_state("who waits no more stays as it is", client[0], THREAD_READY);
    client[0]->state = THREAD_CALLING;
    thread_set_flag(client[0], THREAD_LENDS);
    unit_true("a call that lends does not time out",
              !cancel(client[0], ETIMEDOUT));
    check_called(client[0], server);
    unit_true("but it can be cancelled", cancel(client[0], ECANCELED));
    check_ended(client[0], ECANCELED);
    unit_true("THREAD_LENDS ends with the call",
              !(client[0]->flags & THREAD_LENDS));
}
