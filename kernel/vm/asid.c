/* SPDX-License-Identifier: MIT */
/*
 * vm/asid.c: numbering spaces, and fencing them.
 *
 * Idea        A space has the number of its slot in the slab of spaces, which
 *             the slot was given when its memory was new. So nobody looks for
 *             a free number: who finds a free slot has one. Free slots are used
 *             last in, first out, so one beyond the machine's numbers is tried
 *             only when all others are in use.
 * Invariants  I1 the number of a slot that holds no space names nothing in any
 *                TLB: each hart of its last space's mask has fenced it;
 *             I2 a space's mask has every hart whose TLB may hold its entries.
 */
#include "vm/asid.h"

#include "abi/layout.h"
#include "arch/fence.h"
#include "vm/kernelmap.h"

enum { NUMBERS_MIN = 64 }; /* with fewer, spaces have none of their own */

static uint64_t number_last; /* that the machine has; 0: hardly any */
static uint32_t slots;       /* that have a number; atomic */

static uint64_t satp_number(uint64_t satp) {
    return satp >> SATP_ASID_SHIFT & SATP_ASID_MASK;
}

/* For this hart, where it may be in the middle of something: it waits for a
 * lock, or was interrupted. */
static void satp_forget(uint64_t satp) {
    if (csr_read(satp) == satp) {
        asid_satp(hart_self(), kernel_satp);
    }
    fence_local_asid(satp_number(satp));
}

uint64_t asid_init(void) {
    csr_write(satp, kernel_satp | SATP_ASID_MASK << SATP_ASID_SHIFT);
    uint64_t highest = satp_number(csr_read(satp));
    csr_write(satp, kernel_satp);
    fence_local_all();
    number_last = highest + 1 < NUMBERS_MIN ? 0 : highest;
    fence_leave_hook = satp_forget;
    return highest;
}

bool asid_is_plenty(void) {
    return number_last > 0;
}

/* ---- Numbers ---- */

void asid_once(struct asid *asid) {
    asid->number = __atomic_add_fetch(&slots, 1, __ATOMIC_RELAXED);
}

bool asid_create(struct asid *asid, pa_t root) {
    uint64_t number = asid_is_plenty() ? asid->number : 0;
    asid->satp = SATP_SV39 | number << SATP_ASID_SHIFT | root >> PAGE_SHIFT;
    asid->hart_mask = 0;
    return number <= number_last;
}

void asid_release(struct asid *asid) {
    if (asid->satp == 0) {
        return;
    }
    satp_forget(asid->satp);
    fence_remote_leave(asid->hart_mask, asid->satp);
    for (unsigned i = 0; i < hart_count; i++) {
        debug_assert(harts[i].satp != asid->satp);
    }
    if (DEBUG_BUILD) {
        oracle_dead(asid->satp);
    }
    asid->satp = 0;
    asid->hart_mask = 0; /* nothing of it will be used, so no fences */
}

void asid_leave(void) {
    if (csr_read(satp) != kernel_satp) {
        asid_satp(hart_self(), kernel_satp);
    }
    if (DEBUG_BUILD) {
        oracle_check();
    }
}

/* ---- Fences ---- */

void asid_fence(struct asid *asid, va_t va, uint64_t pages) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* entries before the mask */
    uint64_t number = satp_number(asid->satp);
    uint32_t mask = __atomic_load_n(&asid->hart_mask, __ATOMIC_RELAXED);
    uint32_t self = 1u << hart_self()->id;
    bool all = pages == FENCE_ALL || pages > FENCE_PAGES;
    if (mask & self && all) {
        fence_local_asid(number);
    } else if (mask & self) {
        for (uint64_t i = 0; i < pages; i++) {
            fence_local_page(va + i * PAGE_SIZE, number);
        }
    }
    if (mask & ~self) {
        uint64_t length = all ? FENCE_ANY : pages * PAGE_SIZE;
        fence_remote_range(mask & ~self, va, length, number);
    }
}

void asid_fence_here(struct asid *asid, va_t va) {
    fence_local_page(va, satp_number(asid->satp));
}
