/* SPDX-License-Identifier: MIT */
/*
 * servers/sys/tree.h: the names of the server, and the way through them.
 *
 * Idea        A file is an entry of one table: its name, the directory it is
 *             in, and the function that writes its text from what system calls
 *             tell. A directory is an entry without such a function.
 * Use         unsigned node;
 *             int64_t result = tree_walk(&tree, NODE_ROOT, "ipc/transfer", 12,
 *                                        &node);
 *             if (result == 0 && tree.nodes[node].render)
 *                 tree.nodes[node].render(&page);
 */
#ifndef OCTAVO_SYS_TREE_H
#define OCTAVO_SYS_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "servers/sys/page.h"

enum { NODE_ROOT = 0 };

struct node {
    const char *name; /* up to 14 bytes: an entry of struct dirent */
    unsigned parent;  /* index of its directory; the root is its own */
    void (*render)(struct page *page); /* NULL: a directory */
};

struct tree {
    const struct node *nodes; /* the root first */
    unsigned count;
};

/* The tree that is served (files.c). */
extern const struct tree sys_tree;

/*
 * Follows a path of `length` bytes from a node. 0: *node is where it ends.
 * More than 0: it leads out of the tree, to the root of the file server, and
 * what is to be looked up there is the path from that byte on. ENOENT: a name
 * is missing, or the path is empty. ENOTDIR: a name before the last is no
 * directory.
 */
int64_t tree_walk(const struct tree *tree, unsigned from, const char *path,
                  uint64_t length, unsigned *node);

/* Writes a directory as programs read it: entries of posix/posix.h's struct
 * dirent. The inode number of a node is its index plus 1. */
void tree_list(const struct tree *tree, unsigned node, struct page *page);

#endif
