/* SPDX-License-Identifier: MIT */
/*
 * dev/fdt.c: reading a flattened device tree.
 *
 * The block, all words big-endian:
 *
 *   header      magic, total size, offsets and sizes of the parts
 *   reserved    pairs of 64-bit address and size, ended by a pair of zeros
 *   structure   1 name        a node begins; name ends with a zero
 *               3 len name    a property; name is an offset into `strings`
 *               2             the node ends
 *               4             nothing
 *               9             the structure ends
 *   strings     names of properties
 *
 * Invariants  Nothing outside the block is read: each token is checked when
 *             fdt_walk first meets it, before any visitor sees the node.
 */
#include "dev/fdt.h"

#include "lib/bits.h"
#include "lib/panic.h"
#include "lib/string.h"

enum {
    FDT_MAGIC = 0xd00dfeed,
    FDT_BEGIN_NODE = 1,
    FDT_END_NODE = 2,
    FDT_PROPERTY = 3,
    FDT_NOP = 4,
    FDT_END = 9,
    FDT_DEPTH_MAX = 12,
    FDT_SIZE_MAX = 2 << 20,
    WORD = 4,
};

/* Byte offsets of the header's words. */
enum {
    HEADER_MAGIC = 0,
    HEADER_TOTAL = 4,
    HEADER_STRUCTURE = 8,
    HEADER_STRINGS = 12,
    HEADER_RESERVED = 16,
    HEADER_STRINGS_LEN = 32,
    HEADER_STRUCTURE_LEN = 36,
    HEADER_LEN = 40,
};

uint32_t fdt_size(const void *dtb) {
    const uint8_t *header = dtb;
    if ((uintptr_t)dtb % WORD != 0 ||
        read_be32(header + HEADER_MAGIC) != FDT_MAGIC)
        panic("device tree: none at %p", dtb);
    uint32_t size = read_be32(header + HEADER_TOTAL);
    if (size < HEADER_LEN || size > FDT_SIZE_MAX)
        panic("device tree: size %u is not plausible", size);
    return size;
}

/* Checks that [offset, offset + len) lies inside the block. */
static const uint8_t *part(const void *dtb, uint32_t offset, uint32_t len) {
    uint32_t size = fdt_size(dtb);
    if (offset > size || len > size - offset)
        panic("device tree: a part reaches outside the block");
    return (const uint8_t *)dtb + offset;
}

static struct fdt tree_open(const void *dtb) {
    const uint8_t *header = dtb;
    fdt_size(dtb);
    uint32_t len = read_be32(header + HEADER_STRUCTURE_LEN);
    struct fdt tree = {.strings_len = read_be32(header + HEADER_STRINGS_LEN)};
    tree.structure = part(dtb, read_be32(header + HEADER_STRUCTURE), len);
    tree.structure_end = tree.structure + len;
    tree.strings = (const char *)part(dtb, read_be32(header + HEADER_STRINGS),
                                      tree.strings_len);
    if (tree.strings_len > 0 && tree.strings[tree.strings_len - 1] != '\0')
        panic("device tree: the last property name has no end");
    return tree;
}

/* Steps over `len` bytes and the padding behind them. */
static const uint8_t *skip(const struct fdt *tree, const uint8_t *at,
                           uint64_t len) {
    len = round_up(len, WORD);
    if (len > (uint64_t)(tree->structure_end - at))
        panic("device tree: the structure ends early");
    return at + len;
}

/* Reads the word at *at and steps behind it. */
static uint32_t word_take(const struct fdt *tree, const uint8_t **at) {
    const uint8_t *word = *at;
    *at = skip(tree, word, WORD);
    return read_be32(word);
}

/* The same for a token, over NOPs. */
static uint32_t token_take(const struct fdt *tree, const uint8_t **at) {
    uint32_t token;
    do {
        token = word_take(tree, at);
    } while (token == FDT_NOP);
    return token;
}

/* Reads the property at *at and steps behind it; false: it is none. */
static bool property_take(const struct fdt *tree, const uint8_t **at,
                          const char **name, struct fdt_value *value) {
    const uint8_t *next = *at;
    if (token_take(tree, &next) != FDT_PROPERTY)
        return false;
    value->len = word_take(tree, &next);
    uint32_t offset = word_take(tree, &next);
    if (offset >= tree->strings_len)
        panic("device tree: a property name lies outside the names");
    *name = tree->strings + offset;
    value->data = next;
    *at = skip(tree, next, value->len);
    return true;
}

