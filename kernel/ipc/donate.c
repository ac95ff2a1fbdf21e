/* SPDX-License-Identifier: MIT */
/*
 * ipc/donate.c: a server runs with the priority of the best of its clients.
 *
 * Idea        Otherwise a client of high priority could wait for a server of
 *             low priority that never runs because of a third thread in
 *             between. A server's priority is the highest of its base, the
 *             call it owes a reply, and the first sender that waits at the
 *             endpoint it serves; what raises one raises whom that waits for.
 * Invariants  The links followed here are read without the locks that guard
 *             them: threads and endpoints are type-stable, and every change of
 *             a link is followed by a donate_update of whom it concerns, so a
 *             glance that comes too early is corrected by whoever made the
 *             change.
 * Locks       donate_lock (RANK_THREAD_WAIT): priorities are worked out and set
 *             under it, so that who sets one last has seen what those before
 *             him knew; and nobody begins to wait at an endpoint between
 *             another's check for a cycle and his own wait.
 */
#include "abi/errno.h"
#include "ipc/call.h"
#include "lib/panic.h"
#include "proc/sched.h"

struct spinlock donate_lock = SPINLOCK(RANK_THREAD_WAIT);

/* ---- The queue of senders ---- */

static struct thread *thread_of(struct list *node) {
    return container_of(node, struct thread, link);
}

void sender_insert(struct endpoint *endpoint, struct thread *sender) {
    assert(spin_held(&endpoint->lock));
    struct list *node = endpoint->senders.prev;
    while (node != &endpoint->senders &&
           thread_of(node)->priority < sender->priority)
        node = node->prev;
    list_insert_after(node, &sender->link);
    endpoint_note(endpoint);
}

void sender_remove(struct endpoint *endpoint, struct thread *sender) {
    assert(spin_held(&endpoint->lock));
    list_remove(&sender->link);
    endpoint_note(endpoint);
}

/* The thread's priority has changed: it takes its place among the senders. */
static void sender_sort(struct thread *thread) {
    struct endpoint *endpoint = thread->endpoint;
    spin_lock(&endpoint->lock);
    if (thread->state == THREAD_SENDING && thread->endpoint == endpoint) {
        sender_remove(endpoint, thread);
        sender_insert(endpoint, thread);
    }
    spin_unlock(&endpoint->lock);
}

/* ---- Priorities ---- */

/* Whom the thread waits for; NULL if nobody, or anybody. */
static struct thread *waits_for(const struct thread *thread) {
    uint32_t state = thread->state;
    if (state == THREAD_CALLING)
        return thread->server;
    if (state == THREAD_SENDING)
        return thread->endpoint->server;
    return NULL;
}

/* What the thread's priority should be now. */
static uint32_t deserved(const struct thread *thread) {
    uint32_t priority = thread->base;
    const struct thread *caller = thread->caller;
    struct endpoint *serves = thread->serves;
    if (caller && caller->priority > priority)
        priority = caller->priority;
    if (serves && serves->server == thread) {
        struct list *first =
            __atomic_load_n(&serves->senders.next, __ATOMIC_ACQUIRE);
        if (first != &serves->senders && thread_of(first)->priority > priority)
            priority = thread_of(first)->priority;
    }
    return priority;
}

/*
 * Gives the thread what it deserves; whether that was a change.
 *
 *   this hart, which sets           another, which changes a link
 *   BOOSTED, priority               link
 *   fence (sched_set_priority)      fence
 *   look at the links again         must its priority change? donate_update
 *
 * So the other one need only look: call.h's donate_call and donate_done.
 */
static bool priority_settle(struct thread *thread) {
    bool changed = false;
    spin_lock(&donate_lock);
    for (;;) {
        uint32_t priority = deserved(thread);
        if (priority > thread->base)
            thread_set_flag(thread, THREAD_BOOSTED);
        else
            thread_clear_flag(thread, THREAD_BOOSTED);
        if (priority == thread->priority)
            break;
        sched_set_priority(thread, priority);
        changed = true;
    }
    bool sending = thread->state == THREAD_SENDING;
    spin_unlock(&donate_lock);
    if (changed && sending)
        sender_sort(thread);
    return changed;
}

void donate_update(struct thread *thread) {
    for (unsigned depth = 0; thread && depth <= CALL_DEPTH_MAX; depth++) {
        if (!priority_settle(thread))
            return;
        thread = waits_for(thread);
    }
}

int donate_check(const struct thread *self, const struct thread *server) {
    for (unsigned depth = 0; server; depth++) {
        if (server == self || depth == CALL_DEPTH_MAX)
            return -EDEADLK;
        server = waits_for(server);
    }
    return 0;
}
