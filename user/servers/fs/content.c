/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/content.c: the bytes of an inode, and the tree that finds them.
 *
 * Idea        The first 10 blocks are named in the inode, the next 1024 in one
 *             block of addresses, the rest (4 GiB) in a block of 1024 blocks of
 *             addresses. Files grow only at the end and shrink only to nothing,
 *             so the tree is filled from the left and has no holes; how many
 *             blocks the next one costs follows from its index alone.
 *
 *                inode: d0 .. d9  indirect   double
 *                                    |          |
 *                              a0 .. a1023   t0 .. t1023
 *                                            |
 *                                          a0 .. a1023
 *
 *             A write is cut into transactions as the log's room demands. Data
 *             goes through the log like everything else.
 * Invariants  layout.h L3. C1: an error of inode_extend() other than EIO leaves
 *             no trace, so a write that fills the disk keeps what it has.
 * Locks       None: the file server is one thread.
 */
#include "abi/errno.h"
#include "lib/string.h"
#include "servers/fs/inode.h"

enum { READ_AHEAD = 16 };

/* Blocks that contents of size bytes have. */
static uint32_t block_count(uint64_t size) {
    return (uint32_t)((size + BLOCK_SIZE - 1) / BLOCK_SIZE);
}

/* Entry i of the block of addresses at table. */
static int table_read(struct volume *v, uint32_t table, uint32_t i,
                      uint32_t *address) {
    struct buf *buf;
    if (!volume_has_block(v, table))
        return -EIO;
    int err = block_get(&v->cache, table, &buf);
    if (err < 0)
        return err;
    *address = ((const uint32_t *)buf->data)[i];
    block_put(&v->cache, buf);
    return 0;
}

int inode_map(struct volume *v, const struct inode *ip, uint32_t index,
              uint32_t *block) {
    int err = 0;
    uint32_t table = ip->on.indirect;
    if (index < INDIRECT_START) {
        *block = ip->on.direct[index];
    } else if (index < DOUBLE_START) {
        err = table_read(v, table, index - INDIRECT_START, block);
    } else {
        index -= DOUBLE_START;
        err = table_read(v, ip->on.double_indirect, index / ADDRESSES_PER_BLOCK,
                         &table);
        if (err == 0)
            err = table_read(v, table, index % ADDRESSES_PER_BLOCK, block);
    }
    if (err == 0 && !volume_has_block(v, *block))
        err = -EIO;
    return err;
}

/* Pins the block of addresses at *table; makes an empty one if that is 0. */
static int table_open(struct volume *v, uint32_t *table, struct buf **out) {
    if (volume_has_block(v, *table))
        return block_get(&v->cache, *table, out);
    if (*table != 0)
        return -EIO;
    uint32_t block;
    int err = volume_alloc(v, &block);
    if (err == 0)
        err = block_get_blank(&v->cache, block, out);
    if (err < 0)
        return err;
    log_dirty(&v->log, *out);
    memset((*out)->data, 0, BLOCK_SIZE);
    *table = block;
    return 0;
}

static int table_write(struct volume *v, uint32_t *table, uint32_t i,
                       uint32_t address) {
    struct buf *buf;
    int err = table_open(v, table, &buf);
    if (err < 0)
        return err;
    log_dirty(&v->log, buf);
    ((uint32_t *)buf->data)[i] = address;
    block_put(&v->cache, buf);
    return 0;
}

/* Makes block the index-th of the contents. */
static int tree_set(struct volume *v, struct inode *ip, uint32_t index,
                    uint32_t block) {
    if (index < INDIRECT_START) {
        ip->on.direct[index] = block;
        return 0;
    }
    if (index < DOUBLE_START)
        return table_write(v, &ip->on.indirect, index - INDIRECT_START, block);
    index -= DOUBLE_START;
    struct buf *outer;
    int err = table_open(v, &ip->on.double_indirect, &outer);
    if (err < 0)
        return err;
    uint32_t *table = (uint32_t *)outer->data + index / ADDRESSES_PER_BLOCK;
    if (*table == 0)
        log_dirty(&v->log, outer);
    err = table_write(v, table, index % ADDRESSES_PER_BLOCK, block);
    block_put(&v->cache, outer);
    return err;
}

