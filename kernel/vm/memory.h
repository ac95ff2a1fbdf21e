/* SPDX-License-Identifier: MIT */
/*
 * vm/memory.h: memory objects: physical memory that is mapped as it is.
 *
 * Device registers, buffers that devices read and write (DMA), the initrd, and
 * the first program are not demand-zero pages: they are ranges of physical
 * memory that handles name and regions map. They are pinned: never copied on
 * write, moved or inherited by fork. A device reaches DMA memory without asking
 * anybody, so a driver that programs it is trusted with all of RAM.
 *
 * Each handle and each region holds a reference; DMA frames are free again
 * with the last.
 */
#ifndef OCTAVO_VM_MEMORY_H
#define OCTAVO_VM_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/memory.h"

struct memory {
    uint32_t refs; /* atomic */
    bool owner;    /* DMA: the frames go with it. This and the rest are final */
    pa_t base;
    uint64_t pages;
};

/*
 * An object with one reference for physical [base, base + length), both
 * multiples of the page size: device registers that the device tree names, or
 * (a part of) the initrd, whose last page may be partly used. Stores it, and
 * returns 0, -EINVAL (nothing that may be mapped; RAM in use above all), or
 * -ENOMEM.
 */
int memory_create_device(pa_t base, uint64_t length, struct memory **memory);

/* An object with one reference and this many fresh, zeroed, adjacent frames.
 * Returns 0, -EINVAL (no or absurdly many pages) or -ENOMEM. */
int memory_create_dma(uint64_t pages, struct memory **memory);

struct memory *memory_get(struct memory *memory);
void memory_put(struct memory *memory);

#endif
