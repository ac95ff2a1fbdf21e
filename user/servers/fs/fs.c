/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/fs.c: the operations: paths, checks, and one transaction each.
 *
 * Idea        Every operation that changes names looks first, outside any
 *             transaction: who is the parent, is the name there, do the rules
 *             allow it. Then one transaction makes all the changes; whatever
 *             fails in it is undone by leaving it. References are given back
 *             last, when no transaction is open.
 * Invariants  layout.h L4 to L6 hold between any two operations, and on the
 *             disk after a crash at any moment.
 * Locks       None: the file server is one thread.
 */
#include "servers/fs/fs.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "servers/fs/dir.h"

/* What is about to be made: in which directory, under which name and where. */
struct birth {
    struct inode *dp;
    struct disk_dirent name;
    struct dir_spot spot;
};

int fs_root(struct volume *v, struct inode **out) {
    return inode_get(v, ROOT_INODE, out);
}

void fs_close(struct volume *v, struct inode *ip) {
    inode_put(v, ip);
}

/*
 * Fills in birth for path; holds a reference to birth->dp if it returns 0, or
 * EEXIST (then birth->spot says where).
 */
static int birth_find(struct volume *v, struct inode *cwd, const char *path,
                      struct birth *birth) {
    int err = path_parent(v, cwd, path, &birth->dp, &birth->name);
    if (err < 0)
        return err;
    err = dir_find(v, birth->dp, &birth->name, &birth->spot);
    if (err == -ENOENT)
        return 0;
    if (err == 0)
        return -EEXIST;
    inode_put(v, birth->dp);
    birth->dp = NULL;
    return err;
}

/* In a transaction: the entry of birth names ip from now on. */
static int birth_enter(struct volume *v, struct birth *birth,
                       const struct inode *ip) {
    birth->name.inum = (uint16_t)ip->inum;
    return dir_set(v, birth->dp, birth->spot.offset, &birth->name);
}

/* In a transaction: "." and ".." of a directory, and the link to its parent. */
static int dir_fill(struct volume *v, struct inode *ip, struct inode *dp) {
    struct disk_dirent dot = {.inum = (uint16_t)ip->inum, .name = "."};
    struct disk_dirent dotdot = {.inum = (uint16_t)dp->inum, .name = ".."};
    int err = dir_set(v, ip, 0, &dot);
    if (err == 0)
        err = dir_set(v, ip, DIR_ENTRY_SIZE, &dotdot);
    if (err < 0)
        return err;
    dp->on.nlink++;
    return inode_store(v, dp);
}

/* The transaction of birth: an inode like model, with its name. */
static int birth_commit(struct volume *v, struct birth *birth,
                        const struct disk_inode *model, struct inode **out) {
    struct inode *ip;
    int err = volume_begin(v);
    if (err < 0)
        return err;
    err = inode_alloc(v, model->type, &ip);
    if (err < 0) {
        volume_abort(v);
        return err;
    }
    ip->on = *model;
    err = inode_store(v, ip);
    if (err == 0 && model->type == INODE_DIR)
        err = dir_fill(v, ip, birth->dp);
    if (err == 0)
        err = birth_enter(v, birth, ip);
    err = volume_end(v, err);
    if (err < 0)
        inode_put(v, ip);
    else
        *out = ip;
    return err;
}

static int fs_make(struct volume *v, struct inode *cwd, const char *path,
                   const struct disk_inode *model) {
    struct birth birth;
    struct inode *ip;
    int err = birth_find(v, cwd, path, &birth);
    if (err < 0 && err != -EEXIST)
        return err;
    if (err == 0 && model->type == INODE_DIR && birth.dp->on.nlink >= LINKS_MAX)
        err = -EMLINK;
    if (err == 0)
        err = birth_commit(v, &birth, model, &ip);
    if (err == 0)
        inode_put(v, ip);
    inode_put(v, birth.dp);
    return err;
}

int fs_mkdir(struct volume *v, struct inode *cwd, const char *path) {
    struct disk_inode model = {.type = INODE_DIR, .nlink = 1};
    return fs_make(v, cwd, path, &model);
}

int fs_mknod(struct volume *v, struct inode *cwd, const char *path,
             uint16_t major, uint16_t minor) {
    struct disk_inode model = {
        .type = INODE_DEVICE, .major = major, .minor = minor, .nlink = 1};
    return fs_make(v, cwd, path, &model);
}

/* Opens what path names, or makes a file of that name. */
static int open_or_create(struct volume *v, struct inode *cwd, const char *path,
                          struct inode **out) {
    struct disk_inode model = {.type = INODE_FILE, .nlink = 1};
    struct birth birth;
    int err = birth_find(v, cwd, path, &birth);
    if (err == 0)
        err = birth_commit(v, &birth, &model, out);
    else if (err == -EEXIST)
        err = inode_get(v, birth.spot.inum, out);
    else
        return err;
    inode_put(v, birth.dp);
    return err;
}

static int truncate_open(struct volume *v, struct inode *ip) {
    if (ip->on.type != INODE_FILE || ip->on.size == 0)
        return 0;
    int err = volume_begin(v);
    return err < 0 ? err : volume_end(v, inode_truncate(v, ip));
}

