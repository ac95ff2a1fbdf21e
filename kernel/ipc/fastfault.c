/* SPDX-License-Identifier: MIT */
/*
 * ipc/fastfault.c: the short cut from a page fault to its pager.
 *
 * Where the pager waits and can be switched to, the kernel's message goes
 * straight into its frame, and trap/entry.S puts zero into all registers of a
 * message that it has nothing in; the frame of the thread that faults stays as
 * it is, with nothing to be put aside. The way back is in ipc/fastitem.c.
 */
#include "ipc/fastpath.h"
#include "ipc/pager.h"
#include "ipc/shortcut.h"
#include "proc/deadline.h"

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
    paging->in_call = false;
    call_commit(self, receiver, endpoint, session);
    return hand_over(self, receiver, endpoint);
}
