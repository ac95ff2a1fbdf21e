/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/volume.c: transactions over memory and disk; the bitmap.
 *
 * Idea        log.c undoes a failed transaction on the disk and in the cache.
 *             What the volume keeps besides (free counts, inodes in use) must
 *             go back with it: counts are saved at the beginning, inodes are
 *             marked to be loaded again.
 *             The search for a free block goes on where the last one ended, so
 *             that a file written in one go lies in one piece.
 * Invariants  V1  free_blocks is the number of clear bits in the bitmap.
 *             V2  No bit at or past nblocks is clear (layout.h, L2), so the
 *                 search needs no limit inside a word.
 * Locks       None: the file server is one thread.
 */
#include "servers/fs/volume.h"

#include "abi/errno.h"
#include "lib/string.h"

enum { WORD_BITS = 64, WORDS_PER_BLOCK = BLOCK_SIZE / 8 };

int volume_begin(struct volume *v) {
    v->free_blocks_before = v->free_blocks;
    v->inode_hint_before = v->inode_hint;
    return log_begin(&v->log);
}

static void volume_rewind(struct volume *v) {
    v->free_blocks = v->free_blocks_before;
    if (v->inode_hint > v->inode_hint_before)
        v->inode_hint = v->inode_hint_before;
    for (size_t i = 0; i < VOLUME_INODES; i++)
        v->inodes[i].loaded = false;
}

int volume_commit(struct volume *v) {
    int err = log_commit(&v->log);
    if (err < 0)
        volume_rewind(v);
    return err;
}

void volume_abort(struct volume *v) {
    log_abort(&v->log);
    volume_rewind(v);
}

int volume_end(struct volume *v, int err) {
    if (err == 0)
        return volume_commit(v);
    volume_abort(v);
    return err;
}

static int bitmap_get(struct volume *v, uint32_t block, struct buf **out) {
    uint32_t number = v->super.bitmap_start + block / BITS_PER_BLOCK;
    return block_get(&v->cache, number, out);
}

/* The lowest clear bit of a word that has one. */
static uint32_t word_clear_bit(uint64_t word) {
    uint32_t bit = 0;
    for (uint32_t half = WORD_BITS / 2; half > 0; half /= 2) {
        uint64_t mask = ((uint64_t)1 << half) - 1;
        if ((word & mask) == mask) {
            word >>= half;
            bit += half;
        }
    }
    return bit;
}

/*
 * Looks in the bitmap block of start, from start's word on, and takes the first
 * free block. 1: taken; 0: there is none.
 */
static int bitmap_take(struct volume *v, uint32_t start, uint32_t *block) {
    struct buf *buf;
    int err = bitmap_get(v, start, &buf);
    if (err < 0)
        return err;
    uint64_t *words = (uint64_t *)buf->data;
    uint32_t first = start - start % BITS_PER_BLOCK;
    uint32_t i = start % BITS_PER_BLOCK / WORD_BITS;
    while (i < WORDS_PER_BLOCK && words[i] == UINT64_MAX)
        i++;
    if (i < WORDS_PER_BLOCK) {
        uint32_t bit = word_clear_bit(words[i]);
        log_dirty(&v->log, buf);
        words[i] |= (uint64_t)1 << bit;
        *block = first + i * WORD_BITS + bit;
    }
    block_put(&v->cache, buf);
    return i < WORDS_PER_BLOCK;
}

int volume_alloc(struct volume *v, uint32_t *block) {
    if (v->free_blocks == 0)
        return -ENOSPC;
    uint32_t nbitmaps = (v->super.nblocks - 1) / BITS_PER_BLOCK + 1;
    uint32_t start = v->block_hint;
    /* The first bitmap block may come twice: from the hint, then whole. */
    for (uint32_t tries = 0; tries <= nbitmaps; tries++) {
        int taken = bitmap_take(v, start, block);
        if (taken < 0)
            return taken;
        if (taken > 0) {
            v->free_blocks--;
            v->block_hint = *block + 1 < v->super.nblocks ? *block + 1 : 0;
            return block_recycle(&v->cache, *block);
        }
        start = (start / BITS_PER_BLOCK + 1) % nbitmaps * BITS_PER_BLOCK;
    }
    return -EIO;
}

int volume_free(struct volume *v, uint32_t block) {
    struct buf *buf;
    if (!volume_has_block(v, block))
        return -EIO;
    int err = bitmap_get(v, block, &buf);
    if (err < 0)
        return err;
    uint8_t *byte = &buf->data[block % BITS_PER_BLOCK / 8];
    uint8_t bit = (uint8_t)(1u << block % 8);
    bool used = *byte & bit;
    if (used) {
        log_dirty(&v->log, buf);
        *byte = (uint8_t)(*byte & ~bit);
        v->free_blocks++;
    }
    block_put(&v->cache, buf);
    return used ? 0 : -EIO;
}

/* Counts bits by adding neighbours: pairs, nibbles, then all bytes at once. */
static uint32_t word_count(uint64_t word) {
    const uint64_t pairs = 0x5555555555555555u, nibbles = 0x3333333333333333u;
    word -= word >> 1 & pairs;
    word = (word & nibbles) + (word >> 2 & nibbles);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (uint32_t)(word * 0x0101010101010101u >> 56);
}

int volume_count(struct volume *v) {
    v->free_blocks = 0;
    for (uint32_t b = 0; b < v->super.nblocks; b += BITS_PER_BLOCK) {
        struct buf *buf;
        int err = bitmap_get(v, b, &buf);
        if (err < 0)
            return err;
        const uint64_t *words = (const uint64_t *)buf->data;
        for (uint32_t i = 0; i < WORDS_PER_BLOCK; i++)
            v->free_blocks += word_count(~words[i]);
        block_put(&v->cache, buf);
    }
    return 0;
}
