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

/* Written at boot by one hart, only read afterwards: no lock. */
const struct object_operations *handle_operations[HANDLE_AUTHORITY + 1];

void object_register(enum handle_type type,
                     const struct object_operations *operations) {
    assert(type > HANDLE_NONE && type <= HANDLE_AUTHORITY);
    handle_operations[type] = operations;
}

void handle_entry_put(const struct handle_entry *entry) {
    if (entry->type != HANDLE_NONE)
        object_operations(entry->type)->put(entry);
}

uint32_t generation_next(void) {
    static uint32_t last;
    uint32_t next = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
    return next != 0 ? next : generation_next();
}

void handle_table_init(struct handle_table *table) {
    spin_init(&table->lock, RANK_HANDLES);
    for (unsigned i = 0; i < HANDLE_MAX; i++)
        slot_fill(&table->slot[i], &EMPTY);
}

/* ---- Slots ---- */

static enum handle_kind kind_of(const struct handle_entry *entry) {
    if (entry->type == HANDLE_SESSION && entry->rights & RIGHT_SEND)
        return KIND_CALL;
    if (entry->type == HANDLE_ENDPOINT && entry->rights & RIGHT_RECEIVE)
        return KIND_RECEIVE;
    if (entry->type == HANDLE_NOTIFICATION)
        return KIND_SIGNAL;
    return KIND_OTHER;
}

inline void slot_fill(struct handle_slot *slot,
                      const struct handle_entry *entry) {
    uint64_t object = (uint64_t)entry->object;
    assert((object & KIND_MASK) == 0);
    __atomic_store_n(&slot->meta, entry->meta, __ATOMIC_RELAXED);
    /* Last: who sees this word sees its generation, or a later one. */
    __atomic_store_n(&slot->word, object | kind_of(entry), __ATOMIC_RELEASE);
}

void slot_empty(struct handle_table *table, struct handle_slot *slot) {
    bool receives = (slot->word & KIND_MASK) == KIND_RECEIVE;
    slot_fill(slot, &EMPTY);
    if (receives)
        __atomic_store_n(&table->changes, table->changes + 1, __ATOMIC_RELEASE);
}

/* The slot of a valid handle, or NULL. */
static struct handle_slot *slot_at(struct handle_table *table, uint64_t h)
    REQUIRES(table->lock) {
    if (h >= HANDLE_MAX || table->slot[h].type == HANDLE_NONE)
        return NULL;
    return &table->slot[h];
}

