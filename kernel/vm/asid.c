/* SPDX-License-Identifier: MIT */
/*
 * vm/asid.c: numbering spaces, rolling over, fencing.
 *
 * Idea        Numbers 1, 2, 3 ... are given out until there is none left. Then
 *             everybody's number is void at once, by adding one to the
 *             generation. Only a space that some hart is in right now keeps
 *             its number: that hart would have to stop to learn of another.
 *
 *   the roll-over (one hart)           another hart enters space S
 *   self->generation = ASID_FLUSH      self->active = S
 *   -- fence --                        -- fence --
 *   reserve self->active's number      self->generation == S's generation?
 *
 *             Of the two reads at the bottom, at least one sees the other
 *             hart's write above: so S keeps its number, or the hart takes the
 *             slow path, waits for the lock, and flushes.
 * Invariants  I1 within a generation a number belongs to one space for good,
 *                also after the space's end;
 *             I2 a hart whose TLB may hold entries of an earlier generation's
 *                numbers has ASID_FLUSH in its record;
 *             I3 a space's mask has every hart whose TLB may hold its entries.
 * Locks       asid_lock (RANK_ASID) guards the generation, the next number,
 *             and every change to the number or generation of a space.
 */
#include "vm/asid.h"

#include <stddef.h>

#include "abi/layout.h"
#include "arch/fence.h"
#include "lib/panic.h"
#include "sync/spinlock.h"
#include "vm/kernelmap.h"

struct asid_hart asid_harts[HART_MAX];

static struct spinlock asid_lock = SPINLOCK(RANK_ASID);
static uint64_t generation = 1;
static uint64_t next_number = 1; /* 0 is the kernel's own table */
static uint64_t number_count;    /* numbers the machine has; 0: too few */

static uint64_t satp_number(uint64_t satp) {
    return satp >> SATP_ASID_SHIFT & SATP_ASID_MASK;
}

static uint64_t satp_root(uint64_t satp) {
    return satp & SATP_PPN_MASK;
}

uint64_t asid_init(void) {
    csr_write(satp, kernel_satp | SATP_ASID_MASK << SATP_ASID_SHIFT);
    uint64_t highest = satp_number(csr_read(satp));
    csr_write(satp, kernel_satp);
    fence_local_all();
    /* Each hart may hold a reserved number, and one must be left to give. */
    number_count = highest > HART_MAX ? highest + 1 : 0;
    for (unsigned i = 0; i < HART_MAX; i++) {
        asid_harts[i].generation = ASID_FLUSH;
        harts[i].asid = &asid_harts[i];
    }
    return highest;
}

void asid_create(struct asid *asid, pa_t root) {
    asid->generation = 0;
    asid->satp = SATP_SV39 | root >> PAGE_SHIFT;
    asid->hart_mask = 0;
}

/* ---- Numbers ---- */

static bool is_reserved(uint64_t number) {
    for (unsigned i = 0; i < hart_count; i++) {
        if (asid_harts[i].reserved_number == number) {
            return true;
        }
    }
    return false;
}

/* Whether the space kept its number at the last roll-over. */
static bool has_reserved(const struct asid *asid) {
    for (unsigned i = 0; i < hart_count; i++) {
        if (asid_harts[i].reserved == asid) {
            return true;
        }
    }
    return false;
}

/* Whether the space's number is its own now. */
static bool is_numbered(const struct asid *asid) {
    return asid->generation == generation || has_reserved(asid);
}

