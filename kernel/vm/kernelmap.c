/* SPDX-License-Identifier: MIT */
/*
 * vm/kernelmap.c: building the kernel's half.
 *
 * Idea        Walk over RAM in steps of 2 MiB. A step that is plain memory gets
 *             one large leaf; one that holds the kernel's image, or borders on
 *             memory that is not ours, gets 512 small ones, each with the
 *             rights of what lies there. Pages that the firmware keeps are not
 *             mapped, nor is the device tree, which has been read by now.
 * Invariants  I1 no page is writable and executable;
 *             I2 every leaf is global and has A and D set;
 *             I3 nothing changes after kernel_map_init.
 */
#include "vm/kernelmap.h"

#include "abi/layout.h"
#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/hart.h"
#include "arch/stack.h"
#include "dev/machine.h"
#include "lib/bits.h"
#include "lib/panic.h"
#include "vm/pagetable.h"
#include "vm/quota.h"

enum {
    KERNEL_LEAF = PTE_V | PTE_G | PTE_A | PTE_D,
    KERNEL_RX = KERNEL_LEAF | PTE_R | PTE_X,
    KERNEL_R = KERNEL_LEAF | PTE_R,
    KERNEL_RW = KERNEL_LEAF | PTE_R | PTE_W,
};

pa_t kernel_root;
uint64_t kernel_satp;

static void must(int result) {
    if (result < 0) {
        panic("no memory for the kernel's map");
    }
}

/* Flags for a page of the image; 0: it stays unmapped. */
static pte_t image_flags(pa_t pa) {
    const char *page = pa_to_va(pa);
    if (page < kernel_text_end) {
        return KERNEL_RX;
    }
    if (page < kernel_rodata_end) {
        return KERNEL_R;
    }
    for (unsigned i = 0; i < HART_MAX; i++) {
        if (page == (const char *)kernel_stacks[i].guard) {
            return 0;
        }
    }
    return KERNEL_RW;
}

/* Whether somebody else's memory is in the range. */
static bool is_reserved(const struct machine *from, struct range range) {
    for (unsigned i = 0; i < from->reserved_count; i++) {
        struct range other = from->reserved[i];
        if (other.size > 0 && range_overlaps(range, other)) {
            return true;
        }
    }
    return false;
}

static pte_t page_flags(const struct machine *from, pa_t pa) {
    struct range page = {pa, PAGE_SIZE};
    struct range image = {va_to_pa(kernel_start),
                          (uint64_t)(kernel_end - kernel_start)};
    if (range_contains(image, page)) {
        return image_flags(pa);
    }
    return range_overlaps(page, from->initrd) || !is_reserved(from, page)
               ? KERNEL_RW
               : 0;
}

/* Whether one large leaf will do for the 2 MiB at pa. */
static bool is_plain(const struct machine *from, pa_t pa) {
    struct range large = {pa, LARGE_SIZE};
    return range_contains(from->initrd, large) || !is_reserved(from, large);
}

static void map_page(struct pagetable *table, pa_t pa, pte_t flags) {
    va_t va = (va_t)pa_to_va(pa);
    const pte_t *leaf = pagetable_find(table, va, 0);
    if (flags != 0 && (leaf == NULL || *leaf == 0)) {
        must(pagetable_map(table, va, pa, flags));
    }
}

static void map_memory(struct pagetable *table, const struct machine *from,
                       const struct range *range) {
    pa_t pa = round_up(range->base, PAGE_SIZE);
    pa_t end = round_down(range->base + range->size, PAGE_SIZE);
    while (pa < end) {
        if (pa % LARGE_SIZE == 0 && end - pa >= LARGE_SIZE &&
            is_plain(from, pa)) {
            va_t va = (va_t)pa_to_va(pa);
            must(pagetable_map_large(table, va, pa, KERNEL_RW));
            pa += LARGE_SIZE;
        } else {
            map_page(table, pa, page_flags(from, pa));
            pa += PAGE_SIZE;
        }
    }
}

static void map_device(struct pagetable *table, const struct range *range) {
    pa_t end = range->base + range->size;
    for (pa_t pa = round_down(range->base, PAGE_SIZE); pa < end;
         pa += PAGE_SIZE) {
        map_page(table, pa, KERNEL_RW);
    }
}

void kernel_map_init(const struct machine *from) {
    struct pagetable table;
    must(pagetable_create(&table, &kernel_quota));
    for (unsigned i = 0; i < from->memory_count; i++) {
        map_memory(&table, from, &from->memory[i]);
    }
    map_device(&table, &from->uart.device.registers);
    map_device(&table, &from->plic.registers);
    map_device(&table, &from->finisher);
    kernel_root = table.root;
    kernel_satp = SATP_SV39 | kernel_root >> PAGE_SHIFT;
    kernel_map_init_hart();
}

void kernel_map_init_hart(void) {
    csr_write(satp, kernel_satp);
    fence_local_all();
    hart_self()->satp = kernel_satp;
}
