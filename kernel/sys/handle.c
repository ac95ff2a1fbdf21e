/* SPDX-License-Identifier: MIT */
/*
 * sys/handle.c: calls on handles, sessions, notifications and interrupts.
 */
#include "cap/handle.h"
#include "abi/errno.h"
#include "ipc/endpoint.h"
#include "ipc/irq.h"
#include "proc/process.h"
#include "sys/syscall.h"
#include "vm/space.h"

int authority_check(struct thread *self, uint64_t handle) {
    struct handle_entry entry;
    return handle_lookup(&self->process->handles, handle, HANDLE_AUTHORITY,
                         RIGHT_CONTROL, &entry);
}

int64_t sys_accept(struct thread *self) {
    uint64_t kind = argument(self, 0);
    struct accept accept = {
        .base = argument(self, 1),
        .length = argument(self, 2),
        .pages = argument(self, 3),
        .handles = (uint16_t)argument(self, 4),
        .slot = (uint16_t)argument(self, 5),
    };
    if (kind > 1 || argument(self, 4) > MESSAGE_HANDLES ||
        argument(self, 5) >= HANDLE_MAX ||
        ((accept.base | accept.length) & (PAGE_SIZE - 1)) ||
        (accept.base != 0 && accept.base < USER_IMAGE) ||
        !user_range_ok(accept.base, accept.length))
        return -EINVAL;
    if (kind == 0)
        self->accept_receive = accept;
    else
        self->accept_reply = accept;
    return 0;
}

int64_t sys_session_mint(struct thread *self) {
    return session_mint(self, argument(self, 0), argument(self, 1),
                        argument(self, 2), argument(self, 3));
}

int64_t sys_handle_dup(struct thread *self) {
    uint64_t flags = argument(self, 3);
    if (flags > UINT32_MAX)
        return -EINVAL;
    return handle_dup(&self->process->handles, argument(self, 0),
                      argument(self, 1), (unsigned)argument(self, 2),
                      (unsigned)flags);
}

int64_t sys_handle_close(struct thread *self) {
    return handle_close(&self->process->handles, argument(self, 0));
}

int64_t sys_handle_info(struct thread *self) {
    struct handle_entry entry;
    uint64_t badge = 0;
    int error = handle_peek(&self->process->handles, argument(self, 0), &entry);
    if (!error && entry.type == HANDLE_SESSION)
        error = session_describe(self, &entry, &badge);
    if (error)
        return error;
    result(self, 1, entry.rights);
    result(self, 2, badge);
    return entry.type;
}

int64_t sys_irq_create(struct thread *self) {
    int error = authority_check(self, argument(self, 0));
    return error ? error : irq_create(self, argument(self, 1));
}
