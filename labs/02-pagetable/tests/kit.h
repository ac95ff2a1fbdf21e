/* SPDX-License-Identifier: MIT */
/*
 * kit.h: a page table made and looked at by hand, for unit.c.
 *
 * `peek` walks by itself, and the other functions write entries themselves, so
 * that a test says something about the function it tests, and about no other.
 */
#ifndef OCTAVO_LAB_PAGETABLE_KIT_H
#define OCTAVO_LAB_PAGETABLE_KIT_H

#include "unit.h"

#include "arch/memory.h"
#include "vm/frame.h"
#include "vm/pagetable.h"
#include "vm/pte.h"
#include "vm/quota.h"

enum {
    USER_RW = PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D,
    USER_R = PTE_V | PTE_R | PTE_U | PTE_A | PTE_D,
    LINK = PTE_V,
    LEVEL_BITS = 9,
    MEGA = PAGE_SIZE * PAGETABLE_ENTRIES,
};

/* Indices 3, 5 and 7 of the levels 2, 1 and 0. */
#define PLACE ((va_t)3 << 30 | (va_t)5 << 21 | (va_t)7 << 12)

static struct quota quota;
static struct pagetable table;
static uint64_t frames_before;

/* An empty table, made by hand. */
static inline void setup(void) {
    quota.frames_max = frame_total();
    table.quota = &quota;
    table.root = frame_alloc_zero(true);
    frame_of(table.root)->kind = FRAME_TABLE;
    quota.frames = 1;
    frames_before = frame_free_count();
}

static inline pte_t *entries(pa_t pa) {
    return pa_to_va(pa);
}

static inline unsigned index_of(va_t va, unsigned level) {
    return (unsigned)(va >> (PAGE_SHIFT + LEVEL_BITS * level)) %
           PAGETABLE_ENTRIES;
}

/* The entry for va at a level, or NULL, by the book. */
static inline pte_t *peek(va_t va, unsigned level) {
    pa_t pa = table.root;
    for (unsigned now = PAGETABLE_LEVELS - 1;; now--) {
        pte_t *entry = &entries(pa)[index_of(va, now)];
        if (now == level) {
            return entry;
        }
        if ((*entry & (PTE_V | PTE_R | PTE_W | PTE_X)) != PTE_V) {
            return NULL;
        }
        pa = *entry >> PTE_PPN_SHIFT << PAGE_SHIFT;
    }
}

/* Links an empty table into an entry by hand. */
static inline pa_t link_table(pte_t *entry) {
    pa_t pa = frame_alloc_zero(true);
    frame_of(pa)->kind = FRAME_TABLE;
    *entry = pa >> PAGE_SHIFT << PTE_PPN_SHIFT | LINK;
    pte_count(entry, 1);
    quota.frames++;
    return pa;
}

static inline void put_leaf(pte_t *entry, pa_t pa, pte_t flags) {
    *entry = pa >> PAGE_SHIFT << PTE_PPN_SHIFT | flags;
    pte_count(entry, 1);
    quota.frames++;
}

/* Tables for PLACE by hand. */
static inline void link_place(void) {
    link_table(peek(PLACE, 2));
    link_table(peek(PLACE, 1));
}

static inline pa_t page(void) {
    pa_t pa = frame_alloc_zero(true);
    unit_true("the test has a frame", pa != 0);
    return pa;
}

static inline void check_table(const char *what, const pte_t *entry,
                               unsigned used) {
    unit_true(what, entry != NULL);
    unit_equal("an entry that leads to a table has V alone", *entry & PTE_FLAGS,
               LINK);
    pa_t pa = pte_frame(*entry);
    unit_equal("the references to a table", frame_refs(pa), 1);
    unit_equal("the kind of a table's frame", frame_of(pa)->kind, FRAME_TABLE);
    unit_equal("the entries that a table counts", frame_of(pa)->tag, used);
}

#endif
