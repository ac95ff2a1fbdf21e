/* SPDX-License-Identifier: MIT */
/*
 * vm/pagetable.c: walking and changing Sv39 page tables.
 *
 * Invariants  I1 the tag of a table's frame counts its occupied entries;
 *             I2 a table is reachable from one entry, and its frame has one
 *                reference;
 *             I3 the quota is charged one frame for each occupied leaf of the
 *                user half, and for each table of it and the root.
 * Read        next: vm/asid.c for what fencing takes, vm/space.c for use.
 */
#include "vm/pagetable.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "lib/panic.h"
#include "lib/print.h"
#include "lib/string.h"
#include "vm/frame.h"
#include "vm/kernelmap.h"
#include "vm/pte.h"
#include "vm/quota.h"

enum {
    ROOT_LEVEL = PAGETABLE_LEVELS - 1,
    INDEX_BITS = 9,
    SCAN_UNIT = 32, /* empty entries that cost as much as handling a page */
};

/* ---- Entries ---- */

_Static_assert(PTE_R == PROT_READ << 1 && PTE_W == PROT_WRITE << 1 &&
                   PTE_X == PROT_EXECUTE << 1,
               "pte_flags shifts rights into place");

/* Writes one entry and counts it. */
static inline void pte_set(pte_t *entry, pte_t value) {
    int change = (value != 0) - (*entry != 0);
    debug_assert(!(value & PTE_W) || value & PTE_R);
    debug_assert((value & (PTE_V | PTE_U)) != (PTE_V | PTE_U) ||
                 value & (PTE_R | PTE_X));
    if (change != 0) {
        pte_count(entry, change);
    }
    pte_publish();
    pte_store(entry, value);
}

/* ---- Walking ---- */

static uint64_t level_size(unsigned level) {
    return 1ull << (PAGE_SHIFT + INDEX_BITS * level);
}

static unsigned level_index(va_t va, unsigned level) {
    return va >> (PAGE_SHIFT + INDEX_BITS * level) & (PAGETABLE_ENTRIES - 1);
}

/* Follows tables down towards `level`, and stops above it where there is none.
 * Returns the entry for va where it stopped, at level *at. */
static inline pte_t *descend(const struct pagetable *table, va_t va,
                             unsigned level, unsigned *at) {
    pte_t *entry = pa_to_va(table->root);
    unsigned now = ROOT_LEVEL;
    for (;; now--) {
        entry += level_index(va, now);
        if (now == level || !pte_is_table(*entry)) {
            *at = now;
            return entry;
        }
        entry = pa_to_va(pte_frame(*entry));
    }
}

pte_t *pagetable_find(const struct pagetable *table, va_t va, unsigned level) {
    unsigned at;
    pte_t *entry = descend(table, va, level, &at);
    return at == level ? entry : NULL;
}

/* Allocates and charges `count` empty tables, or none at all. */
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
            quota_uncharge_frames(table->quota, count);
            return false;
        }
        frame_of(tables[i])->kind = FRAME_TABLE;
    }
    return true;
}

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
        pte_set(entry, pte_make(tables[i], PTE_V));
        pte_t *entries = pa_to_va(tables[i]);
        entry = &entries[level_index(va, --at)];
    }
    return entry;
}

/* How many of at most `most` entries are empty, from the first one on. */
static inline uint64_t entries_empty(const pte_t *entry, uint64_t most) {
    enum { AT_ONCE = 4 };
    uint64_t n = 0;
    for (; n + AT_ONCE <= most; n += AT_ONCE, entry += AT_ONCE) {
        if ((entry[0] | entry[1] | entry[2] | entry[3]) != 0) {
            break;
        }
    }
    while (n < most && *entry == 0) {
        n++;
        entry++;
    }
    return n;
}

static inline uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

