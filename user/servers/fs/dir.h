/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/dir.h: names: entries of a directory, and paths.
 *
 * Use         struct dir_spot spot;
 *             err = path_parent(v, cwd, "a/b/new", &dp, &name);
 *             err = dir_find(v, dp, &name, &spot);          -ENOENT: it is free
 *             name.inum = inum;
 *             err = dir_set(v, dp, spot.offset, &name);     in a transaction
 *             inode_put(v, dp);
 *
 * A name is a struct disk_dirent with inum 0, NUL-padded, so that it compares
 * as two words and is written as it is.
 */
#ifndef OCTAVO_FS_DIR_H
#define OCTAVO_FS_DIR_H

#include "servers/fs/inode.h"

/* Where a name is in its directory; or, not found, where it would go. */
struct dir_spot {
    uint64_t offset;
    uint32_t inum;
};

/*
 * Finds a name. ENOENT: there is none, spot->offset is the first free place.
 * ENOTDIR, EIO.
 */
int dir_find(struct volume *v, struct inode *dp, const struct disk_dirent *name,
             struct dir_spot *spot);

/*
 * Writes an entry at a place that dir_find() gave, in the open transaction
 * (EXTEND_SLOTS). ENOSPC: the directory must grow and the disk is full; EIO.
 */
int dir_set(struct volume *v, struct inode *dp, uint64_t offset,
            const struct disk_dirent *entry);

/* 1: only "." and ".." are in it; 0: more; EIO. */
int dir_empty(struct volume *v, struct inode *dp);

/* Is the name "." or ".."? */
bool name_is_dots(const struct disk_dirent *name);

/*
 * Makes a name of the len bytes at text. ENAMETOOLONG: more than DIR_NAME_LEN;
 * ENOENT: none.
 */
int name_make(struct disk_dirent *name, const char *text, size_t len);

/*
 * Follows a path, from the root if it begins with a slash and else from cwd;
 * takes a reference. Slashes in a row and at the end count as one and as none.
 * ENOENT: a name is missing, the path is empty, or it leads through a directory
 * that was removed; ENOTDIR: a name before the last is no directory;
 * ENAMETOOLONG, ENOMEM, EIO.
 */
int path_walk(struct volume *v, struct inode *cwd, const char *path,
              struct inode **out);

/*
 * Follows a path up to the directory of its last name, which need not exist.
 * The name of "/" is ".". Errors as path_walk().
 */
int path_parent(struct volume *v, struct inode *cwd, const char *path,
                struct inode **out, struct disk_dirent *name);

#endif
