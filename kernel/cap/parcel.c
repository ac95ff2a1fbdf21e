/* SPDX-License-Identifier: MIT */
/*
 * cap/parcel.c: the handles of one message, moved or copied all or none.
 *
 * Two tables take part and only one may be locked at a time (they have one
 * rank). So the handles are first taken from the source, which marks their
 * slots busy, then given to the destination, and only then does the source let
 * go. A failure in between clears the marks: nothing has happened.
 *
 *   a moved slot:  used -> type NONE, busy = its type -> free  (parcel_commit)
 *                                                     -> used  (parcel_cancel)
 *   a copied slot: used -> used, busy counts messages -> used
 *
 * A slot with busy set is not free; one that is copied cannot be emptied, so
 * the object stays alive until the copy has a reference of its own.
 */
#include "abi/errno.h"
#include "cap/handle.h"

static unsigned parcel_slot(uint64_t packed, unsigned i) {
    return (packed >> (16 * i)) & 0xffff;
}

/* What the receiver gets: without GRANT the handle cannot travel on. */
static uint16_t rights_received(uint16_t rights) {
    if (rights & RIGHT_GRANT)
        return rights;
    return rights & (uint16_t)~RIGHT_PASS;
}

/* Whether the handle in the slot may travel like this. */
static int check_one(struct handle_table *source, unsigned slot, bool move)
    REQUIRES(source->lock) {
    if (slot >= HANDLE_MAX || source->slot[slot].type == HANDLE_NONE)
        return -EBADF;
    const struct handle_entry *entry = &source->slot[slot];
    const struct object_operations *operations = object_operations(entry->type);
    if (!(entry->rights & RIGHT_PASS) || (!move && operations->unique))
        return -EPERM;
    if (operations->current && !operations->current(entry))
        return -ESTALE;
    return 0;
}

int parcel_check(struct handle_table *source, uint64_t packed, unsigned count,
                 unsigned moves) {
    int error = 0;
    spin_lock(&source->lock);
    for (unsigned i = 0; i < count && !error; i++)
        error = check_one(source, parcel_slot(packed, i), moves & (1u << i));
    spin_unlock(&source->lock);
    return error;
}

static int take_one(struct handle_table *source, struct handle_parcel *parcel,
                    unsigned i) REQUIRES(source->lock) {
    unsigned slot = parcel->slots[i];
    bool move = parcel->moves & (1u << i);
    int error = check_one(source, slot, move);
    if (error)
        return error;
    struct handle_entry *entry = &source->slot[slot];
    parcel->entries[i] = *entry;
    parcel->entries[i].rights = rights_received(entry->rights);
    parcel->entries[i].busy = 0;
    if (move && entry->busy)
        return -EBADF;
    if (move) {
        entry->busy = entry->type;
        entry->type = HANDLE_NONE;
    } else {
        entry->busy++;
    }
    return 0;
}

int parcel_take(struct handle_table *source, uint64_t packed, unsigned count,
                unsigned moves, struct handle_parcel *parcel) {
    int error = 0;
    parcel->count = 0;
    parcel->moves = moves;
    spin_lock(&source->lock);
    for (unsigned i = 0; i < count && !error; i++) {
        parcel->slots[i] = (uint16_t)parcel_slot(packed, i);
        error = take_one(source, parcel, i);
        if (!error)
            parcel->count++;
    }
    spin_unlock(&source->lock);
    if (error)
        parcel_cancel(source, parcel);
    return error;
}

bool parcel_fits(struct handle_table *destination, unsigned lowest,
                 const struct handle_parcel *parcel) {
    unsigned count = parcel->count;
    for (unsigned i = lowest; i < HANDLE_MAX && count; i++) {
        const struct handle_entry *entry = &destination->slot[i];
        if (entry->type == HANDLE_NONE && !entry->busy)
            count--;
    }
    return count == 0;
}

static unsigned give_one(struct handle_table *table, unsigned lowest,
                         const struct handle_entry *entry)
    REQUIRES(table->lock) {
    unsigned i = lowest;
    while (table->slot[i].type != HANDLE_NONE || table->slot[i].busy)
        i++;
    handle_slot_fill(table, i, entry);
    return i;
}

uint64_t parcel_give(struct handle_table *destination, unsigned lowest,
                     const struct handle_parcel *parcel) {
    uint64_t packed = 0;
    for (unsigned i = 0; i < parcel->count; i++) {
        if (!(parcel->moves & (1u << i)))
            handle_entry_get(&parcel->entries[i]);
        lowest = give_one(destination, lowest, &parcel->entries[i]);
        packed |= (uint64_t)lowest << (16 * i);
    }
    return packed;
}

void parcel_commit(struct handle_table *source, struct handle_parcel *parcel) {
    spin_lock(&source->lock);
    for (unsigned i = 0; i < parcel->count; i++) {
        struct handle_entry *entry = &source->slot[parcel->slots[i]];
        if (parcel->moves & (1u << i))
            handle_slot_empty(source, parcel->slots[i]);
        else
            entry->busy--;
    }
    spin_unlock(&source->lock);
}

void parcel_cancel(struct handle_table *source, struct handle_parcel *parcel) {
    spin_lock(&source->lock);
    for (unsigned i = 0; i < parcel->count; i++) {
        struct handle_entry *entry = &source->slot[parcel->slots[i]];
        if (parcel->moves & (1u << i)) {
            entry->type = entry->busy;
            entry->busy = 0;
        } else {
            entry->busy--;
        }
    }
    spin_unlock(&source->lock);
}
