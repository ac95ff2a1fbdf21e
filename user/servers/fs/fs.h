/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/fs.h: the file system as its clients see it.
 *
 * Use         fs_mount(&v, &disk, bufs, pages, count);
 *             fs_root(&v, &cwd);
 *             fs_open(&v, cwd, "a/f", FS_RDWR | FS_CREATE, &ip);
 *             fs_write(&v, ip, &from, offset, count);
 *             fs_close(&v, ip);
 *
 * An operation that returns is durable; one that fails has changed nothing
 * (fs_write: nothing but what its count says). Paths are NUL-terminated and
 * relative to cwd, an inode that the caller has open; see dir.h for what a path
 * can do wrong. EIO may come from any of them and is not said again; ENOMEM may
 * come from those that open an inode.
 */
#ifndef OCTAVO_FS_FS_H
#define OCTAVO_FS_FS_H

#include "servers/fs/inode.h"
#include "servers/fs/volume.h"

/* Flags of fs_open(): the values of xv6's O_ constants. */
enum {
    FS_RDONLY = 0x000,
    FS_WRONLY = 0x001,
    FS_RDWR = 0x002,
    FS_ACCESS = 0x003,
    FS_CREATE = 0x200,
    FS_TRUNC = 0x400,
};

enum { FS_DEV = 1 };

/* What fs_stat() tells: in memory as xv6's struct stat. */
struct fs_stat {
    int32_t dev;
    uint32_t ino;
    int16_t type; /* INODE_DIR, INODE_FILE, INODE_DEVICE */
    int16_t nlink;
    uint64_t size;
};

/*
 * Mounts a disk: carries out what its log holds, and frees the inodes that were
 * open and without a name at the last crash. v, bufs and pages (count blocks)
 * stay the volume's. EINVAL: there is no file system of this kind on the disk,
 * or its superblock or log contradicts it; ENOMEM: count is less than
 * the blocks of the log + VOLUME_PINS. After an error v is not mounted.
 */
int fs_mount(struct volume *v, struct disk *disk, struct buf *bufs,
             uint8_t *pages, size_t count);

/* Opens the root directory. */
int fs_root(struct volume *v, struct inode **out);

/*
 * Opens what path names; with FS_CREATE makes an empty file if there is none;
 * with FS_TRUNC empties a file. EISDIR: a directory, and flags ask for more
 * than reading; EINVAL: flags that are not in the list; ENOSPC: no inode or
 * block.
 */
int fs_open(struct volume *v, struct inode *cwd, const char *path,
            unsigned flags, struct inode **out);

/* Opens a directory, for use as cwd. ENOTDIR. */
int fs_open_dir(struct volume *v, struct inode *cwd, const char *path,
                struct inode **out);

/* Closes an inode; the last close of one without a name frees it. */
void fs_close(struct volume *v, struct inode *ip);

/*
 * Reads a file, or a directory's raw entries, as inode_read(). EINVAL: it is a
 * device.
 */
long fs_read(struct volume *v, struct inode *ip, struct transfer *to,
             uint64_t offset, size_t count);

/* The pages of a file, as inode_pages(). EINVAL: it is no file. */
int fs_pages(struct volume *v, struct inode *ip, uint64_t offset, bool shared,
             uint8_t **pages, int max);

/* Writes a file, as inode_write(). EISDIR; EINVAL: it is a device. */
long fs_write(struct volume *v, struct inode *ip, struct transfer *from,
              uint64_t offset, size_t count);

int fs_stat(struct volume *v, struct inode *ip, struct fs_stat *out);

/*
 * Makes a directory. EEXIST; EMLINK: the parent has LINKS_MAX links; ENOSPC: no
 * inode or not enough blocks.
 */
int fs_mkdir(struct volume *v, struct inode *cwd, const char *path);

/* Makes a device inode, which only names a driver. EEXIST, ENOSPC. */
int fs_mknod(struct volume *v, struct inode *cwd, const char *path,
             uint16_t major, uint16_t minor);

/*
 * Gives a file a second name. EISDIR: old is a directory; EEXIST: new exists;
 * EMLINK: old has LINKS_MAX names; ENOSPC.
 */
int fs_link(struct volume *v, struct inode *cwd, const char *old_path,
            const char *new_path);

/*
 * Removes a name: of a file, device or empty directory. ENOTEMPTY; EINVAL: the
 * last name is "." or "..", or the path is "/".
 */
int fs_unlink(struct volume *v, struct inode *cwd, const char *path);

#endif
