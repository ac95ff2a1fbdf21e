/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/log.c: a write-ahead log.
 *
 * Idea        A crash may come between any two writes. So the new contents go
 *             to the log first, where nobody looks; then one write of one
 *             sector, the header, makes them count; then they are copied to
 *             where they belong ("installed"); then the header is cleared. A
 *             mount that finds a header with a count installs again, which is
 *             harmless however often it is done.
 *
 *               1 slots    2 flush    3 header     4 flush    <- durable here
 *               5 install  6 flush    7 clear      8 flush
 *
 *             Each flush keeps the disk from reordering across it. Without 2
 *             the header may promise slots that hold garbage; without 6 the
 *             promise is withdrawn before it was kept; without 8 the next
 *             transaction overwrites slots that a header still promises.
 *             Slots are written from the cache; nothing is copied in memory.
 *
 * States      IDLE         the header is clear, no block is dirty
 *             OPEN         log_begin; blocks collect in dirty[]
 *             UNINSTALLED  committed, but 5 to 8 failed. dirty[] stays pinned,
 *                          so readers see the truth; log_begin tries again.
 *             IN_DOUBT     3 or 4 failed: the disk may or may not have the
 *                          header. The changes are dropped; log_begin clears
 *                          the header before anything else can happen.
 * Invariants  G1  The slots that a header on the disk promises are not
 *                 overwritten.
 *             G2  A dirty buffer is in dirty[] once and pinned by it.
 * Locks       None: the file server is one thread.
 */
#include "servers/fs/log.h"

#include "abi/errno.h"
#include "lib/string.h"

static struct disk *log_disk(struct log *log) {
    return log->cache->disk;
}

static int log_flush(struct log *log) {
    return log_disk(log)->flush(log_disk(log)) < 0 ? -EIO : 0;
}

/* Writes the header for the blocks in dirty[0..count) and flushes it. */
static int header_write(struct log *log, uint32_t count) {
    struct disk_log *header = (struct disk_log *)log->header;
    memset(header, 0, BLOCK_SIZE);
    header->magic = LOG_MAGIC;
    header->count = count;
    for (uint32_t i = 0; i < count; i++)
        header->target[i] = log->dirty[i]->block;
    header->checksum = disk_log_sum(header);
    struct block_io io = {log->start, header};
    if (log_disk(log)->write(log_disk(log), &io, 1) < 0)
        return -EIO;
    return log_flush(log);
}

/* Writes every dirty block: to its slot, or to where it belongs. */
static int dirty_write(struct log *log, bool to_slots) {
    struct block_io io[LOG_SLOTS_MAX];
    for (uint32_t i = 0; i < log->count; i++) {
        io[i].block = to_slots ? log->start + 1 + i : log->dirty[i]->block;
        io[i].data = log->dirty[i]->data;
    }
    if (log_disk(log)->write(log_disk(log), io, log->count) < 0)
        return -EIO;
    return log_flush(log);
}

/* Steps 5 to 8. On an error the state stays UNINSTALLED. */
static int log_install(struct log *log) {
    log->state = LOG_UNINSTALLED;
    int err = dirty_write(log, false);
    if (err == 0)
        err = header_write(log, 0);
    if (err < 0)
        return err;
    for (uint32_t i = 0; i < log->count; i++) {
        log->dirty[i]->dirty = false;
        block_put(log->cache, log->dirty[i]);
    }
    log->count = 0;
    log->state = LOG_IDLE;
    return 0;
}

static void dirty_discard(struct log *log) {
    for (uint32_t i = 0; i < log->count; i++) {
        log->dirty[i]->dirty = false;
        block_discard(log->cache, log->dirty[i]);
    }
    log->count = 0;
}

int log_begin(struct log *log) {
    int err = 0;
    if (log->state == LOG_UNINSTALLED)
        err = log_install(log);
    else if (log->state == LOG_IN_DOUBT)
        err = header_write(log, 0);
    if (err < 0)
        return err;
    log->state = LOG_OPEN;
    return 0;
}

void log_dirty(struct log *log, struct buf *buf) {
    if (buf->dirty)
        return;
    buf->dirty = true;
    buf->pins++;
    log->dirty[log->count++] = buf;
}

uint32_t log_room(const struct log *log) {
    return log->capacity - log->count;
}

int log_commit(struct log *log) {
    if (log->count == 0) {
        log->state = LOG_IDLE;
        return 0;
    }
    if (dirty_write(log, true) < 0) {
        log_abort(log);
        return -EIO;
    }
    if (header_write(log, log->count) < 0) {
        dirty_discard(log);
        log->state = LOG_IN_DOUBT;
        return -EIO;
    }
    /* Durable: a failure to install is log_begin's to repair. */
    log_install(log);
    return 0;
}

void log_abort(struct log *log) {
    dirty_discard(log);
    log->state = LOG_IDLE;
}

/* A header that this file can have written for a disk of this layout. */
static bool header_valid(const struct disk_log *header,
                         const struct disk_super *super) {
    if (header->magic != LOG_MAGIC || header->count > super->log_blocks - 1 ||
        header->checksum != disk_log_sum(header))
        return false;
    for (uint32_t i = 0; i < header->count; i++)
        if (header->target[i] < super->inode_start ||
            header->target[i] >= super->nblocks)
            return false;
    return true;
}

/* Loads the committed blocks from their slots into dirty[]. */
static int slots_load(struct log *log, const struct disk_log *header) {
    for (uint32_t i = 0; i < header->count; i++) {
        struct buf *buf;
        int err = block_get_blank(log->cache, header->target[i], &buf);
        if (err < 0)
            return err;
        log_dirty(log, buf);
        block_put(log->cache, buf);
        struct block_io io = {log->start + 1 + i, buf->data};
        if (log_disk(log)->read(log_disk(log), &io, 1) < 0)
            return -EIO;
    }
    return 0;
}

int log_mount(struct log *log, struct block_cache *cache,
              const struct disk_super *super, uint8_t *header) {
    *log = (struct log){.cache = cache,
                        .start = super->log_start,
                        .capacity = super->log_blocks - 1,
                        .header = header};
    struct block_io io = {log->start, header};
    if (log_disk(log)->read(log_disk(log), &io, 1) < 0)
        return -EIO;
    if (!header_valid((const struct disk_log *)header, super))
        return -EINVAL;
    int err = slots_load(log, (const struct disk_log *)header);
    if (err == 0 && log->count > 0)
        err = log_install(log);
    if (err < 0)
        dirty_discard(log);
    return err;
}