/* Free blocks that the index-th block takes: itself and its addresses. */
static uint32_t extend_cost(uint32_t index) {
    if (index < DOUBLE_START)
        return index == INDIRECT_START ? 2 : 1;
    if (index == DOUBLE_START)
        return 3;
    return (index - DOUBLE_START) % ADDRESSES_PER_BLOCK == 0 ? 2 : 1;
}

int inode_extend(struct volume *v, struct inode *ip, struct buf **out) {
    uint32_t index = block_count(ip->on.size);
    uint32_t block;
    if (index >= FILE_BLOCKS_MAX)
        return -EFBIG;
    if (extend_cost(index) > v->free_blocks)
        return -ENOSPC;
    if (volume_alloc(v, &block) < 0 || tree_set(v, ip, index, block) < 0 ||
        block_get_blank(&v->cache, block, out) < 0)
        return -EIO;
    log_dirty(&v->log, *out);
    return 0;
}

/* Frees the block at root and, levels deep, those it names. */
static int tree_free(struct volume *v, uint32_t root, unsigned levels) {
    struct buf *buf;
    int err = 0;
    if (root == 0)
        return 0;
    if (levels > 0) {
        if (!volume_has_block(v, root))
            return -EIO;
        err = block_get(&v->cache, root, &buf);
        if (err < 0)
            return err;
        const uint32_t *address = (const uint32_t *)buf->data;
        for (uint32_t i = 0; i < ADDRESSES_PER_BLOCK && err == 0; i++) {
            if (address[i] == 0)
                break;
            err = tree_free(v, address[i], levels - 1);
        }
        block_put(&v->cache, buf);
    }
    return err < 0 ? err : volume_free(v, root);
}

int inode_truncate(struct volume *v, struct inode *ip) {
    int err = 0;
    for (uint32_t i = 0; i < DIRECT_BLOCKS && err == 0; i++)
        err = tree_free(v, ip->on.direct[i], 0);
    if (err == 0)
        err = tree_free(v, ip->on.indirect, 1);
    if (err == 0)
        err = tree_free(v, ip->on.double_indirect, 2);
    if (err < 0)
        return err;
    memset(ip->on.direct, 0, sizeof(ip->on.direct));
    ip->on.indirect = ip->on.double_indirect = 0;
    ip->on.size = 0;
    return inode_store(v, ip);
}

/* Has the disk fetch what lies in one piece from the index-th block on. */
static void read_ahead(struct volume *v, const struct inode *ip, uint32_t index,
                       uint32_t block) {
    uint32_t end = block_count(ip->on.size);
    uint32_t run = 1, next;
    if (block_cached(&v->cache, block))
        return;
    while (run < READ_AHEAD && index + run < end &&
           inode_map(v, ip, index + run, &next) == 0 && next == block + run)
        run++;
    block_prefetch(&v->cache, block, run);
}

int inode_pages(struct volume *v, const struct inode *ip, uint64_t offset,
                bool shared, uint8_t **pages, int max) {
    uint32_t index = (uint32_t)(offset >> BLOCK_SHIFT), block;
    int count = 0;
    if (offset >= ip->on.size)
        return -EINVAL;
    for (; count < max && index < block_count(ip->on.size); count++, index++) {
        struct buf *buf;
        int err = inode_map(v, ip, index, &block);
        if (err == 0 && count == 0)
            read_ahead(v, ip, index, block);
        else if (err == 0 && !block_cached(&v->cache, block))
            break;
        if (err == 0)
            err = block_get(&v->cache, block, &buf);
        if (err < 0)
            return count > 0 ? count : err;
        if (shared)
            block_share(buf);
        pages[count] = buf->data;
        block_put(&v->cache, buf);
    }
    return count;
}