/* Starts a generation. */
static void roll_over(void) REQUIRES(asid_lock) {
    for (unsigned i = 0; i < hart_count; i++) {
        __atomic_store_n(&asid_harts[i].generation, ASID_FLUSH,
                         __ATOMIC_RELAXED);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    struct asid *keep[HART_MAX];
    for (unsigned i = 0; i < hart_count; i++) {
        struct asid *active =
            __atomic_load_n(&asid_harts[i].active, __ATOMIC_RELAXED);
        /* A hart may be on its way into a space that has no number yet, or
         * have stayed in one since before the roll-over before this one. */
        keep[i] = active != NULL && is_numbered(active) ? active : NULL;
    }
    for (unsigned i = 0; i < hart_count; i++) {
        asid_harts[i].reserved = keep[i];
        asid_harts[i].reserved_number =
            keep[i] != NULL ? satp_number(keep[i]->satp) : 0;
    }
    generation++;
    next_number = 1;
}

/* A number that nobody has in this generation. */
static uint64_t number_take(void) REQUIRES(asid_lock) {
    while (next_number < number_count && is_reserved(next_number)) {
        next_number++;
    }
    return next_number < number_count ? next_number++ : 0;
}

/* Gives the space a number of this generation: its old one if that was
 * reserved. */
static void renew(struct asid *asid) REQUIRES(asid_lock) {
    if (!has_reserved(asid)) {
        uint64_t number = number_take();
        if (number == 0) {
            roll_over();
            number = number_take();
        }
        assert(number != 0);
        uint64_t satp =
            SATP_SV39 | number << SATP_ASID_SHIFT | satp_root(asid->satp);
        /* The mask before the number: asid_fence reads them the other way
         * round, so with a number it sees the mask that goes with it. */
        __atomic_store_n(&asid->hart_mask, 0, __ATOMIC_RELEASE);
        if (DEBUG_BUILD) {
            oracle_number(number);
        }
        __atomic_store_n(&asid->satp, satp, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&asid->generation, generation, __ATOMIC_RELEASE);
}

/* ---- Entering and leaving ---- */

static void satp_write(struct hart *hart, uint64_t satp) {
    asid_satp(hart, satp);
    /* asid_release trusts this: it must not be seen before it is true. */
    __atomic_store_n(&hart->satp, satp, __ATOMIC_RELEASE);
}

void asid_enter_slow(struct asid *asid) {
    struct hart *hart = hart_self();
    struct asid_hart *self = &asid_harts[hart->id];
    spin_lock(&asid_lock);
    if (number_count > 0 && asid->generation != generation) {
        renew(asid);
    }
    bool flush = self->generation != generation;
    if (number_count > 0) {
        self->generation = generation;
    }
    __atomic_fetch_or(&asid->hart_mask, 1u << hart->id, __ATOMIC_RELAXED);
    spin_unlock(&asid_lock);
    /* The bit is visible before this hart walks the tables (I3). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    satp_write(hart, asid->satp);
    if (flush) {
        fence_local_all();
    }
}

void asid_leave(void) {
    struct hart *hart = hart_self();
    if (hart->satp != kernel_satp) {
        satp_write(hart, kernel_satp);
        __atomic_store_n(&asid_harts[hart->id].active, NULL, __ATOMIC_RELEASE);
    }
    if (DEBUG_BUILD) {
        oracle_check();
    }
}

bool asid_release(struct asid *asid) {
    if (satp_root(hart_self()->satp) == satp_root(asid->satp)) {
        asid_leave();
    }
    bool left = true;
    spin_lock(&asid_lock);
    for (unsigned i = 0; i < hart_count; i++) {
        uint64_t satp = __atomic_load_n(&harts[i].satp, __ATOMIC_ACQUIRE);
        if (satp_root(satp) == satp_root(asid->satp)) {
            left = false;
        }
    }
    for (unsigned i = 0; i < hart_count && left; i++) {
        if (asid_harts[i].reserved == asid) {
            asid_harts[i].reserved = NULL; /* its number stays reserved: I1 */
        }
    }
    if (left) {
        if (DEBUG_BUILD) {
            oracle_dead(asid->satp);
        }
        asid->hart_mask = 0; /* nothing of it will be used, so no fences */
    }
    spin_unlock(&asid_lock);
    return left;
}

/* ---- Fences ---- */

void asid_fence(struct asid *asid, va_t va, uint64_t pages) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* entries before the mask */
    uint64_t satp = __atomic_load_n(&asid->satp, __ATOMIC_ACQUIRE);
    uint64_t number = satp_number(satp);
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
