/* SPDX-License-Identifier: MIT */
/*
 * ipc/donate.c: a server runs with the priority of the best of its clients.
 *
 * Otherwise a client of high priority could wait for a server of low priority
 * that never runs because of a third thread in between. A server's priority is
 * the highest of its base, the call it owes a reply, and the first sender that
 * waits at the endpoint it serves; what raises one raises whom that waits for.
 *
 * The links followed here are read without the locks that guard them: threads
 * and endpoints are type-stable, and every change of a link is followed by
 * another donate or withdraw, so a glance that comes too early is corrected by
 * whoever made the change.
 */
#include "abi/errno.h"
#include "ipc/call.h"
#include "lib/container.h"
#include "proc/sched.h"

void sender_insert(struct endpoint *endpoint, struct thread *sender) {
    struct list *node = endpoint->senders.prev;
    while (node != &endpoint->senders &&
           container_of(node, struct thread, link)->priority < sender->priority)
        node = node->prev;
    list_insert_after(node, &sender->link);
}

/* Whom the thread waits for; NULL if nobody, or anybody. */
static struct thread *waits_for(const struct thread *thread) {
    uint32_t state = thread->state;
    if (state == THREAD_CALLING)
        return thread->server;
    if (state == THREAD_SENDING)
        return thread->endpoint->server;
    return NULL;
}

static void set_priority(struct thread *thread, uint32_t priority) {
    struct endpoint *endpoint = thread->endpoint;
    if (priority > thread->base)
        thread_set_flag(thread, THREAD_BOOSTED);
    else
        thread_clear_flag(thread, THREAD_BOOSTED);
    if (thread->state != THREAD_SENDING) {
        sched_set_priority(thread, priority);
        return;
    }
    spin_lock(&endpoint->lock);
    bool queued =
        thread->state == THREAD_SENDING && thread->endpoint == endpoint;
    if (queued)
        list_remove(&thread->link);
    sched_set_priority(thread, priority);
    if (queued)
        sender_insert(endpoint, thread);
    spin_unlock(&endpoint->lock);
}

void donate(struct thread *server, uint32_t priority) {
    for (unsigned depth = 0; depth < CALL_DEPTH_MAX; depth++) {
        if (!server || server->priority >= priority)
            return;
        set_priority(server, priority);
        server = waits_for(server);
    }
}

/* What the thread's priority should be now. */
static uint32_t deserved(const struct thread *thread) {
    uint32_t priority = thread->base;
    const struct thread *caller = thread->caller;
    const struct endpoint *serves = thread->serves;
    if (caller && caller->priority > priority)
        priority = caller->priority;
    if (!serves || serves->server != thread)
        return priority;
    struct list *node = list_first(&serves->senders);
    if (!node)
        return priority;
    const struct thread *first = container_of(node, struct thread, link);
    return first->priority > priority ? first->priority : priority;
}

void donate_withdraw(struct thread *server) {
    for (unsigned depth = 0; depth < CALL_DEPTH_MAX; depth++) {
        if (!server || !(server->flags & THREAD_BOOSTED))
            return;
        uint32_t priority = deserved(server);
        if (priority >= server->priority)
            return;
        set_priority(server, priority);
        server = waits_for(server);
    }
}

void donate_rebase(struct thread *thread) {
    uint32_t before = thread->priority;
    uint32_t priority = deserved(thread);
    set_priority(thread, priority);
    if (priority > before)
        donate(waits_for(thread), priority);
    else
        donate_withdraw(waits_for(thread));
}

int donate_check(const struct thread *self, const struct thread *server) {
    for (unsigned depth = 0; server; depth++) {
        if (server == self || depth == CALL_DEPTH_MAX)
            return -EDEADLK;
        server = waits_for(server);
    }
    return 0;
}
