/* SPDX-License-Identifier: MIT */
/*
 * lib/pages.h: whole pages, as numbers.
 */
#ifndef OCTAVO_LIB_PAGES_H
#define OCTAVO_LIB_PAGES_H

#include <stdint.h>

#include "abi/layout.h"
#include "lib/string.h"
#include "lib/syscall.h"

enum { PROT_RW = PROT_READ | PROT_WRITE };

static inline uint64_t page_down(uint64_t address) {
    return address & ~(uint64_t)(PAGE_SIZE - 1);
}

static inline uint64_t page_up(uint64_t address) {
    return page_down(address + PAGE_SIZE - 1);
}

static inline uint64_t page_offset(uint64_t address) {
    return address & (PAGE_SIZE - 1);
}

/* Maps zero pages at the address. Its result is the address, or as SYS_MAP. */
static inline int64_t zeros_map(uint64_t address, uint64_t length) {
    return sys_map(HANDLE_SELF, address, length, PROT_RW | MAP_FIXED, -1, 0);
}

/* Clears [start, end): nothing if `start` is not below `end`. */
static inline void zeros_write(uint64_t start, uint64_t end) {
    if (start < end)
        memset((void *)start, 0, end - start);
}

#endif
