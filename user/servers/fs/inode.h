/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/inode.h: files without names: inodes in use, and their contents.
 *
 * Use         struct inode *ip;
 *             int err = inode_get(v, inum, &ip);
 *             ... read ip->on; or in a transaction:
 *                 change ip->on, inode_store(v, ip) ...
 *             inode_put(v, ip);
 *
 * A reference keeps an inode in memory, and its contents on the disk although
 * no name is left. ip->on means something while ip->loaded; a transaction that
 * fails clears it, so an inode kept from one operation to the next begins with
 * inode_load(). References are given back outside transactions.
 */
#ifndef OCTAVO_FS_INODE_H
#define OCTAVO_FS_INODE_H

#include "servers/fs/volume.h"

/*
 * Where the bytes of a read go, or those of a write come from. move copies
 * count bytes between data, part of a cached block, and the other side at
 * offset (counted from the start of the read or write). Returns count, or
 * fewer bytes or a negative error when the other side's memory failed.
 */
struct transfer {
    long (*move)(struct transfer *to, void *data, size_t offset, size_t count);
};

/* Empties the table of inodes in use, at mount. */
void inode_table_init(struct volume *v);

/* Is any inode in use, or had an earlier failure left one? For unmounting. */
uint32_t inode_table_used(const struct volume *v);

/*
 * Takes a reference to an inode that is not free. ENOMEM: VOLUME_INODES are in
 * use. EIO: the disk failed, or has no such inode.
 */
int inode_get(struct volume *v, uint32_t inum, struct inode **out);

/* Makes ip->on valid. EIO: the disk failed, or the inode is free or cannot be
 * one. */
int inode_load(struct volume *v, struct inode *ip);

/* Takes one more reference. */
void inode_dup(struct inode *ip);

/*
 * Gives back a reference. The last one of an inode with no name frees it, in a
 * transaction of its own; if that fails the next mount frees it.
 */
void inode_put(struct volume *v, struct inode *ip);

/* Puts ip->on into the open transaction (one slot). EIO. */
int inode_store(struct volume *v, const struct inode *ip);

/*
 * Takes a free inode in the open transaction (one slot), with one reference, no
 * links and no contents. The caller sets the fields and stores it. ENOSPC: all
 * inodes are in use; ENOMEM, EIO.
 */
int inode_alloc(struct volume *v, uint16_t type, struct inode **out);

/*
 * Frees all contents in the open transaction; at most one slot for each bitmap
 * block and one for the inode. EIO.
 */
int inode_truncate(struct volume *v, struct inode *ip);

/* inode_truncate(), and the inode itself is free for inode_alloc(). */
int inode_free(struct volume *v, struct inode *ip);

/*
 * The number of the index-th block of the contents, which must exist. EIO: the
 * disk failed, or names a block that no file can have.
 */
int inode_map(struct volume *v, const struct inode *ip, uint32_t index,
              uint32_t *block);

/*
 * Adds a block after the last, in the open transaction (EXTEND_SLOTS): pinned,
 * marked, contents unknown. The caller fills it, raises ip->on.size into it and
 * stores the inode. ENOSPC, EFBIG: nothing has changed. EIO: abort.
 */
int inode_extend(struct volume *v, struct inode *ip, struct buf **out);

/*
 * The pages of the cache that hold the contents from `offset` on, a multiple of
 * BLOCK_SIZE: the first, which is read if need be, and those after it that are
 * in the cache, `max` at most. What lies behind the end of the contents is
 * zero. `shared`: programs will see them (block_share). They stay where they
 * are until the next operation. Returns their number, EINVAL (offset is at or
 * behind the end), EIO or ENOMEM.
 */
int inode_pages(struct volume *v, const struct inode *ip, uint64_t offset,
                bool shared, uint8_t **pages, int max);

/*
 * Reads up to count bytes from offset on, fewer at the end of the contents.
 * Returns the number moved, or if it is 0 the error: EIO, or that of move.
 */
long inode_read(struct volume *v, struct inode *ip, struct transfer *to,
                uint64_t offset, size_t count);

/*
 * Writes count bytes at offset, which is at most the size, in transactions of
 * its own; each is all or nothing. Returns the number of bytes that are
 * durable, or if it is 0 the error: EINVAL offset past the end; EFBIG the file
 * would be too long; ENOSPC; EIO; or that of move (EFAULT if it gave none).
 */
long inode_write(struct volume *v, struct inode *ip, struct transfer *from,
                 uint64_t offset, size_t count);

#endif
