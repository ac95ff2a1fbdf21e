/* SPDX-License-Identifier: MIT */
/*
 * ipc/notification.c: signal, wait, bind, and watching children.
 */
#include "ipc/notification.h"

#include "abi/errno.h"
#include "cap/handle.h"
#include "ipc/call.h"
#include "proc/process.h"
#include "vm/quota.h"
#include "vm/slab.h"

static void notification_once(void *object) {
    wait_queue_init(&((struct notification *)object)->queue);
}

static struct slab notifications = SLAB(struct notification, notification_once);

int64_t notification_create(struct thread *self) {
    struct quota *quota = self->process->quota;
    struct notification *notification = slab_alloc(&notifications, quota);
    if (!notification)
        return -ENOMEM;
    notification->generation = generation_next();
    notification->bits = 0;
    notification->handles = 1;
    notification->endpoint = NULL;
    notification->quota = quota_get(quota);
    return handle_give(&self->process->handles, notification,
                       notification->generation, HANDLE_NOTIFICATION,
                       RIGHT_SIGNAL | RIGHT_WAIT | RIGHT_PASS | RIGHT_GRANT |
                           RIGHT_INHERIT);
}

/* ---- Signal ---- */

/* There may be bits for a thread that receives on the bound endpoint. */
static void signal_bound(struct notification *notification,
                         struct endpoint *endpoint) {
    spin_lock(&endpoint->lock);
    if (endpoint->bound == notification) {
        endpoint->signalled = true;
        receiver_notify(endpoint);
    }
    spin_unlock(&endpoint->lock);
}

/* Sets the bits and gives all to a waiter, if there is one. */
static void signal_unlock(struct notification *notification, uint64_t bits)
    RELEASE(notification->queue.lock) {
    struct endpoint *endpoint = notification->endpoint;
    struct list *waiters = &notification->queue.waiters;
    bits |= __atomic_fetch_or(&notification->bits, bits, __ATOMIC_RELEASE);
    if (!list_empty(waiters) && bits != 0) {
        struct thread *thread =
            container_of(waiters->next, struct thread, link);
        notification->bits = 0;
        list_remove(&thread->link);
        thread_result(thread, 0);
        thread->frame.x[REG_A1] = bits;
        thread_wake(thread);
    }
    spin_unlock(&notification->queue.lock);
    if (endpoint)
        signal_bound(notification, endpoint);
}

void notification_signal(struct notification *notification, uint64_t bits) {
    spin_lock(&notification->queue.lock);
    signal_unlock(notification, bits);
}

/* Finds a notification, which nothing keeps alive yet: lock, then compare
 * generations. */
static inline int notification_find(struct thread *self, uint64_t handle,
                                    unsigned rights,
                                    struct handle_entry *entry) {
    return handle_find(&self->process->handles, handle, KIND_SIGNAL, rights,
                       entry);
}

int64_t ipc_signal(struct thread *self) {
    struct handle_entry entry;
    int error =
        notification_find(self, self->frame.x[REG_A0], RIGHT_SIGNAL, &entry);
    if (error)
        return error;
    struct notification *notification = entry.object;
    spin_lock(&notification->queue.lock);
    if (notification->generation != entry.generation) {
        spin_unlock(&notification->queue.lock);
        return -EBADF;
    }
    signal_unlock(notification, self->frame.x[REG_A1]);
    return 0;
}

/* ---- Wait ---- */

static int64_t wait_locked(struct thread *self,
                           struct notification *notification, uint64_t deadline)
    REQUIRES(notification->queue.lock) {
    if (notification->endpoint)
        return -EBUSY;
    uint64_t bits = notification_take(notification);
    if (bits) {
        self->frame.x[REG_A1] = bits;
        return 0;
    }
    int error = deadline_check(deadline);
    if (error)
        return error;
    self->wait_queue = &notification->queue;
    list_push_back(&notification->queue.waiters, &self->link);
    thread_wait(self, THREAD_SIGNALLED, deadline);
    return RESULT_WAITING;
}

