/* SPDX-License-Identifier: MIT */
/*
 * kit.h: a server and its clients, put where they wait by hand, for unit.c.
 *
 * Threads are real ones, of two processes that no hart runs: a test makes one
 * of them current, calls what the system call would, and looks at what became
 * of all of them. Waiting threads are linked and unlinked here, so that a test
 * says something about the function it tests, and about no other.
 */
#ifndef OCTAVO_LAB_ENDPOINTS_KIT_H
#define OCTAVO_LAB_ENDPOINTS_KIT_H

#include "unit.h"

#include "abi/errno.h"
#include "abi/message.h"
#include "cap/handle.h"
#include "dev/timer.h"
#include "ipc/call.h"
#include "ipc/message.h"
#include "lib/list.h"
#include "proc/sched.h"
#include "proc/wait.h"
#include "vm/quota.h"
#include "vm/space.h"

enum {
    CLIENTS = 5,
    BADGE = 4242,
    LABEL = 7,
    DIRT = 0xd1d1,
    FAR = 1000000000, /* a deadline that does not pass during a test */
};

/* The registers of a message, apart from a0, a1 and the badge. */
static const uint8_t word_register[MESSAGE_WORDS] = {
    REG_A2, REG_A3, REG_A4, REG_A5, REG_A6, REG_T0, REG_T1, REG_T2};
static const uint8_t rest_register[] = {REG_T3, REG_T4, REG_T5, REG_T6};

static struct process *server_process, *client_process;
static struct thread *server, *second, *client[CLIENTS];
static struct endpoint *endpoint;
static struct session *session;
static uint64_t endpoint_handle, session_handle;

/* ---- Making ---- */

static inline struct process *process_make(struct process *parent) {
    struct process *process = process_create(parent);
    unit_true("a process for the test", process != NULL);
    process->space = space_create(process->quota);
    unit_true("a space for the test", process->space != NULL);
    return process;
}

enum { SESSION_HANDLES = 2 }; /* the server's, the client's */

static inline void endpoint_setup(void) {
    struct handle_entry entry;
    endpoint_handle = (uint64_t)endpoint_create(server);
    unit_signed("find the endpoint",
                handle_lookup(&server_process->handles, endpoint_handle,
                              HANDLE_ENDPOINT, 0, &entry),
                0);
    endpoint = entry.object;
    uint64_t minted = (uint64_t)session_mint(
        server, endpoint_handle, BADGE,
        RIGHT_SEND | RIGHT_PASS | RIGHT_GRANT | RIGHT_INHERIT, 0);
    unit_signed("find the session",
                handle_take(&server_process->handles, minted, HANDLE_SESSION, 0,
                            &entry),
                0);
    session = entry.object;
    session_handle = (uint64_t)handle_insert(&client_process->handles,
                                             HANDLE_RECEIVED, &entry);
}

/* Two processes, their threads, an endpoint, a session of it. */
static inline void setup(void) {
    static struct process parent;
    parent.quota = quota_create();
    parent.priority_ceiling = PRIORITY_MAX;
    server_process = process_make(&parent);
    client_process = process_make(&parent);
    server = thread_create(server_process);
    second = thread_create(server_process);
    for (unsigned i = 0; i < CLIENTS; i++)
        client[i] = thread_create(client_process);
    endpoint_setup();
}

/* ---- Frames ---- */

/* The thread has left something in each register. */
static inline void dirty(struct thread *thread) {
    for (unsigned i = 1; i < 32; i++)
        thread->frame.x[i] = DIRT + i;
}

/* The message of a system call: words first, first + 1, ... */
static inline void write_message(struct thread *thread, uint64_t handle,
                                 uint64_t first, uint64_t deadline) {
    uint64_t *x = thread->frame.x;
    dirty(thread);
    x[REG_A0] = handle;
    x[REG_A1] = tag_make(LABEL, 3, 0, 0);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        x[word_register[i]] = first + i;
    x[REG_T3] = x[REG_T4] = x[REG_T5] = 0;
    x[REG_T6] = deadline;
}

/* The message cannot be received: it carries two handles, and nobody takes
 * any. */
static inline void spoil_message(struct thread *thread) {
    thread->frame.x[REG_A1] = tag_make(LABEL, 3, 2, 0);
    thread->frame.x[REG_T3] = session_handle | session_handle << 16;
}

