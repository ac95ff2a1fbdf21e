/* SPDX-License-Identifier: MIT */
/*
 * servers/sys/tree.c: see tree.h.
 *
 * Nothing here makes a system call: the host's tests run it as it is.
 */
#include "servers/sys/tree.h"

#include <stddef.h>

#include "abi/errno.h"
#include "lib/string.h"

/* What programs call struct dirent. */
struct entry {
    uint16_t inode;
    char name[14];
};

static bool name_is(const char *name, const char *text, uint64_t length) {
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

/* The entry of a directory with that name; 0, which is nobody's child: there
 * is none. */
static unsigned child_find(const struct tree *tree, unsigned parent,
                           const char *text, uint64_t length) {
    for (unsigned i = NODE_ROOT + 1; i < tree->count; i++) {
        const struct node *node = &tree->nodes[i];
        if (node->parent == parent && name_is(node->name, text, length))
            return i;
    }
    return NODE_ROOT;
}

int64_t tree_walk(const struct tree *tree, unsigned from, const char *path,
                  uint64_t length, unsigned *node) {
    uint64_t at = 0;
    if (length == 0)
        return -ENOENT;
    if (path[0] == '/')
        return 1;
    for (*node = from; at < length;) {
        const char *name = path + at;
        const char *slash = memchr(name, '/', length - at);
        uint64_t size = slash ? (uint64_t)(slash - name) : length - at;
        at += size;
        while (at < length && path[at] == '/')
            at++;
        if (tree->nodes[*node].render)
            return -ENOTDIR;
        if (name_is(".", name, size))
            continue;
        if (name_is("..", name, size)) {
            if (*node == NODE_ROOT)
                return (int64_t)at;
            *node = tree->nodes[*node].parent;
            continue;
        }
        *node = child_find(tree, *node, name, size);
        if (*node == NODE_ROOT)
            return -ENOENT;
    }
    return 0;
}

static void entry_add(struct page *page, unsigned node, const char *name) {
    struct entry entry = {.inode = (uint16_t)(node + 1)};
    memcpy(entry.name, name, strnlen(name, sizeof(entry.name)));
    page_add(page, (const char *)&entry, sizeof(entry));
}

void tree_list(const struct tree *tree, unsigned node, struct page *page) {
    entry_add(page, node, ".");
    entry_add(page, tree->nodes[node].parent, "..");
    for (unsigned i = NODE_ROOT + 1; i < tree->count; i++) {
        if (tree->nodes[i].parent == node)
            entry_add(page, i, tree->nodes[i].name);
    }
}
