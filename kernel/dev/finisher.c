/* SPDX-License-Identifier: MIT */
/*
 * dev/finisher.c: the end of the machine.
 *
 * SiFive's test device ends QEMU at a store: 0x5555 with status 0, 0x3333 with
 * the status in the upper half. The firmware's shutdown always gives 0, even
 * right behind the store: from 8.2 on QEMU ends some time after that.
 *
 * The replay of a recorded run ends at the last exception before the store,
 * with QEMU 8.2 and later. That is a call of the firmware here, so that a
 * debugger that goes back in time can stop in finisher_exit().
 */
#include "dev/finisher.h"

#include <stdint.h>

#include "arch/memory.h"
#include "arch/sbi.h"
#include "dev/machine.h"

enum { FINISHER_PASS = 0x5555, FINISHER_FAIL = 0x3333, FINISHER_SHIFT = 16 };

void finisher_exit(int status) {
    if (machine.finisher.size != 0) {
        volatile uint32_t *finisher = pa_to_va(machine.finisher.base);
        uint32_t code = (uint32_t)status & 0xff;
        sbi_set_timer(UINT64_MAX);
        *finisher =
            code == 0 ? FINISHER_PASS : code << FINISHER_SHIFT | FINISHER_FAIL;
    } else {
        sbi_shutdown();
    }
    for (;;) {
        __asm__ volatile("wfi");
    }
}
