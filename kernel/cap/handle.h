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

/*
 * Those in a hurry read a slot without the lock: first `word`, which has the
 * object and what kind of handle it is in one piece, then `generation`. No two
 * objects ever have the same (generation_next), so if the object still has the
 * generation that was read, it is what the slot was filled with, even if the
 * slot changed between the two reads.
 */
struct handle_slot {
    uint64_t word; /* atomic: the object, with enum handle_kind below it */
    union {
        struct {
            uint32_t generation;
            uint16_t rights;
            uint16_t type;
        };
        uint64_t meta; /* as in struct handle_entry */
    };
};

/* What can be used without the table's lock. Objects lie at multiples of 4. (0,
 * since on the fast path what was tested to be 0 need not be cleared.) */
enum handle_kind {
    KIND_CALL = 0,    /* a session, with RIGHT_SEND */
    KIND_RECEIVE = 1, /* an endpoint, with RIGHT_RECEIVE */
    KIND_SIGNAL = 2,  /* a notification, whatever the rights */
    KIND_OTHER = 3,
    KIND_MASK = 3,
};

struct handle_table {
    struct spinlock lock;
    uint64_t changes; /* atomic: grows when a slot loses an endpoint */
    struct handle_slot slot[HANDLE_MAX];
};

/* A generation that no object had before, never 0. (It would take 2^32 of them
 * for one to come again.) */
uint32_t generation_next(void);

/* What is in the slot. */
static inline struct handle_entry slot_entry(const struct handle_slot *slot) {
    return (struct handle_entry){
        .object = (void *)(slot->word & ~(uint64_t)KIND_MASK),
        .meta = slot->meta};
}

/* Fills a slot that is free; empties one. The table's lock is held. */
void slot_fill(struct handle_slot *slot, const struct handle_entry *entry);
void slot_empty(struct handle_table *table, struct handle_slot *slot)
    REQUIRES(table->lock);

/* Makes an empty table. */
void handle_table_init(struct handle_table *table);

/*
 * Copies the entry of handle h if it has the type and all the rights.
 * Returns 0, -EBADF (no such handle or another type) or -EPERM. Takes no
 * reference: see cap/object.h.
 */
int handle_lookup(struct handle_table *table, uint64_t h, enum handle_type type,
                  unsigned rights, struct handle_entry *out);

/* handle_lookup with neither a lock nor a call when all is well, for the kinds
 * that allow it; the kind implies the right. The object may be another than the
 * entry's until its generation has been compared. */
static inline int handle_find(struct handle_table *table, uint64_t h,
                              enum handle_kind kind, unsigned rights,
                              struct handle_entry *out) {
    struct handle_entry entry;
    if (h < HANDLE_MAX) {
        const struct handle_slot *slot = &table->slot[h];
        uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE);
        uint64_t meta = __atomic_load_n(&slot->meta, __ATOMIC_RELAXED);
        if ((word & KIND_MASK) == kind &&
            (kind != KIND_SIGNAL || (~meta >> 32 & rights) == 0)) {
            out->object = (void *)(word - kind);
            out->meta = meta;
            return 0;
        }
    }
    /* By way of a variable of its own, so that `out` can stay in registers. */
    int error = handle_lookup(table, h,
                              kind == KIND_CALL      ? HANDLE_SESSION
                              : kind == KIND_RECEIVE ? HANDLE_ENDPOINT
                                                     : HANDLE_NOTIFICATION,
                              rights, &entry);
    if (!error)
        *out = entry;
    return error;
}

/* Whether slot h holds something else than handle_find saw, which may have been
 * half of one handle and half of another: for those who found the object to be
 * another than the handle's. */
bool handle_changed(struct handle_table *table, uint64_t h, const void *object,
                    uint32_t generation);

/* The first handle at or above `from`, or HANDLE_MAX. */
unsigned handle_next(struct handle_table *table, unsigned from);

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

/* A fresh handle at or above HANDLE_RECEIVED to an object, whose reference it
 * takes over. -ENOSPC, with the reference dropped. */
int handle_give(struct handle_table *table, void *object, uint32_t generation,
                enum handle_type type, unsigned rights);

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
    struct handle_slot *from[4], *to[4];
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
