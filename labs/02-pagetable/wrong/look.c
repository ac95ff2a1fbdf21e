/* SPDX-License-Identifier: MIT */
/*
 * wrong/look.c: mistakes in looking for pages and in pruning.
 */

/*
 * next-invalid: leaves without V are passed over.
 * File: kernel/vm/pagetable.c
 * Caught by: next
 */
pte_t *pagetable_next(const struct pagetable *table, va_t *va, va_t end,
                      unsigned *budget) {
    unsigned empty = 0;
    while (*budget > 0 && *va < end) {
        unsigned at;
        pte_t *entry = descend(table, *va, 0, &at);
        uint64_t size = level_size(at);
        if ((*entry & PTE_V) && at == 0) {
            --*budget;
            return entry;
        }
        if ((*entry & PTE_V) && !pte_is_table(*entry)) {
            return NULL;
        }
        *va = round_down(*va, size) + size;
        *budget -= ++empty % SCAN_UNIT == 0;
    }
    if (*va > end) {
        *va = end;
    }
    return NULL;
}

/*
 * next-stuck: at the last entry of a table it stays where it is, and never
 * comes to an end.
 * File: kernel/vm/pagetable.c
 * Caught by: next
 */
pte_t *pagetable_next(const struct pagetable *table, va_t *va, va_t end,
                      unsigned *budget) {
    while (*budget > 0 && *va < end) {
        unsigned at;
        pte_t *entry = descend(table, *va, 0, &at);
        uint64_t size = level_size(at);
        if (*entry != 0 && at == 0) {
            --*budget;
            return entry;
        }
        if (*entry != 0 && !pte_is_table(*entry)) {
            return NULL;
        }
        if (level_index(*va, at) != PAGETABLE_ENTRIES - 1) {
            *va = round_down(*va, size) + size;
        }
    }
    return NULL;
}

/*
 * next-step: goes on by one page where a whole table is missing: right, and so
 * slow that the budget is gone.
 * File: kernel/vm/pagetable.c
 * Caught by: next
 */
pte_t *pagetable_next(const struct pagetable *table, va_t *va, va_t end,
                      unsigned *budget) {
    unsigned empty = 0;
    while (*budget > 0 && *va < end) {
        unsigned at;
        pte_t *entry = descend(table, *va, 0, &at);
        if (*entry != 0 && at == 0) {
            --*budget;
            return entry;
        }
        if (*entry != 0 && !pte_is_table(*entry)) {
            return NULL;
        }
        *va += PAGE_SIZE;
        *budget -= ++empty % SCAN_UNIT == 0;
    }
    return NULL;
}

/*
 * next-budget: empty entries cost nothing: a lock is held for as long as it
 * takes.
 * File: kernel/vm/pagetable.c
 * Caught by: next_budget
 */
pte_t *pagetable_next(const struct pagetable *table, va_t *va, va_t end,
                      unsigned *budget) {
    while (*budget > 0 && *va < end) {
        unsigned at;
        pte_t *entry = descend(table, *va, 0, &at);
        uint64_t size = level_size(at);
        if (*entry != 0 && at == 0) {
            --*budget;
            return entry;
        }
        if (*entry != 0 && !pte_is_table(*entry)) {
            return NULL;
        }
        *va = round_down(*va, size) + size;
    }
    if (*va > end) {
        *va = end;
    }
    return NULL;
}

/*
 * next-past: behind the last page it ends past the end of the range.
 * File: kernel/vm/pagetable.c
 * Caught by: next
 */
pte_t *pagetable_next(const struct pagetable *table, va_t *va, va_t end,
                      unsigned *budget) {
    unsigned empty = 0;
    while (*budget > 0 && *va < end) {
        unsigned at;
        pte_t *entry = descend(table, *va, 0, &at);
        uint64_t size = level_size(at);
        if (*entry != 0 && at == 0) {
            --*budget;
            return entry;
        }
        if (*entry != 0 && !pte_is_table(*entry)) {
            return NULL;
        }
        *va += size;
        *budget -= ++empty % SCAN_UNIT == 0;
    }
    return NULL;
}

