/* SPDX-License-Identifier: MIT */
/*
 * servers/names/table.h: names, and what each stands for.
 *
 * Idea        A hash table with open addressing: a name sits in the first free
 *             place from its hash on. Removal moves later entries of the same
 *             run back, so that no place ever has to be marked "was used" and
 *             a search ends at the first free one.
 * Use         struct name name;
 *             if (!name_set(&name, length, words))
 *                 return -EINVAL;
 *             struct entry *entry = table_find(&table, &name);
 * Invariants  T1  Between the hash of an entry's name and its place no place
 *                 is free.
 *             T2  At most NAMES_MAX places are used, so one is always free and
 *                 a search ends.
 *             T3  Bytes of a name beyond its length are zero.
 */
#ifndef OCTAVO_NAMES_TABLE_H
#define OCTAVO_NAMES_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/proto.h"

enum {
    NAMES_MAX = 48, /* as many handles; the rest of the server's are waiters */
    TABLE_SIZE = 64,
    NAME_WORDS = PROTO_NAME_MAX / 8,
};

struct name {
    uint64_t length; /* 1..PROTO_NAME_MAX; 0: a free place */
    union {
        char bytes[PROTO_NAME_MAX];
        uint64_t words[NAME_WORDS];
    };
};

struct entry {
    struct name name;
    int64_t service; /* the handle that a lookup gets a copy of */
    uint64_t lease;  /* badge of the registration */
};

struct table {
    unsigned used;
    struct entry entries[TABLE_SIZE];
};

/* Makes a name of a message's words. False: the length is not one of a name, a
 * byte within it is zero or one beyond it is not. */
bool name_set(struct name *name, uint64_t length,
              const uint64_t words[NAME_WORDS]);

bool name_equal(const struct name *a, const struct name *b);

/* The entry of a name, or NULL. It stays where it is until a removal. */
struct entry *table_find(struct table *table, const struct name *name);

/* The entry that a lease keeps, or NULL. */
struct entry *table_find_lease(struct table *table, uint64_t lease);

/* EEXIST: the name is taken. ENOSPC: NAMES_MAX names. */
int64_t table_insert(struct table *table, const struct entry *entry);

/* Removes an entry that table_find() gave. */
void table_remove(struct table *table, struct entry *entry);

/* The index-th name in no particular order, or NULL past the last. */
const struct name *table_index(const struct table *table, uint64_t index);

#endif
