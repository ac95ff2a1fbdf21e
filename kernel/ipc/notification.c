/* SPDX-License-Identifier: MIT */
/*
 * ipc/notification.c: signal, wait, bind, and watching children.
 */
#include "ipc/notification.h"

#include "abi/errno.h"
#include "cap/handle.h"
#include "ipc/endpoint.h"
#include "ipc/message.h"
#include "lib/container.h"
#include "proc/process.h"
#include "vm/quota.h"
#include "vm/slab.h"

static struct slab notifications;

static void notification_once(void *object) {
    wait_queue_init(&((struct notification *)object)->queue);
}

static struct notification *notification_alloc(struct quota *quota) {
    if (!quota_charge_objects(quota, 1))
        return NULL;
    struct notification *notification = slab_alloc(&notifications);
    if (!notification) {
        quota_uncharge_objects(quota, 1);
        return NULL;
    }
    notification->bits = 0;
    notification->handles = 1;
    notification->endpoint = NULL;
    notification->quota = quota_get(quota);
    return notification;
}

int64_t notification_create(struct thread *self) {
    struct notification *notification =
        notification_alloc(self->process->quota);
    if (!notification)
        return -ENOMEM;
    struct handle_entry entry = {
        .object = notification,
        .type = HANDLE_NOTIFICATION,
        .rights = RIGHT_SIGNAL | RIGHT_WAIT | RIGHT_PASS | RIGHT_GRANT |
                  RIGHT_INHERIT,
    };
    int slot = handle_insert(&self->process->handles, HANDLE_RECEIVED, &entry);
    if (slot < 0)
        handle_entry_put(&entry);
    return slot;
}

/* ---- Signal ---- */

uint64_t notification_take(struct notification *notification) {
    return __atomic_exchange_n(&notification->bits, 0, __ATOMIC_ACQ_REL);
}

/* Gives the bits to a thread that receives on the bound endpoint. */
static void signal_bound(struct notification *notification,
                         struct endpoint *endpoint) {
    spin_lock(&endpoint->lock);
    struct list *node = list_first(&endpoint->receivers);
    if (endpoint->bound == notification && node) {
        uint64_t bits = notification_take(notification);
        if (bits) {
            struct thread *thread = container_of(node, struct thread, link);
            list_remove(node);
            message_notice(thread, MESSAGE_SIGNAL, 0, bits);
            thread_wake(thread);
        }
    }
    spin_unlock(&endpoint->lock);
}

static void signal_waiter(struct notification *notification) {
    struct wait_queue *queue = &notification->queue;
    spin_lock(&queue->lock);
    struct list *node = list_first(&queue->waiters);
    uint64_t bits = node ? notification_take(notification) : 0;
    if (bits) {
        struct thread *thread = container_of(node, struct thread, link);
        list_remove(node);
        thread_result(thread, 0);
        thread->frame.x[REG_A1] = bits;
        thread_wake(thread);
    }
    spin_unlock(&queue->lock);
}

void notification_signal(struct notification *notification, uint64_t bits) {
    __atomic_fetch_or(&notification->bits, bits, __ATOMIC_ACQ_REL);
    struct endpoint *endpoint =
        __atomic_load_n(&notification->endpoint, __ATOMIC_ACQUIRE);
    if (endpoint)
        signal_bound(notification, endpoint);
    else
        signal_waiter(notification);
}

/* Takes a reference for the time of the call: someone may close the handle. */
static int notification_find(struct thread *self, uint64_t handle,
                             unsigned rights, struct handle_entry *entry) {
    return handle_take(&self->process->handles, handle, HANDLE_NOTIFICATION,
                       rights, entry);
}

int64_t notification_signal_handle(struct thread *self, uint64_t handle,
                                   uint64_t bits) {
    struct handle_entry entry;
    int error = notification_find(self, handle, RIGHT_SIGNAL, &entry);
    if (error)
        return error;
    notification_signal(entry.object, bits);
    handle_entry_put(&entry);
    return 0;
}

/* ---- Wait ---- */

bool notification_cancel(struct thread *thread, uint64_t sequence, int error) {
    struct wait_queue *queue = thread->wait_queue;
    spin_lock(&queue->lock);
    bool found = thread->wait_sequence == sequence &&
                 thread->state == THREAD_SIGNALLED &&
                 thread->wait_queue == queue;
    if (found) {
        list_remove(&thread->link);
        thread_result(thread, error);
        thread_wake(thread);
    }
    spin_unlock(&queue->lock);
    return found;
}

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

