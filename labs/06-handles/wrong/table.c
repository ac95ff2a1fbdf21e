/* SPDX-License-Identifier: MIT */
/*
 * wrong/table.c: mistakes in looking up, placing and taking away.
 */

/*
 * index-cut: the index is cut to 32 bits before it is compared, so 2^32 + 3 is
 * handle 3.
 * File: kernel/cap/handle.c
 * Caught by: outside
 */
static struct handle_slot *slot_at(struct handle_table *table, uint64_t h)
    REQUIRES(table->lock) {
    unsigned index = (unsigned)h;
    if (index >= HANDLE_MAX || table->slot[index].type == HANDLE_NONE)
        return NULL;
    return &table->slot[index];
}

/*
 * index-one: the table's end is off by one: the last slot cannot be used.
 * File: kernel/cap/handle.c
 * Caught by: lookup
 */
static struct handle_slot *slot_at(struct handle_table *table, uint64_t h)
    REQUIRES(table->lock) {
    if (h >= HANDLE_MAX - 1 || table->slot[h].type == HANDLE_NONE)
        return NULL;
    return &table->slot[h];
}

/*
 * rights-any: one of the rights that are asked for is enough.
 * File: kernel/cap/handle.c
 * Caught by: lookup
 */
static int slot_check(const struct handle_slot *slot, enum handle_type type,
                      unsigned rights) {
    if (!slot || slot->type != type)
        return -EBADF;
    return rights == 0 || (slot->rights & rights) ? 0 : -EPERM;
}

/*
 * type-permission: an object of another type is -EPERM.
 * File: kernel/cap/handle.c
 * Caught by: lookup, take
 */
static int slot_check(const struct handle_slot *slot, enum handle_type type,
                      unsigned rights) {
    if (!slot)
        return -EBADF;
    if (slot->type != type)
        return -EPERM;
    return (slot->rights & rights) == rights ? 0 : -EPERM;
}

/*
 * lookup-writes: the entry is written even if the lookup fails.
 * File: kernel/cap/handle.c
 * Caught by: lookup
 */
int handle_lookup(struct handle_table *table, uint64_t h, enum handle_type type,
                  unsigned rights, struct handle_entry *out) {
    spin_lock(&table->lock);
    const struct handle_slot *slot = slot_at(table, h);
    int error = slot_check(slot, type, rights);
    if (slot)
        *out = slot_entry(slot);
    spin_unlock(&table->lock);
    return error;
}

/*
 * take-late: the reference is added after the lock was given back, when the
 * object may be gone.
 * File: kernel/cap/handle.c
 * Caught by: take
 */
int handle_take(struct handle_table *table, uint64_t h, enum handle_type type,
                unsigned rights, struct handle_entry *out) {
    spin_lock(&table->lock);
    const struct handle_slot *slot = slot_at(table, h);
    int error = slot_check(slot, type, rights);
    if (!error)
        *out = slot_entry(slot);
    spin_unlock(&table->lock);
    if (!error)
        handle_entry_get(out);
    return error;
}

/*
 * take-none: take is lookup: the caller drops a reference that is not his.
 * File: kernel/cap/handle.c
 * Caught by: take
 */
int handle_take(struct handle_table *table, uint64_t h, enum handle_type type,
                unsigned rights, struct handle_entry *out) {
    return handle_lookup(table, h, type, rights, out);
}

/*
 * changed-generation: a slot with the same object is taken for the same handle,
 * though the object has had another life since.
 * File: kernel/cap/handle.c
 * Caught by: changed
 */
bool handle_changed(struct handle_table *table, uint64_t h, const void *object,
                    uint32_t generation) {
    struct handle_entry now;
    (void)generation;
    return handle_peek(table, h, &now) != 0 || now.object != object;
}

/*
 * insert-above: the lowest slot itself is not tried.
 * File: kernel/cap/handle.c
 * Caught by: insert
 */
static int slot_find(struct handle_table *table, unsigned lowest)
    REQUIRES(table->lock) {
    for (unsigned i = lowest + 1; i < HANDLE_MAX; i++) {
        if (table->slot[i].type == HANDLE_NONE)
            return (int)i;
    }
    return -ENOSPC;
}

/*
 * insert-locked: a full table stays locked: the early return is before the
 * unlock.
 * File: kernel/cap/handle.c
 * Caught by: insert_full
 */
int handle_insert(struct handle_table *table, unsigned lowest,
                  const struct handle_entry *entry) {
    spin_lock(&table->lock);
    int slot = slot_find(table, lowest);
    if (slot < 0)
        return slot;
    slot_fill(&table->slot[slot], entry);
    spin_unlock(&table->lock);
    return slot;
}

/*
 * insert-reference: the slot gets a reference of its own; the caller's leaks.
 * File: kernel/cap/handle.c
 * Caught by: insert, random
 */
