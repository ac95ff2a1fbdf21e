/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/volume.h: one mounted disk, its transactions and its free blocks.
 *
 * Everything the file system knows in memory hangs on struct volume, so that
 * tests can mount several; the server has one, in static memory.
 */
#ifndef OCTAVO_FS_VOLUME_H
#define OCTAVO_FS_VOLUME_H

#include "servers/fs/block.h"
#include "servers/fs/layout.h"
#include "servers/fs/log.h"

enum {
    VOLUME_INODES = 512,
    INODE_BUCKETS = 128,
    /* Pins that an operation holds besides those of its transaction. */
    VOLUME_PINS = 8,
    /* Blocks that adding one block to a file can change: itself, two blocks of
     * addresses, a bitmap block for each of the three, the inode. */
    EXTEND_SLOTS = 7,
};

/* An inode in use; see inode.h. */
struct inode {
    uint32_t inum;
    uint32_t refs;
    bool loaded; /* on equals the disk, or the open transaction */
    struct inode *chain;
    struct disk_inode on;
};

struct volume {
    struct disk *disk;
    struct block_cache cache;
    struct log log;
    struct disk_super super;

    /* Now, and as of log_begin, to return to when a transaction fails. */
    uint32_t free_blocks;
    uint32_t free_blocks_before;
    /* Every inode below it is in use. */
    uint32_t inode_hint;
    uint32_t inode_hint_before;
    /* Where the search for a free block starts: after the last one found. */
    uint32_t block_hint;

    struct inode inodes[VOLUME_INODES];
    struct inode *spare; /* unused members of inodes[], by chain */
    struct inode *buckets[INODE_BUCKETS];
    uint8_t header[BLOCK_SIZE] __attribute__((aligned(BLOCK_SIZE)));
};

/* Opens a transaction; errors as log_begin(). */
int volume_begin(struct volume *v);

/* Ends it; errors as log_commit(). On an error all is as before it began. */
int volume_commit(struct volume *v);

/* Ends it with all as before it began. No buffer may be pinned. */
void volume_abort(struct volume *v);

/* Commits if err is 0, else aborts: returns the first error. */
int volume_end(struct volume *v, int err);

/*
 * Takes a free block in the open transaction; what it holds is unknown. Uses
 * up to one slot of the log. ENOSPC, EIO.
 */
int volume_alloc(struct volume *v, uint32_t *block);

/* Frees a block in the open transaction. EIO: also if it is not in use. */
int volume_free(struct volume *v, uint32_t block);

/* Counts the free blocks, at mount. EIO. */
int volume_count(struct volume *v);

/* Is it the number of a block that files may use? */
static inline bool volume_has_block(const struct volume *v, uint32_t block) {
    return block >= v->super.data_start && block < v->super.nblocks;
}

#endif
