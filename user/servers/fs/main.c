/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/main.c: the file server: its disk, its memory, its loop.
 *
 * Idea        The disk is another server, named "disk". Every request to it is
 *             a call with a window on cache pages; blocks that are neighbours
 *             on the disk and in memory go in one. If the disk server dies,
 *             init starts another, and the request is made again: reading and
 *             writing whole blocks twice does no harm.
 *             The cache takes 1/64 of the memory, all of it touched at the
 *             start, so that serving does not depend on free memory. Only a
 *             page that programs have mapped is given up for another.
 * Use         Started by init; serves under the name "fs".
 * Locks       None: one thread.
 */
#include "abi/errno.h"
#include "abi/layout.h"
#include "lib/names.h"
#include "lib/proto.h"
#include "lib/server.h"
#include "lib/syscall.h"
#include "servers/common/service.h"
#include "servers/fs/server.h"

enum {
    CACHE_BLOCKS_MIN = LOG_SLOTS_MAX + 1 + VOLUME_PINS,
    CACHE_BLOCKS_MAX = 1024,
    CACHE_SHARE = 64, /* one frame of so many */
    DISK_TRIES = 3,
    DISK_BLOCKS_PER_CALL = 64,
};

/* The disk server as a struct disk. */
struct disk_client {
    struct disk disk;
    int64_t session;
};

static struct volume volume;
static struct buf bufs[CACHE_BLOCKS_MAX];
static struct disk_client client;

/* Finds the disk server, also after it was started again. */
static int64_t disk_connect(struct disk_client *c) {
    if (c->session > 0)
        sys_handle_close(c->session);
    c->session = names_lookup(NAME_DISK, true);
    return c->session;
}

/* One call to the disk server; *m becomes the reply. Returns its label. */
static int64_t disk_call(struct disk_client *c, struct message *m) {
    const struct message request = *m;
    int64_t err = -EIO;
    for (unsigned tries = 0; tries < DISK_TRIES; tries++) {
        *m = request;
        err = ipc_call(c->session, m, DEADLINE_NONE);
        if (err == 0)
            return tag_label(m->tag);
        if ((err != -EPIPE && err != -ESTALE) || disk_connect(c) < 0)
            break;
    }
    return err;
}

/* How many of the blocks io[0..count) are one piece, on disk and in memory. */
static size_t io_run(const struct block_io *io, size_t count) {
    size_t run = 1;
    while (run < count && run < DISK_BLOCKS_PER_CALL &&
           io[run].block == io[run - 1].block + 1 &&
           (uint8_t *)io[run].data == (uint8_t *)io[run - 1].data + BLOCK_SIZE)
        run++;
    return run;
}

static int disk_transfer(struct disk *disk, const struct block_io *io,
                         size_t count, int32_t operation) {
    unsigned right = operation == DISK_READ ? ITEM_WRITE : ITEM_READ;
    while (count > 0) {
        size_t run = io_run(io, count);
        struct message m = {
            .tag = tag_make(operation, 2, 0, 1),
            .words = {io->block, run},
            .item_base = (uint64_t)io->data,
            .item_desc = item_make(run * BLOCK_SIZE, ITEM_WINDOW, right)};
        if (disk_call((struct disk_client *)disk, &m) < 0)
            return -EIO;
        io += run;
        count -= run;
    }
    return 0;
}

static int disk_read(struct disk *disk, const struct block_io *io,
                     size_t count) {
    return disk_transfer(disk, io, count, DISK_READ);
}

static int disk_write(struct disk *disk, const struct block_io *io,
                      size_t count) {
    return disk_transfer(disk, io, count, DISK_WRITE);
}

static int disk_flush(struct disk *disk) {
    struct message m = {.tag = tag_make(DISK_FLUSH, 0, 0, 0)};
    return disk_call((struct disk_client *)disk, &m) < 0 ? -EIO : 0;
}

/* Maps and touches the cache's pages; a negative error. */
static int64_t cache_memory(size_t blocks) {
    int64_t address = sys_map(HANDLE_SELF, 0, blocks * BLOCK_SIZE,
                              PROT_READ | PROT_WRITE, -1, 0);
    for (size_t i = 0; address > 0 && i < blocks; i++)
        *(volatile uint8_t *)((uint64_t)address + i * BLOCK_SIZE) = 0;
    return address;
}

/* First the other page, which there may not be; then the one that is given
 * away goes. */
static uint8_t *disk_renew(struct disk *disk, uint8_t *page) {
    (void)disk;
    int64_t other = cache_memory(1);
    if (other < 0)
        return NULL;
    sys_unmap(HANDLE_SELF, (uint64_t)page, BLOCK_SIZE);
    return (uint8_t *)other;
}

static int64_t disk_open(struct disk_client *c) {
    struct message m = {.tag = tag_make(DISK_SIZE, 0, 0, 0)};
    c->disk = (struct disk){.read = disk_read,
                            .write = disk_write,
                            .flush = disk_flush,
                            .renew = disk_renew};
    int64_t err = disk_connect(c);
    if (err >= 0)
        err = disk_call(c, &m);
    if (err < 0)
        return err;
    c->disk.nblocks =
        m.words[0] < UINT32_MAX ? (uint32_t)m.words[0] : UINT32_MAX;
    return 0;
}

/* How many blocks to cache on this machine. */
static size_t cache_blocks(void) {
    uint64_t blocks = sys_system_info(INFO_MEMORY, 0).value[0] / CACHE_SHARE;
    if (blocks < CACHE_BLOCKS_MIN)
        return CACHE_BLOCKS_MIN;
    return blocks < CACHE_BLOCKS_MAX ? blocks : CACHE_BLOCKS_MAX;
}

static void volume_open(void) {
    size_t blocks = cache_blocks();
    int64_t pages = cache_memory(blocks);
    if (pages < 0)
        service_fail(NAME_FS, "no memory for the cache", pages);
    int64_t err = disk_open(&client);
    if (err < 0)
        service_fail(NAME_FS, "no disk", err);
    err = fs_mount(&volume, &client.disk, bufs, (uint8_t *)pages, blocks);
    if (err < 0)
        service_fail(NAME_FS, "the disk cannot be mounted", err);
}

int main(void) {
    volume_open();
    int64_t endpoint = server_open(NAME_FS, SERVICE_RIGHTS);
    if (endpoint < 0)
        service_fail(NAME_FS, "cannot register", endpoint);
    int64_t err = server_start(&volume, endpoint);
    if (err < 0)
        service_fail(NAME_FS, "no root directory", err);
    struct message m;
    for (bool owed = false;; owed = server_handle(&m)) {
        err = owed ? ipc_reply_recv(endpoint, &m, DEADLINE_NONE)
                   : ipc_recv(endpoint, &m, DEADLINE_NONE);
        if (err < 0)
            service_fail(NAME_FS, "cannot receive", err);
    }
}
