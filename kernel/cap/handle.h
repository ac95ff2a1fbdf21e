/* SPDX-License-Identifier: MIT */
/*
 * cap/handle.h: a process's table of handles.
 *
 * Idea        A handle is an index; the entry names an object, rights and a
 *             generation. Forging one is pointless: an index outside the table
 *             or at a free slot is EBADF, and the rights sit in the kernel.
 * Use         handle_lookup(table, h, HANDLE_SESSION, RIGHT_SEND, &entry);
 *             lock the object; compare entry.generation; act.
 * Invariants  I1 a slot with type HANDLE_NONE is free;
 *             I2 a used slot holds exactly one reference (operations->get).
 * Locks       table->lock (RANK_HANDLES) guards all slots. Objects' put is
 *             called after it is released.
 */
#ifndef OCTAVO_CAP_HANDLE_H
#define OCTAVO_CAP_HANDLE_H

#include "cap/object.h"
#include "sync/spinlock.h"

struct handle_table {
    struct spinlock lock;
    uint64_t changes; /* grows before and after a slot gets another object */
    struct handle_entry slot[HANDLE_MAX];
};

/*
 * Slots are written between handle_change_begin and handle_change_end.
 * slot_read does without the lock, and must not take one object for another's
 * type: it reads `changes`, the slot, and `changes` again. Odd or different
 * means that it saw half a change.
 */
static inline void handle_change_begin(struct handle_table *table)
    REQUIRES(table->lock) {
    *(volatile uint64_t *)&table->changes += 1;
    __atomic_thread_fence(__ATOMIC_RELEASE);
}
static inline void handle_change_end(struct handle_table *table)
    REQUIRES(table->lock) {
    __atomic_thread_fence(__ATOMIC_RELEASE);
    *(volatile uint64_t *)&table->changes += 1;
}
static inline void handle_entry_write(volatile struct handle_entry *entry,
                                      void *object, uint64_t meta) {
    entry->object = object;
    entry->meta = meta;
}

/* One slot gets another entry. */
static inline void handle_slot_fill(struct handle_table *table, unsigned slot,
                                    const struct handle_entry *entry)
    REQUIRES(table->lock) {
    handle_change_begin(table);
    handle_entry_write(&table->slot[slot], entry->object, entry->meta);
    handle_change_end(table);
}

static inline void handle_slot_empty(struct handle_table *table, unsigned slot)
    REQUIRES(table->lock) {
    handle_slot_fill(table, slot, &(struct handle_entry){0});
}

/* Makes an empty table. The lock was initialised when its memory was. */
void handle_table_clear(struct handle_table *table);

/*
 * Copies the entry of handle h if it has the type and all the rights.
 * Returns 0, -EBADF (no such handle or another type) or -EPERM. Takes no
 * reference: see cap/object.h.
 */
int handle_lookup(struct handle_table *table, uint64_t h, enum handle_type type,
                  unsigned rights, struct handle_entry *out);

/* Reads slot h without the table's lock: its meta word, and *object; 0: it is
 * being changed. */
static inline uint64_t slot_read(const struct handle_table *table, uint64_t h,
                                 void **object) {
    const struct handle_entry *entry = &table->slot[h];
    uint64_t before = __atomic_load_n(&table->changes, __ATOMIC_ACQUIRE);
    *object = __atomic_load_n(&entry->object, __ATOMIC_RELAXED);
    uint64_t meta = __atomic_load_n(&entry->meta, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    uint64_t after = __atomic_load_n(&table->changes, __ATOMIC_RELAXED);
    /* It only grows: an odd one cannot have become the even one below. */
    return after == (before & ~1ull) ? meta : 0;
}

/* Whether a meta word is that of a handle of this type with these rights:
 * compared under a mask. */
static inline bool meta_is(uint64_t meta, enum handle_type type,
                           uint64_t rights) {
    const uint64_t type_mask = 0xffffull << 48;
    return (meta & (type_mask | rights << 32)) ==
           ((uint64_t)type << 48 | rights << 32);
}

/* handle_lookup, with neither a lock nor a call when all is well. */
static inline int handle_find(struct handle_table *table, uint64_t h,
                              enum handle_type type, unsigned rights,
                              struct handle_entry *out) {
    struct handle_entry entry;
    if (h < HANDLE_MAX) {
        void *object;
        uint64_t meta = slot_read(table, h, &object);
        if (meta_is(meta, type, rights)) {
            out->object = object;
            out->meta = meta;
            return 0;
        }
    }
    /* By way of a variable of its own, so that `out` can stay in registers. */
    int error = handle_lookup(table, h, type, rights, &entry);
    if (!error)
        *out = entry;
    return error;
}

/* Copies the entry of handle h, whatever it is. 0 or -EBADF. */
int handle_peek(struct handle_table *table, uint64_t h,
                struct handle_entry *out);

/* As handle_lookup, and the object gains a reference, which the caller drops
 * with handle_entry_put. */
int handle_take(struct handle_table *table, uint64_t h, enum handle_type type,
                unsigned rights, struct handle_entry *out);

/*
 * Puts an entry into the lowest free slot at or above `lowest`; the caller's
 * reference becomes the table's. Returns the slot or -ENOSPC (the reference
 * stays the caller's).
 */
int handle_insert(struct handle_table *table, unsigned lowest,
                  const struct handle_entry *entry);

/* Empties slot h if it still holds this entry, without dropping a reference:
 * the object is gone, or the caller has taken the reference over. */
void handle_forget(struct handle_table *table, uint64_t h,
                   const struct handle_entry *entry);

/*
 * Empties the slot and hands its reference to the caller in *out.
 * -EBADF: no such handle.
 */
int handle_remove(struct handle_table *table, uint64_t h,
                  struct handle_entry *out);

/* SYS_HANDLE_CLOSE: 0 or -EBADF. */
int handle_close(struct handle_table *table, uint64_t h);

/* SYS_HANDLE_DUP: the slot, or -EBADF, -EINVAL, -EPERM, -ESTALE, -EEXIST,
 * -ENOSPC. */
int handle_dup(struct handle_table *table, uint64_t h, uint64_t slot,
               unsigned rights, unsigned flags);

/* Gives the child copies of the parent's INHERIT handles, in the same slots.
 * The child's table is not yet shared with anyone. */
void handle_inherit(struct handle_table *parent, struct handle_table *child);

/*
 * The handles of one message, on their way from one table to another. Both
 * tables stay locked from parcel_plan to parcel_move (spin_lock_pair).
 */
struct handle_parcel {
    uint64_t packed; /* `count` handles, sixteen bits each */
    unsigned count;
    unsigned moves; /* bit i: handle i leaves its source */
    /* Written by parcel_plan. */
    struct handle_entry *from[4], *to[4];
};

/*
 * Whether the handles may travel, and fit into the destination's lowest free
 * slots from `lowest`. 0; -EBADF: none such, or it is twice in the message and
 * moves; -EPERM: no PASS right, or a copy of a handle that can only move;
 * -ESTALE: revoked; -ENOSPC.
 */
int parcel_plan(struct handle_parcel *parcel, struct handle_table *source,
                struct handle_table *destination, unsigned lowest)
    REQUIRES(source->lock) REQUIRES(destination->lock);

/* Does what was planned, and returns the new handles packed. Without the GRANT
 * right a handle loses PASS on the way. */
uint64_t parcel_move(const struct handle_parcel *parcel,
                     struct handle_table *source,
                     struct handle_table *destination) REQUIRES(source->lock)
    REQUIRES(destination->lock);

#endif