long inode_read(struct volume *v, struct inode *ip, struct transfer *to,
                uint64_t offset, size_t count) {
    if (offset >= ip->on.size)
        return 0;
    if (count > ip->on.size - offset)
        count = (size_t)(ip->on.size - offset);
    size_t done = 0;
    long moved = 0;
    while (done < count) {
        uint32_t index = (uint32_t)((offset + done) >> BLOCK_SHIFT), block;
        size_t skip = (size_t)(offset + done) % BLOCK_SIZE;
        size_t want = BLOCK_SIZE - skip;
        struct buf *buf;
        if (want > count - done)
            want = count - done;
        moved = inode_map(v, ip, index, &block);
        if (moved < 0)
            break;
        read_ahead(v, ip, index, block);
        moved = block_get(&v->cache, block, &buf);
        if (moved < 0)
            break;
        moved = to->move(to, buf->data + skip, done, want);
        block_put(&v->cache, buf);
        if (moved > 0)
            done += (size_t)moved;
        if (moved != (long)want)
            break;
    }
    if (done > 0 || count == 0)
        return (long)done;
    return moved < 0 ? moved : -EFAULT;
}

/* Pins the block at offset for writing count bytes there, marked. */
static int write_open(struct volume *v, struct inode *ip, uint64_t offset,
                      size_t count, struct buf **out) {
    size_t skip = (size_t)offset % BLOCK_SIZE;
    uint32_t index = (uint32_t)(offset >> BLOCK_SHIFT), block;
    if (index == block_count(ip->on.size)) {
        int err = inode_extend(v, ip, out);
        if (err == 0 && count < BLOCK_SIZE)
            memset((*out)->data + count, 0, BLOCK_SIZE - count);
        return err;
    }
    int err = inode_map(v, ip, index, &block);
    if (err < 0)
        return err;
    if (skip == 0 && count == BLOCK_SIZE)
        err = block_get_blank(&v->cache, block, out);
    else
        err = block_get(&v->cache, block, out);
    if (err == 0)
        log_dirty(&v->log, *out);
    return err;
}

/* Writes up to the end of one block. The number of bytes, or an error. */
static long write_piece(struct volume *v, struct inode *ip,
                        struct transfer *from, uint64_t offset, size_t done,
                        size_t count) {
    struct buf *buf;
    size_t room = BLOCK_SIZE - (size_t)(offset + done) % BLOCK_SIZE;
    size_t want = count - done < room ? count - done : room;
    int err = write_open(v, ip, offset + done, want, &buf);
    if (err < 0)
        return err;
    long moved = from->move(from, buf->data + BLOCK_SIZE - room, done, want);
    block_put(&v->cache, buf);
    if (moved != (long)want)
        return moved < 0 ? moved : -EFAULT;
    if (ip->on.size < offset + done + want)
        ip->on.size = offset + done + want;
    return (long)want;
}

/*
 * One transaction of a write: as many blocks as the log takes. Returns bytes
 * that are durable, or the error when it has added none.
 */
static long write_batch(struct volume *v, struct inode *ip,
                        struct transfer *from, uint64_t offset, size_t done,
                        size_t count) {
    size_t start = done;
    long moved = 0;
    int err = inode_load(v, ip);
    if (err == 0)
        err = volume_begin(v);
    if (err < 0)
        return err;
    while (done < count && log_room(&v->log) >= EXTEND_SLOTS) {
        moved = write_piece(v, ip, from, offset, done, count);
        if (moved < 0)
            break;
        done += (size_t)moved;
    }
    if (moved < 0 && (moved != -ENOSPC || done == start)) {
        volume_abort(v);
        return moved;
    }
    err = volume_end(v, inode_store(v, ip));
    return err < 0 ? err : (long)(done - start);
}

long inode_write(struct volume *v, struct inode *ip, struct transfer *from,
                 uint64_t offset, size_t count) {
    if (offset > ip->on.size)
        return -EINVAL;
    if (offset > FILE_SIZE_MAX || count > FILE_SIZE_MAX - offset)
        return -EFBIG;
    size_t done = 0;
    while (done < count) {
        long moved = write_batch(v, ip, from, offset, done, count);
        if (moved < 0)
            return done > 0 ? (long)done : moved;
        done += (size_t)moved;
    }
    return (long)done;
}
