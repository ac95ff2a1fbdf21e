/* SPDX-License-Identifier: MIT */
/*
 * vm/vm.c: the order of initialisation.
 */
#include "vm/vm.h"

#include "arch/fence.h"
#include "dev/bootargs.h"
#include "lib/bits.h"
#include "lib/panic.h"
#include "vm/asid.h"
#include "vm/frame.h"
#include "vm/kernelmap.h"
#include "vm/oracle.h"

/* oracle=1: see vm/oracle.h. */
static void oracle_start(uint64_t highest) {
    if (!DEBUG_BUILD) {
        panic("oracle=1 needs a debug build");
    }
    uint64_t size = round_up(oracle_size(highest), PAGE_SIZE);
    pa_t memory = frame_alloc_contiguous((unsigned)(size / PAGE_SIZE));
    if (memory == 0) {
        panic("no memory for oracle=1: %lu KiB", size / 1024);
    }
    oracle_init(pa_to_va(memory), highest);
    fence_hook = oracle_fence;
    for (unsigned i = 0; i < HART_MAX; i++) {
        hart_alert(&harts[i], ATTENTION_ALWAYS);
    }
}

void vm_init(const struct machine *machine) {
    frame_init(machine);
    kernel_map_init(machine);
    uint64_t highest = asid_init();
    if (bootarg_number("oracle", 0) != 0) {
        oracle_start(highest);
    }
}
