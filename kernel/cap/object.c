/* SPDX-License-Identifier: MIT */
/*
 * cap/object.c: the operations that higher folders register per handle type.
 *
 * The table is written at boot by one hart and only read afterwards, so it
 * needs no lock.
 */
#include "cap/object.h"

#include "lib/panic.h"

const struct object_operations *handle_operations[HANDLE_AUTHORITY + 1];

void object_register(enum handle_type type,
                     const struct object_operations *operations) {
    assert(type > HANDLE_NONE && type <= HANDLE_AUTHORITY);
    handle_operations[type] = operations;
}

void handle_entry_put(const struct handle_entry *entry) {
    object_operations(entry->type)->put(entry);
}
