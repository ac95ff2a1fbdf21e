/* SPDX-License-Identifier: MIT */
/*
 * vm/pagetable.h: Sv39 page tables: three levels of 512 entries.
 *
 *   virtual address   38      30 29      21 20      12 11        0
 *                     [ level 2 ][ level 1 ][ level 0 ][ offset  ]
 *
 *   entry             63  54 53             10  9    8   7 6 5 4 3 2 1 0
 *                     [ 0   ][ frame number    ][LENT][SHR] D A G U X W R V
 *
 * An entry is zero (empty), points to the next table (V set, R W X clear), or
 * is a leaf. A leaf may have V clear: the page is there, with its frame and
 * its charge, but may not be touched (PROT_NONE, or lent to somebody). So
 * "occupied" means not zero, and "accessible" means V.
 *
 * Every leaf has A and D set from the start: a machine that sets them itself
 * never has to, and one that faults instead never does.
 *
 * Entries are written by vm/pte.h alone. None of this fences: vm/asid.h does.
 * Locks: the caller holds the lock of the space that the table belongs to.
 */
#ifndef OCTAVO_VM_PAGETABLE_H
#define OCTAVO_VM_PAGETABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/layout.h"
#include "arch/memory.h"

struct quota;

typedef uint64_t pte_t;

enum {
    PTE_V = 1 << 0,
    PTE_R = 1 << 1,
    PTE_W = 1 << 2,
    PTE_X = 1 << 3,
    PTE_U = 1 << 4,
    PTE_G = 1 << 5,
    PTE_A = 1 << 6,
    PTE_D = 1 << 7,
    /* The two bits that the hardware leaves to the kernel: */
    PTE_SHARED = 1 << 8, /* other spaces see what is written: never COW */
    PTE_LENT = 1 << 9,   /* lent or borrowed in an open call */

    PTE_FLAGS = 0x3ff,
    PTE_RIGHTS = PTE_V | PTE_R | PTE_W | PTE_X,
    PTE_PPN_SHIFT = 10,

    PAGETABLE_ENTRIES = 512,
    PAGETABLE_LEVELS = 3,
    LARGE_SIZE = PAGE_SIZE * PAGETABLE_ENTRIES, /* of an entry of level 1 */
};

struct pagetable {
    pa_t root;
    struct quota *quota; /* pays for pages and tables */
};

static inline pa_t pte_frame(pte_t pte) {
    return pte >> PTE_PPN_SHIFT << PAGE_SHIFT;
}

/* Whether the entry points to a table of the next level. */
static inline bool pte_is_table(pte_t pte) {
    return (pte & (PTE_V | PTE_R | PTE_W | PTE_X)) == PTE_V;
}

static inline pte_t pte_make(pa_t pa, pte_t flags) {
    return pa >> PAGE_SHIFT << PTE_PPN_SHIFT | flags;
}

/* The flags of a user's leaf with these PROT_ rights, whose bits are those of
 * R, W and X, one place lower. */
static inline pte_t pte_flags(unsigned prot) {
    return PTE_U | PTE_A | PTE_D | (pte_t)prot << 1 |
           (prot != PROT_NONE ? PTE_V : 0);
}

/*
 * Makes the root of a table: user half empty, kernel half as in every other.
 * The frame is charged to the quota (of which this takes no reference).
 * -ENOMEM: nothing happened.
 */
int pagetable_create(struct pagetable *table, struct quota *quota);

/* Frees the root. Every user page and table must be gone. */
void pagetable_destroy(struct pagetable *table);

/*
 * The entry for `va` at `level` (0: the leaf of a 4 KiB page); NULL if a table
 * on the way is missing.
 */
pte_t *pagetable_find(const struct pagetable *table, va_t va, unsigned level);

/* An entry of a table, which callers need not compare with NULL. */
static inline pte_t *pte_at(pte_t *table, uint64_t index) {
    pte_t *entry = &table[index];
    if (entry == NULL) {
        __builtin_unreachable();
    }
    return entry;
}

