/* SPDX-License-Identifier: MIT */
/*
 * dev/machine.h: what this machine consists of, read once from the device
 * tree that the firmware hands over.
 *
 * Idea        The kernel assumes no address, size or interrupt number: all of
 *             them come from here. machine_init fills one structure before
 *             anything else runs; from then on it is constant, and needs no
 *             lock.
 * Use         machine_init(dtb);
 *             for (uint32_t i = 0; i < machine.memory_count; i++) ...
 * Invariants  Ranges are not empty and do not wrap; memory ranges lie below
 *             DIRECT_SIZE. harts[0..hart_count) is filled, harts[0] being the
 *             hart that booted.
 */
#ifndef OCTAVO_DEV_MACHINE_H
#define OCTAVO_DEV_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/hart.h"
#include "arch/memory.h"

enum {
    MACHINE_MEMORY_MAX = 8,
    MACHINE_RESERVED_MAX = 32,
    MACHINE_VIRTIO_MAX = 16,
    MACHINE_BOOTARGS_MAX = 1024,
};

/* Bytes [base, base + size) of physical memory; size 0: there is none. */
struct range {
    pa_t base;
    uint64_t size;
};

/* Whether two ranges, neither of them empty, meet. */
static inline bool range_overlaps(struct range a, struct range b) {
    return a.base < b.base + b.size && b.base < a.base + a.size;
}

/* Whether `part` lies inside the range. */
static inline bool range_contains(struct range range, struct range part) {
    uint64_t offset = part.base - range.base;
    return part.base >= range.base && offset <= range.size &&
           part.size <= range.size - offset;
}

/* A device's registers and its interrupt number at the PLIC (0: none). */
struct device {
    struct range registers;
    uint32_t irq;
};

/* The serial port: register i is at base + (i << shift). */
struct uart_info {
    struct device device;
    uint32_t shift;
    uint32_t width; /* bytes of one access: 1 or 4 */
};

/* The interrupt controller: the context of each hart's supervisor mode, or
 * -1 for a hart that it does not reach. */
struct plic_info {
    struct range registers;
    uint32_t irq_count; /* highest interrupt number */
    int32_t context[HART_MAX];
};

struct machine {
    /* RAM, and the parts of it that are not free: firmware, the kernel's
     * image, the device tree, the initrd. Byte ranges, in no order; they may
     * overlap each other, and reserved ones may lie outside RAM. */
    struct range memory[MACHINE_MEMORY_MAX];
    struct range reserved[MACHINE_RESERVED_MAX];
    uint64_t memory_size; /* of RAM in all */
    uint32_t memory_count;
    uint32_t reserved_count;

    struct range initrd; /* an archive of the first programs */

    /* Devices. vm maps the registers of the first three, which the kernel
     * itself uses. */
    struct uart_info uart;
    struct plic_info plic;
    struct range finisher; /* SiFive's test device: ends QEMU with a status */
    struct device virtio[MACHINE_VIRTIO_MAX]; /* by rising address */
    uint32_t virtio_count;

    uint64_t timebase; /* units of the `time` CSR a second */
    bool sstc;         /* every hart has its own timer compare register */

    char bootargs[MACHINE_BOOTARGS_MAX]; /* ends with a zero */
};

extern struct machine machine;

/* Fills `machine`, harts[].id, harts[].sbi_id and hart_count from the tree at
 * `dtb`; boot_hart is the SBI number of the hart that runs. Panics, saying
 * what is wrong, when the tree is damaged or lacks what the kernel needs. */
void machine_init(uint64_t boot_hart, const void *dtb);

/* Whether drivers may map the range: whole pages that hold registers
 * of the UART or of virtio slots and nothing else. */
bool machine_is_device(struct range range);

#endif
