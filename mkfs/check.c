/* SPDX-License-Identifier: MIT */
/*
 * check.c: the checker's frame: superblock, log, bitmap.
 *
 * Idea        The checker believes nothing and shares no code with the file
 *             system, only the layout: a mistake made twice would not be seen.
 *             It looks at the disk as it will be after the log is carried out,
 *             by reading a logged block from its slot. Each part finds all the
 *             problems it can; only a bad superblock ends the check, since then
 *             nothing else can be found.
 * Read        check.c, check_inode.c, check_names.c
 */
#include "check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "checker.h"

void problem(struct checker *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(c->out, format, args);
    fputc('\n', c->out);
    va_end(args);
    c->problems++;
}

const void *checker_block(const struct checker *c, uint32_t block) {
    return c->bytes + (size_t)c->where[block] * BLOCK_SIZE;
}

const struct disk_inode *checker_inode(const struct checker *c, uint32_t inum) {
    uint32_t block = c->super.inode_start + inum / INODES_PER_BLOCK;
    return (const struct disk_inode *)checker_block(c, block) +
           inum % INODES_PER_BLOCK;
}

static uint32_t blocks_for(uint32_t items, uint32_t per_block) {
    return items / per_block + (items % per_block != 0);
}

/* Do the areas come one after the other and before the end? */
static void check_areas(struct checker *c) {
    const struct disk_super *s = &c->super;
    uint32_t inodes_end =
        s->inode_start + blocks_for(s->ninodes, INODES_PER_BLOCK);
    uint32_t bitmaps = blocks_for(s->nblocks, BITS_PER_BLOCK);
    if (s->log_start != 1)
        problem(c, "superblock: the log starts at block %u, not 1",
                s->log_start);
    if (s->log_blocks > LOG_SLOTS_MAX + 1 ||
        s->log_blocks < LOG_SLOTS_BASE + bitmaps + 1)
        problem(c, "superblock: a log of %u blocks", s->log_blocks);
    else if (s->inode_start != s->log_start + s->log_blocks)
        problem(c, "superblock: inodes start at block %u, not after the log",
                s->inode_start);
    if (s->ninodes < 2 || s->ninodes > INODES_MAX)
        problem(c, "superblock: %u inodes", s->ninodes);
    else if (s->bitmap_start != inodes_end)
        problem(c, "superblock: the bitmap starts at block %u, not %u",
                s->bitmap_start, inodes_end);
    if (s->data_start != s->bitmap_start + bitmaps)
        problem(c, "superblock: data starts at block %u, not after the bitmap",
                s->data_start);
    if (s->data_start >= s->nblocks)
        problem(c, "superblock: no room for data");
}

static void check_super(struct checker *c) {
    const struct disk_super *s = &c->super;
    if (s->magic != FS_MAGIC)
        problem(c, "superblock: not a file system (magic %#x, not %#x)",
                s->magic, FS_MAGIC);
    else if (s->version != FS_VERSION)
        problem(c, "superblock: version %u, not %d", s->version, FS_VERSION);
    else if (s->block_size != BLOCK_SIZE)
        problem(c, "superblock: block size %u, not %d", s->block_size,
                BLOCK_SIZE);
    else if (s->nblocks > c->image_blocks)
        problem(c, "superblock: %u blocks, but the image has %u", s->nblocks,
                c->image_blocks);
    else if (s->nblocks > (uint32_t)BITMAP_BLOCKS_MAX * BITS_PER_BLOCK)
        problem(c, "superblock: %u blocks are more than 4 GiB", s->nblocks);
    else
        check_areas(c);
}

/* Lets where[] of a logged block point to its slot. */
static void log_overlay(struct checker *c, const struct disk_log *log) {
    for (uint32_t i = 0; i < log->count; i++) {
        uint32_t target = log->target[i];
        if (target < c->super.inode_start || target >= c->super.nblocks)
            problem(c, "log: slot %u is for block %u, where none may go", i,
                    target);
        else if (c->where[target] != target)
            problem(c, "log: block %u is in two slots", target);
        else
            c->where[target] = c->super.log_start + 1 + i;
    }
}

static void check_log(struct checker *c) {
    const struct disk_log *log = checker_block(c, c->super.log_start);
    if (log->magic != LOG_MAGIC)
        problem(c, "log: header has magic %#x, not %#x", log->magic, LOG_MAGIC);
    else if (log->count > c->super.log_blocks - 1)
        problem(c, "log: %u blocks in %u slots", log->count,
                c->super.log_blocks - 1);
    else if (log->checksum != disk_log_sum(log))
        problem(c, "log: header has a wrong checksum");
    else if (log->count > 0) {
        fprintf(c->out,
                "note: the log holds a transaction of %u blocks, which the "
                "next mount carries out\n",
                log->count);
        log_overlay(c, log);
    }
}

static bool bitmap_has(const struct checker *c, uint32_t block) {
    const uint8_t *bits =
        checker_block(c, c->super.bitmap_start + block / BITS_PER_BLOCK);
    return bits[block % BITS_PER_BLOCK / 8] >> block % 8 & 1;
}

/* Compares every bit with who owns the block. */
static void check_bitmap(struct checker *c) {
    uint32_t end =
        (c->super.data_start - c->super.bitmap_start) * BITS_PER_BLOCK;
    for (uint32_t b = 0; b < c->super.nblocks; b++) {
        bool used = c->owner[b] != OWNER_NONE;
        if (used == bitmap_has(c, b))
            continue;
        if (!used)
            problem(c, "bitmap: block %u is marked in use, but no inode has it",
                    b);
        else if (c->owner[b] == OWNER_SYSTEM)
            problem(c,
                    "bitmap: block %u is marked free, but it is not for data",
                    b);
        else
            problem(c, "bitmap: block %u is marked free, but inode %u has it",
                    b, c->owner[b]);
    }
    for (uint32_t b = c->super.nblocks; b < end; b++)
        if (!bitmap_has(c, b))
            problem(c, "bitmap: bit %u past the last block is clear", b);
}

static void check_all(struct checker *c) {
    for (uint32_t b = 0; b < c->super.nblocks; b++) {
        c->where[b] = b;
        c->owner[b] = b < c->super.data_start ? OWNER_SYSTEM : OWNER_NONE;
    }
    check_log(c);
    check_inodes(c);
    check_names(c);
    check_bitmap(c);
}

static void *table(uint32_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) {
        fputs("mkfs: out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

unsigned check_image(const uint8_t *bytes, size_t size, FILE *out) {
    struct checker c = {.bytes = bytes,
                        .image_blocks = (uint32_t)(size / BLOCK_SIZE),
                        .out = out};
    if (c.image_blocks == 0) {
        problem(&c, "superblock: the image is empty");
        return c.problems;
    }
    memcpy(&c.super, bytes, sizeof(c.super));
    check_super(&c);
    if (c.problems > 0)
        return c.problems;
    c.where = table(c.super.nblocks, sizeof(*c.where));
    c.owner = table(c.super.nblocks, sizeof(*c.owner));
    c.names = table(c.super.ninodes, sizeof(*c.names));
    c.children = table(c.super.ninodes, sizeof(*c.children));
    c.parent = table(c.super.ninodes, sizeof(*c.parent));
    c.sound = table(c.super.ninodes, sizeof(*c.sound));
    check_all(&c);
    free(c.where);
    free(c.owner);
    free(c.names);
    free(c.children);
    free(c.parent);
    free(c.sound);
    return c.problems;
}