/* The name of the node whose FDT_BEGIN_NODE was just taken. */
static const char *name_take(const struct fdt *tree, const uint8_t **at) {
    const char *name = (const char *)*at;
    uint64_t room = (uint64_t)(tree->structure_end - *at);
    uint64_t len = 0;
    while (len < room && name[len] != '\0')
        len++;
    *at = skip(tree, *at, len + 1);
    return name;
}

/* Fills a node whose FDT_BEGIN_NODE was just taken; *at goes behind its
 * properties. */
static void node_open(struct fdt_node *node, const uint8_t **at) {
    const char *name;
    struct fdt_value value;
    node->name = name_take(node->tree, at);
    node->properties = *at;
    while (property_take(node->tree, at, &name, &value)) {
    }
    node->address_cells = (uint32_t)fdt_number(node, "#address-cells", 2);
    node->size_cells = (uint32_t)fdt_number(node, "#size-cells", 1);
}

void fdt_walk(const void *dtb, fdt_visitor visit, void *state) {
    struct fdt tree = tree_open(dtb);
    struct fdt_node nodes[FDT_DEPTH_MAX];
    const uint8_t *at = tree.structure;
    uint32_t depth = 0;
    for (;;) {
        uint32_t token = token_take(&tree, &at);
        if (token == FDT_BEGIN_NODE && depth < FDT_DEPTH_MAX) {
            struct fdt_node *node = &nodes[depth];
            *node = (struct fdt_node){.tree = &tree, .depth = depth};
            node->parent = depth == 0 ? NULL : node - 1;
            node_open(node, &at);
            visit(node, state);
            depth++;
        } else if (token == FDT_END_NODE && depth > 0) {
            depth--;
        } else if (token == FDT_END && depth == 0) {
            return;
        } else {
            panic("device tree: token %u at depth %u", token, depth);
        }
    }
}

/* A number of one or two words; 0: it has none. */
static uint64_t cells_read(const uint8_t *data, uint32_t cells) {
    uint64_t number = 0;
    for (uint32_t i = 0; i < cells; i++)
        number = number << 32 | read_be32(data + i * WORD);
    return number;
}

bool fdt_reservation(const void *dtb, uint32_t index, struct range *range) {
    enum { ENTRY = 4 * WORD };
    uint32_t start = read_be32((const uint8_t *)dtb + HEADER_RESERVED);
    for (uint32_t i = 0; i <= index; i++) {
        const uint8_t *entry = part(dtb, start, ENTRY);
        range->base = cells_read(entry, 2);
        range->size = cells_read(entry + 2 * WORD, 2);
        if (range->base == 0 && range->size == 0)
            return false;
        start += ENTRY;
    }
    return true;
}

bool fdt_property(const struct fdt_node *node, const char *name,
                  struct fdt_value *value) {
    const char *own;
    const uint8_t *at = node->properties;
    while (property_take(node->tree, &at, &own, value))
        if (strcmp(own, name) == 0)
            return true;
    return false;
}

uint64_t fdt_number(const struct fdt_node *node, const char *name,
                    uint64_t otherwise) {
    struct fdt_value value;
    if (!fdt_property(node, name, &value) || value.len < WORD)
        return otherwise;
    return cells_read(value.data, value.len == 2 * WORD ? 2 : 1);
}

static bool separates(char c) {
    return c == '\0' || c == '_';
}

bool fdt_lists(const struct fdt_node *node, const char *name,
               const char *text) {
    struct fdt_value value;
    size_t len = strlen(text);
    if (!fdt_property(node, name, &value))
        return false;
    const char *word = (const char *)value.data;
    for (uint32_t i = 0; i + len < value.len; i++)
        if ((i == 0 || separates(word[i - 1])) && separates(word[i + len]) &&
            memcmp(word + i, text, len) == 0)
            return true;
    return false;
}

bool fdt_reg(const struct fdt_node *node, uint32_t index, struct range *range) {
    struct fdt_value value;
    if (node->parent == NULL || !fdt_property(node, "reg", &value))
        return false;
    uint32_t address = node->parent->address_cells;
    uint32_t size = node->parent->size_cells;
    uint32_t entry = (address + size) * WORD;
    if (address == 0 || address > 2 || size > 2 || value.len / entry <= index)
        return false;
    const uint8_t *data = value.data + index * entry;
    range->base = cells_read(data, address);
    range->size = cells_read(data + address * WORD, size);
    return true;
}

bool fdt_named(const struct fdt_node *node, const char *name) {
    size_t len = strlen(name);
    return strncmp(node->name, name, len) == 0 &&
           (node->name[len] == '\0' || node->name[len] == '@');
}
