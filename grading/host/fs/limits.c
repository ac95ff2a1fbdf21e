/* SPDX-License-Identifier: MIT */
/*
 * host/fs/limits.c: full disks and failing disks.
 *
 * Idea        A full disk: every operation is tried with every small number of
 *             blocks left; it succeeds or is ENOSPC, and then nothing is left
 *             of it. A failing disk: every operation is tried with each of its
 *             reads, writes and flushes failing; a twin on a sound disk does
 *             only what had succeeded, and the two must look alike.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "kit.h"

enum { LEFT_MAX = 8 };

static uint8_t bytes[40 * BLOCK_SIZE];

/* Fills the disk until so many blocks are left, with files of few blocks that
 * need no blocks of addresses. */
static void fill(struct kit *k, uint32_t left) {
    char name[24];
    for (unsigned i = 0; kit_free_blocks(k) > left; i++) {
        uint32_t room = kit_free_blocks(k) - left;
        uint32_t blocks = room < DIRECT_BLOCKS ? room : DIRECT_BLOCKS;
        snprintf(name, sizeof(name), "fill%u", i);
        require(kit_put(k, name, bytes, blocks * BLOCK_SIZE) > 0);
    }
}

/* One operation; what it returns. */
typedef long operation(struct kit *k);

static long op_create(struct kit *k) {
    return kit_try_open(k, "new", FS_WRONLY | FS_CREATE);
}

static long op_mkdir(struct kit *k) {
    return fs_mkdir(k->volume, k->root, "newdir");
}

static long op_mknod(struct kit *k) {
    return fs_mknod(k->volume, k->root, "newtty", 1, 1);
}

static long op_link(struct kit *k) {
    return fs_link(k->volume, k->root, "old", "newlink");
}

/* In a directory whose only block is full. */
static long op_grow_dir(struct kit *k) {
    return fs_link(k->volume, k->root, "old", "full/new");
}

static long op_mkdir_grow(struct kit *k) {
    return fs_mkdir(k->volume, k->root, "full/newdir");
}

static long op_unlink(struct kit *k) {
    return fs_unlink(k->volume, k->root, "old");
}

static long op_rmdir(struct kit *k) {
    return fs_unlink(k->volume, k->root, "dir");
}

static long op_truncate(struct kit *k) {
    return kit_try_open(k, "old", FS_WRONLY | FS_TRUNC);
}

static long op_overwrite(struct kit *k) {
    struct inode *ip = kit_open_file(k, "old", FS_RDWR);
    long n = kit_write(k, ip, bytes + 7, 100, 2 * BLOCK_SIZE);
    fs_close(k->volume, ip);
    return n;
}

/* Past the direct blocks: needs a block of addresses too. */
static long op_append(struct kit *k) {
    struct inode *ip = kit_open_file(k, "old", FS_RDWR);
    long n = kit_write(k, ip, bytes, 9 * BLOCK_SIZE, 3 * BLOCK_SIZE);
    fs_close(k->volume, ip);
    return n;
}

static const struct {
    const char *name;
    operation *run;
    uint32_t blocks; /* that it takes */
    bool partial;    /* may be done in part */
} operations[] = {
    {"create", op_create, 0, false},
    {"mkdir", op_mkdir, 1, false},
    {"mknod", op_mknod, 0, false},
    {"link", op_link, 0, false},
    {"grow_dir", op_grow_dir, 1, false},
    {"mkdir_grow", op_mkdir_grow, 2, false},
    {"unlink", op_unlink, 0, false},
    {"rmdir", op_rmdir, 0, false},
    {"truncate", op_truncate, 0, false},
    {"overwrite", op_overwrite, 0, false},
    {"append", op_append, 4, true},
};

enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

/* Makes a disk with something for every operation to work on. */
static struct kit *prepare(void) {
    struct kit *k = kit_open((struct kit_plan){.kib = 512, .inodes = 64});
    char name[24];
    kit_pattern(bytes, sizeof(bytes), 9);
    require(fs_mkdir(k->volume, k->root, "dir") == 0);
    require(fs_mkdir(k->volume, k->root, "full") == 0);
    require(kit_put(k, "old", bytes, 9 * BLOCK_SIZE) == 9 * BLOCK_SIZE);
    require(kit_put(k, "empty", bytes, 0) == 0);
    for (unsigned i = 2; i < DIR_ENTRIES_PER_BLOCK; i++) {
        snprintf(name, sizeof(name), "full/n%u", i);
        require(fs_link(k->volume, k->root, "empty", name) == 0);
    }
    return k;
}

