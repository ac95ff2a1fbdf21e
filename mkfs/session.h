/* SPDX-License-Identifier: MIT */
/*
 * session.h: an image mounted with the file system's own code.
 *
 * Use         struct session *s = session_open(&image);
 *             ... fs_open(&s->volume, s->root, ...) ...
 *             session_close(s);
 */
#ifndef OCTAVO_MKFS_SESSION_H
#define OCTAVO_MKFS_SESSION_H

#include "image.h"
#include "servers/fs/fs.h"

struct session {
    struct volume volume;
    struct inode *root;
    uint8_t *pages;
    struct buf *bufs;
};

/* Mounts an image. NULL with a message if it cannot be. */
struct session *session_open(struct image *image);

void session_close(struct session *s);

/* The text for an error of the file system. */
const char *session_error(long err);

/* A transfer from or to a block of host memory, at its offset. */
struct memory_transfer {
    struct transfer transfer;
    uint8_t *memory;
};

struct memory_transfer transfer_to(void *memory);
struct memory_transfer transfer_from(const void *memory);

#endif