int64_t ipc_wait_signal(struct thread *self) {
    struct handle_entry entry;
    int64_t result =
        notification_find(self, self->frame.x[REG_A0], RIGHT_WAIT, &entry);
    if (result)
        return result;
    struct notification *notification = entry.object;
    spin_lock(&notification->queue.lock);
    result = notification->generation == entry.generation
                 ? wait_locked(self, notification, self->frame.x[REG_A1])
                 : -EBADF;
    spin_unlock(&notification->queue.lock);
    return result;
}

/* ---- Bind ---- */

static int bind_locked(struct notification *notification, uint32_t generation,
                       struct endpoint *endpoint) REQUIRES(endpoint->lock) {
    spin_lock(&notification->queue.lock);
    bool gone = notification->generation != generation;
    bool busy = endpoint->bound || notification->endpoint ||
                !list_empty(&notification->queue.waiters);
    if (!gone && !busy) {
        endpoint->bound = notification;
        notification->endpoint = endpoint;
    }
    spin_unlock(&notification->queue.lock);
    return gone ? -EBADF : busy ? -EBUSY : 0;
}

int64_t ipc_notification_bind(struct thread *self) {
    struct handle_entry entry, found;
    int error = endpoint_find(self, self->frame.x[REG_A1], &found);
    if (!error)
        error =
            notification_find(self, self->frame.x[REG_A0], RIGHT_WAIT, &entry);
    if (error)
        return error;
    struct endpoint *endpoint = found.object;
    spin_lock(&endpoint->lock);
    error = endpoint_check(endpoint, found.generation);
    if (!error)
        error = bind_locked(entry.object, entry.generation, endpoint);
    spin_unlock(&endpoint->lock);
    /* Bits from before, for a thread that receives already. */
    if (!error)
        signal_bound(entry.object, endpoint);
    return error;
}

/* ---- Handles ---- */

static void notification_get(const struct handle_entry *entry) {
    struct notification *notification = entry->object;
    __atomic_fetch_add(&notification->handles, 1, __ATOMIC_RELAXED);
}

/* The last handle is gone: whoever waits would wait for ever. */
static void notification_put(const struct handle_entry *entry) {
    struct notification *notification = entry->object;
    struct wait_queue *queue = &notification->queue;
    struct list *node;
    if (__atomic_fetch_sub(&notification->handles, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    spin_lock(&queue->lock);
    notification->generation = 0; /* for those who found a handle before */
    struct endpoint *endpoint = notification->endpoint;
    while ((node = list_pop_front(&queue->waiters))) {
        struct thread *thread = container_of(node, struct thread, link);
        thread_result(thread, -EPIPE);
        thread_wake(thread);
    }
    spin_unlock(&queue->lock);
    if (endpoint) {
        spin_lock(&endpoint->lock);
        if (endpoint->bound == notification)
            endpoint->bound = NULL;
        spin_unlock(&endpoint->lock);
    }
    quota_uncharge_objects(notification->quota, 1);
    quota_put(notification->quota);
    slab_free(&notifications, notification, NULL);
}

const struct object_operations notification_operations = {
    .get = notification_get, .put = notification_put};

/* ---- Watching children ---- */

int64_t notification_watch(struct thread *self) {
    struct process *process = self->process;
    uint64_t bits = self->frame.x[REG_A1];
    struct handle_entry entry = {0};
    int error = bits ? handle_take(&process->handles, self->frame.x[REG_A0],
                                   HANDLE_NOTIFICATION, RIGHT_SIGNAL, &entry)
                     : 0;
    if (error)
        return error;
    spin_lock(&tree_lock);
    struct handle_entry before = process->watch;
    process->watch = entry;
    process->watch_bits = bits;
    spin_unlock(&tree_lock);
    handle_entry_put(&before);
    return 0;
}