int handle_insert(struct handle_table *table, unsigned lowest,
                  const struct handle_entry *entry) {
    spin_lock(&table->lock);
    int slot = slot_find(table, lowest);
    if (slot >= 0) {
        handle_entry_get(entry);
        slot_fill(&table->slot[slot], entry);
    }
    spin_unlock(&table->lock);
    return slot;
}

/*
 * kind-lost: the slot's word has the object alone: any handle looks as if one
 * could call through it.
 * File: kernel/cap/handle.c
 * Caught by: slot
 */
inline void slot_fill(struct handle_slot *slot,
                      const struct handle_entry *entry) {
    uint64_t object = (uint64_t)entry->object;
    __atomic_store_n(&slot->meta, entry->meta, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->word, object, __ATOMIC_RELEASE);
}

/*
 * empty-type: an emptied slot has no type, but the pointer is still there, for
 * those who read the word without the lock.
 * File: kernel/cap/handle.c
 * Caught by: slot, remove
 */
void slot_empty(struct handle_table *table, struct handle_slot *slot) {
    slot->type = HANDLE_NONE;
    __atomic_store_n(&table->changes, table->changes + 1, __ATOMIC_RELEASE);
}

/*
 * empty-silent: `changes` does not grow.
 * File: kernel/cap/handle.c
 * Caught by: slot, move
 */
void slot_empty(struct handle_table *table, struct handle_slot *slot) {
    (void)table;
    slot_fill(slot, &EMPTY);
}

/*
 * forget-blind: the slot is emptied, whatever is in it by now.
 * File: kernel/cap/handle.c
 * Caught by: forget
 */
void handle_forget(struct handle_table *table, uint64_t h,
                   const struct handle_entry *entry) {
    (void)entry;
    spin_lock(&table->lock);
    struct handle_slot *slot = slot_at(table, h);
    if (slot)
        slot_empty(table, slot);
    spin_unlock(&table->lock);
}

/*
 * close-locked: the reference is dropped under the table's lock.
 * File: kernel/cap/handle.c
 * Caught by: remove
 */
int handle_close(struct handle_table *table, uint64_t h) {
    spin_lock(&table->lock);
    struct handle_slot *slot = slot_at(table, h);
    if (slot) {
        struct handle_entry entry = slot_entry(slot);
        slot_empty(table, slot);
        handle_entry_put(&entry);
    }
    spin_unlock(&table->lock);
    return slot ? 0 : -EBADF;
}

/*
 * close-leaks: the slot is emptied, and the reference forgotten: CLOSED never
 * comes.
 * File: kernel/cap/handle.c
 * Caught by: remove, closed
 */
int handle_close(struct handle_table *table, uint64_t h) {
    struct handle_entry entry;
    return handle_remove(table, h, &entry);
}

/*
 * inherit-all: the child gets what has no INHERIT, too.
 * File: kernel/cap/handle.c
 * Caught by: inherit
 */
void handle_inherit(struct handle_table *parent, struct handle_table *child) {
    spin_lock(&parent->lock);
    for (unsigned i = 0; i < HANDLE_MAX; i++) {
        const struct handle_slot *slot = &parent->slot[i];
        if (slot->type == HANDLE_NONE || object_operations(slot->type)->unique)
            continue;
        struct handle_entry entry = slot_entry(slot);
        handle_entry_get(&entry);
        slot_fill(&child->slot[i], &entry);
    }
    spin_unlock(&parent->lock);
}

/*
 * inherit-packed: the child's handles are in the lowest slots, not in the same
 * ones.
 * File: kernel/cap/handle.c
 * Caught by: inherit
 */
void handle_inherit(struct handle_table *parent, struct handle_table *child) {
    unsigned next = 0;
    spin_lock(&parent->lock);
    for (unsigned i = 0; i < HANDLE_MAX; i++) {
        const struct handle_slot *slot = &parent->slot[i];
        if (!(slot->rights & RIGHT_INHERIT) || slot->type == HANDLE_NONE ||
            object_operations(slot->type)->unique)
            continue;
        struct handle_entry entry = slot_entry(slot);
        handle_entry_get(&entry);
        slot_fill(&child->slot[next++], &entry);
    }
    spin_unlock(&parent->lock);
}

/*
 * inherit-unique: an endpoint with INHERIT is copied: two receive on it.
 * File: kernel/cap/handle.c
 * Caught by: inherit
 */
void handle_inherit(struct handle_table *parent, struct handle_table *child) {
    spin_lock(&parent->lock);
    for (unsigned i = 0; i < HANDLE_MAX; i++) {
        const struct handle_slot *slot = &parent->slot[i];
        if (!(slot->rights & RIGHT_INHERIT) || slot->type == HANDLE_NONE)
            continue;
        struct handle_entry entry = slot_entry(slot);
        handle_entry_get(&entry);
        slot_fill(&child->slot[i], &entry);
    }
    spin_unlock(&parent->lock);
}
