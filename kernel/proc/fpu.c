/* SPDX-License-Identifier: MIT */
/*
 * proc/fpu.c: turning the FPU on for a thread and saving what it leaves.
 */
#include "proc/fpu.h"

#include "arch/csr.h"
#include "arch/hart.h"

/*
 * Whether the instruction needs the FPU: the major opcodes LOAD-FP, STORE-FP,
 * MADD to OP-FP, the compressed double loads and stores (C.FLD, C.FSD and
 * their sp forms: RV64GC), and CSR instructions on fflags, frm, fcsr.
 */
static bool wants_fpu(uint64_t instruction) {
    uint32_t opcode = instruction & 0x7f;
    if ((instruction & 3) != 3) {
        uint32_t funct3 = (instruction >> 13) & 7;
        return (instruction & 1) == 0 && (funct3 == 1 || funct3 == 5);
    }
    if (opcode == 0x73) {
        uint32_t csr = (uint32_t)(instruction >> 20);
        return csr >= 1 && csr <= 3 && ((instruction >> 12) & 3) != 0;
    }
    return opcode == 0x07 || opcode == 0x27 ||
           (opcode >= 0x43 && opcode <= 0x53);
}

bool fpu_trap(struct thread *self, uint64_t instruction) {
    if ((self->flags & THREAD_FPU) || !wants_fpu(instruction))
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
