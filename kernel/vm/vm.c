/* SPDX-License-Identifier: MIT */
/*
 * vm/vm.c: the order of initialisation.
 */
#include "vm/vm.h"

#include "vm/asid.h"
#include "vm/frame.h"
#include "vm/kernelmap.h"
#include "vm/memory.h"
#include "vm/quota.h"
#include "vm/space.h"

void vm_init(const struct machine *machine) {
    frame_init(machine);
    kernel_map_init(machine);
    asid_init();
    quota_init();
    memory_init(machine);
    space_init();
}

void vm_init_hart(void) {
    kernel_map_init_hart();
}
