/* SPDX-License-Identifier: MIT */
/*
 * mutants/pagers.c: wrong solutions: faults that pagers serve.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * X-pager-saved: registers of a thread that faults are lost.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager read (slow)
 */
static void pager_call(struct thread *self) {
    items_forget(self);
    message_clear(self->frame.x);
    thread_set_flag(self, THREAD_PAGING);
    self->paging.error = 0;
    const struct pager *pager = &self->paging.request.pager;
    call_session(self, (struct handle_entry){.object = pager->session,
                                             .meta = pager->key});
}

/*
 * X-pager-mode: a thread stays marked as one that faults: its next call is
 * taken for a fault.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager_end items
 */
int pager_answer(struct thread *self, struct thread *caller) {
    uint64_t tag = self->frame.x[REG_A1];
    struct transfer transfer;
    if (tag_handles(tag) > 0)
        return -EMSGSIZE;
    if (tag_label(tag) < 0 || tag_items(tag) == 0) {
        pager_fail(caller, -EPERM);
        return 0;
    }
    int error = answer_read(self, &transfer);
    if (error)
        return error;
    transfer.from = self->space;
    transfer.to = caller->space;
    transfer.window = caller->paging.request.page;
    transfer.fill = true;
    error = space_transfer(&transfer);
    if (error == TRANSFER_PREPARE)
        error = answer_prepare(&transfer);
    self->unprepared = error == TRANSFER_PREPARE;
    if (error == -ENOMEM)
        pager_fail(caller, error);
    return error == -ENOMEM ? 0 : error;
}

/*
 * X-pager-access: a pager is told of the region's rights, not of the access.
 * File: kernel/ipc/pager.h
 * Killed by: test_pager read
 */
static inline void pager_words(uint64_t *x,
                               const struct fill_request *request) {
    x[REG_A1] = tag_make(PAGER_FAULT, 3, 0, 0);
    x[REG_A2] = request->offset;
    x[REG_A3] = request->rights >> PAGER_PROT_SHIFT;
    x[REG_A4] = request->pages;
}

/*
 * X-pager-forever: a fault that was refused is asked for again, for ever.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager refuse
 */
int pager_fault(struct thread *self) {
    struct paging *paging = &self->paging;
    int error = paging->error;
    paging->error = 0;
    if (error == -EIO && paging->page == paging->request.page &&
        paging->pc == self->frame.x[REG_PC] &&
        paging->ended == self->wait_sequence)
        return error;
    paging->in_call = false;
    pager_call(self);
    return 0;
}

/*
 * X-pager-once: a page that was refused once cannot be asked for again.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager refuse
 */
int pager_fault(struct thread *self) {
    struct paging *paging = &self->paging;
    int error = paging->error;
    if (error && paging->page == paging->request.page &&
        paging->pc == self->frame.x[REG_PC] &&
        paging->ended == self->wait_sequence)
        return error;
    paging->in_call = false;
    pager_call(self);
    return 0;
}

/*
 * X-pager-call: a fault after a call is taken for one within the call.
 * File: kernel/ipc/fastfault.c
 * Killed by: test_pager_way call_before
 */
struct thread *fastpath_fault(void) NO_THREAD_SAFETY {
    struct thread *self = thread_self();
    struct paging *paging = &self->paging;
    const struct fill_request *request = &paging->request;
    struct session *session = request->pager.session;
    if (!fastpath_on || self->flags != 0 || paging->error != 0)
        return NULL;
    struct thread *receiver =
        session_partner(self, session, request->pager.key);
    if (!receiver)
        return NULL;
    struct endpoint *endpoint = session->endpoint;
    if (!deadline_arm_late(self, pager_deadline(), THREAD_PAGING)) {
        lock_drop(endpoint);
        return NULL;
    }
    self->wait_sequence++;
    pager_words(receiver->frame.x, request);
    receiver->frame.x[REG_A7] = session->badge;
    for (unsigned i = 0; i < MESSAGE_ITEMS; i++)
        self->items[i].descriptor = 0; /* no window, whatever a1 says */
    call_commit(self, receiver, endpoint, session);
    return hand_over(self, receiver, endpoint);
}

/*
 * X-pager-call-slow: a fault after a call is taken for one within the call.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager_way call_before (slow)
 */
int pager_fault(struct thread *self) {
    struct paging *paging = &self->paging;
    int error = paging->error;
    paging->error = 0;
    if (error && paging->page == paging->request.page &&
        paging->pc == self->frame.x[REG_PC] &&
        paging->ended == self->wait_sequence)
        return error;
    pager_call(self);
    return 0;
}

/*
 * X-pager-again: a call whose page was refused is made again, for ever.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager_end items
 */
