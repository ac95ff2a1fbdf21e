/* SPDX-License-Identifier: MIT */
/*
 * cap/parcel.c: the handles of one message, moved or copied all or none.
 *
 * Check, then commit: with both tables locked, parcel_plan looks whether each
 * handle may travel and where it goes, and changes nothing. What else may stop
 * the message comes next, and parcel_move last, which cannot fail.
 */
#include "abi/errno.h"
#include "cap/handle.h"

/* The error of a handle that may not travel, or 0. */
static inline int check_one(const struct handle_slot *slot, bool move) {
    if (slot->type == HANDLE_NONE)
        return -EBADF;
    const struct object_operations *operations = object_operations(slot->type);
    struct handle_entry entry = slot_entry(slot);
    if (!(slot->rights & RIGHT_PASS) || (!move && operations->unique))
        return -EPERM;
    if (operations->current && !operations->current(&entry))
        return -ESTALE;
    return 0;
}

/* Whether a handle is twice in the message, and moves. */
static bool taken_twice(const struct handle_parcel *parcel) {
    for (unsigned i = 1; i < parcel->count; i++) {
        for (unsigned j = 0; j < i; j++) {
            if (parcel->from[i] == parcel->from[j] &&
                parcel->moves & (1u << i | 1u << j))
                return true;
        }
    }
    return false;
}

int parcel_plan(struct handle_parcel *parcel, struct handle_table *source,
                struct handle_table *destination, unsigned lowest) {
    uint64_t packed = parcel->packed;
    uint64_t moves = parcel->moves;
    struct handle_slot *place = &destination->slot[lowest];
    struct handle_slot *end = &destination->slot[HANDLE_MAX];
    for (unsigned i = 0; i < parcel->count; i++) {
        uint64_t slot = packed & 0xffff;
        if (slot >= HANDLE_MAX)
            return -EBADF;
        struct handle_slot *from = &source->slot[slot];
        int error = check_one(from, moves & 1);
        if (error)
            return error;
        while (place < end && place->type != HANDLE_NONE)
            place++;
        parcel->from[i] = from;
        parcel->to[i] = place++;
        packed >>= 16;
        moves >>= 1;
    }
    if (parcel->moves && taken_twice(parcel))
        return -EBADF;
    return place > end ? -ENOSPC : 0;
}

/* What the receiver gets: without GRANT the handle cannot travel on. */
static uint64_t meta_received(uint64_t meta) {
    const uint64_t grant = (uint64_t)RIGHT_GRANT << 32;
    const uint64_t pass = (uint64_t)RIGHT_PASS << 32;
    return meta & grant ? meta : meta & ~pass;
}

uint64_t parcel_move(const struct handle_parcel *parcel,
                     struct handle_table *source,
                     struct handle_table *destination) {
    uint64_t packed = 0;
    for (unsigned i = parcel->count; i-- > 0;) {
        struct handle_slot *from = parcel->from[i];
        struct handle_slot *to = parcel->to[i];
        bool moves = parcel->moves >> i & 1;
        struct handle_entry entry = slot_entry(from);
        if (!moves)
            handle_entry_get(&entry);
        /* Its kind does not depend on PASS. */
        to->meta = meta_received(from->meta);
        __atomic_store_n(&to->word, from->word, __ATOMIC_RELEASE);
        packed = packed << 16 | (uint64_t)(to - destination->slot);
        if (moves)
            slot_empty(source, from);
    }
    return packed;
}
