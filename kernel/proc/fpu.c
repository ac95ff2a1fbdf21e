/* SPDX-License-Identifier: MIT */
/*
 * proc/fpu.c: turning the FPU on for a thread and saving what it leaves.
 */
#include "proc/fpu.h"

#include "arch/csr.h"
#include "arch/hart.h"

bool fpu_trap(struct thread *self) {
    if (self->flags & THREAD_FPU)
        return false;
    hart_count_event(COUNTER_FPU_TRAP);
    csr_set(sstatus, SSTATUS_FS_INITIAL);
    fpu_load(self->fpu);
    csr_clear(sstatus, SSTATUS_FS);
    csr_set(sstatus, SSTATUS_FS_CLEAN);
    thread_set_flag(self, THREAD_FPU);
    return true;
}

void fpu_switch_out(struct thread *self) {
    if (!(self->flags & THREAD_FPU))
        return;
    if ((csr_read(sstatus) & SSTATUS_FS) == SSTATUS_FS_DIRTY) {
        hart_count_event(COUNTER_FPU_SAVE);
        fpu_save(self->fpu);
    }
    csr_clear(sstatus, SSTATUS_FS);
    thread_clear_flag(self, THREAD_FPU);
}
