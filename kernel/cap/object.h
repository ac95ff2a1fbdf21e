/* SPDX-License-Identifier: MIT */
/*
 * cap/object.h: what the handle table needs to know of the objects it names.
 *
 * Objects belong to higher folders (ipc, proc, vm). They register one table of
 * operations per handle type at boot, so that cap calls up through data. The
 * edges are: endpoint, session, reply, notification, irq (ipc/), memory and
 * space (sys/), authority (no object).
 *
 * Every object lives in a type-stable slab: a pointer read from a handle
 * always points at an object of that type, whose lock and generation are
 * valid even when the object has been freed and used again. So a lookup takes
 * no reference; the user locks the object and compares generations.
 */
#ifndef OCTAVO_CAP_OBJECT_H
#define OCTAVO_CAP_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/handle.h"

/* One slot of a handle table, and a handle on its way between tables. */
struct handle_entry {
    void *object;
    union {
        struct {
            uint32_t generation; /* the object's when the handle was made */
            uint16_t rights;
            uint16_t type; /* enum handle_type; HANDLE_NONE: free */
        };
        uint64_t meta; /* all of these at once, for the fast path */
    };
};

struct object_operations {
    /* One more handle names the object. Called with the table's lock held, by
     * someone who holds a handle, so the object is alive. NULL if unique. */
    void (*get)(const struct handle_entry *entry);
    /* One handle fewer; the last one may destroy the object. Called with no
     * lock held. */
    void (*put)(const struct handle_entry *entry);
    /* Whether the object is still what the handle was made for; NULL: always.
     * A hint, taken without the object's lock. */
    bool (*current)(const struct handle_entry *entry);
    /* Handles of this type may exist once only: they move, never copy. */
    bool unique;
};

/* Registers the operations of a type, once, at boot. */
void object_register(enum handle_type type,
                     const struct object_operations *operations);

extern const struct object_operations *handle_operations[HANDLE_AUTHORITY + 1];

/* The registered operations of the type of a slot that is not free. */
static inline const struct object_operations *
object_operations(enum handle_type type) {
    return handle_operations[type];
}

/* Adds, drops a reference through the type's operations. An empty entry has
 * none to drop. */
static inline void handle_entry_get(const struct handle_entry *entry) {
    object_operations(entry->type)->get(entry);
}
void handle_entry_put(const struct handle_entry *entry);

#endif
