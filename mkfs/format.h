/* SPDX-License-Identifier: MIT */
/*
 * format.h: an empty file system on a disk.
 */
#ifndef OCTAVO_MKFS_FORMAT_H
#define OCTAVO_MKFS_FORMAT_H

#include <stdint.h>

#include "servers/fs/layout.h"

enum { FORMAT_BLOCKS_MIN = 32 };

/*
 * Chooses the areas of a disk of nblocks blocks. ninodes and log_blocks are
 * wishes, 0 for none: then an inode for every two blocks, and a log of 1/16 of
 * the disk within what a log can be. NULL, or what is wrong with the wishes.
 */
const char *format_plan(struct disk_super *super, uint32_t nblocks,
                        uint32_t ninodes, uint32_t log_blocks);

/* Writes an empty file system into zeroed memory of super->nblocks blocks. */
void format_write(const struct disk_super *super, uint8_t *bytes);

#endif