void pager_fail(struct thread *thread, int error) {
    struct paging *paging = &thread->paging;
    uint64_t *x = thread->frame.x;
    thread_clear_flag(thread, THREAD_PAGING);
    if (!paging->in_call) {
        paging->page = paging->request.page;
        paging->pc = x[REG_PC];
        paging->ended = thread->wait_sequence;
        paging->error = error;
        return;
    }
    if (x[REG_A7] == SYS_COPY) {
        x[REG_A0] = (uint64_t)(int64_t)-EFAULT;
        x[REG_A1] = x[REG_A5];
    } else {
        message_fail(thread, error == -ENOMEM ? error : -EFAULT);
    }
}

/*
 * X-pager-count: a copy that a refused page stops does not say how far it
 * came.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager_end own_copy
 */
void pager_fail(struct thread *thread, int error) {
    struct paging *paging = &thread->paging;
    uint64_t *x = thread->frame.x;
    thread_clear_flag(thread, THREAD_PAGING);
    if (!paging->in_call) {
        paging->page = paging->request.page;
        paging->pc = x[REG_PC];
        paging->ended = thread->wait_sequence;
        paging->error = error;
        return;
    }
    x[REG_PC] += 4;
    if (x[REG_A7] == SYS_COPY) {
        x[REG_A0] = (uint64_t)(int64_t)-EFAULT;
        x[REG_A1] = 0;
    } else {
        message_fail(thread, error == -ENOMEM ? error : -EFAULT);
    }
}

/*
 * X-pager-many: a pager gives as many pages as it likes.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager bad_answers
 */
static int answer_read(const struct thread *self, struct transfer *transfer) {
    uint64_t pages = 0;
    transfer->count = tag_items(self->frame.x[REG_A1]);
    for (unsigned i = 0; i < transfer->count; i++) {
        transfer->item[i] = item_transfer(&self->items[i]);
        pages += transfer->item[i].pages;
    }
    return pages == 0 ? -EINVAL : 0;
}

/*
 * X-pager-handles: a pager passes handles to a thread that knows nothing of
 * them.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager bad_answers
 */
int pager_answer(struct thread *self, struct thread *caller) {
    uint64_t tag = self->frame.x[REG_A1];
    struct transfer transfer;
    if (tag_label(tag) < 0 || tag_items(tag) == 0) {
        pager_fail(caller, -EPERM);
        return 0;
    }
    int error = answer_read(self, &transfer);
    if (error)
        return error;
    transfer.from = self->space;
    transfer.to = caller->space;
    transfer.window = caller->paging.request.page;
    transfer.fill = true;
    error = space_transfer(&transfer);
    if (error == TRANSFER_PREPARE)
        error = answer_prepare(&transfer);
    self->unprepared = error == TRANSFER_PREPARE;
    if (error == -ENOMEM)
        pager_fail(caller, error);
    else if (!error)
        thread_clear_flag(caller, THREAD_PAGING);
    return error == -ENOMEM ? 0 : error;
}

/*
 * X-pager-no: a refusal is taken for an answer.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager refuse
 */
int pager_answer(struct thread *self, struct thread *caller) {
    uint64_t tag = self->frame.x[REG_A1];
    struct transfer transfer;
    if (tag_handles(tag) > 0)
        return -EMSGSIZE;
    if (tag_items(tag) == 0 && tag_label(tag) > 0) {
        pager_fail(caller, -EPERM);
        return 0;
    }
    int error = answer_read(self, &transfer);
    if (error)
        return error;
    transfer.from = self->space;
    transfer.to = caller->space;
    transfer.window = caller->paging.request.page;
    transfer.fill = true;
    error = space_transfer(&transfer);
    if (error == TRANSFER_PREPARE)
        error = answer_prepare(&transfer);
    self->unprepared = error == TRANSFER_PREPARE;
    if (error == -ENOMEM)
        pager_fail(caller, error);
    else if (!error)
        thread_clear_flag(caller, THREAD_PAGING);
    return error == -ENOMEM ? 0 : error;
}

/*
 * X-pager-place: pages that a pager gives are mapped anywhere.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager read (slow)
 */
int pager_answer(struct thread *self, struct thread *caller) {
    uint64_t tag = self->frame.x[REG_A1];
    struct transfer transfer;
    if (tag_handles(tag) > 0)
        return -EMSGSIZE;
    if (tag_label(tag) < 0 || tag_items(tag) == 0) {
        pager_fail(caller, -EPERM);
        return 0;
    }
    int error = answer_read(self, &transfer);
    if (error)
        return error;
    transfer.from = self->space;
    transfer.to = caller->space;
    transfer.window = caller->paging.request.page;
    transfer.fill = false;
    error = space_transfer(&transfer);
    if (error == TRANSFER_PREPARE)
        error = answer_prepare(&transfer);
    self->unprepared = error == TRANSFER_PREPARE;
    if (error == -ENOMEM)
        pager_fail(caller, error);
    else if (!error)
        thread_clear_flag(caller, THREAD_PAGING);
    return error == -ENOMEM ? 0 : error;
}

