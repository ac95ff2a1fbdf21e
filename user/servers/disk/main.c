/* SPDX-License-Identifier: MIT */
/*
 * servers/disk/main.c: the disk server.
 *
 * Idea        Checks what clients ask for and leaves the rest to a back end
 *             (backend.h).
 * Invariants  A back end sees only requests that lie on the disk and whose
 *             window is large enough.
 */
#include <stddef.h>

#include "abi/errno.h"
#include "lib/proto.h"
#include "lib/server.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "servers/common/service.h"
#include "servers/disk/backend.h"

/* Reads a request for blocks. EINVAL: the window or the count. ERANGE: beyond
 * the end of the disk. */
static int64_t request_set(const struct message *m, uint64_t blocks,
                           struct request *request) {
    *request = (struct request){(enum disk_operation)tag_label(m->tag),
                                m->words[0], m->words[1]};
    if (request->count > DISK_BLOCKS_MAX ||
        (request->count > 0 &&
         (tag_items(m->tag) < 1 ||
          item_length(m->item_desc) < request->count << DISK_BLOCK_SHIFT)))
        return -EINVAL;
    if (request->block > blocks || request->count > blocks - request->block)
        return -ERANGE;
    return 0;
}

static int64_t blocks_handle(struct backend *backend, const struct message *m) {
    struct request request;
    int64_t error = request_set(m, backend->blocks, &request);
    if (error < 0 || request.count == 0)
        return error;
    return backend->submit(&request);
}

static int64_t call_handle(struct backend *backend, struct message *m) {
    static const struct request flush = {.operation = DISK_FLUSH};
    switch (tag_label(m->tag)) {
    case DISK_READ:
    case DISK_WRITE:
        return blocks_handle(backend, m);
    case DISK_FLUSH:
        return backend->submit(&flush);
    case DISK_SIZE:
        m->tag = tag_make(0, 1, 0, 0);
        m->words[0] = backend->blocks;
        return SERVICE_MESSAGE;
    default:
        return -ENOSYS;
    }
}

static int64_t message_handle(struct backend *backend, struct message *m) {
    if (tag_kind(m->tag) == MESSAGE_CALL)
        return call_handle(backend, m);
    if (tag_kind(m->tag) == MESSAGE_SIGNAL)
        backend->interrupt();
    return SERVICE_LATER;
}

/* The endpoint with the back end's notification bound to it. */
static int64_t endpoint_start(struct backend *backend, int argc, char **argv) {
    int64_t notification = sys_notification_create();
    if (notification < 0)
        return notification;
    int64_t error = backend->start(backend, argc, argv, notification);
    if (error < 0)
        return error;
    int64_t endpoint = server_open(NAME_DISK, SERVICE_RIGHTS);
    if (endpoint < 0)
        return endpoint;
    error = sys_notification_bind(notification, endpoint);
    return error < 0 ? error : endpoint;
}

int main(int argc, char **argv) {
    int virtio = argc > 1 && strcmp(argv[1], "virtio") == 0;
    struct backend *backend = virtio ? &virtio_backend : &ram_backend;
    int64_t endpoint = endpoint_start(backend, argc, argv);
    if (endpoint < 0)
        service_fail("disk", "cannot start", endpoint);
    struct message m;
    for (int64_t label = SERVICE_LATER;; label = message_handle(backend, &m))
        service_next(endpoint, label, &m);
}
