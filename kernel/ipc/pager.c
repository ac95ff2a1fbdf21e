/* SPDX-License-Identifier: MIT */
/*
 * ipc/pager.c: page faults as calls.
 *
 * What fails is not reported at once: whoever ends the call (a reply, a
 * deadline, the pager's death) may hold locks under which nobody can be killed.
 * So the error is noted and the thread goes on; it runs into the same page with
 * the same instruction, and then it is its own fault that it reports.
 */
#include "ipc/pager.h"

#include "abi/errno.h"
#include "abi/syscall.h"
#include "arch/hart.h"
#include "cap/handle.h"
#include "ipc/call.h"
#include "ipc/items.h"
#include "ipc/message.h"
#include "proc/wait.h"
#include "proc/work.h"
#include "vm/fill.h"

/* ---- Regions hold sessions ---- */

static void pager_get(const struct pager *pager) {
    session_use(pager->session);
}

/* One region's use of the session ends. */
static bool session_leave(struct work *work) {
    struct session *session = container_of(work, struct session, work);
    const struct handle_entry entry = {.object = session,
                                       .type = HANDLE_SESSION};
    bool last = __atomic_sub_fetch(&session->left, 1, __ATOMIC_ACQ_REL) == 0;
    handle_entry_put(&entry);
    return last;
}

/* Not at once: that takes locks that come before the space's. */
static void pager_drop(const struct pager *pager) {
    struct session *session = pager->session;
    if (__atomic_fetch_add(&session->left, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    session->work.priority = thread_self()->priority;
    session->work.step = session_leave;
    work_queue(&session->work);
}

uint64_t pager_timeout;

void pager_init(void) {
    static const struct pager_operations operations = {.get = pager_get,
                                                       .drop = pager_drop};
    pager_operations = &operations;
    pager_timeout = timer_timebase / 1000 * PAGER_TIMEOUT_MS;
}

/* ---- Asking ---- */

/* Calls the pager for the page; the frame is as the thread goes on with. */
static void pager_call(struct thread *self) {
    const struct pager *pager = &self->paging.request.pager;
    items_forget(self);
    thread_set_flag(self, THREAD_PAGING);
    self->paging.error = 0;
    call_session(self, (struct handle_entry){.object = pager->session,
                                             .meta = pager->key});
}

int pager_fault(struct thread *self) {
    struct paging *paging = &self->paging;
    int error = paging->error;
    paging->error = 0;
    if (error && paging->page == paging->request.page &&
        paging->pc == self->frame.x[REG_PC] &&
        paging->ended == self->wait_sequence)
        return error;
    paging->in_call = false;
    pager_call(self);
    return 0;
}

int pager_prepare(struct thread *self, uint64_t base, uint64_t length,
                  unsigned access) {
    struct fill_request *request = &self->paging.request;
    if (!space_lacks(self->space, base, length, access, request) ||
        !(request->rights >> PAGER_PROT_SHIFT & access))
        return 0;
    self->paging.in_call = true;
    thread_restart(self);
    pager_call(self);
    return RESULT_WAITING;
}

/* ---- Answers ---- */

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
        x[REG_A1] = x[REG_A5];
    } else {
        message_fail(thread, error == -ENOMEM ? error : -EFAULT);
    }
}

/* Notes the answer's items, as many pages as a pager may give at once. */
static int answer_read(const struct thread *self, struct transfer *transfer) {
    uint64_t pages = 0;
    transfer->count = tag_items(self->frame.x[REG_A1]);
    for (unsigned i = 0; i < transfer->count; i++) {
        transfer->item[i] = item_transfer(&self->items[i]);
        pages += transfer->item[i].pages;
    }
    return pages <= PAGER_PAGES ? 0 : -EINVAL;
}

/* Makes pages that the pager has never touched, as far as one step goes. */
static int answer_prepare(const struct transfer *transfer) {
    int result = 0;
    for (unsigned i = 0; i < transfer->count && result >= 0; i++)
        result = space_prepare(transfer->from, &transfer->item[i]);
    return result < 0 ? result : TRANSFER_PREPARE;
}

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
    else if (!error)
        thread_clear_flag(caller, THREAD_PAGING);
    return error == -ENOMEM ? 0 : error;
}
