/* SPDX-License-Identifier: MIT */
/*
 * kit.h: a table of handles made and looked at by hand, for unit.c.
 *
 * Objects are counters. Their operations look at the table's lock: a reference
 * is to be added while it is held and dropped while it is not. Slots are
 * written and read here, so that a test says something about the function it
 * tests, and about no other.
 */
#ifndef OCTAVO_LAB_HANDLES_KIT_H
#define OCTAVO_LAB_HANDLES_KIT_H

#include "unit.h"

#include "cap/handle.h"

enum {
    RIGHTS = RIGHT_SEND | RIGHT_PASS | RIGHT_GRANT | RIGHT_INHERIT,
    LAST = HANDLE_MAX - 1,
};

/* Indices that are no handle's, whatever the table holds. */
static const uint64_t outside[] = {
    HANDLE_MAX,   HANDLE_MAX + 1,   1ull << 16, (1ull << 32) + 3, 1ull << 63,
    (uint64_t)-1, (1ull << 63) + 3, 0x80000003, 0xffffffff03,
};
enum { OUTSIDE = sizeof(outside) / sizeof(outside[0]) };

/* An object with its handles counted. */
struct fake {
    uint64_t refs;
    uint64_t puts;
    uint32_t generation;
};

static struct handle_table table;
static struct handle_table child;
static struct fake session, other, endpoint, signals;

static inline void fake_get(const struct handle_entry *entry) {
    struct fake *fake = entry->object;
    unit_true("a reference is added with the table's lock held",
              spin_held(&table.lock));
    fake->refs++;
}

static inline void fake_put(const struct handle_entry *entry) {
    struct fake *fake = entry->object;
    unit_true("a reference is dropped with no lock held",
              !spin_held(&table.lock));
    unit_true("a reference that is dropped is there", fake->refs > 0);
    fake->refs--;
    fake->puts++;
}

static inline bool fake_current(const struct handle_entry *entry) {
    const struct fake *fake = entry->object;
    return fake->generation == entry->generation;
}

static inline struct handle_entry make(struct fake *fake, unsigned type,
                                       unsigned rights) {
    return (struct handle_entry){.object = fake,
                                 .generation = fake->generation,
                                 .rights = (uint16_t)rights,
                                 .type = (uint16_t)type};
}

static inline struct handle_entry session_entry(unsigned rights) {
    return make(&session, HANDLE_SESSION, rights);
}

static inline void slot_clear(struct handle_slot *slot) {
    slot->word = KIND_OTHER;
    slot->meta = 0;
}

/* Two empty tables, and objects without handles. */
static inline void setup(void) {
    static const struct object_operations copied = {
        .get = fake_get, .put = fake_put, .current = fake_current};
    static const struct object_operations single = {
        .get = fake_get, .put = fake_put, .unique = true};
    static const struct object_operations plain = {.get = fake_get,
                                                   .put = fake_put};
    object_register(HANDLE_SESSION, &copied);
    object_register(HANDLE_ENDPOINT, &single);
    object_register(HANDLE_NOTIFICATION, &plain);
    spin_init(&table.lock, RANK_HANDLES);
    spin_init(&child.lock, RANK_HANDLES);
    for (unsigned i = 0; i < HANDLE_MAX; i++) {
        slot_clear(&table.slot[i]);
        slot_clear(&child.slot[i]);
    }
    session = (struct fake){.generation = 1001};
    other = (struct fake){.generation = 1002};
    endpoint = (struct fake){.generation = 1003};
    signals = (struct fake){.generation = 1004};
}

/* The word of a slot that holds the entry, by the book. */
static inline uint64_t word_of(const struct handle_entry *entry) {
    unsigned kind = KIND_OTHER;
    if (entry->type == HANDLE_SESSION && (entry->rights & RIGHT_SEND))
        kind = KIND_CALL;
    if (entry->type == HANDLE_ENDPOINT && (entry->rights & RIGHT_RECEIVE))
        kind = KIND_RECEIVE;
    if (entry->type == HANDLE_NOTIFICATION)
        kind = KIND_SIGNAL;
    return (uintptr_t)entry->object + kind;
}

/* Puts a handle into a slot by hand, with its reference. */
static inline void put(unsigned h, struct handle_entry entry) {
    table.slot[h].meta = entry.meta;
    table.slot[h].word = word_of(&entry);
    ((struct fake *)entry.object)->refs++;
}

static inline void fill_all(unsigned from) {
    for (unsigned i = from; i < HANDLE_MAX; i++)
        put(i, session_entry(RIGHTS));
}

/* ---- Looking ---- */

static inline void check_slot(const char *what, const struct handle_slot *slot,
                              struct handle_entry entry) {
    unit_equal(what, slot->meta, entry.meta);
    unit_equal("the slot's word: the object and the kind", slot->word,
               word_of(&entry));
}

static inline void check_free(const char *what,
                              const struct handle_slot *slot) {
    unit_equal(what, slot->type, HANDLE_NONE);
    unit_equal("the word of a free slot: no object, KIND_OTHER", slot->word,
               KIND_OTHER);
}

static inline void check_refs(const char *what, const struct fake *fake,
                              uint64_t refs) {
    unit_equal(what, fake->refs, refs);
}

static inline void check_unlocked(void) {
    unit_true("the table's lock is free when the function returns",
              !spin_held(&table.lock));
}

#endif
