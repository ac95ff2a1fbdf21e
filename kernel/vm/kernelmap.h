/* SPDX-License-Identifier: MIT */
/*
 * vm/kernelmap.h: the kernel's half of every address space.
 *
 * All of RAM and the devices appear at DIRECT_BASE + physical address, the
 * kernel's own image among them: text is readable and executable, constants
 * are readable, everything else is readable and writable. As that is the only
 * mapping, nothing is writable and executable under two names. Below each
 * hart's kernel stack (arch/stack.h) a page is missing, so that an overflow
 * traps.
 *
 * The mapping is built once and never changes; its top-level entries are
 * copied into each new root.
 */
#ifndef OCTAVO_VM_KERNELMAP_H
#define OCTAVO_VM_KERNELMAP_H

#include <stdint.h>

#include "arch/memory.h"

struct machine;

/* Root of the kernel's own table, whose user half is empty, and the value of
 * satp for it (ASID 0). Constant after kernel_map_init. */
extern pa_t kernel_root;
extern uint64_t kernel_satp;

/* Builds the mapping and switches this hart to it. Once, at boot, after
 * frame_init. Panics if there is no memory for it. */
void kernel_map_init(const struct machine *machine);

/* Switches this hart to the kernel's table, and flushes its TLB: the first
 * thing that a hart does once it runs in the high half. */
void kernel_map_init_hart(void);

#endif
