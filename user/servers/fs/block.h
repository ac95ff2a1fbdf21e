/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/block.h: the disk below, and a cache of its blocks.
 *
 * Use         struct buf *buf;
 *             int err = block_get(cache, number, &buf);
 *             if (err < 0)
 *                 return err;
 *             ... read buf->data; to change it see log.h ...
 *             block_put(cache, buf);
 *
 * All errors are negative numbers of abi/errno.h. Blocks are BLOCK_SIZE bytes.
 */
#ifndef OCTAVO_FS_BLOCK_H
#define OCTAVO_FS_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One block of a request: its number, and where its bytes are or go. */
struct block_io {
    uint32_t block;
    void *data;
};

/*
 * A disk, as its driver offers it. read and write move count blocks, in any
 * order and as many at once as the driver likes, and return 0 when all of them
 * are done or a negative error (then any part of a write may have happened).
 * flush returns when every write that returned before it is durable.
 */
struct disk {
    int (*read)(struct disk *disk, const struct block_io *io, size_t count);
    int (*write)(struct disk *disk, const struct block_io *io, size_t count);
    int (*flush)(struct disk *disk);
    /* A page instead of this one, which others map and go on seeing as it is;
     * the contents of neither matter. NULL: there is none to be had. Only for
     * disks whose cache gives pages away (block_share). */
    uint8_t *(*renew)(struct disk *disk, uint8_t *page);
    uint32_t nblocks;
};

enum { BLOCK_BUCKETS = 256 };

/* A cached block. The holder of a pin may use data; only block.c the rest. */
struct buf {
    uint8_t *data;
    uint32_t block;
    uint32_t pins;
    bool cached; /* in a hash chain: block and data mean something */
    bool dirty;  /* log.c: in the open transaction, which holds a pin */
    bool shared; /* programs may have mapped the page: block_share */
    struct buf *chain;
    struct buf *older;
    struct buf *newer;
};

struct block_cache {
    struct disk *disk;
    size_t nbufs;
    struct buf idle; /* ring of the unpinned; newer = least recently used */
    struct buf *buckets[BLOCK_BUCKETS];
    uint64_t hits;
    uint64_t misses;
};

/*
 * Makes a cache of count blocks. bufs and pages (count * BLOCK_SIZE bytes)
 * belong to the cache from now on.
 */
void block_cache_init(struct block_cache *cache, struct disk *disk,
                      struct buf *bufs, uint8_t *pages, size_t count);

/*
 * Pins a block and reads it if it is not cached. EIO: the disk's read failed.
 * ENOMEM: every buffer is pinned; volume_mount() excludes it by asking for more
 * buffers than an operation can pin.
 */
int block_get(struct block_cache *cache, uint32_t block, struct buf **out);

/*
 * Pins a block without reading it: for a caller that overwrites all of it.
 * What data holds before that is any block's old bytes. ENOMEM as above.
 */
int block_get_blank(struct block_cache *cache, uint32_t block,
                    struct buf **out);

/*
 * Notes that programs are given the page that holds the block. They see each
 * change of it from now on, so no other block is ever put there: the buffer
 * gets another page first.
 */
void block_share(struct buf *buf);

/* The block was freed, and means something else from now on: who has mapped its
 * page keeps what it was. ENOMEM: there is no page to be had. */
int block_recycle(struct block_cache *cache, uint32_t block);

/* Would block_get() find the block without the disk? */
bool block_cached(const struct block_cache *cache, uint32_t block);

/*
 * Brings those of count consecutive blocks into the cache that are missing,
 * in one request to the disk. A hint: failures show at block_get().
 */
void block_prefetch(struct block_cache *cache, uint32_t block, size_t count);

/* Gives back one pin. */
void block_put(struct block_cache *cache, struct buf *buf);

/*
 * Gives back the pin and forgets the contents, which are not what the disk
 * holds; a page that programs have mapped becomes again what the disk holds.
 * The pin must be the only one.
 */
void block_discard(struct block_cache *cache, struct buf *buf);

#endif