/* The thread runs on this hart. */
static inline void become(struct thread *thread) {
    thread->state = THREAD_RUNNING;
    frame_set_self(&thread->frame);
}

/* ---- System calls ---- */

static inline uint64_t later(void) {
    return timer_now() + FAR;
}

static inline int64_t send_as(struct thread *thread, uint64_t first,
                              uint64_t deadline) {
    write_message(thread, session_handle, first, deadline);
    become(thread);
    return ipc_send(thread);
}

static inline int64_t call_as(struct thread *thread, uint64_t first,
                              uint64_t deadline) {
    write_message(thread, session_handle, first, deadline);
    become(thread);
    return ipc_call(thread);
}

static inline int64_t receive_as(struct thread *thread, uint64_t deadline) {
    write_message(thread, endpoint_handle, 1, deadline);
    thread->frame.x[REG_A1] = 0;
    become(thread);
    return ipc_recv(thread);
}

static inline int64_t reply_as(struct thread *thread, uint64_t handle,
                               uint64_t first) {
    write_message(thread, handle, first, DEADLINE_NONE);
    become(thread);
    return ipc_reply(thread);
}

static inline int64_t reply_recv_as(struct thread *thread, uint64_t first) {
    write_message(thread, endpoint_handle, first, DEADLINE_NONE);
    become(thread);
    return ipc_reply_recv(thread);
}

/* ---- Waiting, by hand ---- */

static inline void lists_changed(void) {
    endpoint->busy = !list_empty(&endpoint->senders) ||
                     !list_empty(&endpoint->closed) ||
                     !list_empty(&endpoint->receivers);
}

static inline void wait_at(struct thread *thread, enum thread_state state) {
    thread->endpoint = endpoint;
    thread->wait_sequence++;
    thread->state = state;
}

static inline void put_receiver(struct thread *thread, bool quick) {
    wait_at(thread, THREAD_RECEIVING);
    dirty(thread);
    thread->serves = endpoint;
    endpoint->server = thread;
    if (quick)
        endpoint->quick = thread;
    else
        list_push_back(&endpoint->receivers, &thread->link);
    lists_changed();
}

/* At the queue's end: the test minds the priorities. */
static inline void put_sender(struct thread *thread, bool call) {
    wait_at(thread, THREAD_SENDING);
    thread->session = session;
    thread->server = NULL;
    session_use(session);
    if (call)
        thread_set_flag(thread, THREAD_IS_CALL);
    list_push_back(&endpoint->senders, &thread->link);
    lists_changed();
}

/* `owes` has received the thread's call; NULL: the reply was saved. */
static inline void put_caller(struct thread *thread, struct thread *owes,
                              bool quick) {
    wait_at(thread, THREAD_CALLING);
    thread->session = session;
    thread->server = owes;
    if (owes)
        owes->caller = thread;
    if (quick) {
        endpoint->quick = owes;
        return;
    }
    thread_set_flag(thread, THREAD_IS_CALL);
    session_use(session);
    list_push_back(&endpoint->callers, &thread->link);
}

/* Somebody has lent the thread priority. */
static inline void boost(struct thread *thread) {
    thread->priority = (uint16_t)(thread->base + 1);
    thread_set_flag(thread, THREAD_BOOSTED);
}

/* ---- Looking ---- */

static inline unsigned length_of(const struct list *list) {
    unsigned length = 0;
    const struct list *node = list->next;
    for (; node != list && length < 100; node = node->next)
        length++;
    return length;
}

static inline bool is_in(const struct list *list, const struct thread *thread) {
    const struct list *node = list->next;
    for (unsigned i = 0; node != list && i < 100; i++, node = node->next)
        if (node == &thread->link)
            return true;
    return false;
}

static inline struct thread *sender_at(unsigned place) {
    const struct list *node = endpoint->senders.next;
    while (place-- > 0)
        node = node->next;
    return container_of(node, struct thread, link);
}

static inline void check_unlocked(void) {
    unit_true("the endpoint's lock is free when the function returns",
              !spin_held(&endpoint->lock));
    unit_true("donate_lock is free when the function returns",
              !spin_held(&donate_lock));
}

static inline void check_lists(unsigned receivers, unsigned senders,
                               unsigned callers) {
    unit_equal("threads in endpoint->receivers",
               length_of(&endpoint->receivers), receivers);
    unit_equal("threads in endpoint->senders", length_of(&endpoint->senders),
               senders);
    unit_equal("threads in endpoint->callers", length_of(&endpoint->callers),
               callers);
    unit_equal("endpoint->busy: one of senders, closed, receivers is not empty",
               endpoint->busy,
               receivers || senders || !list_empty(&endpoint->closed));
    check_unlocked();
}

