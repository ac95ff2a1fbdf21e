/* SPDX-License-Identifier: MIT */
/*
 * servers/names/table.c: see table.h for the idea and the invariants.
 *
 * Nothing here makes a system call: the host's tests run it as it is.
 */
#include "servers/names/table.h"

#include <stddef.h>

#include "abi/errno.h"
#include "lib/string.h"

_Static_assert((TABLE_SIZE & (TABLE_SIZE - 1)) == 0, "places wrap by a mask");
_Static_assert(NAMES_MAX < TABLE_SIZE, "T2: one place is always free");

bool name_set(struct name *name, uint64_t length,
              const uint64_t words[NAME_WORDS]) {
    if (length == 0 || length > PROTO_NAME_MAX)
        return false;
    name->length = length;
    memcpy(name->words, words, PROTO_NAME_MAX);
    for (unsigned i = 0; i < PROTO_NAME_MAX; i++) {
        if ((name->bytes[i] != '\0') != (i < length))
            return false;
    }
    return true;
}

bool name_equal(const struct name *a, const struct name *b) {
    return a->length == b->length &&
           memcmp(a->words, b->words, PROTO_NAME_MAX) == 0;
}

/* FNV-1a, 64 bits: offset basis and prime are the published ones. */
static unsigned name_place(const struct name *name) {
    uint64_t hash = 0xcbf29ce484222325;
    for (uint64_t i = 0; i < name->length; i++)
        hash = (hash ^ (uint8_t)name->bytes[i]) * 0x100000001b3;
    return (unsigned)(hash ^ hash >> 32) & (TABLE_SIZE - 1);
}

static bool entry_free(const struct entry *entry) {
    return entry->name.length == 0;
}

struct entry *table_find(struct table *table, const struct name *name) {
    for (unsigned place = name_place(name);;
         place = (place + 1) & (TABLE_SIZE - 1)) {
        struct entry *entry = &table->entries[place];
        if (entry_free(entry))
            return NULL;
        if (name_equal(&entry->name, name))
            return entry;
    }
}

struct entry *table_find_lease(struct table *table, uint64_t lease) {
    for (unsigned place = 0; place < TABLE_SIZE; place++) {
        struct entry *entry = &table->entries[place];
        if (!entry_free(entry) && entry->lease == lease)
            return entry;
    }
    return NULL;
}

int64_t table_insert(struct table *table, const struct entry *entry) {
    if (table_find(table, &entry->name))
        return -EEXIST;
    if (table->used == NAMES_MAX)
        return -ENOSPC;
    unsigned place = name_place(&entry->name);
    while (!entry_free(&table->entries[place]))
        place = (place + 1) & (TABLE_SIZE - 1);
    table->entries[place] = *entry;
    table->used++;
    return 0;
}

void table_remove(struct table *table, struct entry *entry) {
    unsigned hole = (unsigned)(entry - table->entries);
    for (unsigned place = (hole + 1) & (TABLE_SIZE - 1);
         !entry_free(&table->entries[place]);
         place = (place + 1) & (TABLE_SIZE - 1)) {
        struct entry *later = &table->entries[place];
        unsigned home = name_place(&later->name);
        /* T1: it may move into the hole only if that is not before its home,
         * counted backwards from where it is. */
        if (((place - home) & (TABLE_SIZE - 1)) <
            ((place - hole) & (TABLE_SIZE - 1)))
            continue;
        table->entries[hole] = *later;
        hole = place;
    }
    table->entries[hole].name.length = 0;
    table->used--;
}

const struct name *table_index(const struct table *table, uint64_t index) {
    for (unsigned place = 0; place < TABLE_SIZE; place++) {
        const struct entry *entry = &table->entries[place];
        if (!entry_free(entry) && index-- == 0)
            return &entry->name;
    }
    return NULL;
}
