/* SPDX-License-Identifier: MIT */
/*
 * guest/server_disk.c: the disk server, by requests no file server would make.
 *
 * The last blocks of the disk are free in a fresh image; only they are written.
 */
#include "lib/ipc.h"
#include "lib/names.h"
#include "lib/proto.h"
#include "tests/check.h"

enum {
    BLOCK = 4096,
    COUNT = 64, /* blocks of the long requests: more than the driver's slots */
    CLIENTS = 12,
    ROUNDS = 8,
};

static uint8_t buffer[(COUNT + 1) * BLOCK];
static int64_t disk;
static uint64_t blocks;

static int64_t transfer(int32_t operation, uint64_t block, uint64_t count,
                        void *at, uint64_t length) {
    unsigned right = operation == DISK_READ ? ITEM_WRITE : ITEM_READ;
    struct message m = {.tag = tag_make(operation, 2, 0, 1),
                        .words = {block, count},
                        .item_base = (uint64_t)at,
                        .item_desc = item_make(length, ITEM_WINDOW, right)};
    check_ok("call", ipc_call(disk, &m, DEADLINE_NONE));
    return tag_label(m.tag);
}

static int64_t plain(int32_t operation) {
    struct message m = {.tag = tag_make(operation, 0, 0, 0)};
    check_ok("call", ipc_call(disk, &m, DEADLINE_NONE));
    blocks = m.words[0];
    return tag_label(m.tag);
}

static void start(void) {
    disk = check_ok("look-up", names_lookup(NAME_DISK, false));
    check_equal("size", plain(DISK_SIZE), 0);
    check_true("more than the test needs", blocks > 2 * COUNT);
}

static uint64_t digest(const uint8_t *bytes, uint64_t length) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < length; i++)
        sum = sum * 31 + bytes[i];
    return sum;
}

static uint64_t read_all(void) {
    memset(buffer, 0, sizeof(buffer));
    check_equal("long read",
                transfer(DISK_READ, 0, COUNT, buffer, COUNT * BLOCK), 0);
    return digest(buffer, COUNT * BLOCK);
}

static void check_read(void) {
    start();
    uint64_t whole = read_all();
    memset(buffer, 0, sizeof(buffer));
    for (unsigned i = 0; i < COUNT; i++)
        check_equal("one block",
                    transfer(DISK_READ, i, 1, buffer + i * BLOCK, BLOCK), 0);
    check_true("one by one", digest(buffer, COUNT * BLOCK) == whole);
    check_equal("odd address",
                transfer(DISK_READ, 0, COUNT, buffer + 3, COUNT * BLOCK), 0);
    check_true("the same there", digest(buffer + 3, COUNT * BLOCK) == whole);
}

static void check_write(void) {
    start();
    for (unsigned i = 0; i < COUNT * BLOCK; i++)
        buffer[i] = (uint8_t)(i * 7 >> 3);
    uint64_t written = digest(buffer, COUNT * BLOCK);
    uint64_t at = blocks - COUNT;
    check_equal("write", transfer(DISK_WRITE, at, COUNT, buffer, COUNT * BLOCK),
                0);
    check_equal("flush", plain(DISK_FLUSH), 0);
    memset(buffer, 0, sizeof(buffer));
    check_equal("read", transfer(DISK_READ, at, COUNT, buffer, COUNT * BLOCK),
                0);
    check_true("what was written", digest(buffer, COUNT * BLOCK) == written);
}

static void check_bad_requests(void) {
    start();
    check_error("small window",
                transfer(DISK_READ, 0, 2, buffer, 2 * BLOCK - 1), EINVAL);
    check_error("many blocks",
                transfer(DISK_READ, 0, 1ull << 40, buffer, BLOCK), EINVAL);
    check_error("so many that bytes wrap",
                transfer(DISK_READ, 0, 1ull << 52, buffer, BLOCK), EINVAL);
    check_error("past the end", transfer(DISK_READ, blocks, 1, buffer, BLOCK),
                ERANGE);
    check_error("over the end",
                transfer(DISK_WRITE, blocks - 1, 2, buffer, 2 * BLOCK), ERANGE);
    check_error("block number that wraps",
                transfer(DISK_READ, UINT64_MAX, 2, buffer, 2 * BLOCK), ERANGE);
    check_equal("no blocks", plain(DISK_READ), 0);
    check_error("unknown", plain(99), ENOSYS);
}

static void check_bad_memory(void) {
    start();
    void *nowhere = (void *)0x5000;
    check_error("read", transfer(DISK_READ, 0, 3, nowhere, 3 * BLOCK), EFAULT);
    check_error("write",
                transfer(DISK_WRITE, blocks - 3, 3, nowhere, 3 * BLOCK),
                EFAULT);
    uint8_t *edge = (uint8_t *)sbrk(2 * BLOCK);
    check_error("read over an edge",
                transfer(DISK_READ, 0, COUNT, edge, COUNT * BLOCK), EFAULT);
    read_all();
}

/* In a child: reads again and again, and flushes in between. A server that is
 * too busy says so. */
static void __attribute__((noreturn)) reader_main(uint64_t whole) {
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 5 == 2) {
            int64_t flushed = plain(DISK_FLUSH);
            check_true("flush", flushed == 0 || flushed == -EAGAIN);
        }
        int64_t label = transfer(DISK_READ, 0, COUNT, buffer, COUNT * BLOCK);
        if (label == -EAGAIN) {
            pause_ms(2);
            continue;
        }
        check_equal("read", label, 0);
        check_true("bytes", digest(buffer, COUNT * BLOCK) == whole);
    }
    sys_exit(0);
}

static void check_clients(void) {
    int64_t pids[CLIENTS];
    start();
    uint64_t whole = read_all();
    for (unsigned i = 0; i < CLIENTS; i++) {
        pids[i] = check_ok("fork", sys_fork());
        if (pids[i] == 0)
            reader_main(whole);
    }
    pause_ms(5);
    for (unsigned i = 0; i < CLIENTS; i += 3)
        sys_kill(pids[i]);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct sys_pair end = sys_wait(pids[i], DEADLINE_NONE);
        if (i % 3 != 0)
            check_equal("status", (int64_t)end.value, 0);
    }
    check_true("the server is well", read_all() == whole);
}

static const struct check checks[] = {
    {"read", "long and short reads agree, at any address", check_read},
    {"write", "what was written is read", check_write},
    {"bad_requests", "requests that make no sense are refused",
     check_bad_requests},
    {"bad_memory", "a client's bad memory is the client's error",
     check_bad_memory},
    {"clients", "many clients at once, some killed, do no harm", check_clients},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
