/* SPDX-License-Identifier: MIT */
/*
 * format.c: superblock, empty log, bitmap, and a root directory.
 */
#include "format.h"

#include <string.h>

static uint32_t blocks_for(uint32_t items, uint32_t per_block) {
    return items / per_block + (items % per_block != 0);
}

static uint32_t clamp(uint32_t value, uint32_t low, uint32_t high) {
    return value < low ? low : value > high ? high : value;
}

const char *format_plan(struct disk_super *super, uint32_t nblocks,
                        uint32_t ninodes, uint32_t log_blocks) {
    uint32_t bitmaps = blocks_for(nblocks, BITS_PER_BLOCK);
    uint32_t log_min = LOG_SLOTS_BASE + bitmaps + 1;
    if (nblocks < FORMAT_BLOCKS_MIN)
        return "the image is too small (at least 128 KiB)";
    if (bitmaps > BITMAP_BLOCKS_MAX)
        return "the image is too large (at most 4 GiB)";
    if (log_blocks != 0 && log_blocks < log_min)
        return "the log is too small for the image";
    if (log_blocks > LOG_SLOTS_MAX + 1)
        return "the log is too large (at most 126 blocks)";
    if (ninodes > INODES_MAX)
        return "too many inodes (at most 65535)";
    if (log_blocks == 0)
        log_blocks = clamp(nblocks / 16, log_min, LOG_SLOTS_MAX + 1);
    if (ninodes == 0)
        ninodes = clamp(nblocks / 2, INODES_PER_BLOCK, INODES_MAX);
    *super = (struct disk_super){.magic = FS_MAGIC,
                                 .version = FS_VERSION,
                                 .block_size = BLOCK_SIZE,
                                 .nblocks = nblocks,
                                 .log_start = 1,
                                 .log_blocks = log_blocks,
                                 .inode_start = 1 + log_blocks,
                                 .ninodes = ninodes};
    super->bitmap_start =
        super->inode_start + blocks_for(ninodes, INODES_PER_BLOCK);
    super->data_start = super->bitmap_start + bitmaps;
    if (super->data_start >= nblocks)
        return "the image is too small for its inodes and log";
    return NULL;
}

static uint8_t *block_at(uint8_t *bytes, uint32_t block) {
    return bytes + (size_t)block * BLOCK_SIZE;
}

/* Sets the bits of blocks first..end-1. */
static void bitmap_fill(const struct disk_super *super, uint8_t *bytes,
                        uint32_t first, uint32_t end) {
    uint8_t *bits = block_at(bytes, super->bitmap_start);
    for (uint32_t i = first; i < end; i++)
        bits[i / 8] = (uint8_t)(bits[i / 8] | 1u << i % 8);
}

static void root_write(const struct disk_super *super, uint8_t *bytes) {
    struct disk_inode root = {.type = INODE_DIR,
                              .nlink = 1,
                              .size = 2 * DIR_ENTRY_SIZE,
                              .direct = {super->data_start}};
    struct disk_dirent entries[2] = {{.inum = ROOT_INODE, .name = "."},
                                     {.inum = ROOT_INODE, .name = ".."}};
    memcpy(block_at(bytes, super->inode_start) + ROOT_INODE * sizeof(root),
           &root, sizeof(root));
    memcpy(block_at(bytes, super->data_start), entries, sizeof(entries));
}

void format_write(const struct disk_super *super, uint8_t *bytes) {
    struct disk_log log = {.magic = LOG_MAGIC};
    log.checksum = disk_log_sum(&log);
    uint32_t bits = (super->data_start - super->bitmap_start) * BITS_PER_BLOCK;
    memcpy(bytes, super, sizeof(*super));
    memcpy(block_at(bytes, super->log_start), &log, sizeof(log));
    bitmap_fill(super, bytes, 0, super->data_start + 1);
    bitmap_fill(super, bytes, super->nblocks, bits);
    root_write(super, bytes);
}