int fs_open(struct volume *v, struct inode *cwd, const char *path,
            unsigned flags, struct inode **out) {
    struct inode *ip;
    if (flags & ~(unsigned)(FS_ACCESS | FS_CREATE | FS_TRUNC) ||
        (flags & FS_ACCESS) == FS_ACCESS)
        return -EINVAL;
    int err = flags & FS_CREATE ? open_or_create(v, cwd, path, &ip)
                                : path_walk(v, cwd, path, &ip);
    if (err < 0)
        return err;
    if (ip->on.type == INODE_DIR && flags != FS_RDONLY)
        err = -EISDIR;
    else if (flags & FS_TRUNC)
        err = truncate_open(v, ip);
    if (err < 0)
        inode_put(v, ip);
    else
        *out = ip;
    return err;
}

int fs_open_dir(struct volume *v, struct inode *cwd, const char *path,
                struct inode **out) {
    struct inode *ip;
    int err = path_walk(v, cwd, path, &ip);
    if (err < 0)
        return err;
    if (ip->on.type != INODE_DIR) {
        inode_put(v, ip);
        return -ENOTDIR;
    }
    *out = ip;
    return 0;
}

long fs_read(struct volume *v, struct inode *ip, struct transfer *to,
             uint64_t offset, size_t count) {
    int err = inode_load(v, ip);
    if (err < 0)
        return err;
    if (ip->on.type == INODE_DEVICE)
        return -EINVAL;
    return inode_read(v, ip, to, offset, count);
}

int fs_pages(struct volume *v, struct inode *ip, uint64_t offset, bool shared,
             uint8_t **pages, int max) {
    int err = inode_load(v, ip);
    if (err < 0)
        return err;
    if (ip->on.type != INODE_FILE)
        return -EINVAL;
    return inode_pages(v, ip, offset, shared, pages, max);
}

long fs_write(struct volume *v, struct inode *ip, struct transfer *from,
              uint64_t offset, size_t count) {
    int err = inode_load(v, ip);
    if (err < 0)
        return err;
    if (ip->on.type == INODE_DIR)
        return -EISDIR;
    if (ip->on.type == INODE_DEVICE)
        return -EINVAL;
    return inode_write(v, ip, from, offset, count);
}

int fs_stat(struct volume *v, struct inode *ip, struct fs_stat *out) {
    int err = inode_load(v, ip);
    if (err < 0)
        return err;
    *out = (struct fs_stat){.dev = FS_DEV,
                            .ino = ip->inum,
                            .type = (int16_t)ip->on.type,
                            .nlink = (int16_t)ip->on.nlink,
                            .size = ip->on.size};
    return 0;
}

/* The transaction of a second name: ip gets the entry of birth. */
static int link_commit(struct volume *v, struct birth *birth,
                       struct inode *ip) {
    int err = volume_begin(v);
    if (err < 0)
        return err;
    ip->on.nlink++;
    err = inode_store(v, ip);
    if (err == 0)
        err = birth_enter(v, birth, ip);
    return volume_end(v, err);
}

int fs_link(struct volume *v, struct inode *cwd, const char *old_path,
            const char *new_path) {
    struct birth birth = {0};
    struct inode *ip;
    int err = path_walk(v, cwd, old_path, &ip);
    if (err < 0)
        return err;
    if (ip->on.type == INODE_DIR)
        err = -EISDIR;
    else if (ip->on.nlink >= LINKS_MAX)
        err = -EMLINK;
    else
        err = birth_find(v, cwd, new_path, &birth);
    if (err == 0)
        err = link_commit(v, &birth, ip);
    if (birth.dp)
        inode_put(v, birth.dp);
    inode_put(v, ip);
    return err;
}

/* The transaction of a removal: the entry at offset in dp, which names ip. */
static int unlink_commit(struct volume *v, struct inode *dp, uint64_t offset,
                         struct inode *ip) {
    struct disk_dirent none = {0};
    int err = volume_begin(v);
    if (err < 0)
        return err;
    err = dir_set(v, dp, offset, &none);
    if (err == 0 && ip->on.type == INODE_DIR) {
        dp->on.nlink--;
        err = inode_store(v, dp);
    }
    ip->on.nlink--;
    if (err == 0 && ip->on.nlink == 0 && ip->refs == 1)
        err = inode_free(v, ip);
    else if (err == 0)
        err = inode_store(v, ip);
    return volume_end(v, err);
}

/* Is the name one that may be removed, and what does it name? */
static int unlink_check(struct volume *v, struct inode *dp,
                        const struct disk_dirent *name, struct dir_spot *spot,
                        struct inode **out) {
    struct inode *ip;
    if (name_is_dots(name))
        return -EINVAL;
    int err = dir_find(v, dp, name, spot);
    if (err == 0)
        err = inode_get(v, spot->inum, &ip);
    if (err < 0)
        return err;
    int empty = ip->on.type == INODE_DIR ? dir_empty(v, ip) : 1;
    if (empty <= 0) {
        inode_put(v, ip);
        return empty == 0 ? -ENOTEMPTY : empty;
    }
    *out = ip;
    return 0;
}

int fs_unlink(struct volume *v, struct inode *cwd, const char *path) {
    struct inode *dp, *ip;
    struct disk_dirent name;
    struct dir_spot spot;
    int err = path_parent(v, cwd, path, &dp, &name);
    if (err < 0)
        return err;
    err = unlink_check(v, dp, &name, &spot, &ip);
    if (err == 0) {
        err = unlink_commit(v, dp, spot.offset, ip);
        inode_put(v, ip);
    }
    inode_put(v, dp);
    return err;
}
