/* SPDX-License-Identifier: MIT */
/*
 * cap/handle.c: looking up, placing, copying and closing handles.
 *
 * Each function checks everything under the table's lock, then changes it;
 * references are dropped after the lock is, since the last one may destroy an
 * object that has locks of its own.
 */
#include "cap/handle.h"

#include "abi/errno.h"
#include "lib/panic.h"
#include "lib/string.h"

static const struct handle_entry EMPTY;

void handle_table_clear(struct handle_table *table) {
    memset(table->slot, 0, sizeof table->slot);
}

/* The entry of a valid handle, or NULL. */
static struct handle_entry *entry_at(struct handle_table *table, uint64_t h)
    REQUIRES(table->lock) {
    if (h >= HANDLE_MAX || table->slot[h].type == HANDLE_NONE)
        return NULL;
    return &table->slot[h];
}

/* The lowest free slot at or above `lowest`, or -ENOSPC. */
static int slot_find(struct handle_table *table, unsigned lowest)
    REQUIRES(table->lock) {
    for (unsigned i = lowest; i < HANDLE_MAX; i++) {
        if (table->slot[i].type == HANDLE_NONE)
            return (int)i;
    }
    return -ENOSPC;
}

static int entry_check(const struct handle_entry *entry, enum handle_type type,
                       unsigned rights) {
    if (!entry || entry->type != type)
        return -EBADF;
    return (entry->rights & rights) == rights ? 0 : -EPERM;
}

int handle_lookup(struct handle_table *table, uint64_t h, enum handle_type type,
                  unsigned rights, struct handle_entry *out) {
    spin_lock(&table->lock);
    struct handle_entry *entry = entry_at(table, h);
    int error = entry_check(entry, type, rights);
    if (!error)
        *out = *entry;
    spin_unlock(&table->lock);
    return error;
}

int handle_peek(struct handle_table *table, uint64_t h,
                struct handle_entry *out) {
    spin_lock(&table->lock);
    struct handle_entry *entry = entry_at(table, h);
    if (entry)
        *out = *entry;
    spin_unlock(&table->lock);
    return entry ? 0 : -EBADF;
}

int handle_take(struct handle_table *table, uint64_t h, enum handle_type type,
                unsigned rights, struct handle_entry *out) {
    spin_lock(&table->lock);
    struct handle_entry *entry = entry_at(table, h);
    int error = entry_check(entry, type, rights);
    if (!error) {
        *out = *entry;
        handle_entry_get(out);
    }
    spin_unlock(&table->lock);
    return error;
}

int handle_insert(struct handle_table *table, unsigned lowest,
                  const struct handle_entry *entry) {
    spin_lock(&table->lock);
    int slot = slot_find(table, lowest);
    if (slot >= 0)
        handle_slot_fill(table, (unsigned)slot, entry);
    spin_unlock(&table->lock);
    return slot;
}

void handle_forget(struct handle_table *table, uint64_t h,
                   const struct handle_entry *entry) {
    spin_lock(&table->lock);
    struct handle_entry *slot = entry_at(table, h);
    if (slot && slot->object == entry->object && slot->type == entry->type &&
        slot->generation == entry->generation)
        handle_slot_empty(table, (unsigned)h);
    spin_unlock(&table->lock);
}

int handle_remove(struct handle_table *table, uint64_t h,
                  struct handle_entry *out) {
    spin_lock(&table->lock);
    struct handle_entry *entry = entry_at(table, h);
    if (entry) {
        *out = *entry;
        handle_slot_empty(table, (unsigned)h);
    }
    spin_unlock(&table->lock);
    return entry ? 0 : -EBADF;
}

int handle_close(struct handle_table *table, uint64_t h) {
    struct handle_entry entry;
    int error = handle_remove(table, h, &entry);
    if (!error)
        handle_entry_put(&entry);
    return error;
}

/* Where a dup goes, or why it cannot. */
static int dup_target(struct handle_table *table, uint64_t slot, unsigned flags)
    REQUIRES(table->lock) {
    if (slot >= HANDLE_MAX)
        return flags & DUP_LOWEST ? -ENOSPC : -EINVAL;
    if (flags & DUP_LOWEST)
        return slot_find(table, (unsigned)slot);
    if (table->slot[slot].type != HANDLE_NONE && !(flags & DUP_REPLACE))
        return -EEXIST;
    return (int)slot;
}

/* The target again, or why this handle cannot be copied there. */
static int dup_allowed(const struct handle_entry *entry, bool move,
                       int target) {
    const struct object_operations *operations = object_operations(entry->type);
    if (!move && operations->unique)
        return -EPERM;
    if (operations->current && !operations->current(entry))
        return -ESTALE;
    return target;
}

static int dup_locked(struct handle_table *table, uint64_t h, int target,
                      unsigned rights, bool move, struct handle_entry *victim)
    REQUIRES(table->lock) {
    struct handle_entry copy = table->slot[h];
    copy.rights &= (uint16_t)rights;
    if (move)
        handle_slot_empty(table, (unsigned)h);
    else
        handle_entry_get(&copy);
    *victim = table->slot[target];
    handle_slot_fill(table, (unsigned)target, &copy);
    return target;
}

int handle_dup(struct handle_table *table, uint64_t h, uint64_t slot,
               unsigned rights, unsigned flags) {
    struct handle_entry victim = EMPTY;
    bool move = flags & DUP_MOVE;
    if (flags & ~(unsigned)(DUP_LOWEST | DUP_MOVE | DUP_REPLACE))
        return -EINVAL;
    spin_lock(&table->lock);
    struct handle_entry *entry = entry_at(table, h);
    int target = entry ? dup_target(table, slot, flags) : -EBADF;
    if (target >= 0)
        target = dup_allowed(entry, move, target);
    if (target >= 0 && (uint64_t)target == h)
        entry->rights &= (uint16_t)rights;
    else if (target >= 0)
        target = dup_locked(table, h, target, rights, move, &victim);
    spin_unlock(&table->lock);
    if (victim.type != HANDLE_NONE)
        handle_entry_put(&victim);
    return target;
}

void handle_inherit(struct handle_table *parent, struct handle_table *child) {
    spin_lock(&parent->lock);
    for (unsigned i = 0; i < HANDLE_MAX; i++) {
        const struct handle_entry *entry = &parent->slot[i];
        if (entry->type == HANDLE_NONE || !(entry->rights & RIGHT_INHERIT) ||
            object_operations(entry->type)->unique)
            continue;
        handle_entry_get(entry);
        child->slot[i] = *entry;
    }
    spin_unlock(&parent->lock);
}
