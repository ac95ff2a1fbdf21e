/* SPDX-License-Identifier: MIT */
/*
 * wrong/trap.c: mistakes with interrupts, vectors, and other harts.
 */

/*
 * kinds-top-bit: scause is compared with its top bit still in it: nothing is
 * the timer's.
 * File: kernel/trap/trap.c
 * Caught by: kinds
 */
void interrupt_handle(uint64_t cause) {
    event_note(EVENT_TRAP, thread_self(), cause, 0);
    if (cause == INTERRUPT_TIMER)
        clock_interrupt();
    else if (cause == INTERRUPT_EXTERNAL)
        irq_interrupt();
    else
        fence_interrupt();
}

/*
 * kinds-swapped: external and software interrupts change places.
 * File: kernel/trap/trap.c
 * Caught by: kinds
 */
void interrupt_handle(uint64_t cause) {
    uint64_t number = cause & ~SCAUSE_INTERRUPT;
    event_note(EVENT_TRAP, thread_self(), cause, 0);
    if (number == INTERRUPT_TIMER)
        clock_interrupt();
    else if (number == INTERRUPT_SOFTWARE)
        irq_interrupt();
    else
        fence_interrupt();
}

/*
 * poll-first: of several pending interrupts only the first is handled.
 * File: kernel/trap/trap.c
 * Caught by: poll
 */
static void interrupt_poll(void) {
    uint64_t pending = csr_read(sip) & csr_read(sie);
    if (pending & SIE_SOFTWARE)
        fence_interrupt();
    else if (pending & SIE_TIMER)
        clock_interrupt();
    else if (pending & SIE_EXTERNAL)
        irq_interrupt();
}

/*
 * poll-unwanted: looks at sip alone.
 * File: kernel/trap/trap.c
 * Caught by: poll_some
 */
static void interrupt_poll(void) {
    uint64_t pending = csr_read(sip);
    if (pending & SIE_SOFTWARE)
        fence_interrupt();
    if (pending & SIE_TIMER)
        clock_interrupt();
    if (pending & SIE_EXTERNAL)
        irq_interrupt();
}

/*
 * poll-cause: an idle hart looks at scause, which tells of the last trap.
 * File: kernel/trap/trap.c
 * Caught by: poll, poll_some
 */
static void interrupt_poll(void) {
    interrupt_handle(csr_read(scause));
}

/*
 * trap-sscratch: sscratch stays 0, and names no frame: a trap in the kernel
 * faults where it saves its first register, for ever.
 * File: kernel/trap/trap.c
 * Caught by: trap_hart
 */
void trap_init_hart(void) {
    csr_write(stvec, trap_vector());
    csr_clear(sstatus, SSTATUS_SIE | SSTATUS_SPP | SSTATUS_FS | SSTATUS_SUM |
                           SSTATUS_MXR);
    csr_set(sie, SIE_SOFTWARE | SIE_EXTERNAL | SIE_TIMER);
    clock_init_hart();
}

/*
 * trap-spp: SPP stays set: the first sret goes to supervisor mode.
 * File: kernel/trap/trap.c
 * Caught by: trap_hart
 */
void trap_init_hart(void) {
    csr_write(sscratch, (uint64_t)frame_self());
    csr_write(stvec, trap_vector());
    csr_clear(sstatus, SSTATUS_SIE | SSTATUS_FS | SSTATUS_SUM | SSTATUS_MXR);
    csr_set(sie, SIE_SOFTWARE | SIE_EXTERNAL | SIE_TIMER);
    clock_init_hart();
}

/*
 * trap-external: external interrupts are not asked for: the console is silent.
 * File: kernel/trap/trap.c
 * Caught by: trap_hart
 */
void trap_init_hart(void) {
    csr_write(sscratch, (uint64_t)frame_self());
    csr_write(stvec, trap_vector());
    csr_clear(sstatus, SSTATUS_SIE | SSTATUS_SPP | SSTATUS_FS | SSTATUS_SUM |
                           SSTATUS_MXR);
    csr_set(sie, SIE_SOFTWARE | SIE_TIMER);
    clock_init_hart();
}

/*
 * trap-plain: the fast path is never entered.
 * File: kernel/trap/trap.c
 * Caught by: trap_hart
 */
void trap_init_hart(void) {
    csr_write(sscratch, (uint64_t)frame_self());
    csr_write(stvec, trap_entry_plain);
    csr_clear(sstatus, SSTATUS_SIE | SSTATUS_SPP | SSTATUS_FS | SSTATUS_SUM |
                           SSTATUS_MXR);
    csr_set(sie, SIE_SOFTWARE | SIE_EXTERNAL | SIE_TIMER);
    clock_init_hart();
}

/*
 * trap-no-clock: the first tick is never set.
 * File: kernel/trap/trap.c
 * Caught by: trap_hart
 */
void trap_init_hart(void) {
    csr_write(sscratch, (uint64_t)frame_self());
    csr_write(stvec, trap_vector());
    csr_clear(sstatus, SSTATUS_SIE | SSTATUS_SPP | SSTATUS_FS | SSTATUS_SUM |
                           SSTATUS_MXR);
    csr_set(sie, SIE_SOFTWARE | SIE_EXTERNAL | SIE_TIMER);
}

/*
 * boot-trap-here: the backtrace begins in boot_trap, and not where the trap
 * was. File: kernel/boot/main.c Caught by: boot_trap
 */
void boot_trap(uint64_t cause, uint64_t pc, uint64_t value, uint64_t sp) {
    (void)pc;
    (void)sp;
    panic("trap %lu during boot, address 0x%lx", cause, value);
}

/*
 * harts-count: the last hart is never started.
 * File: kernel/boot/main.c
 * Caught by: harts
 */
static void harts_start(void) {
    pa_t start = va_to_pa((const void *)(uintptr_t)start_secondary);
    for (uint32_t id = 1; id + 1 < hart_count; id++) {
        uint64_t frame = (uintptr_t)&hart_boot_frames[id];
        int64_t error = sbi_hart_start(harts[id].sbi_id, start, frame);
        if (error != 0) {
            panic("hart %lu does not start: SBI error %ld", harts[id].sbi_id,
                  error);
        }
    }
}

/*
 * harts-virtual: the firmware is given an address of the high half.
 * File: kernel/boot/main.c
 * Caught by: harts
 */
static void harts_start(void) {
    for (uint32_t id = 1; id < hart_count; id++) {
        uint64_t frame = (uintptr_t)&hart_boot_frames[id];
        sbi_hart_start(harts[id].sbi_id, (pa_t)(uintptr_t)start_secondary,
                       frame);
    }
}

/*
 * secondary-idle: other harts have no idle thread to work for.
 * File: kernel/boot/main.c
 * Caught by: harts
 */
void secondary_main(void) {
    kernel_map_init_hart();
    hart_init();
    trap_leave();
}

/*
 * secondary-timer: other harts do not set themselves up.
 * File: kernel/boot/main.c
 * Caught by: harts
 */
void secondary_main(void) {
    kernel_map_init_hart();
    sched_init_hart();
    trap_leave();
}