/* A mounted copy of that disk, of which one is kept. */
static struct kit *prepared(void) {
    static struct kit *master;
    if (!master)
        master = prepare();
    struct kit *k = kit_on(master->ram.bytes, master->ram.size, 0);
    require(kit_mount(k) == 0);
    return k;
}

static void full_disk_case(size_t op, uint32_t left) {
    struct kit *k = prepared();
    fill(k, left);
    require(kit_free_blocks(k) == left);
    char *before = kit_dump(k, NULL);
    long result = operations[op].run(k);
    if (left >= operations[op].blocks) {
        require(result >= 0);
    } else if (!operations[op].partial) {
        require(result == -ENOSPC);
    } else {
        require(result == -ENOSPC || (result > 0 && result % BLOCK_SIZE == 0));
    }
    char *after = kit_dump(k, NULL);
    require((result == -ENOSPC) == (strcmp(before, after) == 0));
    kit_check(k);
    free(before);
    free(after);
    kit_remount(k);
    kit_check(k);
    kit_close(k);
}

static void test_full_disk(void) {
    for (size_t op = 0; op < OPERATIONS; op++)
        for (uint32_t left = 0; left <= LEFT_MAX; left++)
            full_disk_case(op, left);
}

/* A write that the disk cuts short says how much there was room for. */
static void test_short_write(void) {
    struct kit *k = kit_open((struct kit_plan){.kib = 224});
    uint32_t room = kit_free_blocks(k);
    require(room > DIRECT_BLOCKS + 1 && room < 40);
    size_t expected = (size_t)(room - 1) * BLOCK_SIZE;
    kit_pattern(bytes, sizeof(bytes), 4);
    require(kit_put(k, "f", bytes, sizeof(bytes)) == (long)expected);
    require(kit_free_blocks(k) == 0);
    require(kit_has(k, "f", bytes, expected));
    struct inode *ip = kit_open_file(k, "f", FS_WRONLY);
    require(kit_write(k, ip, "x", expected, 1) == -ENOSPC);
    require(kit_write(k, ip, "x", expected - 1, 1) == 1);
    fs_close(k->volume, ip);
    kit_check(k);
    require(fs_unlink(k->volume, k->root, "f") == 0);
    require(kit_free_blocks(k) == room);
    kit_check(k);
    kit_close(k);
}

static void test_all_inodes(void) {
    struct kit *k = kit_open((struct kit_plan){.kib = 512, .inodes = 64});
    char name[24];
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 2; i < 64; i++) {
            snprintf(name, sizeof(name), "f%u", i);
            require(kit_try_open(k, name, FS_WRONLY | FS_CREATE) == 0);
        }
        require(op_create(k) == -ENOSPC && op_mkdir(k) == -ENOSPC);
        require(op_mknod(k) == -ENOSPC);
        require(fs_unlink(k->volume, k->root, "f17") == 0);
        require(op_mkdir(k) == 0);
        require(op_create(k) == -ENOSPC);
        require(fs_unlink(k->volume, k->root, "newdir") == 0);
        require(kit_try_open(k, "f17", FS_WRONLY | FS_CREATE) == 0);
        kit_check(k);
        for (unsigned i = 2; i < 64; i++) {
            snprintf(name, sizeof(name), "f%u", i);
            require(fs_unlink(k->volume, k->root, name) == 0);
        }
        kit_remount(k);
    }
    kit_check(k);
    kit_close(k);
}

/* Which kind of request to the disk fails. */
enum fault { FAULT_READ, FAULT_WRITE, FAULT_FLUSH };

static void set_fault(struct kit *k, enum fault fault, long after) {
    k->ram.reads_left = fault == FAULT_READ ? after : NEVER;
    k->ram.writes_left = fault == FAULT_WRITE ? after : NEVER;
    k->ram.flushes_left = fault == FAULT_FLUSH ? after : NEVER;
}

static void clear_fault(struct kit *k) {
    k->ram.reads_left = k->ram.writes_left = k->ram.flushes_left = NEVER;
}