unsigned handle_next(struct handle_table *table, unsigned from) {
    spin_lock(&table->lock);
    while (from < HANDLE_MAX && table->slot[from].type == HANDLE_NONE)
        from++;
    spin_unlock(&table->lock);
    return from;
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

static int slot_check(const struct handle_slot *slot, enum handle_type type,
                      unsigned rights) {
    if (!slot || slot->type != type)
        return -EBADF;
    return (slot->rights & rights) == rights ? 0 : -EPERM;
}

int handle_lookup(struct handle_table *table, uint64_t h, enum handle_type type,
                  unsigned rights, struct handle_entry *out) {
    spin_lock(&table->lock);
    const struct handle_slot *slot = slot_at(table, h);
    int error = slot_check(slot, type, rights);
    if (!error)
        *out = slot_entry(slot);
    spin_unlock(&table->lock);
    return error;
}

int handle_peek(struct handle_table *table, uint64_t h,
                struct handle_entry *out) {
    spin_lock(&table->lock);
    const struct handle_slot *slot = slot_at(table, h);
    if (slot)
        *out = slot_entry(slot);
    spin_unlock(&table->lock);
    return slot ? 0 : -EBADF;
}

bool handle_changed(struct handle_table *table, uint64_t h, const void *object,
                    uint32_t generation) {
    struct handle_entry now;
    return handle_peek(table, h, &now) != 0 || now.object != object ||
           now.generation != generation;
}

int handle_take(struct handle_table *table, uint64_t h, enum handle_type type,
                unsigned rights, struct handle_entry *out) {
    spin_lock(&table->lock);
    const struct handle_slot *slot = slot_at(table, h);
    int error = slot_check(slot, type, rights);
    if (!error) {
        *out = slot_entry(slot);
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
        slot_fill(&table->slot[slot], entry);
    spin_unlock(&table->lock);
    return slot;
}

int handle_give(struct handle_table *table, void *object, uint32_t generation,
                enum handle_type type, unsigned rights) {
    struct handle_entry entry = {.object = object,
                                 .generation = generation,
                                 .type = (uint16_t)type,
                                 .rights = (uint16_t)rights};
    int slot = handle_insert(table, HANDLE_RECEIVED, &entry);
    if (slot < 0)
        handle_entry_put(&entry);
    return slot;
}

void handle_forget(struct handle_table *table, uint64_t h,
                   const struct handle_entry *entry) {
    spin_lock(&table->lock);
    struct handle_slot *slot = slot_at(table, h);
    if (slot && slot_entry(slot).object == entry->object &&
        slot->type == entry->type && slot->generation == entry->generation)
        slot_empty(table, slot);
    spin_unlock(&table->lock);
}

int handle_remove(struct handle_table *table, uint64_t h,
                  struct handle_entry *out) {
    spin_lock(&table->lock);
    struct handle_slot *slot = slot_at(table, h);
    if (slot) {
        *out = slot_entry(slot);
        slot_empty(table, slot);
    }
    spin_unlock(&table->lock);
    return slot ? 0 : -EBADF;
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
static int dup_allowed(const struct handle_slot *slot, bool move, int target) {
    const struct object_operations *operations = object_operations(slot->type);
    struct handle_entry entry = slot_entry(slot);
    if (!move && operations->unique)
        return -EPERM;
    if (operations->current && !operations->current(&entry))
        return -ESTALE;
    return target;
}

/* Into its own slot, too: that one's handle is the victim, or has moved. */
static int dup_locked(struct handle_table *table, uint64_t h, int target,
                      unsigned rights, bool move, struct handle_entry *victim)
    REQUIRES(table->lock) {
    struct handle_slot *to = &table->slot[target];
    struct handle_entry copy = slot_entry(&table->slot[h]);
    copy.rights &= (uint16_t)rights;
    if (move)
        slot_empty(table, &table->slot[h]);
    else
        handle_entry_get(&copy);
    *victim = slot_entry(to);
    slot_empty(table, to);
    slot_fill(to, &copy);
    return target;
}

int handle_dup(struct handle_table *table, uint64_t h, uint64_t slot,
               unsigned rights, unsigned flags) {
    struct handle_entry victim = EMPTY;
    bool move = flags & DUP_MOVE;
    if (flags & ~(unsigned)(DUP_LOWEST | DUP_MOVE | DUP_REPLACE))
        return -EINVAL;
    spin_lock(&table->lock);
    struct handle_slot *from = slot_at(table, h);
    int target = from ? dup_target(table, slot, flags) : -EBADF;
    if (target >= 0)
        target = dup_allowed(from, move, target);
    if (target >= 0)
        target = dup_locked(table, h, target, rights, move, &victim);
    spin_unlock(&table->lock);
    handle_entry_put(&victim);
    return target;
}

void handle_inherit(struct handle_table *parent, struct handle_table *child) {
    spin_lock(&parent->lock);
    for (unsigned i = 0; i < HANDLE_MAX; i++) {
        const struct handle_slot *slot = &parent->slot[i];
        if (!(slot->rights & RIGHT_INHERIT) || slot->type == HANDLE_NONE ||
            object_operations(slot->type)->unique)
            continue;
        struct handle_entry entry = slot_entry(slot);
        handle_entry_get(&entry);
        slot_fill(&child->slot[i], &entry);
    }
    spin_unlock(&parent->lock);
}
