/* SPDX-License-Identifier: MIT */
/*
 * shim/arch/memory.h: physical memory that is an array of the test program.
 * Takes the place of kernel/arch/memory.h.
 */
#ifndef OCTAVO_ARCH_MEMORY_H
#define OCTAVO_ARCH_MEMORY_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t pa_t;
typedef uint64_t va_t;

#define RAM_BASE 0x80000000ull
#define RAM_MAX 0x2000000ull
#define DIRECT_BASE ((uint64_t)ram - RAM_BASE)

extern unsigned char ram[RAM_MAX];

static inline void *pa_to_va(pa_t address) {
    return (void *)(ram + (address - RAM_BASE));
}

static inline pa_t va_to_pa(const void *pointer) {
    return (pa_t)((const unsigned char *)pointer - ram) + RAM_BASE;
}

#endif
