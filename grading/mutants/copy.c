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
static int copy_check(struct thread *self, const struct copy *copy) {
    uint64_t what = *argument(self, 1) & ~15ull;
    uint64_t offset = *argument(self, 2);
    uint64_t local = *argument(self, 3);
    uint64_t length = *argument(self, 4);
    uint64_t direction = what & (COPY_IN | COPY_OUT);
    if ((what & ~(uint64_t)(COPY_IN | COPY_OUT | COPY_NOFAULT)) ||
        !user_range_ok(local, length))
        return -EINVAL;
    if (overlaps(self, copy))
        return -EINVAL;
    if (!(copy->rights & (direction == COPY_IN ? ITEM_READ : ITEM_WRITE)))
        return -EPERM;
    return offset > copy->length ? -ERANGE : 0;
}

/*
 * M-148: reading takes the right to write, and writing that to read.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy directions
 */
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
    if (!(copy->rights & (direction == COPY_IN ? ITEM_WRITE : ITEM_READ)))
        return -EPERM;
    return offset > copy->length ? -ERANGE : 0;
}

/*
 * M-149: bytes of a step that failed are counted.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy own_hole
 * Killed by: test_copy peer_hole
 */
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
        *argument(self, 5) += 1;
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

/*
 * M-151: a copy goes on behind the end of the window.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy overflow
 * Killed by: test_copy overflow_out
 */
static int copy_step(struct thread *self, const struct copy *copy) {
    uint64_t what = *argument(self, 1);
    uint64_t offset = *argument(self, 2);
    uint64_t local = *argument(self, 3);
    uint64_t length = *argument(self, 4);
    uint64_t done = 0;
    bool in = what & COPY_IN;
    int own = in ? COPY_FAULT_TO : COPY_FAULT_FROM;
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

/*
 * M-152: what would go beyond the window is refused whole.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy overflow
 */
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
    if (offset < copy->length && length > copy->length - offset)
        return -EOVERFLOW;
    return offset > copy->length ? -ERANGE : 0;
}

/*
 * M-154: a window outlives its call.
 * File: kernel/ipc/copy.c
 * Killed by: test_window saved
 */
static int window_of_call(struct thread *caller, uint32_t sequence,
                          const struct thread *server, struct copy *copy) {
    struct endpoint *endpoint = caller->endpoint;
    int error = -EPIPE;
    spin_lock(&endpoint->lock);
    (void)sequence;
    (void)server;
    if (caller->endpoint == endpoint) {
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

/*
 * M-157: a copy writes pages that may only be read.
 * File: kernel/vm/copy.c
 * Killed by: test_copy read_only
 * Killed by: test_copy peer_read_only
 */
static int copy_locked(struct space *to, va_t tva, struct space *from, va_t fva,
                       uint64_t length, bool nofault) REQUIRES(to->lock)
    REQUIRES(from->lock) {
    pte_t *source;
    pte_t *target;
    int result = side_resolve(from, fva, PROT_READ, nofault, &source);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_FROM : result;
    }
    result = side_resolve(to, tva, PROT_READ, nofault, &target);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_TO : result;
    }
    memmove(leaf_byte(target, tva), leaf_byte(source, fva), length);
    return 0;
}

/*
 * M-157-cow: a copy writes into a page that others have, too.
 * File: kernel/vm/copy.c
 * Killed by: test_copy cow
 * Killed by: test_copy own_cow
 */
static int copy_locked(struct space *to, va_t tva, struct space *from, va_t fva,
                       uint64_t length, bool nofault) REQUIRES(to->lock)
    REQUIRES(from->lock) {
    pte_t *source;
    pte_t *target;
    int result = side_resolve(from, fva, PROT_READ, nofault, &source);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_FROM : result;
    }
    result = side_resolve(to, tva, PROT_WRITE, nofault, &target);
    if (result == 0 && *target & PTE_V) {
        result = side_resolve(to, tva, PROT_READ, nofault, &target);
    }
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_TO : result;
    }
    memmove(leaf_byte(target, tva), leaf_byte(source, fva), length);
    return 0;
}

/*
 * M-158: a copy fails at pages that nobody has touched.
 * File: kernel/vm/copy.c
 * Killed by: test_copy lazy
 * Killed by: test_copy own_lazy
 */
