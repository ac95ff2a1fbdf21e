/* SPDX-License-Identifier: MIT */
/*
 * trap/fault.c: what user code did that it could not do.
 *
 * Most page faults are the normal way for memory to appear. What is left is an
 * error of the program: if the pc lies in the range that the process named for
 * recovery, it goes on at its handler; otherwise the process dies, and a line
 * on the kernel's console says what, where and why.
 */
#include "abi/errno.h"
#include "arch/csr.h"
#include "arch/event.h"
#include "ipc/pager.h"
#include "lib/print.h"
#include "proc/fpu.h"
#include "proc/process.h"
#include "trap/trap.h"
#include "vm/space.h"

static const char *cause_text(uint64_t cause) {
    static const char *const texts[16] = {
        [CAUSE_FETCH_MISALIGNED] = "jump to a misaligned address",
        [CAUSE_FETCH_ACCESS] = "jump to no memory",
        [CAUSE_ILLEGAL] = "illegal instruction",
        [CAUSE_BREAKPOINT] = "breakpoint",
        [CAUSE_LOAD_MISALIGNED] = "misaligned load",
        [CAUSE_LOAD_ACCESS] = "load from no memory",
        [CAUSE_STORE_MISALIGNED] = "misaligned store",
        [CAUSE_STORE_ACCESS] = "store to no memory",
        [CAUSE_FETCH_PAGE] = "jump to memory it may not execute",
        [CAUSE_LOAD_PAGE] = "load from memory it may not read",
        [CAUSE_STORE_PAGE] = "store to memory it may not write",
    };
    return cause < 16 && texts[cause] ? texts[cause] : "unknown trap";
}

/* What became of a memory access that the program could have made. */
static const char *error_text(int error, uint64_t cause) {
    static const char *const texts[32] = {
        [ENOMEM] = "out of memory",
        [EPIPE] = "the memory's pager is dead",
        [ESTALE] = "the memory's pager is dead",
        [ETIMEDOUT] = "the memory's pager took too long",
        [EPERM] = "the memory's pager refused",
        [EDEADLK] = "the memory's pager waits for this thread",
    };
    bool known = error < 0 && error > -32 && texts[-error];
    return known ? texts[-error] : cause_text(cause);
}

/* The right that a page fault with this scause wants; 0: it is none. */
static inline unsigned fault_access(uint64_t cause) {
    static const uint8_t rights[16] = {
        [CAUSE_FETCH_PAGE] = PROT_EXECUTE,
        [CAUSE_LOAD_PAGE] = PROT_READ,
        [CAUSE_STORE_PAGE] = PROT_WRITE,
    };
    return cause < 16 ? rights[cause] : 0;
}

static void fault_kill(struct thread *self, const char *why, uint64_t value) {
    struct process *process = self->process;
    if (process_kill(process, STATUS_KILLED))
        kprintf("octavo: killed pid %d (%.16s) thread %u: %s, address %p, "
                "pc %p\n",
                (int)process->pid, process->name, self->tid, why, (void *)value,
                (void *)self->frame.x[REG_PC]);
}

/* Continues at the recovery handler if the pc is in its range. */
static bool fault_recover(struct thread *self) {
    const struct process *process = self->process;
    uint64_t pc = self->frame.x[REG_PC];
    if (pc < process->fault_start || pc >= process->fault_end)
        return false;
    self->frame.x[REG_PC] = process->fault_handler;
    thread_result(self, -EFAULT);
    return true;
}

int fault_bring(uint64_t cause, uint64_t address) {
    struct thread *self = thread_self();
    event_note(EVENT_TRAP, self, cause, address);
    unsigned access = fault_access(cause);
    if (!access)
        return 1;
    return space_fault(self->space, address, access, &self->paging.request);
}

void fault_handle(uint64_t cause, uint64_t value, int error) {
    struct thread *self = thread_self();
    bool access = fault_access(cause) || cause == CAUSE_LOAD_ACCESS ||
                  cause == CAUSE_STORE_ACCESS;
    if (error == SPACE_PAGER)
        error = pager_fault(self);
    if (error == 0 || (cause == CAUSE_ILLEGAL && fpu_trap(self)) ||
        (access && fault_recover(self)))
        return;
    fault_kill(self, error_text(error, cause), value);
}
