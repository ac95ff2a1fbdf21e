/* SPDX-License-Identifier: MIT */
/*
 * wrong/dup.c: mistakes in copying and moving.
 */

/*
 * dup-widens: the copy has the rights that were asked for.
 * File: kernel/cap/handle.c
 * Caught by: dup, random
 */
static int dup_locked(struct handle_table *table, uint64_t h, int target,
                      unsigned rights, bool move, struct handle_entry *victim)
    REQUIRES(table->lock) {
    struct handle_slot *to = &table->slot[target];
    struct handle_entry copy = slot_entry(&table->slot[h]);
    copy.rights = (uint16_t)rights;
    if (move)
        slot_empty(table, &table->slot[h]);
    else
        handle_entry_get(&copy);
    *victim = slot_entry(to);
    slot_empty(table, to);
    slot_fill(to, &copy);
    return target;
}

/*
 * dup-unreferenced: the copy has no reference.
 * File: kernel/cap/handle.c
 * Caught by: dup, replace
 */
static int dup_locked(struct handle_table *table, uint64_t h, int target,
                      unsigned rights, bool move, struct handle_entry *victim)
    REQUIRES(table->lock) {
    struct handle_slot *to = &table->slot[target];
    struct handle_entry copy = slot_entry(&table->slot[h]);
    copy.rights &= (uint16_t)rights;
    if (move)
        slot_empty(table, &table->slot[h]);
    *victim = slot_entry(to);
    slot_empty(table, to);
    slot_fill(to, &copy);
    return target;
}

/*
 * move-copies: a move leaves its source where it is.
 * File: kernel/cap/handle.c
 * Caught by: move, random
 */
static int dup_locked(struct handle_table *table, uint64_t h, int target,
                      unsigned rights, bool move, struct handle_entry *victim)
    REQUIRES(table->lock) {
    struct handle_slot *to = &table->slot[target];
    struct handle_entry copy = slot_entry(&table->slot[h]);
    copy.rights &= (uint16_t)rights;
    if (!move)
        handle_entry_get(&copy);
    *victim = slot_entry(to);
    slot_empty(table, to);
    slot_fill(to, &copy);
    return target;
}

/*
 * move-references: a move adds a reference, as if it were a copy.
 * File: kernel/cap/handle.c
 * Caught by: move, random
 */
static int dup_locked(struct handle_table *table, uint64_t h, int target,
                      unsigned rights, bool move, struct handle_entry *victim)
    REQUIRES(table->lock) {
    struct handle_slot *to = &table->slot[target];
    struct handle_entry copy = slot_entry(&table->slot[h]);
    copy.rights &= (uint16_t)rights;
    handle_entry_get(&copy);
    if (move)
        slot_empty(table, &table->slot[h]);
    *victim = slot_entry(to);
    slot_empty(table, to);
    slot_fill(to, &copy);
    return target;
}

/*
 * replace-leaks: what was in the target keeps its reference.
 * File: kernel/cap/handle.c
 * Caught by: replace
 */
static int dup_locked(struct handle_table *table, uint64_t h, int target,
                      unsigned rights, bool move, struct handle_entry *victim)
    REQUIRES(table->lock) {
    struct handle_slot *to = &table->slot[target];
    struct handle_entry copy = slot_entry(&table->slot[h]);
    (void)victim;
    copy.rights &= (uint16_t)rights;
    if (move)
        slot_empty(table, &table->slot[h]);
    else
        handle_entry_get(&copy);
    slot_empty(table, to);
    slot_fill(to, &copy);
    return target;
}

/*
 * replace-locked: what was in the target is dropped under the table's lock.
 * File: kernel/cap/handle.c
 * Caught by: replace
 */
static int dup_locked(struct handle_table *table, uint64_t h, int target,
                      unsigned rights, bool move, struct handle_entry *victim)
    REQUIRES(table->lock) {
    struct handle_slot *to = &table->slot[target];
    struct handle_entry copy = slot_entry(&table->slot[h]);
    (void)victim;
    copy.rights &= (uint16_t)rights;
    if (move)
        slot_empty(table, &table->slot[h]);
    else
        handle_entry_get(&copy);
    struct handle_entry old = slot_entry(to);
    if (old.type != HANDLE_NONE)
        handle_entry_put(&old);
    slot_empty(table, to);
    slot_fill(to, &copy);
    return target;
}

/*
 * same-widens: dup into the same slot is taken for the way to say the rights
 * anew.
 * File: kernel/cap/handle.c
 * Caught by: same
 */
static int dup_locked(struct handle_table *table, uint64_t h, int target,
                      unsigned rights, bool move, struct handle_entry *victim)
    REQUIRES(table->lock) {
    struct handle_slot *to = &table->slot[target];
    struct handle_entry copy = slot_entry(&table->slot[h]);
    if ((uint64_t)target == h)
        copy.rights = (uint16_t)rights;
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

/*
 * same-closes: dup into the same slot is not seen as a special case: the handle
 * that is replaced is the one that was moved.
 * File: kernel/cap/handle.c
 * Caught by: same
 */
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
    if (target >= 0) {
        struct handle_slot *to = &table->slot[target];
        struct handle_entry copy = slot_entry(from);
        copy.rights &= (uint16_t)rights;
        victim = slot_entry(to);
        slot_empty(table, to);
        slot_fill(to, &copy);
        if (move)
            slot_empty(table, from);
        else
            handle_entry_get(&copy);
    }
    spin_unlock(&table->lock);
    if (victim.type != HANDLE_NONE)
        handle_entry_put(&victim);
    return target;
}

/*
 * dup-stale: the generation is not compared: what was revoked is copied.
 * File: kernel/cap/handle.c
 * Caught by: dup_errors, revoke
 */
static int dup_allowed(const struct handle_slot *slot, bool move, int target) {
    if (!move && object_operations(slot->type)->unique)
        return -EPERM;
    return target;
}

/*
 * dup-unique: an endpoint can be copied.
 * File: kernel/cap/handle.c
 * Caught by: dup_errors
 */
static int dup_allowed(const struct handle_slot *slot, bool move, int target) {
    const struct object_operations *operations = object_operations(slot->type);
    struct handle_entry entry = slot_entry(slot);
    (void)move;
    if (operations->current && !operations->current(&entry))
        return -ESTALE;
    return target;
}

/*
 * dup-over: a slot in use is replaced, asked for or not.
 * File: kernel/cap/handle.c
 * Caught by: dup_errors
 */
static int dup_target(struct handle_table *table, uint64_t slot, unsigned flags)
    REQUIRES(table->lock) {
    if (slot >= HANDLE_MAX)
        return flags & DUP_LOWEST ? -ENOSPC : -EINVAL;
    if (flags & DUP_LOWEST)
        return slot_find(table, (unsigned)slot);
    return (int)slot;
}

/*
 * dup-flags: unknown flags are ignored.
 * File: kernel/cap/handle.c
 * Caught by: dup_errors
 */
int handle_dup(struct handle_table *table, uint64_t h, uint64_t slot,
               unsigned rights, unsigned flags) {
    struct handle_entry victim = EMPTY;
    bool move = flags & DUP_MOVE;
    spin_lock(&table->lock);
    struct handle_slot *from = slot_at(table, h);
    int target = from ? dup_target(table, slot, flags) : -EBADF;
    if (target >= 0)
        target = dup_allowed(from, move, target);
    if (target >= 0)
        target = dup_locked(table, h, target, rights, move, &victim);
    spin_unlock(&table->lock);
    if (victim.type != HANDLE_NONE)
        handle_entry_put(&victim);
    return target;
}
