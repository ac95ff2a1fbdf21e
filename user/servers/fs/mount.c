/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/mount.c: from a disk of unknown contents to a volume.
 *
 * Idea        Nothing read from the disk is believed before it is checked: the
 *             superblock must describe areas that follow each other and fit
 *             the disk. Then the log is carried out, and only then is anything
 *             else looked at. One pass over the inodes frees those that had no
 *             name left when the machine stopped.
 * Locks       None: the file server is one thread.
 */
#include "abi/errno.h"
#include "lib/string.h"
#include "servers/fs/fs.h"

static uint32_t blocks_for(uint32_t items, uint32_t per_block) {
    return (items + per_block - 1) / per_block;
}

/* Do the areas follow each other, and is the log large enough to use? */
static bool super_valid(const struct disk_super *s, uint32_t disk_blocks) {
    if (s->magic != FS_MAGIC || s->version != FS_VERSION ||
        s->block_size != BLOCK_SIZE)
        return false;
    if (s->nblocks > disk_blocks || s->ninodes <= ROOT_INODE ||
        s->ninodes > INODES_MAX)
        return false;
    uint32_t bitmaps = blocks_for(s->nblocks, BITS_PER_BLOCK);
    return bitmaps <= BITMAP_BLOCKS_MAX && s->log_start == 1 &&
           s->log_blocks > LOG_SLOTS_BASE + bitmaps &&
           s->log_blocks <= LOG_SLOTS_MAX + 1 &&
           s->inode_start == s->log_start + s->log_blocks &&
           s->bitmap_start ==
               s->inode_start + blocks_for(s->ninodes, INODES_PER_BLOCK) &&
           s->data_start == s->bitmap_start + bitmaps &&
           s->data_start < s->nblocks;
}

static int super_read(struct volume *v, struct disk *disk) {
    struct block_io io = {0, v->header};
    if (disk->read(disk, &io, 1) < 0)
        return -EIO;
    memcpy(&v->super, v->header, sizeof(v->super));
    return super_valid(&v->super, disk->nblocks) ? 0 : -EINVAL;
}

/* Frees inum if it has a type but no name. */
static int orphan_free(struct volume *v, uint32_t inum) {
    struct inode *ip;
    int err = inode_get(v, inum, &ip);
    if (err == 0)
        inode_put(v, ip);
    return err;
}

/* Frees the orphans of the inode block that begins with inum first. */
static int orphans_free(struct volume *v, uint32_t first) {
    struct buf *buf;
    uint32_t block = v->super.inode_start + first / INODES_PER_BLOCK;
    int err = block_get(&v->cache, block, &buf);
    if (err < 0)
        return err;
    uint64_t orphans = 0;
    for (uint32_t i = 0; i < INODES_PER_BLOCK; i++) {
        const struct disk_inode *place =
            (const struct disk_inode *)buf->data + i;
        if (place->type != INODE_FREE && place->nlink == 0)
            orphans |= (uint64_t)1 << i;
    }
    block_put(&v->cache, buf);
    for (uint32_t i = 0; i < INODES_PER_BLOCK && err == 0; i++)
        if (orphans >> i & 1)
            err = orphan_free(v, first + i);
    return err;
}

int fs_mount(struct volume *v, struct disk *disk, struct buf *bufs,
             uint8_t *pages, size_t count) {
    v->disk = disk;
    int err = super_read(v, disk);
    if (err < 0)
        return err;
    if (count < v->super.log_blocks + VOLUME_PINS)
        return -ENOMEM;
    block_cache_init(&v->cache, disk, bufs, pages, count);
    err = log_mount(&v->log, &v->cache, &v->super, v->header);
    if (err < 0)
        return err;
    inode_table_init(v);
    v->inode_hint = v->inode_hint_before = ROOT_INODE;
    v->block_hint = v->super.data_start;
    err = volume_count(v);
    for (uint32_t i = 0; i < v->super.ninodes && err == 0;
         i += INODES_PER_BLOCK)
        err = orphans_free(v, i);
    return err;
}
