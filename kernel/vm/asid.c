/* SPDX-License-Identifier: MIT */
/*
 * vm/asid.c: numbering spaces, and fencing them.
 *
 * Idea        Numbers are given out in ascending order. A space that ends
 *             leaves its translations in the TLBs and its number behind, until
 *             there is none left: then every hart forgets everything, once,
 *             and the numbers of the dead are free.
 *
 *               taken  0 1 1 1 1 1 1 1       taken  0 1 0 0 1 0 0 0
 *               dead   0 0 1 1 0 1 1 1  -->  dead   0 0 0 0 0 0 0 0
 *                                     ^             ^
 *                                     cursor        cursor
 *
 * Invariants  I1 a number that is not taken names nothing in any TLB: it was
 *                never used, or every hart has flushed since its space's end;
 *             I2 a space's mask has every hart whose TLB may hold its entries.
 * Locks       asid_lock (RANK_ASID) guards the numbers. Other harts serve the
 *             fence that is made under it while they wait for any lock.
 */
#include "vm/asid.h"

#include "abi/layout.h"
#include "arch/fence.h"
#include "lib/bits.h"
#include "sync/spinlock.h"
#include "vm/kernelmap.h"

enum {
    WORD_BITS = 64,
    WORDS_MAX = (SATP_ASID_MASK + 1) / WORD_BITS,
};

static struct spinlock asid_lock = SPINLOCK(RANK_ASID);
static uint64_t taken[WORDS_MAX]; /* bit: the number cannot be given out */
static uint64_t dead[WORDS_MAX];  /* of those: its space has ended */
static unsigned word_count;       /* for the machine's numbers; 0: too few */
static unsigned cursor;           /* no word before it has a free number */

static uint64_t satp_number(uint64_t satp) {
    return satp >> SATP_ASID_SHIFT & SATP_ASID_MASK;
}

/* For this hart, where it may be in the middle of something: it waits for a
 * lock, or was interrupted. */
static void satp_leave(uint64_t satp) {
    if (csr_read(satp) == satp) {
        asid_satp(hart_self(), kernel_satp);
    }
}

uint64_t asid_init(void) {
    csr_write(satp, kernel_satp | SATP_ASID_MASK << SATP_ASID_SHIFT);
    uint64_t highest = satp_number(csr_read(satp));
    csr_write(satp, kernel_satp);
    fence_local_all();
    word_count = (unsigned)((highest + 1) / WORD_BITS);
    taken[0] |= 1; /* the kernel's own table */
    fence_leave_hook = satp_leave;
    return highest;
}

bool asid_is_plenty(void) {
    return word_count > 0;
}

/* ---- Numbers ---- */

/* 0: there is none. */
static uint64_t number_find(void) REQUIRES(asid_lock) {
    for (; cursor < word_count; cursor++) {
        if (~taken[cursor] != 0) {
            unsigned bit = bits_lowest(~taken[cursor]);
            taken[cursor] |= 1ull << bit;
            return cursor * WORD_BITS + bit;
        }
    }
    return 0;
}

/* Frees the numbers of the dead. */
static void numbers_reclaim(void) REQUIRES(asid_lock) {
    fence_local_all();
    fence_remote_all();
    for (unsigned i = 0; i < word_count; i++) {
        taken[i] &= ~dead[i];
        dead[i] = 0;
    }
    cursor = 0;
}

static uint64_t number_take(void) REQUIRES(asid_lock) {
    uint64_t number = number_find();
    if (number == 0) {
        numbers_reclaim();
        number = number_find();
    }
    return number;
}

bool asid_create(struct asid *asid, pa_t root) {
    uint64_t number = 0;
    if (asid_is_plenty()) {
        spin_lock(&asid_lock);
        number = number_take();
        spin_unlock(&asid_lock);
    }
    asid->satp = SATP_SV39 | number << SATP_ASID_SHIFT | root >> PAGE_SHIFT;
    asid->hart_mask = 0;
    return number != 0 || !asid_is_plenty();
}

void asid_release(struct asid *asid) {
    uint64_t number = satp_number(asid->satp);
    if (asid->satp == 0) {
        return;
    }
    satp_leave(asid->satp);
    fence_remote_leave(asid->hart_mask, asid->satp);
    for (unsigned i = 0; i < hart_count; i++) {
        debug_assert(harts[i].satp != asid->satp);
    }
    if (DEBUG_BUILD) {
        oracle_dead(asid->satp);
    }
    asid->satp = 0;
    asid->hart_mask = 0; /* nothing of it will be used, so no fences */
    if (number != 0) {
        spin_lock(&asid_lock);
        dead[number / WORD_BITS] |= 1ull << number % WORD_BITS;
        spin_unlock(&asid_lock);
    }
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
    if (mask & ~self && all) {
        fence_remote_asid(mask & ~self, number);
    } else if (mask & ~self) {
        fence_remote_range(mask & ~self, va, pages * PAGE_SIZE, number);
    }
}

void asid_fence_here(struct asid *asid, va_t va) {
    fence_local_page(va, satp_number(asid->satp));
}