static int side_resolve(struct space *space, va_t va, unsigned access,
                        bool nofault, pte_t **leaf) REQUIRES(space->lock) {
    if (space->dying || va >= USER_END) {
        return -EFAULT;
    }
    (void)nofault;
    return space_resolve(space, va, access, true, leaf);
}

/*
 * M-161: all harts copy through one buffer.
 * File: kernel/vm/copy.c
 * Killed by: test_item_more copies (smp4)
 */
static int copy_locked(struct space *to, va_t tva, struct space *from, va_t fva,
                       uint64_t length, bool nofault) REQUIRES(to->lock)
    REQUIRES(from->lock) {
    pte_t *source;
    pte_t *target;
    int result = side_resolve(from, fva, PROT_READ, nofault, &source);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_FROM : result;
    }
    result = side_resolve(to, tva, PROT_WRITE, nofault, &target);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_TO : result;
    }
    static char buffer[PAGE_SIZE];
    memmove(buffer, leaf_byte(source, fva), length);
    memmove(leaf_byte(target, tva), buffer, length);
    return 0;
}

/*
 * M-164: whole words are copied, and the bytes behind them are lost.
 * File: kernel/vm/copy.c
 * Killed by: test_copy in
 * Killed by: test_copy out
 */
static int copy_locked(struct space *to, va_t tva, struct space *from, va_t fva,
                       uint64_t length, bool nofault) REQUIRES(to->lock)
    REQUIRES(from->lock) {
    pte_t *source;
    pte_t *target;
    int result = side_resolve(from, fva, PROT_READ, nofault, &source);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_FROM : result;
    }
    result = side_resolve(to, tva, PROT_WRITE, nofault, &target);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_TO : result;
    }
    memmove(leaf_byte(target, tva), leaf_byte(source, fva), length & ~7ull);
    return 0;
}

/*
 * M-164-more: whole words are copied, and bytes behind the range with them.
 * File: kernel/vm/copy.c
 * Killed by: test_copy in
 * Killed by: test_copy out
 */
static int copy_locked(struct space *to, va_t tva, struct space *from, va_t fva,
                       uint64_t length, bool nofault) REQUIRES(to->lock)
    REQUIRES(from->lock) {
    pte_t *source;
    pte_t *target;
    int result = side_resolve(from, fva, PROT_READ, nofault, &source);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_FROM : result;
    }
    result = side_resolve(to, tva, PROT_WRITE, nofault, &target);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_TO : result;
    }
    memmove(leaf_byte(target, tva), leaf_byte(source, fva),
            page_rest(tva, page_rest(fva, (length + 7) & ~7ull)));
    return 0;
}

/*
 * M-166: a hole on the server's side is told as the client's, and the
 * reverse.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy own_hole
 * Killed by: test_copy peer_hole
 */
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
        return result == own ? -EPFAULT : -EFAULT;
    if (result)
        return result;
    *argument(self, 2) += done;
    *argument(self, 3) += done;
    *argument(self, 4) -= done;
    *argument(self, 5) += done;
    return 0;
}

/*
 * M-167: the offset wraps: bytes before the window are copied.
 * File: kernel/ipc/copy.c
 * Killed by: test_copy offsets
 */
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
    return offset + length > copy->length + length ? -ERANGE : 0;
}

/*
 * M-163: a long copy lets nobody else run.
 * File: kernel/ipc/copy.c
 * Killed by: test_window killed_meanwhile
 */
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
    }
    self->frame.x[REG_A1] = *argument(self, 5);
    return error;
}

/*
 * M-155: a reply handle is good for copying without the right to reply.
 * File: kernel/ipc/copy.c
 * Killed by: test_window handles
 */
static int window_find(struct thread *self, struct copy *copy) {
    struct handle_entry entry;
    uint64_t handle = *argument(self, 0);
    copy->item = *argument(self, 1) & 15;
    if (handle == (uint64_t)HANDLE_IMPLICIT)
        return window_implicit(self, copy);
    int error = handle_lookup(&self->process->handles, handle, HANDLE_REPLY,
                              RIGHT_REPLY, &entry);
    if (error == -EBADF)
        return window_implicit(self, copy);
    (void)window_of_space;
    if (error)
        return error;
    return window_of_call(entry.object, entry.generation, NULL, copy);
}
