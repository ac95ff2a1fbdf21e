/* SPDX-License-Identifier: MIT */
/*
 * cap/object.c: the operations that higher folders register per handle type.
 *
 * The table is written at boot by one hart and only read afterwards, so it
 * needs no lock.
 */
#include "cap/object.h"

#include "lib/panic.h"

static const struct object_operations *operations_of[HANDLE_AUTHORITY + 1];

void object_register(enum handle_type type,
                     const struct object_operations *operations) {
    assert(type > HANDLE_NONE && type <= HANDLE_AUTHORITY);
    operations_of[type] = operations;
}

const struct object_operations *object_operations(enum handle_type type) {
    assert(type > HANDLE_NONE && type <= HANDLE_AUTHORITY);
    assert(operations_of[type]);
    return operations_of[type];
}

void handle_entry_get(const struct handle_entry *entry) {
    object_operations(entry->type)->get(entry);
}

void handle_entry_put(const struct handle_entry *entry) {
    object_operations(entry->type)->put(entry);
}
