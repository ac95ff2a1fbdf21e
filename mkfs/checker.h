/* SPDX-License-Identifier: MIT */
/*
 * checker.h: what the parts of the checker tell each other.
 */
#ifndef OCTAVO_MKFS_CHECKER_H
#define OCTAVO_MKFS_CHECKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "servers/fs/layout.h"

/* Values of checker.owner[] that are no inode number. */
enum { OWNER_NONE = 0, OWNER_SYSTEM = 0x10000 };

struct checker {
    const uint8_t *bytes;
    uint32_t image_blocks;
    FILE *out;
    unsigned problems;
    struct disk_super super;
    /* For each block: where its contents are (itself, or a slot of the log). */
    uint32_t *where;
    /* For each block: the inode it belongs to. */
    uint32_t *owner;
    /* For each inode: entries that name it, "." and ".." not counted. */
    uint32_t *names;
    /* For each inode: subdirectories, as counted from their entries. */
    uint32_t *children;
    /* For each inode: the directory that names it, if it is a directory. */
    uint32_t *parent;
    /* For each inode: its contents are readable (a sound tree). */
    bool *sound;
};

/* Prints a problem and counts it. */
void problem(struct checker *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The contents of a block below super.nblocks. */
const void *checker_block(const struct checker *c, uint32_t block);

/* An inode below super.ninodes. */
const struct disk_inode *checker_inode(const struct checker *c, uint32_t inum);

/* The index-th block of a sound inode. */
uint32_t checker_map(const struct checker *c, const struct disk_inode *inode,
                     uint32_t index);

/* Checks every inode by itself and says who owns which block. */
void check_inodes(struct checker *c);

/* Checks the directories, link counts, and that all is reachable. */
void check_names(struct checker *c);

#endif