static void require_alike(struct kit *k, struct kit *twin) {
    char *tree = kit_dump(k, NULL), *expected = kit_dump(twin, NULL);
    if (strcmp(tree, expected) != 0)
        fprintf(stderr, "the tree is\n%sand should be\n%s", tree, expected);
    require(strcmp(tree, expected) == 0);
    free(tree);
    free(expected);
}

/*
 * Does one operation with the after-th request failing; true if one failed.
 * A disk that stays broken is repaired before the comparison.
 */
static bool fault_case(size_t op, enum fault fault, long after, bool broken) {
    struct kit *k = prepared(), *twin = prepared();
    kit_remount(k);
    k->ram.broken = broken;
    set_fault(k, fault, after);
    struct inode *ip = NULL;
    bool opened = fs_open(k->volume, k->root, "old", FS_RDONLY, &ip) == 0;
    if (opened)
        fs_close(k->volume, ip);
    long result = opened ? operations[op].run(k) : -EIO;
    bool hit = k->ram.reads_left == NEVER && k->ram.writes_left == NEVER &&
               k->ram.flushes_left == NEVER;
    if (broken)
        hit = k->ram.reads_left == 0 || k->ram.writes_left == 0 ||
              k->ram.flushes_left == 0;
    require(result >= 0 || result == -EIO);
    if (result >= 0)
        require(operations[op].run(twin) == result);
    if (broken && fault == FAULT_WRITE && hit && result >= 0) {
        /* Committed but not installed: refuse to change anything else. */
        require(fs_mkdir(k->volume, k->root, "later") == -EIO);
        require_alike(k, twin);
    }
    clear_fault(k);
    require_alike(k, twin);
    require(fs_mkdir(k->volume, k->root, "later") == 0);
    require(fs_mkdir(twin->volume, twin->root, "later") == 0);
    require_alike(k, twin);
    kit_check(k);
    kit_remount(k);
    require_alike(k, twin);
    kit_check(k);
    kit_close(k);
    kit_close(twin);
    return hit;
}

static void faults(enum fault fault, bool broken) {
    for (size_t op = 0; op < OPERATIONS; op++) {
        long after = 0;
        while (fault_case(op, fault, after, broken))
            after++;
        require(after > 0 || fault == FAULT_READ);
    }
}

static void test_read_faults(void) {
    faults(FAULT_READ, false);
    faults(FAULT_READ, true);
}

static void test_write_faults(void) {
    faults(FAULT_WRITE, false);
    faults(FAULT_WRITE, true);
}

static void test_flush_faults(void) {
    faults(FAULT_FLUSH, false);
    faults(FAULT_FLUSH, true);
}

/* Mounting a disk that fails is EIO, harms nothing, and can be repeated. */
static void test_mount_faults(void) {
    for (int fault = FAULT_READ; fault <= FAULT_FLUSH; fault++) {
        int err = -EIO;
        for (long after = 0; err < 0; after++) {
            struct kit *crashed = prepared();
            kit_open_file(crashed, "old", FS_RDONLY);
            kit_open_file(crashed, "full/n5", FS_RDONLY);
            require(fs_mkdir(crashed->volume, crashed->root, "d") == 0);
            crashed->ram.writes_left = 4;
            crashed->ram.broken = true;
            require(fs_unlink(crashed->volume, crashed->root, "d") == 0);
            struct kit *k = kit_on(crashed->ram.bytes, crashed->ram.size, 0);
            set_fault(k, (enum fault)fault, after);
            err = kit_mount(k);
            require(err == 0 || err == -EIO);
            clear_fault(k);
            kit_remount(k);
            kit_check(k);
            require(kit_try_open(k, "d", FS_RDONLY) == -ENOENT);
            kit_close(k);
            kit_drop(crashed);
            require(after > 0 || err < 0);
        }
    }
}

int main(int argc, char **argv) {
    static const struct kit_case cases[] = {
        {"full_disk", test_full_disk},
        {"short_write", test_short_write},
        {"all_inodes", test_all_inodes},
        {"read_faults", test_read_faults},
        {"write_faults", test_write_faults},
        {"flush_faults", test_flush_faults},
        {"mount_faults", test_mount_faults},
        {NULL, NULL},
    };
    return kit_main(argc, argv, cases);
}