/*
 * prune-one: the table above one that was pruned stays, though it is empty.
 * File: kernel/vm/pagetable.c
 * Caught by: prune, random
 */
unsigned pagetable_prune(struct pagetable *table, va_t va, pa_t pruned[2]) {
    pte_t *entry = pagetable_find(table, va, 1);
    if (entry == NULL || !pte_is_table(*entry)) {
        return 0;
    }
    pruned[0] = pte_frame(*entry);
    if (frame_of(pruned[0])->tag > 0) {
        return 0;
    }
    pte_set(entry, 0);
    quota_uncharge_frames(table->quota, 1);
    return 1;
}

/*
 * prune-used: a table is pruned that still has entries in use.
 * File: kernel/vm/pagetable.c
 * Caught by: prune, random
 */
unsigned pagetable_prune(struct pagetable *table, va_t va, pa_t pruned[2]) {
    unsigned count = 0;
    for (unsigned level = 1; level <= ROOT_LEVEL; level++) {
        pte_t *entry = pagetable_find(table, va, level);
        if (entry == NULL || !pte_is_table(*entry)) {
            continue;
        }
        pa_t pa = pte_frame(*entry);
        if (frame_of(pa)->tag > 1) {
            break;
        }
        pte_set(entry, 0);
        pruned[count++] = pa;
    }
    quota_uncharge_frames(table->quota, count);
    return count;
}

/*
 * prune-charge: tables that went stay charged.
 * File: kernel/vm/pagetable.c
 * Caught by: prune, random
 */
unsigned pagetable_prune(struct pagetable *table, va_t va, pa_t pruned[2]) {
    unsigned count = 0;
    for (unsigned level = 1; level <= ROOT_LEVEL; level++) {
        pte_t *entry = pagetable_find(table, va, level);
        if (entry == NULL || !pte_is_table(*entry)) {
            continue;
        }
        pa_t pa = pte_frame(*entry);
        if (frame_of(pa)->tag > 0) {
            break;
        }
        pte_set(entry, 0);
        pruned[count++] = pa;
    }
    return count;
}

/*
 * dump-end: a dump ends at the first page without V.
 * File: kernel/vm/pagetable.c
 * Caught by: dump
 */
void pagetable_dump(const struct pagetable *table) {
    for (va_t va = 0; va < USER_END; va += PAGE_SIZE) {
        unsigned budget = 100000;
        pte_t *leaf = pagetable_next(table, &va, USER_END, &budget);
        if (leaf == NULL || !(*leaf & PTE_V)) {
            return;
        }
        pte_t pte = *leaf;
        kprintf("%010lx -> %010lx %c%c%c%c%c%c refs %u\n", va, pte_frame(pte),
                flag_letter(pte, PTE_V, 'v'), flag_letter(pte, PTE_R, 'r'),
                flag_letter(pte, PTE_W, 'w'), flag_letter(pte, PTE_X, 'x'),
                flag_letter(pte, PTE_SHARED, 's'),
                flag_letter(pte, PTE_LENT, 'l'), frame_refs(pte_frame(pte)));
    }
}

/*
 * dump-megapage: the dump goes on for ever at a megapage.
 * File: kernel/vm/pagetable.c
 * Caught by: dump
 */
void pagetable_dump(const struct pagetable *table) {
    for (va_t va = 0; va < USER_END;) {
        unsigned budget = PAGETABLE_ENTRIES;
        const pte_t *leaf = pagetable_next(table, &va, USER_END, &budget);
        if (leaf != NULL) {
            pte_t pte = *leaf;
            kprintf("%010lx -> %010lx %s%s--- refs %u\n", va, pte_frame(pte),
                    pte & PTE_V ? "vr" : "--", pte & PTE_W ? "w" : "-",
                    frame_refs(pte_frame(pte)));
            va += PAGE_SIZE;
        }
    }
}
