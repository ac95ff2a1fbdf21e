/* SPDX-License-Identifier: MIT */
/*
 * mutants/copy.c: wrong solutions: the copy call.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * M-147: a direction that is none, or both, counts as out.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy arguments
 */
static int copy_check(const struct space *space, const struct window *window,
                      const uint64_t *argument) {
    uint64_t what = argument[WHAT] & ~(15ull | COPY_NOFAULT);
    if (!user_range_ok(argument[LOCAL], argument[LENGTH]) ||
        overlaps(space, window, argument))
        return -EINVAL;
    if (!(window->rights & (what == COPY_IN ? ITEM_READ : ITEM_WRITE)))
        return -EPERM;
    return argument[OFFSET] > window->length ? -ERANGE : 0;
}

/*
 * M-148: reading takes the right to write, and writing that to read.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy directions
 */
static int copy_check(const struct space *space, const struct window *window,
                      const uint64_t *argument) {
    uint64_t what = argument[WHAT] & ~(15ull | COPY_NOFAULT);
    if ((what != COPY_IN && what != COPY_OUT) ||
        !user_range_ok(argument[LOCAL], argument[LENGTH]) ||
        overlaps(space, window, argument))
        return -EINVAL;
    if (!(window->rights & (what == COPY_IN ? ITEM_WRITE : ITEM_READ)))
        return -EPERM;
    return argument[OFFSET] > window->length ? -ERANGE : 0;
}

/*
 * M-149: the bytes of a page that could not be copied are counted.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy own_hole
 * Killed by: test_copy peer_hole
 */
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
    if (done == COPY_FAULT_TO || done == COPY_FAULT_FROM)
        copy_advance(argument, page_rest(local, page_rest(remote, length)));
    if (done == COPY_FAULT_TO)
        return in ? -EFAULT : -EPFAULT;
    if (done == COPY_FAULT_FROM)
        return in ? -EPFAULT : -EFAULT;
    if (done < 0)
        return (int)done;
    copy_advance(argument, (uint64_t)done);
    return 0;
}

/*
 * M-151: a copy goes on behind the end of the window.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy overflow
 * Killed by: test_copy overflow_out
 */
static int copy_step(struct space *space, const struct window *window,
                     uint64_t *argument) {
    uint64_t local = argument[LOCAL];
    uint64_t remote = window->base + argument[OFFSET];
    uint64_t length = window->length - argument[OFFSET];
    bool nofault = argument[WHAT] & COPY_NOFAULT;
    bool in = argument[WHAT] & COPY_IN;
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

/*
 * M-152: what would go beyond the window is refused whole.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy overflow
 */
static int copy_check(const struct space *space, const struct window *window,
                      const uint64_t *argument) {
    uint64_t what = argument[WHAT] & ~(15ull | COPY_NOFAULT);
    if ((what != COPY_IN && what != COPY_OUT) ||
        !user_range_ok(argument[LOCAL], argument[LENGTH]) ||
        overlaps(space, window, argument))
        return -EINVAL;
    if (!(window->rights & (what == COPY_IN ? ITEM_READ : ITEM_WRITE)))
        return -EPERM;
    if (argument[OFFSET] < window->length &&
        argument[LENGTH] > window->length - argument[OFFSET])
        return -EOVERFLOW;
    return argument[OFFSET] > window->length ? -ERANGE : 0;
}

/*
 * M-154: a window outlives its call.
 * File: kernel/ipc/copy.c
 * Killed by: test_window dead_client
 * Killed by: test_copy_time late
 */
static int window_open(struct window *window, unsigned index) {
    struct thread *caller = window->caller;
    struct endpoint *endpoint = caller->endpoint;
    int error = -EPIPE;
    spin_lock(&endpoint->lock);
    if (endpoint != NULL) {
        error = -EINVAL;
        if (index < tag_items(caller->frame.x[REG_A1]) &&
            index < MESSAGE_ITEMS) {
            const struct memory_item *item = &caller->items[index];
            window->base = item->base;
            window->length = item_length(item->descriptor);
            window->rights = item_rights(item->descriptor);
            error = item_mode(item->descriptor) == ITEM_WINDOW ? 0 : -EINVAL;
        }
    }
    if (!error)
        window->peer = space_get(caller->space);
    spin_unlock(&endpoint->lock);
    return error;
}

/*
 * M-155: whatever the handle is, the newest call is copied from.
 * File: kernel/ipc/copy.c
 * Killed by: test_window handles
 */
static int window_find(struct thread *self, struct window *window) {
    struct handle_entry entry;
    uint64_t handle = self->frame.x[REG_A0];
    unsigned index = self->frame.x[REG_A1] & 15;
    if (handle == (uint64_t)HANDLE_IMPLICIT) {
        window->caller = self->caller;
        window->server = self;
        if (!window->caller)
            return self->caller_gone ? -EPIPE : -ESTALE;
        window->sequence = window->caller->call_sequence;
    } else {
        int error = handle_lookup(&self->process->handles, handle, HANDLE_REPLY,
                                  RIGHT_REPLY, &entry);
        if (error == -EBADF && window_of_space(self, window, index) == 0)
            return 0;
        window->caller = error ? self->caller : entry.object;
        window->server = error ? self : NULL;
        if (!window->caller)
            return -ESTALE;
        window->sequence =
            error ? window->caller->call_sequence : entry.generation;
    }
    return window_open(window, index);
}

/*
 * M-157: a copy writes pages that may only be read.
 * File: kernel/vm/copy.c
 * Killed by: test_copy read_only
 * Killed by: test_copy peer_read_only
 */
static inline int64_t copy_page(struct space *to, va_t tva, struct space *from,
                                va_t fva, uint64_t length, bool nofault)
    REQUIRES(to->lock) REQUIRES(from->lock) {
    pte_t *source;
    pte_t *target;
    uint64_t part = page_rest(tva, page_rest(fva, length));
    int result = space_resolve(from, fva, PROT_READ, nofault, &source);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_FROM : result;
    }
    result = space_resolve(to, tva, PROT_READ, nofault, &target);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_TO : result;
    }
    page_part_copy(leaf_byte(target, tva), leaf_byte(source, fva), part);
    return (int64_t)part;
}

