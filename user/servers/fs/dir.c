/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/dir.c: a directory is a file of 16-byte entries.
 *
 * Idea        Entries are found by looking at each: a block holds 256 and an
 *             entry is compared as two words, so that is cheap up to thousands
 *             of names. A removed entry leaves a free place (inum 0) that the
 *             next name takes; programs that read a directory skip it.
 *             ".." is an entry like any other. A directory that was removed
 *             but is some process's working directory has no ".." any more as
 *             far as paths go: the parent may be gone, or be another inode.
 * Invariants  layout.h L4.
 * Locks       None: the file server is one thread.
 */
#include "servers/fs/dir.h"

#include "abi/errno.h"
#include "lib/string.h"

/* An entry as two words; the first has inum in its low 16 bits. */
struct words {
    uint64_t first;
    uint64_t second;
};

enum { INUM_BITS = 16 };

static struct words words_of(const void *entry) {
    struct words words;
    memcpy(&words, entry, sizeof(words));
    return words;
}

/*
 * Looks at count entries. Returns the index of the one with this name, or
 * count; *free becomes the index of the first free one if it was count.
 */
static uint32_t block_search(const uint8_t *data, uint32_t count,
                             struct words name, uint32_t *free) {
    for (uint32_t i = 0; i < count; i++) {
        struct words entry = words_of(data + i * DIR_ENTRY_SIZE);
        if ((uint16_t)entry.first == 0) {
            if (*free == count)
                *free = i;
        } else if (entry.first >> INUM_BITS == name.first >> INUM_BITS &&
                   entry.second == name.second) {
            return i;
        }
    }
    return count;
}

static uint32_t entries_left(const struct inode *dp, uint64_t offset) {
    uint64_t left = (dp->on.size - offset) / DIR_ENTRY_SIZE;
    return left < DIR_ENTRIES_PER_BLOCK ? (uint32_t)left
                                        : DIR_ENTRIES_PER_BLOCK;
}

/* Pins the block of the directory that has offset in it. */
static int dir_block(struct volume *v, struct inode *dp, uint64_t offset,
                     struct buf **out) {
    uint32_t block;
    int err = inode_map(v, dp, (uint32_t)(offset >> BLOCK_SHIFT), &block);
    return err < 0 ? err : block_get(&v->cache, block, out);
}

int dir_find(struct volume *v, struct inode *dp, const struct disk_dirent *name,
             struct dir_spot *spot) {
    if (dp->on.type != INODE_DIR)
        return -ENOTDIR;
    struct words words = words_of(name);
    bool has_free = false;
    for (uint64_t at = 0; at < dp->on.size; at += BLOCK_SIZE) {
        struct buf *buf;
        int err = dir_block(v, dp, at, &buf);
        if (err < 0)
            return err;
        uint32_t count = entries_left(dp, at), free = count;
        uint32_t i = block_search(buf->data, count, words, &free);
        if (i < count) {
            spot->offset = at + i * DIR_ENTRY_SIZE;
            spot->inum =
                (uint16_t)words_of(buf->data + i * DIR_ENTRY_SIZE).first;
        } else if (free < count && !has_free) {
            spot->offset = at + free * DIR_ENTRY_SIZE;
            has_free = true;
        }
        block_put(&v->cache, buf);
        if (i < count)
            return 0;
    }
    if (!has_free)
        spot->offset = dp->on.size;
    return -ENOENT;
}

int dir_set(struct volume *v, struct inode *dp, uint64_t offset,
            const struct disk_dirent *entry) {
    struct buf *buf;
    bool grows = offset == dp->on.size;
    int err;
    if (grows && offset % BLOCK_SIZE == 0) {
        err = inode_extend(v, dp, &buf);
        if (err == 0)
            memset(buf->data, 0, BLOCK_SIZE);
    } else {
        err = dir_block(v, dp, offset, &buf);
    }
    if (err < 0)
        return err;
    log_dirty(&v->log, buf);
    memcpy(buf->data + offset % BLOCK_SIZE, entry, DIR_ENTRY_SIZE);
    block_put(&v->cache, buf);
    if (!grows)
        return 0;
    dp->on.size += DIR_ENTRY_SIZE;
    return inode_store(v, dp);
}

