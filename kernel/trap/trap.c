/* SPDX-License-Identifier: MIT */
/*
 * trap/trap.c: what kind of trap, and who deals with it.
 */
#include "trap/trap.h"

#include "abi/errno.h"
#include "abi/syscall.h"
#include "arch/csr.h"
#include "arch/event.h"
#include "arch/fence.h"
#include "dev/bootargs.h"
#include "dev/console.h"
#include "ipc/fastpath.h"
#include "ipc/irq.h"
#include "lib/panic.h"
#include "lib/print.h"
#include "proc/deadline.h"
#include "proc/process.h"
#include "proc/sched.h"
#include "sys/syscall.h"
#include "vm/space.h"

/* Registers of the first trap in the kernel; entry.S fills it. */
struct trap_frame trap_kernel_frame;
uint8_t trap_kernel_stack[8192] __attribute__((aligned(16)));

_Static_assert(SYS_CALL == 1 && SYS_REPLY_RECV == 0 && MESSAGE_WORDS == 8 &&
                   SYSCALL_SLOTS == 64 && RESULT_WAITING == -4096 &&
                   RESULT_RESTART == -4097 && RESULT_LEAST == -8192 &&
                   SYS_SIGNAL == 16 && ENOSYS == 43 && SPACE_PAGER == 2 &&
                   CAUSE_USER_ECALL == 8 && SSTATUS_SPP == 0x100,
               "trap/entry.S has these as numbers");

enum { INSTRUCTION_SRET = 0x10200073 };

extern uint16_t trap_text[], trap_text_end[]; /* trap/entry.S */

/* ---- Interrupts ---- */

void interrupt_handle(uint64_t cause) {
    uint64_t number = cause & ~SCAUSE_INTERRUPT;
    event_note(EVENT_TRAP, thread_self(), cause, 0);
    if (number == INTERRUPT_TIMER)
        clock_interrupt();
    else if (number == INTERRUPT_EXTERNAL)
        irq_interrupt();
    else
        fence_interrupt();
}

/* All that are pending, on a hart that has no thread to be interrupted. */
static void interrupt_poll(void) {
    uint64_t pending = csr_read(sip) & csr_read(sie);
    if (pending & SIE_SOFTWARE)
        fence_interrupt();
    if (pending & SIE_TIMER)
        clock_interrupt();
    if (pending & SIE_EXTERNAL)
        irq_interrupt();
}

/* ---- Boot ---- */

static void print_thread(void) {
    const struct thread *thread = thread_self();
    const struct process *process = thread->process;
    if (process)
        kprintf("hart %u, pid %d (%.16s) thread %u, pc %p\n", hart_self()->id,
                (int)process->pid, process->name, thread->tid,
                (void *)thread->frame.x[REG_PC]);
    else
        kprintf("hart %u, no thread\n", hart_self()->id);
}

static void stop_others(void) {
    console_seize();
    hart_interrupt(UINT32_MAX);
}

static bool timed; /* by `timed` of entry.S; constant after trap_patch */

/* Writes `j to` at an instruction that may be at half a word. */
static void patch_jump(uint16_t *at, void (*to)(void)) {
    uint64_t offset = (uintptr_t)to - (uintptr_t)at;
    uint32_t jump = 0x6f | (offset & 0xff000) | (offset >> 11 & 1) << 20 |
                    (offset >> 1 & 0x3ff) << 21 | (offset >> 20 & 1) << 31;
    at[0] = (uint16_t)jump;
    at[1] = (uint16_t)(jump >> 16);
}

/* The code is walked by instructions, which are 2 or 4 bytes long, as the
 * lowest two bits tell. */
void trap_patch(void) {
    timed = bootarg_number("stats", 0);
    if (!timed)
        return;
    for (uint16_t *at = trap_text; at < trap_text_end;
         at += (*at & 3) == 3 ? 2 : 1) {
        if (at[0] == (uint16_t)INSTRUCTION_SRET &&
            at[1] == INSTRUCTION_SRET >> 16)
            patch_jump(at, timed_leave);
    }
    if (!bootarg_number("fastpath", 1))
        patch_jump((uint16_t *)(uintptr_t)timed_enter_end, trap_entry_plain);
    __asm__ volatile("fence.i" : : : "memory");
}

static uint64_t trap_vector(void) {
    if (timed)
        return (uint64_t)timed_enter;
    return fastpath_on ? (uint64_t)trap_entry : (uint64_t)trap_entry_plain;
}

void trap_init(void) {
    interrupt_poll_hook = interrupt_poll;
    panic_hooks.describe = print_thread;
    panic_hooks.stop = stop_others;
}

void trap_init_hart(void) {
    csr_write(sscratch, (uint64_t)frame_self());
    csr_write(stvec, trap_vector());
    csr_clear(sstatus, SSTATUS_SIE | SSTATUS_SPP | SSTATUS_FS | SSTATUS_SUM |
                           SSTATUS_MXR);
    csr_set(sie, SIE_SOFTWARE | SIE_EXTERNAL | SIE_TIMER);
    clock_init_hart();
}

void trap_kernel(const struct trap_frame *frame) {
    uint64_t cause = csr_read(scause);
    uint64_t value = csr_read(stval);
    static const char *const names[] = {
        "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
        "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
        "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
    for (unsigned i = 1; i < 32; i++)
        kprintf("%s%4s %016lx", i % 4 == 1 ? "\n  " : "  ", names[i],
                frame->x[i]);
    kprintf("\n");
    panic_at(frame->x[REG_PC], frame->x[REG_SP],
             "trap in the kernel: cause %lu, stval %p, pc %p", cause,
             (void *)value, (void *)frame->x[REG_PC]);
}
