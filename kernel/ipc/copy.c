/* SPDX-License-Identifier: MIT */
/*
 * ipc/copy.c: bytes between a server and the client whose call is open.
 *
 * The right to copy is the pending call and the window that the client put
 * into it. A step copies a page at most (vm/copy.h); between steps the call is
 * looked at again, because the client may be killed or time out. Progress lives
 * in the argument registers: when something more urgent wants the hart, the
 * same ecall is run again with what remains. Therefore, too, a light call can
 * do what is simple, and leave what remains to the one that does everything.
 */
#include "vm/copy.h"
#include "abi/errno.h"
#include "abi/syscall.h"
#include "cap/handle.h"
#include "ipc/call.h"
#include "ipc/pager.h"
#include "proc/process.h"
#include "proc/sched.h"
#include "proc/wait.h"
#include "vm/space.h"

/* The argument registers of SYS_COPY, from a0 on. */
enum { HANDLE, WHAT, OFFSET, LOCAL, LENGTH, DONE };

/* Memory of another space that may be copied. */
struct window {
    struct space *peer; /* holds a reference */
    uint64_t base;      /* in the peer */
    uint64_t length;
    unsigned rights;             /* ITEM_ rights */
    struct thread *caller;       /* whose call it is in; NULL: in none */
    uint32_t sequence;           /* of the call */
    const struct thread *server; /* who owes the reply; NULL: it was saved */
};

/* Sets *window to the item of the call that it names, if that is open. */
static int window_open(struct window *window, unsigned index) {
    struct thread *caller = window->caller;
    struct endpoint *endpoint = caller->endpoint;
    const struct memory_item *item = &caller->items[index % MESSAGE_ITEMS];
    int error = 0;
    spin_lock(&endpoint->lock);
    if (!call_is_open(endpoint, caller, window->sequence, window->server))
        error = -EPIPE;
    else if (index >= MESSAGE_ITEMS ||
             item_mode(item->descriptor) != ITEM_WINDOW)
        error = -EINVAL;
    else
        window->peer = space_get(caller->space);
    window->base = item->base;
    window->length = item_length(item->descriptor);
    window->rights = item_rights(item->descriptor);
    spin_unlock(&endpoint->lock);
    return error;
}

/* Whether the right to the window has not ended. */
static bool window_is_open(const struct window *window) {
    if (!window->caller)
        return true;
    struct endpoint *endpoint = window->caller->endpoint;
    spin_lock(&endpoint->lock);
    bool open = call_is_open(endpoint, window->caller, window->sequence,
                             window->server);
    spin_unlock(&endpoint->lock);
    return open;
}

/* The whole of an address space that is being built. */
static int window_of_space(struct thread *self, struct window *window,
                           unsigned index) {
    struct handle_entry entry;
    int error = handle_take(&self->process->handles, self->frame.x[REG_A0],
                            HANDLE_SPACE, 0, &entry);
    if (error)
        return error;
    *window = (struct window){
        .peer = entry.object,
        .length = USER_END,
        .rights = ((entry.rights & RIGHT_READ) ? ITEM_READ : 0u) |
                  ((entry.rights & RIGHT_WRITE) ? ITEM_WRITE : 0u),
    };
    if (index == 0)
        return 0;
    space_put(window->peer);
    return -EINVAL;
}

/* What the handle and the item's index in the arguments name. */
static int window_find(struct thread *self, struct window *window) {
    struct handle_entry entry;
    uint64_t handle = self->frame.x[REG_A0];
    unsigned index = self->frame.x[REG_A1] & 15;
    if (handle == (uint64_t)HANDLE_IMPLICIT) {
        window->caller = self->caller;
        window->server = self;
        if (!window->caller)
            return caller_is_gone(self) ? -EPIPE : -ESTALE;
        window->sequence = window->caller->call_sequence;
    } else {
        int error = handle_lookup(&self->process->handles, handle, HANDLE_REPLY,
                                  RIGHT_REPLY, &entry);
        if (error == -EBADF)
            return window_of_space(self, window, index);
        if (error)
            return error;
        window->caller = entry.object;
        window->server = NULL;
        window->sequence = entry.generation;
    }
    return window_open(window, index);
}

/* Whether both sides are one space and the bytes meant lie on each other. */
static bool overlaps(const struct space *space, const struct window *window,
                     const uint64_t *argument) {
    uint64_t length = argument[LENGTH];
    if (window->peer != space || argument[OFFSET] >= window->length)
        return false;
    if (length > window->length - argument[OFFSET])
        length = window->length - argument[OFFSET];
    uint64_t remote = window->base + argument[OFFSET];
    return argument[LOCAL] < remote + length &&
           remote < argument[LOCAL] + length;
}

/* The checks that come after the window is known, in the contract's order. */
static int copy_check(const struct space *space, const struct window *window,
                      const uint64_t *argument) {
    uint64_t what = argument[WHAT] & ~(15ull | COPY_NOFAULT);
    if ((what != COPY_IN && what != COPY_OUT) ||
        !user_range_ok(argument[LOCAL], argument[LENGTH]) ||
        overlaps(space, window, argument))
        return -EINVAL;
    if (!(window->rights & (what == COPY_IN ? ITEM_READ : ITEM_WRITE)))
        return -EPERM;
    return argument[OFFSET] > window->length ? -ERANGE : 0;
}

/* Moves the arguments on. */
static inline void copy_advance(uint64_t *argument, uint64_t done) {
    argument[OFFSET] += done;
    argument[LOCAL] += done;
    argument[LENGTH] -= done;
    argument[DONE] += done;
}

