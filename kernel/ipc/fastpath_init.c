/* SPDX-License-Identifier: MIT */
/*
 * ipc/fastpath_init.c: the switch of the fast path; apart from it because that
 * file is compiled without half of the registers.
 */
#include "dev/bootargs.h"
#include "ipc/fastpath.h"
#include "vm/asid.h"

uint32_t fastpath_on;

void fastpath_init(void) {
    fastpath_on = bootarg_number("fastpath", 1) != 0 && asid_is_plenty();
}
