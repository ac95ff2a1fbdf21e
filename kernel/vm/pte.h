/* SPDX-License-Identifier: MIT */
/*
 * vm/pte.h: writing page-table entries: the one place that does.
 *
 * For vm/pagetable.c, which writes single entries, vm/transfer.c, which writes
 * runs of them, and vm/fault.c, which adds rights; everybody else goes through
 * those. What a page or a table holds must be visible to every hart before the
 * entry that leads there: pte_publish comes first, once for any number of
 * stores.
 */
#ifndef OCTAVO_VM_PTE_H
#define OCTAVO_VM_PTE_H

#include "vm/frame.h"
#include "vm/oracle.h"
#include "vm/pagetable.h"

/* What was written to memory before comes before all stores of entries after.
 */
static inline void pte_publish(void) {
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

/* Writes an entry. Counting it is the caller's: pte_count. */
static inline void pte_store(pte_t *entry, pte_t value) {
    pte_t old = DEBUG_BUILD ? *entry : 0;
    __atomic_store_n(entry, value, __ATOMIC_RELAXED);
    if (DEBUG_BUILD) {
        oracle_stored(entry, old);
    }
}

/* The frame that an entry leads to. */
static inline struct frame *pte_record(pte_t pte) {
    debug_assert(frame_of(pte_frame(pte)) != NULL);
    return &frame_records[pte >> PTE_PPN_SHIFT];
}

/* The frame of the table that an entry is in. */
static inline struct frame *pte_table(const pte_t *entry) {
    return frame_record(va_to_pa(entry) & ~(pa_t)(PAGE_SIZE - 1));
}

/* Notes that this many more entries of a table are in use. */
static inline void table_count(struct frame *table, int change) {
    table->tag = (uint16_t)(table->tag + change);
}

/* The same for the table that an entry is in. */
static inline void pte_count(const pte_t *entry, int change) {
    table_count(pte_table(entry), change);
}

#endif