/* One step. Returns 0 and moves the arguments on, or an error. */
static int copy_step(struct space *space, const struct window *window,
                     uint64_t *argument) {
    uint64_t local = argument[LOCAL];
    uint64_t remote = window->base + argument[OFFSET];
    uint64_t length = window->length - argument[OFFSET];
    bool nofault = argument[WHAT] & COPY_NOFAULT;
    bool in = argument[WHAT] & COPY_IN;
    if (length == 0)
        return -EOVERFLOW;
    if (length > argument[LENGTH])
        length = argument[LENGTH];
    int64_t done = in ? space_copy_step(space, local, window->peer, remote,
                                        length, nofault)
                      : space_copy_step(window->peer, remote, space, local,
                                        length, nofault);
    if (done == COPY_FAULT_TO)
        return in ? -EFAULT : -EPFAULT;
    if (done == COPY_FAULT_FROM)
        return in ? -EPFAULT : -EFAULT;
    if (done < 0)
        return (int)done;
    copy_advance(argument, (uint64_t)done);
    return 0;
}

/* Copies until all is done, or something is in the way: then the arguments say
 * what remains. RESULT_RESTART: another thread should run first. */
static int64_t copy_run(struct thread *self) {
    struct window window;
    uint64_t *argument = &self->frame.x[REG_A0];
    int64_t error = window_find(self, &window);
    if (error)
        return error;
    error = copy_check(self->space, &window, argument);
    while (!error && argument[LENGTH] > 0) {
        error = copy_step(self->space, &window, argument);
        if (error || argument[LENGTH] == 0)
            break;
        if (sched_pressing())
            error = RESULT_RESTART;
        else if (!window_is_open(&window))
            error = -EPIPE;
    }
    space_put(window.peer);
    return error;
}

/* The page of its own that stopped the copy has a pager, which is called: then
 * the copy goes on where it is. */
static bool own_page_comes(struct thread *self) {
    uint64_t what = self->frame.x[REG_A0 + WHAT];
    return !(what & COPY_NOFAULT) &&
           pager_prepare(self, self->frame.x[REG_A0 + LOCAL], 1,
                         what & COPY_IN ? PROT_WRITE : PROT_READ);
}

/* Tells how many bytes were copied. */
static int64_t copy_end(struct thread *self, int64_t error) {
    self->frame.x[REG_A1] = self->frame.x[REG_A0 + DONE];
    return error;
}

int64_t ipc_copy(struct thread *self) {
    int64_t error = copy_run(self);
    if (error == -EFAULT && own_page_comes(self))
        return RESULT_WAITING;
    return error == RESULT_RESTART ? error : copy_end(self, error);
}

/* One step, if all of what is left lies in the window and nothing about it is
 * out of the ordinary. The call is open. Returns how many bytes. */
static inline uint64_t quick_bytes(const struct thread *self,
                                   const struct thread *caller) {
    const uint64_t *argument = &self->frame.x[REG_A0];
    uint64_t what = argument[WHAT], offset = argument[OFFSET];
    uint64_t local = argument[LOCAL], left = argument[LENGTH];
    unsigned index = what % MESSAGE_ITEMS;
    const struct memory_item *item = &caller->items[index];
    uint64_t length = item_length(item->descriptor);
    bool in = what & COPY_IN;
    uint64_t wanted = item_make(0, ITEM_WINDOW, in ? ITEM_READ : ITEM_WRITE);
    what -= index;
    if ((what & ~(uint64_t)COPY_NOFAULT) != (in ? COPY_IN : COPY_OUT) ||
        (item->descriptor & (wanted | item_make(0, 15, 0))) != wanted ||
        offset > length || left > length - offset ||
        !user_range_ok(local, left))
        return 0;
    uint64_t remote = item->base + offset;
    struct space *to = in ? self->space : caller->space;
    struct space *from = in ? caller->space : self->space;
    return space_copy_quick(to, in ? local : remote, from, in ? remote : local,
                            left);
}

/* One step of a copy from the newest call or to it. False: nothing happened,
 * but a copy that does everything may. */
static inline bool copy_quick(struct thread *self) NO_THREAD_SAFETY {
    struct thread *caller = self->caller;
    uint64_t done = 0;
    if (!caller)
        return false;
    struct endpoint *endpoint = caller->endpoint;
    if (!spin_try(&endpoint->lock))
        return false;
    if (call_is_open(endpoint, caller, caller->call_sequence, self))
        done = quick_bytes(self, caller);
    spin_unlock(&endpoint->lock);
    copy_advance(&self->frame.x[REG_A0], done);
    return done > 0;
}

/* The whole light call, for what is left. */
static __attribute__((noinline)) int64_t copy_rest(struct thread *self) {
    int64_t error = copy_run(self);
    if (error != RESULT_RESTART && error != -EFAULT)
        return copy_end(self, error);
    hart_alert(hart_self(), ATTENTION_FULL);
    return 0;
}

int64_t ipc_copy_light(struct thread *self) {
    const uint64_t *argument = &self->frame.x[REG_A0];
    if (argument[HANDLE] != (uint64_t)HANDLE_IMPLICIT)
        return copy_rest(self);
    while (copy_quick(self)) {
        if (argument[LENGTH] == 0)
            return copy_end(self, 0);
        if (sched_pressing())
            break;
    }
    return copy_rest(self);
}
