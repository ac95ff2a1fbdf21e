/* SPDX-License-Identifier: MIT */
/*
 * wrong/change.c: mistakes in mapping, unmapping and protecting.
 */

/*
 * map-charge: a page that cannot be mapped stays charged.
 * File: kernel/vm/pagetable.c
 * Caught by: map_nothing
 */
static inline int map_at(struct pagetable *table, va_t va, unsigned level,
                         pte_t value) {
    if (!quota_charge_frames(table->quota, 1)) {
        return -ENOMEM;
    }
    pte_t *leaf = pagetable_walk(table, va, level);
    if (leaf == NULL) {
        return -ENOMEM;
    }
    assert(*leaf == 0);
    pte_set(leaf, value);
    return 0;
}

/*
 * map-tables-first: tables are made before the page is charged, and stay when
 * the quota does not allow the page.
 * File: kernel/vm/pagetable.c
 * Caught by: map_nothing
 */
static inline int map_at(struct pagetable *table, va_t va, unsigned level,
                         pte_t value) {
    pte_t *leaf = pagetable_walk(table, va, level);
    if (leaf == NULL || !quota_charge_frames(table->quota, 1)) {
        return -ENOMEM;
    }
    assert(*leaf == 0);
    pte_set(leaf, value);
    return 0;
}

/*
 * map-uncounted: the leaf is written without counting it in its table.
 * File: kernel/vm/pagetable.c
 * Caught by: map, random, boots
 */
static inline int map_at(struct pagetable *table, va_t va, unsigned level,
                         pte_t value) {
    if (!quota_charge_frames(table->quota, 1)) {
        return -ENOMEM;
    }
    pte_t *leaf = pagetable_walk(table, va, level);
    if (leaf == NULL) {
        quota_uncharge_frames(table->quota, 1);
        return -ENOMEM;
    }
    pte_store(leaf, value);
    return 0;
}

/*
 * large-level: a large page is mapped by an entry of level 0.
 * File: kernel/vm/pagetable.c
 * Caught by: large
 */
int pagetable_map_large(struct pagetable *table, va_t va, pa_t pa,
                        pte_t flags) {
    return map_at(table, va, 0, pte_make(pa, flags));
}

/*
 * fill-free: a page that fills a leaf is not charged.
 * File: kernel/vm/pagetable.c
 * Caught by: map, map_nothing
 */
int pagetable_fill(struct pagetable *table, pte_t *leaf, pa_t pa, pte_t flags) {
    (void)table;
    pte_set(leaf, pte_make(pa, flags));
    return 0;
}

/*
 * unmap-valid: unmap clears V and leaves the rest, so that the leaf counts as
 * occupied for ever.
 * File: kernel/vm/pagetable.c
 * Caught by: unmap, random
 */
pte_t pagetable_unmap(struct pagetable *table, pte_t *leaf) {
    pte_t old = *leaf;
    assert(old != 0);
    pte_set(leaf, old & ~(pte_t)PTE_V);
    quota_uncharge_frames(table->quota, 1);
    return old;
}

/*
 * unmap-drop: unmap drops the reference, which is the caller's: the frame may
 * be somebody else's before any hart has been told. File: kernel/vm/pagetable.c
 * Caught by: unmap, boots
 */
pte_t pagetable_unmap(struct pagetable *table, pte_t *leaf) {
    pte_t old = *leaf;
    assert(old != 0);
    pte_set(leaf, 0);
    frame_unref(pte_frame(old));
    quota_uncharge_frames(table->quota, 1);
    return old;
}

/*
 * protect-or: protect adds the flags and never takes any away.
 * File: kernel/vm/pagetable.c
 * Caught by: protect, random
 */
bool pagetable_protect(pte_t *leaf, pte_t flags) {
    pte_t old = *leaf;
    assert(old != 0);
    pte_set(leaf, old | flags);
    return false;
}

/*
 * protect-changed: says that a fence is due whenever the entry changes.
 * File: kernel/vm/pagetable.c
 * Caught by: protect
 */
bool pagetable_protect(pte_t *leaf, pte_t flags) {
    pte_t old = *leaf;
    assert(old != 0);
    pte_set(leaf, pte_make(pte_frame(old), flags));
    return *leaf != old;
}

/*
 * protect-writable: forgets that the right to execute can be lost, too.
 * File: kernel/vm/pagetable.c
 * Caught by: protect
 */
bool pagetable_protect(pte_t *leaf, pte_t flags) {
    pte_t old = *leaf;
    assert(old != 0);
    pte_set(leaf, pte_make(pte_frame(old), flags));
    return (old & PTE_V) && (old & ~flags & PTE_W);
}

/*
 * split-rights: the small pages lose the bits that are the kernel's own.
 * File: kernel/vm/pagetable.c
 * Caught by: split
 */
int pagetable_split(struct pagetable *table, pte_t *entry) {
    pa_t leaves;
    pte_t large = *entry;
    if (!tables_alloc(table, &leaves, 1)) {
        return -ENOMEM;
    }
    pte_t *leaf = pa_to_va(leaves);
    for (unsigned i = 0; i < PAGETABLE_ENTRIES; i++) {
        pa_t pa = pte_frame(large) + (pa_t)i * PAGE_SIZE;
        pte_store(&leaf[i], pte_make(pa, large & 0xff));
    }
    pte_count(leaf, PAGETABLE_ENTRIES);
    pte_publish();
    pte_store(entry, pte_make(leaves, PTE_V));
    return 0;
}

/*
 * split-uncounted: the new table's entries are not counted: it is pruned as
 * empty.
 * File: kernel/vm/pagetable.c
 * Caught by: split
 */
int pagetable_split(struct pagetable *table, pte_t *entry) {
    pa_t leaves;
    pte_t large = *entry;
    if (!tables_alloc(table, &leaves, 1)) {
        return -ENOMEM;
    }
    pte_t *leaf = pa_to_va(leaves);
    for (unsigned i = 0; i < PAGETABLE_ENTRIES; i++) {
        pa_t pa = pte_frame(large) + (pa_t)i * PAGE_SIZE;
        pte_store(&leaf[i], pte_make(pa, large & PTE_FLAGS));
    }
    pte_publish();
    pte_store(entry, pte_make(leaves, PTE_V));
    return 0;
}

/*
 * prune-lowest: where level 0's table is missing, an empty one of level 1
 * stays.
 * File: kernel/vm/pagetable.c
 * Caught by: prune
 */
unsigned pagetable_prune(struct pagetable *table, va_t va, pa_t pruned[2]) {
    unsigned count = 0;
    for (unsigned level = 1; level <= ROOT_LEVEL; level++) {
        pte_t *entry = pagetable_find(table, va, level);
        if (entry == NULL || !pte_is_table(*entry) ||
            pte_record(*entry)->tag > 0) {
            break;
        }
        pruned[count++] = pte_frame(*entry);
        pte_set(entry, 0);
    }
    quota_uncharge_frames(table->quota, count);
    return count;
}