pte_t *pagetable_next(const struct pagetable *table, va_t *va, va_t end,
                      unsigned *budget) {
    uint64_t seen = 0; /* empty entries that are not yet paid for */
    while (*budget > 0 && *va < end) {
        unsigned at;
        pte_t *entry = descend(table, *va, 0, &at);
        if (*entry != 0 && at == 0) {
            --*budget;
            return entry;
        }
        if (*entry != 0) {
            return NULL;
        }
        uint64_t size = level_size(at);
        va_t start = round_down(*va, size);
        uint64_t most = PAGETABLE_ENTRIES - level_index(*va, at);
        most = least(most, (end - start - 1) / size + 1);
        most = least(most, (uint64_t)*budget * SCAN_UNIT - seen);
        uint64_t empty = entries_empty(entry, most);
        *va = start + empty * size;
        seen += empty;
        *budget -= (unsigned)(seen / SCAN_UNIT);
        seen %= SCAN_UNIT;
    }
    if (*va > end) {
        *va = end;
    }
    return NULL;
}

/* ---- Changing ---- */

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
    pte_count(leaf, PAGETABLE_ENTRIES);
    pte_publish();
    pte_store(entry, pte_make(leaves, PTE_V));
    return 0;
}

int pagetable_fill(struct pagetable *table, pte_t *leaf, pa_t pa, pte_t flags) {
    if (!quota_charge_frames(table->quota, 1)) {
        return -ENOMEM;
    }
    pte_set(leaf, pte_make(pa, flags));
    return 0;
}

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
    assert(*leaf == 0);
    pte_set(leaf, value);
    return 0;
}

int pagetable_map(struct pagetable *table, va_t va, pa_t pa, pte_t flags) {
    return map_at(table, va, 0, pte_make(pa, flags));
}

int pagetable_map_large(struct pagetable *table, va_t va, pa_t pa,
                        pte_t flags) {
    return map_at(table, va, 1, pte_make(pa, flags));
}

pte_t pagetable_unmap(struct pagetable *table, pte_t *leaf) {
    pte_t old = *leaf;
    assert(old != 0);
    pte_set(leaf, 0);
    quota_uncharge_frames(table->quota, 1);
    return old;
}

bool pagetable_protect(pte_t *leaf, pte_t flags) {
    pte_t old = *leaf;
    assert(old != 0);
    pte_set(leaf, pte_make(pte_frame(old), flags));
    return (old & PTE_V) && (old & ~flags & PTE_RIGHTS);
}

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
    quota_uncharge_frames(table->quota, count);
    return count;
}

/* ---- Roots ---- */

int pagetable_create(struct pagetable *table, struct quota *quota) {
    pa_t root;
    table->quota = quota;
    if (!tables_alloc(table, &root, 1)) {
        return -ENOMEM;
    }
    table->root = root;
    if (kernel_root != 0) {
        memcpy((char *)pa_to_va(root) + PAGE_SIZE / 2,
               (char *)pa_to_va(kernel_root) + PAGE_SIZE / 2, PAGE_SIZE / 2);
    }
    return 0;
}

void pagetable_destroy(struct pagetable *table) {
    assert(frame_of(table->root)->tag == 0);
    frame_unref(table->root);
    quota_uncharge_frames(table->quota, 1);
    table->root = 0;
}

/* ---- Looking ---- */

static char flag_letter(pte_t pte, pte_t flag, char letter) {
    return pte & flag ? letter : '-';
}

void pagetable_dump(const struct pagetable *table) {
    unsigned budget, level;
    pte_t *leaf;
    for (va_t va = 0; va < USER_END; va += level_size(level)) {
        do {
            budget = PAGETABLE_ENTRIES;
            leaf = pagetable_next(table, &va, USER_END, &budget);
        } while (leaf == NULL && budget == 0);
        level = leaf == NULL;
        if (leaf == NULL && va < USER_END) {
            leaf = pagetable_find(table, va, level);
        }
        if (leaf == NULL) {
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
