/* SPDX-License-Identifier: MIT */
/*
 * mutants/fpu.c: wrong solutions: the FPU's registers.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * M-67: the registers are saved at each switch, changed or not.
 * File: kernel/proc/fpu.c
 * Killed by: test_fpu lazy
 */
void fpu_switch_out(struct thread *self) {
    if (!(self->flags & THREAD_FPU))
        return;
    hart_count_event(COUNTER_FPU_SAVE);
    fpu_save(self->fpu);
    csr_clear(sstatus, SSTATUS_FS);
    thread_clear_flag(self, THREAD_FPU);
}

/*
 * M-68: the first use finds what another thread left in the registers.
 * File: kernel/proc/fpu.c
 * Killed by: test_fpu first_use
 */
bool fpu_trap(struct thread *self) {
    if (self->flags & THREAD_FPU)
        return false;
    hart_count_event(COUNTER_FPU_TRAP);
    csr_set(sstatus, SSTATUS_FS_INITIAL);
    if (self->fpu[0] != 0) {
        fpu_load(self->fpu);
    }
    csr_clear(sstatus, SSTATUS_FS);
    csr_set(sstatus, SSTATUS_FS_CLEAN);
    thread_set_flag(self, THREAD_FPU);
    return true;
}

/*
 * M-70: the rounding mode is not saved.
 * File: kernel/proc/fpu.c
 * Killed by: test_fpu modes
 */
void fpu_switch_out(struct thread *self) {
    if (!(self->flags & THREAD_FPU))
        return;
    if ((csr_read(sstatus) & SSTATUS_FS) == SSTATUS_FS_DIRTY) {
        hart_count_event(COUNTER_FPU_SAVE);
        fpu_save(self->fpu);
        self->fpu[32] = 0;
    }
    csr_clear(sstatus, SSTATUS_FS);
    thread_clear_flag(self, THREAD_FPU);
}

/*
 * M-71: an instruction that does not exist is tried again for ever.
 * File: kernel/proc/fpu.c
 * Killed by: test_fault instructions
 */
bool fpu_trap(struct thread *self) {
    hart_count_event(COUNTER_FPU_TRAP);
    csr_set(sstatus, SSTATUS_FS_INITIAL);
    fpu_load(self->fpu);
    csr_clear(sstatus, SSTATUS_FS);
    csr_set(sstatus, SSTATUS_FS_CLEAN);
    thread_set_flag(self, THREAD_FPU);
    return true;
}
