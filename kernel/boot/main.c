/* SPDX-License-Identifier: MIT */
/*
 * boot/main.c: the order in which the kernel comes to life.
 *
 * Idea        kernel_main is the table of contents of the initialisation: each
 *             line needs only what stands above it, as each folder needs only
 *             those before it. It runs on one hart, with nothing to lock
 *             against; the other harts start when all of it is done, and need
 *             only what belongs to a hart.
 * Read        start.S before it; then whichever line is of interest.
 */
#include "boot/main.h"

#include "arch/fence.h"
#include "arch/hart.h"
#include "arch/sbi.h"
#include "arch/stack.h"
#include "dev/console.h"
#include "dev/finisher.h"
#include "dev/machine.h"
#include "dev/plic.h"
#include "dev/timer.h"
#include "ipc/endpoint.h"
#include "lib/panic.h"
#include "lib/print.h"
#include "proc/process.h"
#include "proc/sched.h"
#include "sys/syscall.h"
#include "trap/trap.h"
#include "vm/frame.h"
#include "vm/kernelmap.h"
#include "vm/vm.h"

enum { MIB_SHIFT = 20 };

void boot_trap(uint64_t cause, uint64_t pc, uint64_t value, uint64_t sp) {
    panic_at(pc, sp, "trap %lu during boot, address 0x%lx", cause, value);
}

static uint64_t stack_top(void) {
    return hart_self()->stack_top;
}

static void announce(void) {
    kprintf("octavo: %u hart%s, %lu MiB, %s timer\n", hart_count,
            hart_count == 1 ? "" : "s", machine.memory_size >> MIB_SHIFT,
            machine.sstc ? "Sstc" : "SBI");
}

/* What every hart sets up for itself, once it is in the final page table. */
static void hart_init(void) {
    timer_init_hart();
    plic_init_hart();
    trap_init_hart();
    fence_init_hart();
}

static void harts_start(void) {
    pa_t start = va_to_pa((const void *)(uintptr_t)start_secondary);
    for (uint32_t id = 1; id < hart_count; id++) {
        uint64_t frame = (uintptr_t)&hart_boot_frames[id];
        int64_t error = sbi_hart_start(harts[id].sbi_id, start, frame);
        if (error != 0) {
            panic("hart %lu does not start: SBI error %ld", harts[id].sbi_id,
                  error);
        }
    }
}

void kernel_main(uint64_t sbi_id, pa_t dtb) {
    console_init_early();
    panic_hooks.exit = finisher_exit;
    panic_hooks.stack_top = stack_top;
    machine_init(sbi_id, pa_to_va(dtb));
    console_init();
    announce();
    timer_init();
    plic_init();
    trap_patch();
    vm_init(&machine);
    proc_init();
    ipc_init();
    sys_init();
    trap_init();
    hart_init();
    first_process_start();
    harts_start();
    trap_leave();
}

void secondary_main(void) {
    kernel_map_init_hart();
    sched_init_hart();
    hart_init();
    trap_leave();
}
