/* SPDX-License-Identifier: MIT */
/*
 * host/fs/contents.c: files and their bytes, inodes in use, damaged disks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "kit.h"

static const struct kit_plan SMALL = {.kib = 1024};

/* Writes and reads back sizes around every edge of the address tree. */
static void test_sizes(void) {
    static const uint32_t sizes[] = {
        0,
        1,
        15,
        BLOCK_SIZE - 1,
        BLOCK_SIZE,
        BLOCK_SIZE + 1,
        DIRECT_BLOCKS * BLOCK_SIZE - 1,
        DIRECT_BLOCKS * BLOCK_SIZE,
        DIRECT_BLOCKS * BLOCK_SIZE + 1,
        (DOUBLE_START - 1) * BLOCK_SIZE,
        DOUBLE_START * BLOCK_SIZE,
        DOUBLE_START * BLOCK_SIZE + 1,
        (DOUBLE_START + ADDRESSES_PER_BLOCK) * BLOCK_SIZE,
        (DOUBLE_START + ADDRESSES_PER_BLOCK + 1) * BLOCK_SIZE + 7,
    };
    struct kit *k = kit_open((struct kit_plan){.kib = 12 * 1024});
    size_t most = sizes[sizeof(sizes) / sizeof(sizes[0]) - 1];
    uint8_t *bytes = malloc(most);
    uint32_t before = kit_free_blocks(k);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        kit_pattern(bytes, sizes[i], (uint32_t)i);
        require(kit_put(k, "f", bytes, sizes[i]) == (long)sizes[i]);
        require(kit_stat(k, "f").size == sizes[i]);
        require(kit_has(k, "f", bytes, sizes[i]));
        kit_check(k);
        kit_remount(k);
        require(kit_has(k, "f", bytes, sizes[i]));
    }
    require(fs_unlink(k->volume, k->root, "f") == 0);
    require(kit_free_blocks(k) == before);
    kit_check(k);
    free(bytes);
    kit_close(k);
}

/* Reads and writes at odd places against a copy in memory. */
static void test_offsets(void) {
    enum { SIZE = 30 * BLOCK_SIZE };
    static uint8_t model[SIZE + BLOCK_SIZE], piece[3 * BLOCK_SIZE];
    struct kit *k = kit_open(SMALL);
    struct inode *ip = kit_open_file(k, "f", FS_RDWR | FS_CREATE);
    uint64_t random = 7, size = 0;
    for (int i = 0; i < 400; i++) {
        uint32_t at = kit_random(&random, (uint32_t)size + 1);
        uint32_t n = kit_random(&random, sizeof(piece));
        if (at + n > SIZE)
            n = SIZE - at;
        kit_pattern(piece, n, (uint32_t)i);
        require(kit_write(k, ip, piece, at, n) == (long)n);
        memcpy(model + at, piece, n);
        if (at + n > size)
            size = at + n;
        at = kit_random(&random, (uint32_t)size + 1);
        n = kit_random(&random, sizeof(piece));
        long expected = at + n > size ? (long)(size - at) : (long)n;
        require(kit_read(k, ip, piece, at, n) == expected);
        require(memcmp(piece, model + at, (size_t)expected) == 0);
    }
    require(size == SIZE);
    fs_close(k->volume, ip);
    kit_remount(k);
    require(kit_has(k, "f", model, size));
    kit_check(k);
    kit_close(k);
}

static void test_bad_ranges(void) {
    struct kit *k = kit_open(SMALL);
    struct inode *ip = kit_open_file(k, "f", FS_RDWR | FS_CREATE);
    struct inode *dir = kit_open_file(k, "/", FS_RDONLY);
    char byte = 'x';
    require(kit_write(k, ip, "abc", 0, 3) == 3);
    require(kit_write(k, ip, &byte, 4, 1) == -EINVAL);
    require(kit_write(k, ip, &byte, UINT64_MAX, 1) == -EINVAL);
    require(kit_write(k, ip, &byte, 0,
                      ((size_t)FILE_BLOCKS_MAX << BLOCK_SHIFT) + 1) == -EFBIG);
    require(kit_write(k, ip, &byte, 3, SIZE_MAX) == -EFBIG);
    require(kit_write(k, ip, &byte, 3, 0) == 0);
    require(kit_read(k, ip, &byte, 3, 1) == 0);
    require(kit_read(k, ip, &byte, UINT64_MAX, 1) == 0);
    require(kit_read(k, ip, &byte, 2, 1) == 1 && byte == 'c');
    require(kit_write(k, dir, &byte, 0, 1) == -EISDIR);
    fs_close(k->volume, dir);
    fs_close(k->volume, ip);
    require(kit_has(k, "f", "abc", 3));
    kit_check(k);
    kit_close(k);
}

