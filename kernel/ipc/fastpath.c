/* SPDX-License-Identifier: MIT */
/*
 * ipc/fastpath.c: the short cut through call and reply_recv.
 *
 * The registers of the message (a2-a6, t0-t2) are reserved in this file, so
 * the words cross from thread to thread without being loaded or stored. gcc
 * still uses a reserved register without a word for third arguments and large
 * frames: hence leaf functions of at most two arguments, everything inlined,
 * no sanitizer. `make check` disassembles the result.
 *
 * Both functions have the same shape: look up, lock, check everything, then
 * commit. Whatever does not fit falls to the slow path, which reports errors;
 * the checks here only have to be no weaker than the ones there.
 */
#include "ipc/fastpath.h"

#include "ipc/shortcut.h"

/* The tag, which crosses as it is, and the badge that the resumed thread
 * finds; entry.S leaves both alone. */
register uint64_t message_tag __asm__("a1");
register uint64_t out_badge __asm__("a7");

struct thread *fastpath_call(uint64_t handle) {
    struct thread *self = thread_self();
    struct session *session;
    struct thread *receiver = call_partner(self, handle, &session);
    if (!receiver)
        return NULL;
    self->frame.x[REG_A1] = message_tag;
    out_badge = session->badge;
    call_switch(self, receiver, session);
    return receiver;
}

struct thread *fastpath_reply_recv(uint64_t handle) {
    struct thread *self = thread_self();
    struct answer answer;
    if (!reply_partner(self, handle, 0, &answer))
        return NULL;
    out_badge = 0;
    if (DEBUG_BUILD)
        self->frame.x[REG_A1] = message_tag; /* for the event */
    reply_switch(self, &answer);
    return answer.caller;
}
