/* SPDX-License-Identifier: MIT */
/*
 * arch/memory.h: addresses, and the one place where the kernel sees memory.
 *
 *   user    0x0000000000000000 .. 0x0000003fffffffff   (Sv39, low half)
 *   kernel  0xffffffc000000000 + physical address      (Sv39, high half)
 *
 * The direct map holds every byte of RAM and the device registers that the
 * kernel uses at one fixed offset. The kernel itself is linked inside it, so
 * each frame has exactly one kernel address and write-or-execute holds without
 * exception: there is no second, writable view of the kernel's code.
 */
#ifndef OCTAVO_ARCH_MEMORY_H
#define OCTAVO_ARCH_MEMORY_H

#include <stdint.h>

typedef uint64_t pa_t; /* physical address */
typedef uint64_t va_t; /* virtual address, user's or kernel's */

/* The kernel address of physical address 0; also where the high half starts. */
#define DIRECT_BASE 0xffffffc000000000ull

/* Physical addresses that the direct map can hold: 256 GiB. */
#define DIRECT_SIZE 0x4000000000ull

static inline void *pa_to_va(pa_t address) {
    return (void *)(address + DIRECT_BASE);
}

static inline pa_t va_to_pa(const void *pointer) {
    return (va_t)pointer - DIRECT_BASE;
}

/*
 * Bounds of the kernel image, from boot/kernel.ld; each is page aligned:
 * code from kernel_start to kernel_text_end, constants up to
 * kernel_rodata_end, data and zeroed data up to kernel_end.
 */
extern char kernel_start[];
extern char kernel_text_end[];
extern char kernel_rodata_end[];
extern char kernel_end[];

#endif