int dir_empty(struct volume *v, struct inode *dp) {
    uint32_t in_use = 0;
    for (uint64_t at = 0; at < dp->on.size; at += BLOCK_SIZE) {
        struct buf *buf;
        int err = dir_block(v, dp, at, &buf);
        if (err < 0)
            return err;
        uint32_t count = entries_left(dp, at);
        for (uint32_t i = 0; i < count; i++)
            in_use +=
                (uint16_t)words_of(buf->data + i * DIR_ENTRY_SIZE).first != 0;
        block_put(&v->cache, buf);
    }
    return in_use <= 2;
}

bool name_is_dots(const struct disk_dirent *name) {
    return name->name[0] == '.' &&
           (name->name[1] == '\0' ||
            (name->name[1] == '.' && name->name[2] == '\0'));
}

int name_make(struct disk_dirent *name, const char *text, size_t len) {
    if (len == 0)
        return -ENOENT;
    if (len > DIR_NAME_LEN)
        return -ENAMETOOLONG;
    memset(name, 0, sizeof(*name));
    memcpy(name->name, text, len);
    return 0;
}

/*
 * Cuts the first name off a path: *path moves to the next, "" after the last.
 */
static int path_cut(const char **path, struct disk_dirent *name) {
    const char *text = *path;
    while (*text == '/')
        text++;
    size_t len = 0;
    while (text[len] != '\0' && text[len] != '/')
        len++;
    *path = text + len;
    while (**path == '/')
        (*path)++;
    return name_make(name, text, len);
}

/* Goes from *ip to its entry name; *ip is given back, also on an error. */
static int path_step(struct volume *v, struct inode **ip,
                     const struct disk_dirent *name) {
    struct dir_spot spot;
    struct inode *next;
    int err = dir_find(v, *ip, name, &spot);
    if (err == 0 && (*ip)->on.nlink == 0 && spot.inum != (*ip)->inum)
        err = -ENOENT;
    if (err == 0)
        err = inode_get(v, spot.inum, &next);
    inode_put(v, *ip);
    if (err == 0)
        *ip = next;
    return err;
}

/* Takes a reference to where a path begins. */
static int path_start(struct volume *v, struct inode *cwd, const char *path,
                      struct inode **out) {
    if (*path == '\0')
        return -ENOENT;
    if (*path == '/')
        return inode_get(v, ROOT_INODE, out);
    int err = inode_load(v, cwd);
    if (err < 0)
        return err;
    inode_dup(cwd);
    *out = cwd;
    return 0;
}

int path_parent(struct volume *v, struct inode *cwd, const char *path,
                struct inode **out, struct disk_dirent *name) {
    struct inode *ip;
    int err = path_start(v, cwd, path, &ip);
    if (err < 0)
        return err;
    while (*path == '/')
        path++;
    if (*path == '\0')
        path = ".";
    err = path_cut(&path, name);
    while (err == 0 && *path != '\0') {
        err = path_step(v, &ip, name);
        if (err < 0)
            return err;
        err = path_cut(&path, name);
    }
    if (err == 0 && ip->on.type != INODE_DIR)
        err = -ENOTDIR;
    if (err == 0 && ip->on.nlink == 0 && !name_is_dots(name))
        err = -ENOENT;
    if (err < 0)
        inode_put(v, ip);
    else
        *out = ip;
    return err;
}

int path_walk(struct volume *v, struct inode *cwd, const char *path,
              struct inode **out) {
    struct disk_dirent name;
    struct inode *ip;
    int err = path_parent(v, cwd, path, &ip, &name);
    if (err < 0)
        return err;
    err = path_step(v, &ip, &name);
    if (err == 0)
        *out = ip;
    return err;
}
