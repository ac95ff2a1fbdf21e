/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/block.c: a fixed number of buffers over an endless disk.
 *
 * Idea        A hash table finds a cached block in a few instructions; a ring
 *             of the buffers that nobody uses, oldest first, yields the one to
 *             reuse. A buffer in use (pins > 0) is not in the ring, so the
 *             victim is simply the head of the ring.
 * States      blank (not cached, idle) -> block_get -> pinned
 *             pinned -> last block_put -> idle -> block_get -> pinned
 *             pinned -> block_discard -> blank; idle -> reuse -> blank
 * Invariants  B1  cached == in the chain of its block number, and no block
 *                 number has two buffers.
 *             B2  pins == 0 == in the ring.
 *             B3  dirty implies pins > 0 (log.c holds it), so what is evicted
 *                 always equals what the disk holds.
 *             B4  a page that programs map (shared) holds their block, or what
 *                 that was when it was evicted or freed; never another's.
 * Locks       None: the file server is one thread.
 */
#include "servers/fs/block.h"

#include "abi/errno.h"
#include "servers/fs/layout.h"

enum { PREFETCH_MAX = 16 };

static struct buf **bucket_of(struct block_cache *cache, uint32_t block) {
    return &cache->buckets[block % BLOCK_BUCKETS];
}

static void ring_remove(struct buf *buf) {
    buf->older->newer = buf->newer;
    buf->newer->older = buf->older;
}

/* Inserts buf in front of next in the order of ages, as next's elder. */
static void ring_insert(struct buf *buf, struct buf *next) {
    buf->newer = next;
    buf->older = next->older;
    next->older->newer = buf;
    next->older = buf;
}

static void chain_remove(struct block_cache *cache, struct buf *buf) {
    struct buf **link = bucket_of(cache, buf->block);
    while (*link != buf)
        link = &(*link)->chain;
    *link = buf->chain;
    buf->cached = false;
}

static void chain_insert(struct block_cache *cache, struct buf *buf,
                         uint32_t block) {
    struct buf **link = bucket_of(cache, block);
    buf->block = block;
    buf->cached = true;
    buf->chain = *link;
    *link = buf;
}

void block_cache_init(struct block_cache *cache, struct disk *disk,
                      struct buf *bufs, uint8_t *pages, size_t count) {
    *cache = (struct block_cache){.disk = disk, .nbufs = count};
    cache->idle.older = cache->idle.newer = &cache->idle;
    for (size_t i = 0; i < count; i++) {
        bufs[i] = (struct buf){.data = pages + i * BLOCK_SIZE};
        ring_insert(&bufs[i], &cache->idle);
    }
}

static struct buf *block_find(const struct block_cache *cache, uint32_t block) {
    struct buf *buf = cache->buckets[block % BLOCK_BUCKETS];
    while (buf && buf->block != block)
        buf = buf->chain;
    return buf;
}

static void block_pin(struct buf *buf) {
    if (buf->pins++ == 0)
        ring_remove(buf);
}

/* Sees to it that nobody else maps the buffer's page. False: it cannot. */
static bool block_own(struct block_cache *cache, struct buf *buf) {
    uint8_t *page = buf->data;
    if (buf->shared)
        page = cache->disk->renew(cache->disk, page);
    if (page) {
        buf->data = page;
        buf->shared = false;
    }
    return page;
}

/* Takes the least recently used buffer out of the ring; NULL: none is idle, or
 * can be had. */
static struct buf *block_reclaim(struct block_cache *cache) {
    struct buf *buf = cache->idle.newer;
    while (buf != &cache->idle && !block_own(cache, buf))
        buf = buf->newer;
    if (buf == &cache->idle)
        return NULL;
    if (buf->cached)
        chain_remove(cache, buf);
    block_pin(buf);
    return buf;
}

void block_share(struct buf *buf) {
    buf->shared = true;
}

int block_recycle(struct block_cache *cache, uint32_t block) {
    struct buf *buf = block_find(cache, block);
    if (!buf || !buf->shared || buf->pins > 0)
        return 0;
    if (!block_own(cache, buf))
        return -ENOMEM;
    chain_remove(cache, buf);
    return 0;
}

int block_get_blank(struct block_cache *cache, uint32_t block,
                    struct buf **out) {
    struct buf *buf = block_find(cache, block);
    if (buf) {
        block_pin(buf);
    } else {
        buf = block_reclaim(cache);
        if (!buf)
            return -ENOMEM;
        chain_insert(cache, buf, block);
    }
    *out = buf;
    return 0;
}

int block_get(struct block_cache *cache, uint32_t block, struct buf **out) {
    struct buf *buf = block_find(cache, block);
    if (buf) {
        cache->hits++;
        block_pin(buf);
        *out = buf;
        return 0;
    }
    cache->misses++;
    int err = block_get_blank(cache, block, &buf);
    if (err < 0)
        return err;
    struct block_io io = {block, buf->data};
    if (cache->disk->read(cache->disk, &io, 1) < 0) {
        block_discard(cache, buf);
        return -EIO;
    }
    *out = buf;
    return 0;
}

bool block_cached(const struct block_cache *cache, uint32_t block) {
    return block_find(cache, block) != NULL;
}

void block_prefetch(struct block_cache *cache, uint32_t block, size_t count) {
    struct buf *bufs[PREFETCH_MAX];
    struct block_io io[PREFETCH_MAX];
    size_t missing = 0;
    for (size_t i = 0; i < count && missing < PREFETCH_MAX; i++) {
        uint32_t number = block + (uint32_t)i;
        if (block_find(cache, number))
            continue;
        if (block_get_blank(cache, number, &bufs[missing]) < 0)
            break;
        io[missing] = (struct block_io){number, bufs[missing]->data};
        missing++;
    }
    if (missing == 0)
        return;
    bool failed = cache->disk->read(cache->disk, io, missing) < 0;
    for (size_t i = 0; i < missing; i++)
        if (failed)
            block_discard(cache, bufs[i]);
        else
            block_put(cache, bufs[i]);
}

void block_put(struct block_cache *cache, struct buf *buf) {
    if (--buf->pins == 0)
        ring_insert(buf, &cache->idle);
}

void block_discard(struct block_cache *cache, struct buf *buf) {
    struct block_io io = {buf->block, buf->data};
    if (buf->shared && cache->disk->read(cache->disk, &io, 1) == 0) {
        block_put(cache, buf);
        return;
    }
    chain_remove(cache, buf);
    buf->pins = 0;
    ring_insert(buf, cache->idle.newer);
}
