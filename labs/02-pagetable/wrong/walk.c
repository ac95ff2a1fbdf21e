/* SPDX-License-Identifier: MIT */
/*
 * wrong/walk.c: mistakes in walking and making tables. See
 * docs/howto/write-a-lab.md; never compiled as it is.
 */

/*
 * walk-rights: an entry that leads to a table has rights, as if it were a
 * leaf: the hardware takes it for a large page.
 * File: kernel/vm/pagetable.c
 * Caught by: walk
 */
pte_t *pagetable_walk(struct pagetable *table, va_t va, unsigned level) {
    pa_t tables[PAGETABLE_LEVELS];
    unsigned at;
    pte_t *entry = descend(table, va, level, &at);
    if (at == level) {
        return entry;
    }
    assert(*entry == 0);
    unsigned missing = at - level;
    if (!tables_alloc(table, tables, missing)) {
        return NULL;
    }
    for (unsigned i = 0; i < missing; i++) {
        pte_set(entry, pte_make(tables[i], PTE_V | PTE_R | PTE_W));
        pte_t *entries = pa_to_va(tables[i]);
        entry = &entries[level_index(va, --at)];
    }
    return entry;
}

/*
 * walk-keep: when the second table cannot be had, the first one is kept.
 * File: kernel/vm/pagetable.c
 * Caught by: walk_nothing, map_nothing
 */
static bool tables_alloc(struct pagetable *table, pa_t *tables,
                         unsigned count) {
    if (!quota_charge_frames(table->quota, count)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        tables[i] = frame_alloc_zero(quota_essential(table->quota));
        if (tables[i] == 0) {
            quota_uncharge_frames(table->quota, count);
            return false;
        }
        frame_of(tables[i])->kind = FRAME_TABLE;
    }
    return true;
}

/*
 * walk-uncharge: a table that cannot be had stays charged.
 * File: kernel/vm/pagetable.c
 * Caught by: walk_nothing
 */
static bool tables_alloc(struct pagetable *table, pa_t *tables,
                         unsigned count) {
    if (!quota_charge_frames(table->quota, count)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        tables[i] = frame_alloc_zero(quota_essential(table->quota));
        if (tables[i] == 0) {
            while (i-- > 0) {
                frame_unref(tables[i]);
            }
            return false;
        }
        frame_of(tables[i])->kind = FRAME_TABLE;
    }
    return true;
}

/*
 * find-leaf: a megapage is taken for a table: its memory is read as entries.
 * File: kernel/vm/pagetable.c
 * Caught by: find
 */
pte_t *pagetable_find(const struct pagetable *table, va_t va, unsigned level) {
    pte_t *entry = pa_to_va(table->root);
    for (unsigned now = ROOT_LEVEL;; now--) {
        entry += level_index(va, now);
        if (now == level) {
            return entry;
        }
        if (!(*entry & PTE_V)) {
            return NULL;
        }
        entry = pa_to_va(pte_frame(*entry));
    }
}

/*
 * tables-reserve: tables are made of the last frames, whoever asks for them.
 * File: kernel/vm/pagetable.c
 * Caught by: walk_reserve
 */
static bool tables_alloc(struct pagetable *table, pa_t *tables,
                         unsigned count) {
    if (!quota_charge_frames(table->quota, count)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        tables[i] = frame_alloc_zero(true);
        if (tables[i] == 0) {
            while (i-- > 0) {
                frame_unref(tables[i]);
            }
            quota_uncharge_frames(table->quota, count);
            return false;
        }
        frame_of(tables[i])->kind = FRAME_TABLE;
    }
    return true;
}