/* The same for level 1, quickly. */
static inline pte_t *pagetable_middle(const struct pagetable *table, va_t va) {
    enum { BITS = 9, MASK = PAGETABLE_ENTRIES - 1 };
    const pte_t *root = pa_to_va(table->root);
    pte_t entry = root[va >> (PAGE_SHIFT + 2 * BITS) & MASK];
    if (!pte_is_table(entry)) {
        return NULL;
    }
    pte_t *middle = pa_to_va(pte_frame(entry));
    return pte_at(middle, va >> (PAGE_SHIFT + BITS) & MASK);
}

/* The same for level 0, quickly. */
static inline pte_t *pagetable_leaf(const struct pagetable *table, va_t va) {
    const pte_t *middle = pagetable_middle(table, va);
    if (middle == NULL || !pte_is_table(*middle)) {
        return NULL;
    }
    pte_t *leaves = pa_to_va(pte_frame(*middle));
    return pte_at(leaves, va >> PAGE_SHIFT & (PAGETABLE_ENTRIES - 1));
}

/* Whether there is a leaf that permits these PROT_ rights. */
static inline bool leaf_permits(const pte_t *leaf, unsigned access) {
    pte_t need = pte_flags(access) & PTE_RIGHTS;
    return leaf != NULL && (*leaf & need) == need;
}

/*
 * The same, making and charging the tables on the way, where no megapage may
 * be. NULL: no memory, and no table was made.
 */
pte_t *pagetable_walk(struct pagetable *table, va_t va, unsigned level);

/* Puts a table of 512 small pages in the place of a megapage, and charges it.
 * -ENOMEM: nothing happened. The caller fences the whole space. */
int pagetable_split(struct pagetable *table, pte_t *entry);

/*
 * Maps the page `va`, which must be empty, to the frame and charges it. Takes
 * over the caller's reference to the frame. -ENOMEM: nothing happened.
 */
int pagetable_map(struct pagetable *table, va_t va, pa_t pa, pte_t flags);

/* The same for a leaf that pagetable_leaf has found. */
int pagetable_fill(struct pagetable *table, pte_t *leaf, pa_t pa, pte_t flags);

/* The same for 2 MiB at a multiple of 2 MiB, in one entry of level 1, charged
 * as one page: for the kernel's own map, whose quota has no limit. */
int pagetable_map_large(struct pagetable *table, va_t va, pa_t pa, pte_t flags);

/*
 * Empties an occupied leaf, takes its charge back and returns what was there.
 * The reference to the frame is the caller's again, who fences before dropping
 * it. Tables that become empty stay: pagetable_prune.
 */
pte_t pagetable_unmap(struct pagetable *table, pte_t *leaf);

/* Changes an occupied leaf to these flags. Returns true if a right was removed:
 * the caller must fence. */
bool pagetable_protect(pte_t *leaf, pte_t flags);

/*
 * The next occupied leaf in [*va, end): returns it and sets *va to its page.
 * NULL: there is none (*va == end), or the budget is used up before one was
 * found (*va tells how far it got), or at *va a megapage begins or goes on. A
 * leaf costs 1, so does looking at 32 empty entries: about 300 instructions.
 */
pte_t *pagetable_next(const struct pagetable *table, va_t *va, va_t end,
                      unsigned *budget);

/*
 * Unlinks the tables on the way to `va` that hold no entry (at most two), takes
 * their charge back and stores their frames in pruned[]; returns how many. The
 * caller fences the whole space before it drops them.
 */
unsigned pagetable_prune(struct pagetable *table, va_t va, pa_t pruned[2]);

/* Prints each occupied leaf of the user half, megapages too: address, frame,
 * rights, and the references to the (first) frame. */
void pagetable_dump(const struct pagetable *table);

#endif
