/* SPDX-License-Identifier: MIT */
/*
 * session.c: mounting on the host, and moving bytes between it and an image.
 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"

enum { SESSION_BUFFERS = 512 };

struct session *session_open(struct image *image) {
    struct session *s = aligned_alloc(BLOCK_SIZE, sizeof(*s));
    uint8_t *pages =
        aligned_alloc(BLOCK_SIZE, (size_t)SESSION_BUFFERS * BLOCK_SIZE);
    struct buf *bufs = calloc(SESSION_BUFFERS, sizeof(*bufs));
    int err = -ENOMEM;
    if (s && pages && bufs) {
        memset(s, 0, sizeof(*s));
        s->pages = pages;
        s->bufs = bufs;
        err = fs_mount(&s->volume, &image->disk, bufs, pages, SESSION_BUFFERS);
        if (err == 0)
            err = fs_root(&s->volume, &s->root);
        if (err == 0)
            return s;
    }
    complain("the image cannot be mounted: %s", session_error(err));
    free(pages);
    free(bufs);
    free(s);
    return NULL;
}

void session_close(struct session *s) {
    fs_close(&s->volume, s->root);
    free(s->pages);
    free(s->bufs);
    free(s);
}

const char *session_error(long err) {
    switch (-err) {
    case EINVAL:
        return "not a sound file system, or not possible";
    case ENOSPC:
        return "no space left in the image";
    case ENOMEM:
        return "out of memory";
    case EEXIST:
        return "it exists already";
    case ENOENT:
        return "no such file or directory";
    case ENOTDIR:
        return "not a directory";
    case EISDIR:
        return "it is a directory";
    case EFBIG:
        return "the file is too large";
    case EMLINK:
        return "too many links";
    case ENAMETOOLONG:
        return "a name has more than 14 characters";
    case EIO:
        return "the image is damaged (see mkfs --check)";
    default:
        return "unknown error";
    }
}

static long move_out(struct transfer *to, void *data, size_t offset,
                     size_t count) {
    struct memory_transfer *t = (struct memory_transfer *)to;
    memcpy(t->memory + offset, data, count);
    return (long)count;
}

static long move_in(struct transfer *from, void *data, size_t offset,
                    size_t count) {
    struct memory_transfer *t = (struct memory_transfer *)from;
    memcpy(data, t->memory + offset, count);
    return (long)count;
}

struct memory_transfer transfer_to(void *memory) {
    return (struct memory_transfer){{move_out}, memory};
}

struct memory_transfer transfer_from(const void *memory) {
    return (struct memory_transfer){{move_in}, (uint8_t *)(uintptr_t)memory};
}