/*
 * X-pager-blame: the pager is told that its client has no memory left.
 * File: kernel/ipc/pager.c
 * Killed by: test_sweep_two pager (debug)
 */
int pager_answer(struct thread *self, struct thread *caller) {
    uint64_t tag = self->frame.x[REG_A1];
    struct transfer transfer;
    if (tag_handles(tag) > 0)
        return -EMSGSIZE;
    if (tag_label(tag) < 0 || tag_items(tag) == 0) {
        pager_fail(caller, -EPERM);
        return 0;
    }
    int error = answer_read(self, &transfer);
    if (error)
        return error;
    transfer.from = self->space;
    transfer.to = caller->space;
    transfer.window = caller->paging.request.page;
    transfer.fill = true;
    error = space_transfer(&transfer);
    if (error == TRANSFER_PREPARE)
        error = answer_prepare(&transfer);
    self->unprepared = error == TRANSFER_PREPARE;
    if (!error)
        thread_clear_flag(caller, THREAD_PAGING);
    return error;
}

/*
 * X-pager-session: a region that goes takes no leave of its session.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager_end closed
 */
static bool session_leave(struct work *work) {
    struct session *session = container_of(work, struct session, work);
    return __atomic_sub_fetch(&session->left, 1, __ATOMIC_ACQ_REL) == 0;
}

/*
 * X-pager-held: a region does not hold its session.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager_end closed
 */
static void pager_get(const struct pager *pager) {
    (void)pager;
}

/*
 * X-pager-time: a pager may take for ever.
 * File: kernel/ipc/call.c
 * Killed by: test_pager_end timeout (slow)
 */
static uint64_t frame_deadline(const struct thread *thread) {
    return thread->flags & THREAD_PAGING ? DEADLINE_NONE
                                         : thread->frame.x[REG_T6];
}

/*
 * X-pager-time-fast: a pager that was waiting may take for ever.
 * File: kernel/ipc/fastfault.c
 * Killed by: test_pager_end timeout
 */
struct thread *fastpath_fault(void) NO_THREAD_SAFETY {
    struct thread *self = thread_self();
    struct paging *paging = &self->paging;
    const struct fill_request *request = &paging->request;
    struct session *session = request->pager.session;
    if (!fastpath_on || self->flags != 0 || paging->error != 0)
        return NULL;
    struct thread *receiver =
        session_partner(self, session, request->pager.key);
    if (!receiver)
        return NULL;
    struct endpoint *endpoint = session->endpoint;
    if (!deadline_arm_late(self, pager_deadline() * 8, THREAD_PAGING)) {
        lock_drop(endpoint);
        return NULL;
    }
    self->wait_sequence++;
    pager_words(receiver->frame.x, request);
    receiver->frame.x[REG_A7] = session->badge;
    paging->in_call = false;
    for (unsigned i = 0; i < MESSAGE_ITEMS; i++)
        self->items[i].descriptor = 0; /* no window, whatever a1 says */
    call_commit(self, receiver, endpoint, session);
    return hand_over(self, receiver, endpoint);
}

/*
 * X-pager-unmade: pages that the pager has never touched are not made: the
 * answer is tried for ever.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager untouched
 */
static int answer_prepare(const struct transfer *transfer) {
    int result = 0;
    for (unsigned i = 0; i < transfer->count && result >= 0; i++)
        result = 0 * (int)i;
    return result < 0 ? result : TRANSFER_PREPARE;
}

/*
 * X-window-kept: a call that has ended leaves its windows to the next one.
 * File: kernel/ipc/call.c
 * Killed by: test_window call_before
 */
static void call_uncount(struct endpoint *endpoint, struct thread *caller)
    REQUIRES(endpoint->lock) {
    session_unuse(endpoint, caller->session);
}

/*
 * X-window-failed: a call that fails leaves its windows to the next one.
 * File: kernel/ipc/message.c
 * Killed by: test_window call_failed
 */
int64_t message_error(struct thread *self, int error) {
    if (error == RESULT_WAITING)
        return error; /* the thread is no longer ours */
    if (error == TRANSFER_PREPARE || error == RESULT_RESTART)
        return RESULT_RESTART;
    message_fail(self, error);
    return RESULT_WRITTEN;
}

/*
 * X-window-fault: a pager may use the windows of the call that its fault has
 * held up.
 * File: kernel/ipc/pager.c
 * Killed by: test_pager_end items
 */
static void pager_call(struct thread *self) {
    const struct pager *pager = &self->paging.request.pager;
    thread_set_flag(self, THREAD_PAGING);
    self->paging.error = 0;
    call_session(self, (struct handle_entry){.object = pager->session,
                                             .meta = pager->key});
}