/* A file removed while open lives until its last close. */
static void test_removed_open(void) {
    static uint8_t bytes[40 * BLOCK_SIZE], found[40 * BLOCK_SIZE];
    struct kit *k = kit_open(SMALL);
    uint32_t before = kit_free_blocks(k);
    kit_pattern(bytes, sizeof(bytes), 3);
    require(kit_put(k, "f", bytes, sizeof(bytes)) == (long)sizeof(bytes));
    struct inode *ip = kit_open_file(k, "f", FS_RDWR);
    struct inode *again = kit_open_file(k, "f", FS_RDONLY);
    require(ip == again);
    require(fs_unlink(k->volume, k->root, "f") == 0);
    require(kit_try_open(k, "f", FS_RDONLY) == -ENOENT);
    require(kit_put(k, "f", "another", 7) == 7);
    fs_close(k->volume, again);
    require(kit_write(k, ip, "new", 0, 3) == 3);
    memcpy(bytes, "new", 3);
    require(kit_read(k, ip, found, 0, sizeof(found)) == (long)sizeof(found));
    require(memcmp(found, bytes, sizeof(bytes)) == 0);
    fs_close(k->volume, ip);
    require(kit_has(k, "f", "another", 7));
    require(fs_unlink(k->volume, k->root, "f") == 0);
    require(kit_free_blocks(k) == before);
    kit_check(k);
    kit_close(k);
}

/* What was open and nameless at a crash, the next mount frees. */
static void test_orphans(void) {
    static uint8_t bytes[40 * BLOCK_SIZE];
    struct kit *k = kit_open(SMALL);
    uint32_t before = kit_free_blocks(k);
    unsigned problems;
    require(kit_put(k, "f", bytes, sizeof(bytes)) == (long)sizeof(bytes));
    require(fs_mkdir(k->volume, k->root, "d") == 0);
    kit_open_file(k, "f", FS_RDWR);
    kit_open_file(k, "d", FS_RDONLY);
    require(fs_unlink(k->volume, k->root, "f") == 0);
    require(fs_unlink(k->volume, k->root, "d") == 0);
    require(kit_free_blocks(k) < before);
    char *text = kit_checker(k->ram.bytes, k->ram.size, &problems);
    require(problems == 0 && strstr(text, "removed while open"));
    free(text);
    kit_remount(k);
    require(kit_free_blocks(k) == before);
    kit_check(k);
    kit_close(k);
}

/* A transfer that fails after so many bytes. */
struct short_transfer {
    struct transfer transfer;
    size_t limit;
    long error;
};

static long short_move(struct transfer *to, void *data, size_t offset,
                       size_t count) {
    struct short_transfer *t = (struct short_transfer *)to;
    if (offset + count <= t->limit)
        return (long)count;
    memset(data, 0xee, count / 2);
    return offset < t->limit ? (long)(t->limit - offset) : t->error;
}

/* Bad memory of the caller's stops a read at once and undoes a write. */
static void test_bad_memory(void) {
    static uint8_t bytes[100 * BLOCK_SIZE];
    struct kit *k = kit_open((struct kit_plan){.kib = 2048, .log = 32});
    uint32_t before = kit_free_blocks(k);
    struct short_transfer bad = {{short_move}, 100, -EFAULT};
    struct inode *ip = kit_open_file(k, "f", FS_RDWR | FS_CREATE);
    require(fs_write(k->volume, ip, &bad.transfer, 0, 5000) == -EFAULT);
    bad.limit = 0;
    require(fs_write(k->volume, ip, &bad.transfer, 0, 1) == -EFAULT);
    require(kit_stat(k, "f").size == 0 && kit_free_blocks(k) == before);
    kit_check(k);
    kit_pattern(bytes, sizeof(bytes), 1);
    require(kit_write(k, ip, bytes, 0, 3 * BLOCK_SIZE) == 3 * BLOCK_SIZE);
    bad.limit = BLOCK_SIZE;
    require(fs_write(k->volume, ip, &bad.transfer, 0, sizeof(bytes)) ==
            -EFAULT);
    require(kit_has(k, "f", bytes, 3 * BLOCK_SIZE));
    bad.limit = 60 * BLOCK_SIZE;
    long n = fs_write(k->volume, ip, &bad.transfer, 0, sizeof(bytes));
    require(n > 0 && n < 60 * BLOCK_SIZE);
    require(kit_stat(k, "f").size == (uint64_t)n);
    bad.limit = BLOCK_SIZE + 5;
    require(fs_read(k->volume, ip, &bad.transfer, 0, 3 * BLOCK_SIZE) ==
            BLOCK_SIZE + 5);
    bad.limit = 0;
    require(fs_read(k->volume, ip, &bad.transfer, 0, 10) == -EFAULT);
    fs_close(k->volume, ip);
    kit_check(k);
    kit_close(k);
}

/* More open files than the table holds. */
static void test_inode_table(void) {
    enum { FILES = VOLUME_INODES + 8 };
    struct kit *k = kit_open((struct kit_plan){.kib = 2048, .inodes = 1000});
    struct inode *open[FILES];
    char name[24];
    int count = 0, err = 0;
    for (int i = 0; i < FILES && err == 0; i++) {
        snprintf(name, sizeof(name), "f%u", (unsigned)i);
        err = fs_open(k->volume, k->root, name, FS_RDWR | FS_CREATE,
                      &open[count]);
        count += err == 0;
    }
    require(err == -ENOMEM && count > 400);
    require(kit_try_open(k, name, FS_RDONLY) == -ENOENT);
    kit_check(k);
    for (int i = 0; i < count; i++)
        fs_close(k->volume, open[i]);
    require(kit_put(k, name, "x", 1) == 1);
    kit_check(k);
    kit_close(k);
}

