/* SPDX-License-Identifier: MIT */
/*
 * servers/disk/ram.c: a disk that is a file of the boot archive.
 *
 * Idea        The archive lies in memory that nobody else writes. The image in
 *             it is mapped and copied to and from clients' windows; each
 *             request is finished when it is answered, so runs repeat exactly.
 *             A restarted server finds what the one before it wrote.
 * Use         init hands it SLOT_GRANT: the archive (memory), and the image's
 *             offset and length in it as arguments.
 */
#include <stddef.h>

#include "abi/errno.h"
#include "abi/layout.h"
#include "lib/ipc.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "servers/common/service.h"
#include "servers/disk/backend.h"

enum { SLOT_ARCHIVE = SLOT_GRANT };

/* The first byte of the image; set by ram_start(). */
static uint8_t *image;

static int64_t ram_start(struct backend *backend, int argc, char **argv,
                         int64_t notification) {
    long offset, length;
    (void)notification;
    if (argc != 4 || number_parse(argv[2], &offset) < 0 ||
        number_parse(argv[3], &length) < 0 || offset < 0 || length < DISK_BLOCK)
        return -EINVAL;
    struct sys_words info = sys_memory_info(SLOT_ARCHIVE);
    if (info.result < 0)
        return info.result;
    int64_t archive = sys_map(HANDLE_SELF, 0, info.value[1],
                              PROT_READ | PROT_WRITE, SLOT_ARCHIVE, 0);
    if (archive < 0)
        return archive;
    image = (uint8_t *)archive + offset;
    backend->blocks = (uint64_t)length / DISK_BLOCK;
    return 0;
}

static int64_t ram_submit(const struct request *request) {
    if (request->operation == DISK_FLUSH)
        return 0;
    unsigned direction = request->operation == DISK_READ ? COPY_OUT : COPY_IN;
    struct copy_result copied = ipc_copy(HANDLE_IMPLICIT, direction, 0,
                                         image + request->block * DISK_BLOCK,
                                         request->count * DISK_BLOCK);
    return service_copy_error(copied.error);
}

static void ram_interrupt(void) {}

struct backend ram_backend = {
    .start = ram_start,
    .submit = ram_submit,
    .interrupt = ram_interrupt,
};
