/* SPDX-License-Identifier: MIT */
/*
 * boot/main.h: the kernel's first lines of C, called by boot/start.S, and the
 * first process.
 */
#ifndef OCTAVO_BOOT_MAIN_H
#define OCTAVO_BOOT_MAIN_H

#include <stdint.h>

#include "arch/memory.h"

/* The hart that boots, known to the firmware as `sbi_id`, with the physical
 * address of the device tree. */
_Noreturn void kernel_main(uint64_t sbi_id, pa_t dtb);

/* Each other hart; its frame and harts[] entry are filled. */
_Noreturn void secondary_main(void);

/* boot/first.c: makes process 1 from the program in boot/image.S. Panics when
 * there is not even memory for that. */
void first_process_start(void);

/* A trap while trap/entry.S is not in charge yet: panics. */
_Noreturn void boot_trap(uint64_t cause, uint64_t pc, uint64_t value,
                         uint64_t sp);

/* boot/start.S: where the firmware starts the other harts. */
void start_secondary(void);

#endif