static void test_bad_mounts(void) {
    struct kit *k = kit_open(SMALL);
    struct disk_super *super = (struct disk_super *)k->ram.bytes;
    struct disk_log *log = (struct disk_log *)(k->ram.bytes + BLOCK_SIZE);
    uint32_t *field = (uint32_t *)super;
    for (size_t i = 0; i < sizeof(*super) / sizeof(*field); i++) {
        uint32_t was = field[i];
        field[i] = was ^ 0x40000000;
        require(kit_mount(k) == -EINVAL);
        field[i] = was;
    }
    k->ram.disk.nblocks--;
    require(kit_mount(k) == -EINVAL);
    k->ram.disk.nblocks++;
    log->magic ^= 1;
    require(kit_mount(k) == -EINVAL);
    log->magic ^= 1;
    log->count = 1;
    require(kit_mount(k) == -EINVAL);
    log->target[0] = 0;
    log->checksum = disk_log_sum(log);
    require(kit_mount(k) == -EINVAL);
    log->count = 0;
    log->checksum = disk_log_sum(log);
    k->buffers = super->log_blocks + VOLUME_PINS - 1;
    require(kit_mount(k) == -ENOMEM);
    k->buffers++;
    require(kit_mount(k) == 0);
    kit_close(k);
}

/* An address that no file can have is EIO, not a crash. */
static void test_damaged_files(void) {
    static uint8_t bytes[12 * BLOCK_SIZE];
    static const uint32_t bad[] = {0, 1, 200, 0xffffffff};
    struct kit *k = kit_open((struct kit_plan){.kib = 800});
    char byte;
    require(kit_put(k, "f", bytes, sizeof(bytes)) == (long)sizeof(bytes));
    struct disk_inode *raw = kit_inode(k, kit_stat(k, "f").ino);
    for (size_t i = 0; i < 4; i++) {
        uint32_t direct = raw->direct[2], indirect = raw->indirect;
        raw->direct[2] = raw->indirect = bad[i];
        kit_remount(k);
        struct inode *ip = kit_open_file(k, "f", FS_RDWR);
        require(kit_read(k, ip, &byte, 0, 1) == 1);
        require(kit_read(k, ip, &byte, 2 * BLOCK_SIZE, 1) == -EIO);
        require(kit_read(k, ip, &byte, 11 * BLOCK_SIZE, 1) == -EIO);
        require(kit_write(k, ip, &byte, 2 * BLOCK_SIZE, 1) == -EIO);
        fs_close(k->volume, ip);
        raw->direct[2] = direct;
        raw->indirect = indirect;
    }
    raw->size += FILE_SIZE_MAX;
    kit_remount(k);
    require(kit_try_open(k, "f", FS_RDONLY) == -EIO);
    require(fs_unlink(k->volume, k->root, "f") == -EIO);
    raw->size -= FILE_SIZE_MAX;
    kit_remount(k);
    kit_check(k);
    kit_close(k);
}

/* The bytes after the last are zeros, not somebody's deleted ones. */
static void test_tails(void) {
    static uint8_t bytes[200 * BLOCK_SIZE];
    struct kit *k = kit_open((struct kit_plan){.kib = 1024, .buffers = 100});
    memset(bytes, 0xff, sizeof(bytes));
    for (unsigned i = 0; i < 3; i++) {
        require(kit_put(k, "f", bytes, 100 * BLOCK_SIZE) > 0);
        require(fs_unlink(k->volume, k->root, "f") == 0);
        require(kit_put(k, i % 2 ? "g" : "h", "short", 5) == 5);
    }
    require(fs_mkdir(k->volume, k->root, "d") == 0);
    const char *const paths[] = {"g", "h", "d"};
    for (unsigned i = 0; i < 3; i++) {
        const struct fs_stat stat = kit_stat(k, paths[i]);
        const uint8_t *block =
            k->ram.bytes +
            (size_t)kit_inode(k, stat.ino)->direct[0] * BLOCK_SIZE;
        for (size_t j = stat.size; j < BLOCK_SIZE; j++)
            require(block[j] == 0);
    }
    kit_close(k);
}

int main(int argc, char **argv) {
    static const struct kit_case cases[] = {
        {"sizes", test_sizes},
        {"offsets", test_offsets},
        {"bad_ranges", test_bad_ranges},
        {"removed_open", test_removed_open},
        {"orphans", test_orphans},
        {"bad_memory", test_bad_memory},
        {"inode_table", test_inode_table},
        {"bad_mounts", test_bad_mounts},
        {"damaged_files", test_damaged_files},
        {"tails", test_tails},
        {NULL, NULL},
    };
    return kit_main(argc, argv, cases);
}
