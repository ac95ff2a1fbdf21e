/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/layout.h: what a disk image looks like, byte for byte.
 *
 * Idea        A disk is an array of 4 KiB blocks, so that a block is a page.
 *             All numbers are little-endian; structures have no padding.
 *
 *     0       1                                     nblocks
 *     +-------+------------+--------+--------+------+
 *     | super | log        | inodes | bitmap | data |
 *     +-------+------------+--------+--------+------+
 *
 *             super   one block: where everything else is (disk_super)
 *             log     one header block (disk_log), then log_blocks - 1 slots
 *             inodes  64 to a block; inode 0 is not used, 1 is the root
 *             bitmap  one bit for each block of the disk, 1 = in use
 *             data    file contents, directories, blocks of addresses
 *
 * Invariants  L1  Block 0 is the superblock, so address 0 means "no block".
 *             L2  The bitmap has every block before data_start set, and every
 *                 bit past the last block, so that a search never finds one.
 *             L3  A file of s bytes owns exactly the first
 *                 ceil(s / BLOCK_SIZE) places of its address tree, and just
 *                 the address blocks needed to reach them: no holes.
 *             L4  A directory starts with "." and "..", its size is a
 *                 multiple of the entry size, and no name occurs twice.
 *             L5  nlink of a file is the number of entries naming it; of a
 *                 directory, 1 + the number of its subdirectories.
 *             L6  type != 0 and nlink == 0: an inode removed while open.
 *                 The next mount frees it.
 *
 * Use         Shared by the file server, mkfs and the checker; the only thing
 *             they share with the checker.
 */
#ifndef OCTAVO_FS_LAYOUT_H
#define OCTAVO_FS_LAYOUT_H

#include <stdint.h>

enum {
    BLOCK_SIZE = 4096,
    BLOCK_SHIFT = 12,
    FS_MAGIC = 0x4f435456,
    FS_VERSION = 1,
    LOG_MAGIC = 0x4f4c4f47,

    ROOT_INODE = 1,
    DIRECT_BLOCKS = 10,
    ADDRESSES_PER_BLOCK = BLOCK_SIZE / 4,
    INODES_PER_BLOCK = BLOCK_SIZE / 64,
    BITS_PER_BLOCK = BLOCK_SIZE * 8,
    DIR_ENTRY_SIZE = 16,
    DIR_ENTRIES_PER_BLOCK = BLOCK_SIZE / DIR_ENTRY_SIZE,
    DIR_NAME_LEN = 14,

    /* The header fits one 512-byte sector, which disks write atomically. */
    LOG_SLOTS_MAX = 125,
    /* Slots that any one operation needs at most, apart from the bitmap. */
    LOG_SLOTS_BASE = 16,
    /* 4 GiB: freeing a file may change every bitmap block at once. */
    BITMAP_BLOCKS_MAX = 32,
    /* Directory entries are 16 bits wide. */
    INODES_MAX = 65535,
    LINKS_MAX = 32767,
};

/* First block, counted in the file, of each kind of address. */
enum {
    INDIRECT_START = DIRECT_BLOCKS,
    DOUBLE_START = DIRECT_BLOCKS + ADDRESSES_PER_BLOCK,
    FILE_BLOCKS_MAX = DOUBLE_START + ADDRESSES_PER_BLOCK * ADDRESSES_PER_BLOCK,
};

#define FILE_SIZE_MAX ((uint64_t)FILE_BLOCKS_MAX * BLOCK_SIZE)

/* Values of disk_inode.type, as in xv6's stat.h; 0 is a free inode. */
enum { INODE_FREE = 0, INODE_DIR = 1, INODE_FILE = 2, INODE_DEVICE = 3 };

struct disk_super {
    uint32_t magic;
    uint32_t version;
    uint32_t block_size;
    uint32_t nblocks;
    uint32_t log_start;
    uint32_t log_blocks;
    uint32_t inode_start;
    uint32_t ninodes;
    uint32_t bitmap_start;
    uint32_t data_start;
};

/*
 * count == 0: the log is empty. Otherwise slot i, in block log_start + 1 + i,
 * holds the committed contents of block target[i].
 */
struct disk_log {
    uint32_t magic;
    uint32_t count;
    uint32_t checksum;
    uint32_t target[LOG_SLOTS_MAX];
};

struct disk_inode {
    uint16_t type;
    uint16_t major;
    uint16_t minor;
    uint16_t nlink;
    uint64_t size;
    uint32_t direct[DIRECT_BLOCKS];
    uint32_t indirect;
    uint32_t double_indirect;
};

/* inum == 0: a free entry. A name of 14 characters has no final NUL. */
struct disk_dirent {
    uint16_t inum;
    char name[DIR_NAME_LEN];
};

_Static_assert(sizeof(struct disk_inode) == 64, "64 inodes in a block");
_Static_assert(sizeof(struct disk_dirent) == DIR_ENTRY_SIZE, "no padding");
_Static_assert(sizeof(struct disk_log) == 512, "header is one sector");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "fields are read in place");

/*
 * The checksum of a log header: over count and the targets in use.
 * It tells a header from a block that was never one; a torn one cannot occur.
 */
static inline uint32_t disk_log_sum(const struct disk_log *log) {
    uint32_t sum = log->count + LOG_MAGIC;
    for (uint32_t i = 0; i < log->count && i < LOG_SLOTS_MAX; i++)
        sum = (sum << 5 | sum >> 27) * 2654435761u ^ log->target[i];
    return sum;
}

#endif
