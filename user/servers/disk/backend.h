/* SPDX-License-Identifier: MIT */
/*
 * servers/disk/backend.h: what a disk can do, whatever it is made of.
 *
 * Idea        The server checks requests and a back end carries them out: on a
 *             virtio device (virtio.c) or in memory (ram.c). init says which,
 *             in the first argument.
 */
#ifndef OCTAVO_DISK_BACKEND_H
#define OCTAVO_DISK_BACKEND_H

#include <stdint.h>

#include "lib/proto.h"

enum {
    DISK_BLOCK = 4096,
    DISK_BLOCK_SHIFT = 12,
    /* Longest request, 64 MiB, so that its bytes fit a reply's count. */
    DISK_BLOCKS_MAX = 16384,
};

/* A read or write of blocks that the disk has, or a flush. The newest call is
 * its reply, and its window, which is large enough, holds the bytes. */
struct request {
    enum disk_operation operation;
    uint64_t block;
    uint64_t count; /* in blocks, at least 1; 0 for a flush */
};

struct backend {
    uint64_t blocks; /* on the disk; set by start */
    /* Prepares the disk. The arguments are those of the server; `notification`
     * is bound to its endpoint. Errors: ENODEV EINVAL, of system calls. */
    int64_t (*start)(struct backend *backend, int argc, char **argv,
                     int64_t notification);
    /* Carries a request out. Returns as a handler does (common/service.h):
     * 0 or SERVICE_LATER. EIO: the device. EFAULT: the client's memory.
     * EAGAIN: too many requests wait. */
    int64_t (*submit)(const struct request *request);
    /* The notification was signalled: finishes what is done. */
    void (*interrupt)(void);
};

extern struct backend virtio_backend; /* argument: "virtio" */
extern struct backend ram_backend;    /* arguments: "ram" OFFSET LENGTH */

#endif
