/* SPDX-License-Identifier: MIT */
/*
 * vm/vm.h: brings virtual memory up, in the order in which its parts need each
 * other.
 */
#ifndef OCTAVO_VM_VM_H
#define OCTAVO_VM_VM_H

struct machine;

/* Frames, the kernel's final map (this hart is in it afterwards), ASIDs, and
 * what memory objects may map. Once, by the boot hart. */
void vm_init(const struct machine *machine);

/* Another hart enters the kernel's final map. */
void vm_init_hart(void);

#endif