int64_t notification_wait(struct thread *self, uint64_t handle,
                          uint64_t deadline) {
    struct handle_entry entry;
    int error = notification_find(self, handle, RIGHT_WAIT, &entry);
    if (error)
        return error;
    struct notification *notification = entry.object;
    spin_lock(&notification->queue.lock);
    int64_t result = wait_locked(self, notification, deadline);
    spin_unlock(&notification->queue.lock);
    handle_entry_put(&entry);
    return result;
}

/* ---- Bind ---- */

static int bind_locked(struct notification *notification,
                       struct endpoint *endpoint) REQUIRES(endpoint->lock) {
    int error = 0;
    spin_lock(&notification->queue.lock);
    if (endpoint->bound || notification->endpoint ||
        !list_empty(&notification->queue.waiters)) {
        error = -EBUSY;
    } else {
        endpoint->bound = notification;
        __atomic_store_n(&notification->endpoint, endpoint, __ATOMIC_RELEASE);
    }
    spin_unlock(&notification->queue.lock);
    return error;
}

int64_t notification_bind(struct thread *self, uint64_t handle,
                          uint64_t endpoint_handle) {
    struct handle_entry entry, found;
    int error = endpoint_find(self, endpoint_handle, &found);
    if (!error)
        error = notification_find(self, handle, RIGHT_WAIT, &entry);
    if (error)
        return error;
    struct endpoint *endpoint = found.object;
    spin_lock(&endpoint->lock);
    error = endpoint_check(endpoint, found.generation);
    if (!error)
        error = bind_locked(entry.object, endpoint);
    spin_unlock(&endpoint->lock);
    /* Bits from before, for a thread that receives already. */
    if (!error)
        signal_bound(entry.object, endpoint);
    handle_entry_put(&entry);
    return error;
}

void notification_unbind(struct notification *notification) {
    __atomic_store_n(&notification->endpoint, NULL, __ATOMIC_RELEASE);
}

/* ---- Handles ---- */

static void notification_get(const struct handle_entry *entry) {
    struct notification *notification = entry->object;
    __atomic_fetch_add(&notification->handles, 1, __ATOMIC_RELAXED);
}

static void unbind_dying(struct notification *notification) {
    struct endpoint *endpoint = notification->endpoint;
    if (!endpoint)
        return;
    spin_lock(&endpoint->lock);
    if (endpoint->bound == notification)
        endpoint->bound = NULL;
    notification->endpoint = NULL;
    spin_unlock(&endpoint->lock);
}

/* The last handle is gone: whoever waits would wait for ever. */
static void notification_put(const struct handle_entry *entry) {
    struct notification *notification = entry->object;
    struct wait_queue *queue = &notification->queue;
    struct list *node;
    if (__atomic_fetch_sub(&notification->handles, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    unbind_dying(notification);
    spin_lock(&queue->lock);
    while ((node = list_pop_front(&queue->waiters))) {
        struct thread *thread = container_of(node, struct thread, link);
        thread_result(thread, -EPIPE);
        thread_wake(thread);
    }
    spin_unlock(&queue->lock);
    quota_uncharge_objects(notification->quota, 1);
    quota_put(notification->quota);
    slab_free(&notifications, notification);
}

/* ---- Watching children ---- */

int64_t notification_watch(struct thread *self, uint64_t handle,
                           uint64_t bits) {
    struct process *process = self->process;
    struct handle_entry entry = {0};
    int error =
        bits ? notification_find(self, handle, RIGHT_SIGNAL, &entry) : 0;
    if (error)
        return error;
    spin_lock(&tree_lock);
    struct handle_entry before = process->watch;
    process->watch = entry;
    process->watch_bits = bits;
    spin_unlock(&tree_lock);
    if (before.type != HANDLE_NONE)
        handle_entry_put(&before);
    return 0;
}

static void watch_signal(const struct handle_entry *watch, uint64_t bits) {
    notification_signal(watch->object, bits);
}

void notification_init(void) {
    static const struct object_operations operations = {
        .get = notification_get, .put = notification_put};
    slab_init(&notifications, "notification", sizeof(struct notification), 16,
              notification_once);
    object_register(HANDLE_NOTIFICATION, &operations);
    process_watch_hook = watch_signal;
}
