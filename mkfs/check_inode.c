/* SPDX-License-Identifier: MIT */
/*
 * check_inode.c: every inode by itself: its fields, and the tree of its blocks.
 *
 * Idea        The size says how many blocks the tree must have; so the tree is
 *             walked from the left, and past the last block every address must
 *             be 0. Each block met is claimed for the inode: who comes second
 *             is told about the first.
 */
#include "checker.h"

/* The walk over one inode's tree. */
struct walk {
    struct checker *c;
    uint32_t inum;
    uint64_t left; /* blocks of contents still to come */
    bool sound;
};

/* Claims a block for the inode; false with a problem if it cannot have it. */
static bool claim(struct walk *w, uint32_t block, const char *what) {
    struct checker *c = w->c;
    if (block < c->super.data_start || block >= c->super.nblocks)
        problem(c, "inode %u: %s is block %u, which is none", w->inum, what,
                block);
    else if (c->owner[block] == w->inum)
        problem(c, "inode %u: it has block %u twice", w->inum, block);
    else if (c->owner[block] != OWNER_NONE)
        problem(c, "inode %u: it has block %u, but so has inode %u", w->inum,
                block, c->owner[block]);
    else {
        c->owner[block] = w->inum;
        return true;
    }
    w->sound = false;
    return false;
}

/*
 * Walks what hangs on one address: a block of contents at level 0, a block of
 * addresses above.
 */
static void walk_address(struct walk *w, uint32_t block, unsigned level) {
    const char *what =
        level == 0 ? "a block of contents" : "a block of addresses";
    if (w->left == 0) {
        if (block != 0) {
            problem(w->c, "inode %u: it has block %u past its size", w->inum,
                    block);
            claim(w, block, what);
        }
        return;
    }
    if (block == 0) {
        problem(w->c, "inode %u: %s is missing", w->inum, what);
        w->sound = false;
        w->left = 0;
        return;
    }
    if (!claim(w, block, what)) {
        w->left -= level == 0;
        return;
    }
    if (level == 0) {
        w->left--;
        return;
    }
    const uint32_t *address = checker_block(w->c, block);
    for (unsigned i = 0; i < ADDRESSES_PER_BLOCK; i++)
        walk_address(w, address[i], level - 1);
}

static void check_fields(struct checker *c, uint32_t inum,
                         const struct disk_inode *inode) {
    uint64_t size = inode->size;
    if (size > FILE_SIZE_MAX)
        problem(c, "inode %u: size %llu is more than a file can have", inum,
                (unsigned long long)size);
    else if (inode->type == INODE_DIR &&
             (size % DIR_ENTRY_SIZE != 0 || size < 2 * DIR_ENTRY_SIZE))
        problem(c, "inode %u: a directory of %llu bytes", inum,
                (unsigned long long)size);
    else if (inode->type == INODE_DEVICE && size != 0)
        problem(c, "inode %u: a device of %llu bytes", inum,
                (unsigned long long)size);
    else
        c->sound[inum] = true;
    if (inode->nlink > LINKS_MAX)
        problem(c, "inode %u: %u links are more than there can be", inum,
                inode->nlink);
    if (inode->type != INODE_DEVICE && (inode->major | inode->minor) != 0)
        problem(c, "inode %u: it has a device number and is no device", inum);
}

static void check_free(struct checker *c, uint32_t inum,
                       const struct disk_inode *inode) {
    uint32_t any = inode->indirect | inode->double_indirect | inode->nlink;
    for (unsigned i = 0; i < DIRECT_BLOCKS; i++)
        any |= inode->direct[i];
    if (any != 0 || inode->size != 0)
        problem(c, "inode %u: it is free and yet has links or contents", inum);
}

static void check_inode(struct checker *c, uint32_t inum) {
    const struct disk_inode *inode = checker_inode(c, inum);
    if (inode->type == INODE_FREE) {
        check_free(c, inum, inode);
        return;
    }
    if (inum == 0 || inode->type > INODE_DEVICE) {
        problem(c, "inode %u: type %u is none it can have", inum, inode->type);
        return;
    }
    check_fields(c, inum, inode);
    if (!c->sound[inum])
        return;
    struct walk w = {.c = c,
                     .inum = inum,
                     .left = (inode->size + BLOCK_SIZE - 1) / BLOCK_SIZE,
                     .sound = true};
    for (unsigned i = 0; i < DIRECT_BLOCKS; i++)
        walk_address(&w, inode->direct[i], 0);
    walk_address(&w, inode->indirect, 1);
    walk_address(&w, inode->double_indirect, 2);
    c->sound[inum] = w.sound;
}

void check_inodes(struct checker *c) {
    for (uint32_t inum = 0; inum < c->super.ninodes; inum++)
        check_inode(c, inum);
    if (checker_inode(c, ROOT_INODE)->type != INODE_DIR)
        problem(c, "inode %d: the root is no directory", ROOT_INODE);
}

uint32_t checker_map(const struct checker *c, const struct disk_inode *inode,
                     uint32_t index) {
    if (index < DIRECT_BLOCKS)
        return inode->direct[index];
    const uint32_t *table;
    if (index < DOUBLE_START) {
        table = checker_block(c, inode->indirect);
        return table[index - INDIRECT_START];
    }
    index -= DOUBLE_START;
    table = checker_block(c, inode->double_indirect);
    table = checker_block(c, table[index / ADDRESSES_PER_BLOCK]);
    return table[index % ADDRESSES_PER_BLOCK];
}