/*
 * M-157-cow: a copy writes into a page that others have, too.
 * File: kernel/vm/copy.c
 * Killed by: test_copy cow
 * Killed by: test_copy own_cow
 */
static inline int64_t copy_page(struct space *to, va_t tva, struct space *from,
                                va_t fva, uint64_t length, bool nofault)
    REQUIRES(to->lock) REQUIRES(from->lock) {
    pte_t *source;
    pte_t *target;
    uint64_t part = page_rest(tva, page_rest(fva, length));
    int result = space_resolve(from, fva, PROT_READ, nofault, &source);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_FROM : result;
    }
    result = space_resolve(to, tva, PROT_READ, nofault, &target);
    if (result == 0 && !(region_find(to, tva)->prot & PROT_WRITE)) {
        result = -EFAULT;
    }
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_TO : result;
    }
    page_part_copy(leaf_byte(target, tva), leaf_byte(source, fva), part);
    return (int64_t)part;
}

/*
 * M-158: a copy fails at pages that nobody has touched.
 * File: kernel/vm/copy.c
 * Killed by: test_copy lazy
 * Killed by: test_copy own_lazy
 */
static inline int64_t copy_page(struct space *to, va_t tva, struct space *from,
                                va_t fva, uint64_t length, bool nofault)
    REQUIRES(to->lock) REQUIRES(from->lock) {
    pte_t *source;
    pte_t *target;
    uint64_t part = page_rest(tva, page_rest(fva, length));
    int result = space_resolve(from, fva, PROT_READ, true, &source);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_FROM : result;
    }
    result = space_resolve(to, tva, PROT_WRITE, true || nofault, &target);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_TO : result;
    }
    page_part_copy(leaf_byte(target, tva), leaf_byte(source, fva), part);
    return (int64_t)part;
}

/*
 * M-161: all harts copy through one buffer.
 * File: kernel/vm/copy.h
 * Killed by: test_copy_time copies (smp4)
 */
static inline void page_part_copy(char *to, const char *from, uint64_t n) {
    static char buffer[PAGE_SIZE];
    memmove(buffer, from, n);
    memmove(to, buffer, n);
    hart_self()->counters[COUNTER_BYTES_COPIED] += n;
}

/*
 * M-163: a long copy lets nobody else run.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy_time yields
 */
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
        if (!window_is_open(&window))
            error = -EPIPE;
    }
    space_put(window.peer);
    return error;
}

/*
 * M-163-quick: a long copy in quick steps lets nobody else run.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy_time meanwhile
 */
int64_t ipc_copy_light(struct thread *self) {
    const uint64_t *argument = &self->frame.x[REG_A0];
    if (argument[HANDLE] != (uint64_t)HANDLE_IMPLICIT)
        return copy_rest(self);
    while (copy_quick(self)) {
        if (argument[LENGTH] == 0)
            return copy_end(self, 0);
    }
    return copy_rest(self);
}

/*
 * M-164: whole words are copied, and the bytes behind them are lost.
 * File: kernel/vm/copy.h
 * Killed by: test_copy in
 * Killed by: test_copy out
 */
static inline void page_part_copy(char *to, const char *from, uint64_t n) {
    memmove(to, from, n & ~7ull);
    hart_self()->counters[COUNTER_BYTES_COPIED] += n;
}

