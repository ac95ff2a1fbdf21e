/* SPDX-License-Identifier: MIT */
/*
 * dev/fdt.h: reading a flattened device tree.
 *
 * Idea        The tree is one block of big-endian words: tokens that begin and
 *             end nodes and hold properties, and a table of property names.
 *             fdt_walk passes over it once and calls a visitor for each node,
 *             parents first, with the node's properties still in place: no
 *             tree is built and nothing is allocated.
 * Use         fdt_walk(dtb, visit, &state);    then, in visit:
 *             if (fdt_lists(node, "compatible", "ns16550a")) ...
 * Invariants  Every offset and length is checked against the block before it
 *             is used; a damaged tree panics and never reads outside.
 */
#ifndef OCTAVO_DEV_FDT_H
#define OCTAVO_DEV_FDT_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/machine.h"

/* A node during the walk. */
struct fdt_node {
    const char *name;              /* with its @address */
    const struct fdt_node *parent; /* NULL for the root */
    const uint8_t *properties;     /* first token inside the node */
    const struct fdt *tree;
    uint32_t depth;         /* 0 for the root */
    uint32_t address_cells; /* words of an address in its children's reg */
    uint32_t size_cells;    /* words of a size in its children's reg */
};

/* A property's value. */
struct fdt_value {
    const uint8_t *data;
    uint32_t len;
};

/* The block and its parts; only fdt.c looks inside. */
struct fdt {
    const uint8_t *structure;
    const uint8_t *structure_end;
    const char *strings;
    uint32_t strings_len;
};

typedef void (*fdt_visitor)(const struct fdt_node *node, void *state);

/* The size of the whole block in bytes. Panics when `dtb` is no device tree. */
uint32_t fdt_size(const void *dtb);

/* Calls visit(node, state) for each node, parents before children. */
void fdt_walk(const void *dtb, fdt_visitor visit, void *state);

/* The index-th entry of the memory reservation block; false when there is no
 * such entry. */
bool fdt_reservation(const void *dtb, uint32_t index, struct range *range);

/* Finds a property of the node; false when there is none. */
bool fdt_property(const struct fdt_node *node, const char *name,
                  struct fdt_value *value);

/* A property of one or two words as a number, else its first word; `otherwise`
 * when there is none. */
uint64_t fdt_number(const struct fdt_node *node, const char *name,
                    uint64_t otherwise);

/* Whether a property that is a list of words has `text` among them. A zero ends
 * each, or an underscore, as in "riscv,isa". */
bool fdt_lists(const struct fdt_node *node, const char *name, const char *text);

/* The index-th address range of "reg"; false when there is no such range, or
 * addresses are too long. */
bool fdt_reg(const struct fdt_node *node, uint32_t index, struct range *range);

/* Whether the node's name, without its @address, is `name`. */
bool fdt_named(const struct fdt_node *node, const char *name);

#endif
