/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/log.h: changes to several blocks that happen all or not at all.
 *
 * Use         int err = log_begin(log);
 *             if (err < 0)
 *                 return err;
 *             ... block_get(buf); log_dirty(log, buf); change buf->data ...
 *             return log_commit(log);       or log_abort(log)
 *
 * A block is marked before it is changed or at the latest before it is put. One
 * operation is one transaction and there is one at a time.
 */
#ifndef OCTAVO_FS_LOG_H
#define OCTAVO_FS_LOG_H

#include "servers/fs/block.h"
#include "servers/fs/layout.h"

/* See log.c for what each state promises. */
enum log_state { LOG_IDLE, LOG_OPEN, LOG_UNINSTALLED, LOG_IN_DOUBT };

struct log {
    struct block_cache *cache;
    enum log_state state;
    uint32_t start;    /* block number of the header */
    uint32_t capacity; /* slots */
    uint32_t count;    /* blocks in dirty[] */
    struct buf *dirty[LOG_SLOTS_MAX];
    uint8_t *header; /* one page, for the header on its way to the disk */
};

/*
 * Attaches the log of a disk and, if it holds a committed transaction, carries
 * it out. header is a page of the caller's that the log keeps. Nothing but the
 * superblock may have been cached before. EINVAL: the header is not one a log
 * of this disk can have. EIO: the disk failed; nothing is lost, try again.
 */
int log_mount(struct log *log, struct block_cache *cache,
              const struct disk_super *super, uint8_t *header);

/*
 * Opens a transaction. EIO: an earlier failure of the disk is still there; the
 * disk can be read but not changed.
 */
int log_begin(struct log *log);

/*
 * Makes a block part of the open transaction, once however often it is called.
 * The caller has made sure of log_room() > 0 and keeps its own pin.
 */
void log_dirty(struct log *log, struct buf *buf);

/* How many more blocks the open transaction can take. */
uint32_t log_room(const struct log *log);

/*
 * Ends the transaction: when it returns 0 the changes are durable. EIO: none of
 * them happened, as far as anyone can see before the next mount; the cache has
 * forgotten them, and copies made from it (inodes) are to be reloaded.
 */
int log_commit(struct log *log);

/* Ends the transaction with nothing changed; copies are to be reloaded. */
void log_abort(struct log *log);

#endif