/*
 * M-164-more: whole words are copied, and bytes behind the range with them.
 * File: kernel/vm/copy.h
 * Killed by: test_copy in
 * Killed by: test_copy out
 */
static inline void page_part_copy(char *to, const char *from, uint64_t n) {
    uint64_t rest = PAGE_SIZE - (uintptr_t)to % PAGE_SIZE;
    memmove(to, from, n + 7 < rest ? (n + 7) & ~7ull : rest);
    hart_self()->counters[COUNTER_BYTES_COPIED] += n;
}

/*
 * M-166: a hole on the server's side is told as the client's, and the
 * reverse.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy own_hole
 * Killed by: test_copy peer_hole
 */
static int copy_step(struct space *space, const struct window *window,
                     uint64_t *argument) {
    uint64_t local = argument[LOCAL];
    uint64_t remote = window->base + argument[OFFSET];
    uint64_t length = window->length - argument[OFFSET];
    bool nofault = argument[WHAT] & COPY_NOFAULT;
    bool in = argument[WHAT] & COPY_IN;
    bool swapped = !in;
    if (length == 0)
        return -EOVERFLOW;
    if (length > argument[LENGTH])
        length = argument[LENGTH];
    int64_t done = in ? space_copy_step(space, local, window->peer, remote,
                                        length, nofault)
                      : space_copy_step(window->peer, remote, space, local,
                                        length, nofault);
    if (done == COPY_FAULT_TO)
        return swapped ? -EFAULT : -EPFAULT;
    if (done == COPY_FAULT_FROM)
        return swapped ? -EPFAULT : -EFAULT;
    if (done < 0)
        return (int)done;
    copy_advance(argument, (uint64_t)done);
    return 0;
}

/*
 * M-167: the offset wraps: bytes before the window are copied.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy offsets
 */
static int copy_check(const struct space *space, const struct window *window,
                      const uint64_t *argument) {
    uint64_t what = argument[WHAT] & ~(15ull | COPY_NOFAULT);
    if ((what != COPY_IN && what != COPY_OUT) ||
        !user_range_ok(argument[LOCAL], argument[LENGTH]) ||
        overlaps(space, window, argument))
        return -EINVAL;
    if (!(window->rights & (what == COPY_IN ? ITEM_READ : ITEM_WRITE)))
        return -EPERM;
    return argument[OFFSET] + argument[LENGTH] >
                   window->length + argument[LENGTH]
               ? -ERANGE
               : 0;
}

/*
 * M-148-quick: the quick way reads and writes whatever the window grants.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy directions
 */
static inline uint64_t quick_bytes(const struct thread *self,
                                   const struct thread *caller) {
    const uint64_t *argument = &self->frame.x[REG_A0];
    uint64_t what = argument[WHAT], offset = argument[OFFSET];
    uint64_t local = argument[LOCAL], left = argument[LENGTH];
    unsigned index = what % MESSAGE_ITEMS;
    const struct memory_item *item = &caller->items[index];
    uint64_t length = item_length(item->descriptor);
    bool in = what & COPY_IN;
    uint64_t wanted = item_make(0, ITEM_WINDOW, 0);
    what -= index;
    if (index >= tag_items(caller->frame.x[REG_A1]) ||
        (what & ~(uint64_t)COPY_NOFAULT) != (in ? COPY_IN : COPY_OUT) ||
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

/*
 * M-151-quick: the quick way goes on behind the end of the window.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy overflow
 * Killed by: test_copy overflow_out
 */
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
    if (index >= tag_items(caller->frame.x[REG_A1]) ||
        (what & ~(uint64_t)COPY_NOFAULT) != (in ? COPY_IN : COPY_OUT) ||
        (item->descriptor & (wanted | item_make(0, 15, 0))) != wanted ||
        offset > length || !user_range_ok(local, left))
        return 0;
    uint64_t remote = item->base + offset;
    struct space *to = in ? self->space : caller->space;
    struct space *from = in ? caller->space : self->space;
    return space_copy_quick(to, in ? local : remote, from, in ? remote : local,
                            left);
}

/*
 * M-157-quick: the quick way writes pages that may only be read.
 * File: kernel/vm/copy.h
 * Killed by: test_copy read_only
 * Killed by: test_copy peer_read_only
 */
static inline uint64_t copy_present(const struct space *to, va_t tva,
                                    const struct space *from, va_t fva,
                                    uint64_t length) {
    const pte_t *source = pagetable_leaf(&from->table, fva);
    if (!leaf_permits(source, PROT_READ)) {
        return 0;
    }
    const pte_t *target = pagetable_leaf(&to->table, tva);
    if (!leaf_permits(target, PROT_READ)) {
        return 0;
    }
    uint64_t part = page_rest(tva, page_rest(fva, length));
    page_part_copy(leaf_byte(target, tva), leaf_byte(source, fva), part);
    return part;
}
