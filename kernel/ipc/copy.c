/* SPDX-License-Identifier: MIT */
/*
 * ipc/copy.c: bytes between a server and the client whose call is open.
 *
 * The right to copy is the pending call and the window that the client put
 * into it. One page is copied per step; between steps everything is looked up
 * again, because the client may be killed or time out, and something more
 * urgent may want the hart. Progress lives in the argument registers, so that
 * giving way is running the same ecall again with what remains.
 */
#include "vm/copy.h"
#include "abi/errno.h"
#include "abi/syscall.h"
#include "cap/handle.h"
#include "ipc/call.h"
#include "ipc/message.h"
#include "ipc/pager.h"
#include "proc/process.h"
#include "proc/sched.h"
#include "vm/space.h"

/* What one SYS_COPY is about, as far as it has been looked up. */
struct copy {
    unsigned item;
    struct space *peer; /* holds a reference */
    uint64_t base;      /* of the window in the peer */
    uint64_t length;    /* of the window */
    unsigned rights;    /* ITEM_ rights of the window */
};

static uint64_t *argument(struct thread *self, unsigned i) {
    return &self->frame.x[REG_A0 + i];
}

/* The window of a call, if it is open. */
static int window_of_call(struct thread *caller, uint32_t sequence,
                          const struct thread *server, struct copy *copy) {
    struct endpoint *endpoint = caller->endpoint;
    int error = -EPIPE;
    spin_lock(&endpoint->lock);
    if (call_is_open(endpoint, caller, sequence, server)) {
        error = -EINVAL;
        if (copy->item < tag_items(caller->frame.x[REG_A1]) &&
            item_mode(caller->items[copy->item].descriptor) == ITEM_WINDOW) {
            const struct memory_item *item = &caller->items[copy->item];
            copy->base = item->base;
            copy->length = item_length(item->descriptor);
            copy->rights = item_rights(item->descriptor);
            copy->peer = space_get(caller->space);
            error = 0;
        }
    }
    spin_unlock(&endpoint->lock);
    return error;
}

static int window_implicit(struct thread *self, struct copy *copy) {
    struct thread *caller = self->caller;
    if (!caller)
        return self->caller_gone ? -EPIPE : -ESTALE;
    return window_of_call(caller, caller->call_sequence, self, copy);
}

/* The whole of an address space that is being built. */
static int window_of_space(struct thread *self, uint64_t handle,
                           struct copy *copy) {
    struct handle_entry entry;
    int error =
        handle_take(&self->process->handles, handle, HANDLE_SPACE, 0, &entry);
    if (error)
        return error;
    copy->peer = entry.object;
    copy->base = 0;
    copy->length = USER_END;
    copy->rights = ((entry.rights & RIGHT_READ) ? ITEM_READ : 0u) |
                   ((entry.rights & RIGHT_WRITE) ? ITEM_WRITE : 0u);
    if (copy->item == 0)
        return 0;
    space_put(copy->peer);
    return -EINVAL;
}

static int window_find(struct thread *self, struct copy *copy) {
    struct handle_entry entry;
    uint64_t handle = *argument(self, 0);
    copy->item = *argument(self, 1) & 15;
    if (handle == (uint64_t)HANDLE_IMPLICIT)
        return window_implicit(self, copy);
    int error = handle_lookup(&self->process->handles, handle, HANDLE_REPLY,
                              RIGHT_REPLY, &entry);
    if (error == -EBADF)
        return window_of_space(self, handle, copy);
    if (error)
        return error;
    return window_of_call(entry.object, entry.generation, NULL, copy);
}

/* Whether both sides are one space and the bytes meant lie on each other. */
static bool overlaps(struct thread *self, const struct copy *copy) {
    uint64_t offset = *argument(self, 2);
    uint64_t local = *argument(self, 3);
    uint64_t length = *argument(self, 4);
    if (copy->peer != self->space || offset >= copy->length)
        return false;
    if (length > copy->length - offset)
        length = copy->length - offset;
    uint64_t remote = copy->base + offset;
    return local < remote + length && remote < local + length;
}

/* The checks that come after the window is known, in the contract's order. */
static int copy_check(struct thread *self, const struct copy *copy) {
    uint64_t what = *argument(self, 1) & ~15ull;
    uint64_t offset = *argument(self, 2);
    uint64_t local = *argument(self, 3);
    uint64_t length = *argument(self, 4);
    uint64_t direction = what & (COPY_IN | COPY_OUT);
    if ((what & ~(uint64_t)(COPY_IN | COPY_OUT | COPY_NOFAULT)) ||
        (direction != COPY_IN && direction != COPY_OUT) ||
        !user_range_ok(local, length))
        return -EINVAL;
    if (overlaps(self, copy))
        return -EINVAL;
    if (!(copy->rights & (direction == COPY_IN ? ITEM_READ : ITEM_WRITE)))
        return -EPERM;
    return offset > copy->length ? -ERANGE : 0;
}

/* One page or less. Returns 0 and moves the arguments on, or an error. */
static int copy_step(struct thread *self, const struct copy *copy) {
    uint64_t what = *argument(self, 1);
    uint64_t offset = *argument(self, 2);
    uint64_t local = *argument(self, 3);
    uint64_t length = *argument(self, 4);
    uint64_t done = 0;
    bool in = what & COPY_IN;
    int own = in ? COPY_FAULT_TO : COPY_FAULT_FROM;
    if (offset == copy->length)
        return -EOVERFLOW;
    if (length > copy->length - offset)
        length = copy->length - offset;
    uint64_t remote = copy->base + offset;
    int result =
        space_copy_step(in ? self->space : copy->peer, in ? local : remote,
                        in ? copy->peer : self->space, in ? remote : local,
                        length, what & COPY_NOFAULT, &done);
    if (result == COPY_FAULT_TO || result == COPY_FAULT_FROM)
        return result == own ? -EFAULT : -EPFAULT;
    if (result)
        return result;
    *argument(self, 2) += done;
    *argument(self, 3) += done;
    *argument(self, 4) -= done;
    *argument(self, 5) += done;
    return 0;
}

/* The page of its own that stopped the copy has a pager, which is called: then
 * the copy goes on where it is. */
static bool own_page_comes(struct thread *self) {
    uint64_t what = *argument(self, 1);
    return !(what & COPY_NOFAULT) &&
           pager_prepare(self, *argument(self, 3), 1,
                         what & COPY_IN ? PROT_WRITE : PROT_READ);
}

int64_t ipc_copy(struct thread *self) {
    bool more = true;
    int error = 0;
    while (more && !error) {
        struct copy copy;
        error = window_find(self, &copy);
        if (error)
            break;
        error = copy_check(self, &copy);
        more = *argument(self, 4) > 0;
        if (!error && more)
            error = copy_step(self, &copy);
        space_put(copy.peer);
        if (error == -EFAULT && own_page_comes(self))
            return RESULT_WAITING;
        more = *argument(self, 4) > 0;
        if (!error && more && sched_pressing())
            return RESULT_RESTART;
    }
    self->frame.x[REG_A1] = *argument(self, 5);
    return error;
}