static inline void check_open(unsigned open) {
    unit_equal("session->uses by calls", session->uses - SESSION_HANDLES, open);
}

static inline void check_unboosted(const struct thread *thread) {
    unit_equal("the priority of a server that works for nobody",
               thread->priority, thread->base);
    unit_true("it has no THREAD_BOOSTED", !(thread->flags & THREAD_BOOSTED));
}

static inline void check_state(const char *what, const struct thread *thread,
                               enum thread_state state) {
    unit_equal(what, thread->state, state);
}

/* It is ready, in a queue or the next on this hart; or runs already. */
static inline void check_awake(const char *what, const struct thread *thread) {
    bool runs = thread->state == THREAD_RUNNING && thread_self() == thread;
    bool ready = thread->state == THREAD_READY &&
                 (hart_self()->handoff == thread || thread->queued_at > 0);
    unit_true(what, runs || ready);
    unit_true("who is woken has no deadline any more",
              !(thread->flags & THREAD_DEADLINE));
}

/* The words, the tag, and nothing in the registers that carry nothing. */
static inline void check_message(const struct thread *to, uint64_t first,
                                 uint64_t tag, uint64_t badge) {
    const uint64_t *x = to->frame.x;
    unit_equal("a0 of who gets a message", x[REG_A0], 0);
    unit_equal("the tag that arrives", x[REG_A1], tag);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        unit_equal("a word that arrives", x[word_register[i]], first + i);
    unit_equal("the badge in a7", x[REG_A7], badge);
    for (unsigned i = 0; i < sizeof(rest_register); i++)
        unit_equal("a register that carries nothing", x[rest_register[i]], 0);
}

static inline uint64_t tag_of(enum message_kind kind) {
    return tag_make(LABEL, 3, 0, 0) | (uint64_t)kind << TAG_KIND_SHIFT;
}

/* The frame of a message call that ended so: the error, and zeros. */
static inline void check_result(const char *what, const struct thread *thread,
                                int64_t error) {
    const uint64_t *x = thread->frame.x;
    unit_signed(what, (int64_t)x[REG_A0], error);
    unit_equal("the tag of who gets a result", x[REG_A1], 0);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        unit_equal("a word of who gets a result", x[word_register[i]], 0);
}

/* Nothing of the thread's is written. */
static inline void check_dirty(const struct thread *thread) {
    for (unsigned i = 1; i < 32; i++)
        unit_equal("a register that nobody should have written",
                   thread->frame.x[i], DIRT + i);
}

/* The thread's call was received by `owes`, as a quick call or as another. */
static inline void check_called(const struct thread *caller,
                                const struct thread *owes) {
    check_state("the caller's state is THREAD_CALLING", caller, THREAD_CALLING);
    unit_true("caller->server is who owes the reply", caller->server == owes);
    unit_true("server->caller is whom it owes the reply",
              owes->caller == caller);
    unit_true("caller->endpoint is the endpoint", caller->endpoint == endpoint);
    unit_true("caller->session is its session", caller->session == session);
    bool quick = endpoint->quick == owes;
    unit_equal("a call is quick, or has THREAD_IS_CALL",
               (caller->flags & THREAD_IS_CALL) != 0, !quick);
    unit_equal("a call is quick, or in endpoint->callers",
               is_in(&endpoint->callers, caller), !quick);
}

/* Neither end knows of the call any more. */
static inline void check_call_over(const struct thread *caller,
                                   const struct thread *owed) {
    unit_true("caller->server, when the call is over", caller->server == NULL);
    unit_true("server->caller, when the call is over", owed->caller == NULL);
    unit_true("who is in no call is not in endpoint->callers",
              !is_in(&endpoint->callers, caller));
    unit_true("THREAD_IS_CALL, when the call is over",
              !(caller->flags & THREAD_IS_CALL));
    unit_true("a quick thread waits or owes a reply",
              endpoint->quick != owed || owed->state == THREAD_RECEIVING);
}

static inline bool cancel(struct thread *thread, int error) {
    bool found = endpoint_cancel(thread, thread->wait_sequence, -error);
    check_unlocked();
    return found;
}

#endif
