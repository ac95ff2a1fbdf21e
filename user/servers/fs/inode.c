/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/inode.c: the table of inodes in use, and inodes on the disk.
 *
 * Idea        Two processes with one file open must see one size. So an inode
 *             is in memory once, found by a hash of its number, and counted.
 * States      unused -> inode_get -> loaded -> inode_put (last) -> unused
 *             loaded -> its transaction fails -> not loaded -> inode_load
 *             on the disk: free -> inode_alloc -> named -> fs_unlink ->
 *             nameless -> last inode_put, or next mount -> free
 * Invariants  N1  refs > 0 == in a hash chain; else in the list of spares.
 *             N2  Outside a transaction a loaded inode equals the disk's.
 *             N3  Every inode below inode_hint is in use.
 * Locks       None: the file server is one thread.
 */
#include "servers/fs/inode.h"

#include "abi/errno.h"
#include "lib/string.h"

static struct inode **bucket_of(struct volume *v, uint32_t inum) {
    return &v->buckets[inum % INODE_BUCKETS];
}

void inode_table_init(struct volume *v) {
    memset(v->inodes, 0, sizeof(v->inodes));
    memset(v->buckets, 0, sizeof(v->buckets));
    v->spare = NULL;
    for (size_t i = VOLUME_INODES; i > 0; i--) {
        v->inodes[i - 1].chain = v->spare;
        v->spare = &v->inodes[i - 1];
    }
}

uint32_t inode_table_used(const struct volume *v) {
    uint32_t used = 0;
    for (size_t i = 0; i < VOLUME_INODES; i++)
        used += v->inodes[i].refs > 0;
    return used;
}

/* The place of an inode on the disk, its block pinned. */
static int inode_place(struct volume *v, uint32_t inum, struct buf **buf,
                       struct disk_inode **place) {
    uint32_t block = v->super.inode_start + inum / INODES_PER_BLOCK;
    int err = block_get(&v->cache, block, buf);
    if (err < 0)
        return err;
    *place = (struct disk_inode *)(*buf)->data + inum % INODES_PER_BLOCK;
    return 0;
}

/* Finds inum in the table, or puts it there unloaded; counts a reference. */
static int table_get(struct volume *v, uint32_t inum, struct inode **out) {
    struct inode **bucket = bucket_of(v, inum);
    struct inode *ip = *bucket;
    while (ip && ip->inum != inum)
        ip = ip->chain;
    if (!ip) {
        ip = v->spare;
        if (!ip)
            return -ENOMEM;
        v->spare = ip->chain;
        *ip = (struct inode){.inum = inum, .chain = *bucket};
        *bucket = ip;
    }
    ip->refs++;
    *out = ip;
    return 0;
}

/* Gives back a reference; the last one makes the place spare. */
static void table_put(struct volume *v, struct inode *ip) {
    if (--ip->refs > 0)
        return;
    struct inode **link = bucket_of(v, ip->inum);
    while (*link != ip)
        link = &(*link)->chain;
    *link = ip->chain;
    ip->chain = v->spare;
    v->spare = ip;
}

int inode_load(struct volume *v, struct inode *ip) {
    if (ip->loaded)
        return 0;
    struct buf *buf;
    struct disk_inode *place;
    int err = inode_place(v, ip->inum, &buf, &place);
    if (err < 0)
        return err;
    ip->on = *place;
    ip->loaded = place->type != INODE_FREE && place->type <= INODE_DEVICE &&
                 place->size <= FILE_SIZE_MAX;
    block_put(&v->cache, buf);
    return ip->loaded ? 0 : -EIO;
}

int inode_get(struct volume *v, uint32_t inum, struct inode **out) {
    struct inode *ip;
    if (inum == 0 || inum >= v->super.ninodes)
        return -EIO;
    int err = table_get(v, inum, &ip);
    if (err < 0)
        return err;
    err = inode_load(v, ip);
    if (err < 0) {
        table_put(v, ip);
        return err;
    }
    *out = ip;
    return 0;
}

void inode_dup(struct inode *ip) {
    ip->refs++;
}

void inode_put(struct volume *v, struct inode *ip) {
    if (ip->refs == 1 && inode_load(v, ip) == 0 && ip->on.nlink == 0 &&
        volume_begin(v) == 0)
        volume_end(v, inode_free(v, ip));
    table_put(v, ip);
}

int inode_store(struct volume *v, const struct inode *ip) {
    struct buf *buf;
    struct disk_inode *place;
    int err = inode_place(v, ip->inum, &buf, &place);
    if (err < 0)
        return err;
    log_dirty(&v->log, buf);
    *place = ip->on;
    block_put(&v->cache, buf);
    return 0;
}

/* The first free inode at or after start in start's block; 0: there is none. */
static int block_free_inode(struct volume *v, uint32_t start, uint32_t *inum) {
    struct buf *buf;
    struct disk_inode *place;
    int err = inode_place(v, start, &buf, &place);
    if (err < 0)
        return err;
    *inum = 0;
    uint32_t i = start;
    do {
        if (place->type == INODE_FREE) {
            *inum = i;
            break;
        }
        i++;
        place++;
    } while (i % INODES_PER_BLOCK != 0 && i < v->super.ninodes);
    block_put(&v->cache, buf);
    return 0;
}

int inode_alloc(struct volume *v, uint16_t type, struct inode **out) {
    uint32_t inum = 0;
    uint32_t start = v->inode_hint;
    while (start < v->super.ninodes) {
        int err = block_free_inode(v, start, &inum);
        if (err < 0)
            return err;
        if (inum != 0)
            break;
        start = (start / INODES_PER_BLOCK + 1) * INODES_PER_BLOCK;
    }
    v->inode_hint = inum != 0 ? inum : v->super.ninodes;
    if (inum == 0)
        return -ENOSPC;
    struct inode *ip;
    int err = table_get(v, inum, &ip);
    if (err < 0)
        return err;
    ip->on = (struct disk_inode){.type = type};
    ip->loaded = true;
    v->inode_hint = inum + 1;
    *out = ip;
    return 0;
}

int inode_free(struct volume *v, struct inode *ip) {
    int err = inode_truncate(v, ip);
    if (err < 0)
        return err;
    ip->on = (struct disk_inode){.type = INODE_FREE};
    if (v->inode_hint > ip->inum)
        v->inode_hint = ip->inum;
    err = inode_store(v, ip);
    ip->loaded = false;
    return err;
}
