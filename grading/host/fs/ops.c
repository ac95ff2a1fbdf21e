/* SPDX-License-Identifier: MIT */
/*
 * host/fs/ops.c: names: every operation on them, and each error it returns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "kit.h"

static const struct kit_plan SMALL = {.kib = 1024};

static void test_open(void) {
    struct kit *k = kit_open(SMALL);
    require(kit_try_open(k, "f", FS_RDONLY) == -ENOENT);
    require(kit_try_open(k, "f", FS_RDONLY | FS_TRUNC) == -ENOENT);
    require(kit_put(k, "f", "hello", 5) == 5);
    require(fs_mkdir(k->volume, k->root, "d") == 0);
    require(kit_try_open(k, "f", FS_CREATE) == 0);
    require(kit_has(k, "f", "hello", 5));
    require(kit_try_open(k, "f", FS_ACCESS) == -EINVAL);
    require(kit_try_open(k, "f", 0x40) == -EINVAL);
    require(kit_try_open(k, "d", FS_RDONLY) == 0);
    require(kit_try_open(k, "d", FS_WRONLY) == -EISDIR);
    require(kit_try_open(k, "d", FS_RDWR) == -EISDIR);
    require(kit_try_open(k, "d", FS_CREATE) == -EISDIR);
    require(kit_try_open(k, "d", FS_TRUNC) == -EISDIR);
    require(kit_try_open(k, "/", FS_RDWR | FS_CREATE) == -EISDIR);
    require(kit_try_open(k, "f/x", FS_RDONLY) == -ENOTDIR);
    require(kit_try_open(k, "f/x", FS_WRONLY | FS_CREATE) == -ENOTDIR);
    require(kit_try_open(k, "x/y", FS_WRONLY | FS_CREATE) == -ENOENT);
    require(kit_try_open(k, "f", FS_WRONLY | FS_TRUNC) == 0);
    require(kit_stat(k, "f").size == 0);
    struct inode *ip;
    require(fs_open_dir(k->volume, k->root, "f", &ip) == -ENOTDIR);
    require(fs_open_dir(k->volume, k->root, "g", &ip) == -ENOENT);
    kit_check(k);
    kit_close(k);
}

static void test_names(void) {
    struct kit *k = kit_open(SMALL);
    require(kit_put(k, "12345678901234", "a", 1) == 1);
    require(kit_has(k, "/12345678901234", "a", 1));
    require(kit_try_open(k, "1234567890123", FS_RDONLY) == -ENOENT);
    require(kit_try_open(k, "123456789012345", FS_RDONLY) == -ENAMETOOLONG);
    require(kit_put(k, "123456789012345", "a", 1) == -ENAMETOOLONG);
    require(fs_mkdir(k->volume, k->root, "123456789012345") == -ENAMETOOLONG);
    require(kit_try_open(k, "", FS_RDONLY) == -ENOENT);
    require(kit_try_open(k, "", FS_WRONLY | FS_CREATE) == -ENOENT);
    require(fs_mkdir(k->volume, k->root, "a") == 0);
    require(fs_mkdir(k->volume, k->root, "a//b///") == 0);
    require(kit_put(k, "//a/./b/../b//c", "c", 1) == 1);
    require(kit_has(k, "a/b/c", "c", 1));
    require(kit_has(k, "/../../a/b/c", "c", 1));
    require(fs_mkdir(k->volume, k->root, "/") == -EEXIST);
    require(fs_mkdir(k->volume, k->root, "a/.") == -EEXIST);
    require(fs_mkdir(k->volume, k->root, "a/..") == -EEXIST);
    struct inode *b;
    require(fs_open_dir(k->volume, k->root, "a/b", &b) == 0);
    struct inode *ip;
    require(fs_open(k->volume, b, "../../12345678901234", FS_RDONLY, &ip) == 0);
    fs_close(k->volume, ip);
    fs_close(k->volume, b);
    kit_check(k);
    kit_close(k);
}

static void test_links(void) {
    struct kit *k = kit_open(SMALL);
    struct volume *v = k->volume;
    require(kit_put(k, "f", "data", 4) == 4);
    require(fs_mkdir(v, k->root, "d") == 0);
    require(fs_link(v, k->root, "f", "d/g") == 0);
    require(kit_stat(k, "f").nlink == 2);
    require(kit_stat(k, "f").ino == kit_stat(k, "d/g").ino);
    require(fs_link(v, k->root, "f", "d/g") == -EEXIST);
    require(fs_link(v, k->root, "f", "f") == -EEXIST);
    require(fs_link(v, k->root, "f", "/") == -EEXIST);
    require(fs_link(v, k->root, "d", "e") == -EISDIR);
    require(fs_link(v, k->root, "x", "y") == -ENOENT);
    require(fs_link(v, k->root, "f", "x/y") == -ENOENT);
    require(fs_link(v, k->root, "f", "f/y") == -ENOTDIR);
    require(fs_link(v, k->root, "f", "123456789012345") == -ENAMETOOLONG);
    require(fs_unlink(v, k->root, "f") == 0);
    require(fs_unlink(v, k->root, "f") == -ENOENT);
    require(kit_stat(k, "d/g").nlink == 1);
    require(kit_has(k, "d/g", "data", 4));
    kit_check(k);
    kit_close(k);
}

static void test_too_many_links(void) {
    struct kit *k = kit_open(SMALL);
    require(kit_put(k, "f", "", 0) == 0);
    require(fs_mkdir(k->volume, k->root, "d") == 0);
    kit_inode(k, kit_stat(k, "f").ino)->nlink = LINKS_MAX - 1;
    kit_inode(k, kit_stat(k, "d").ino)->nlink = LINKS_MAX - 1;
    kit_remount(k);
    require(fs_link(k->volume, k->root, "f", "g") == 0);
    require(fs_link(k->volume, k->root, "f", "h") == -EMLINK);
    require(kit_try_open(k, "h", FS_RDONLY) == -ENOENT);
    require(kit_stat(k, "f").nlink == LINKS_MAX);
    require(fs_mkdir(k->volume, k->root, "d/a") == 0);
    require(fs_mkdir(k->volume, k->root, "d/b") == -EMLINK);
    require(kit_try_open(k, "d/b", FS_RDONLY) == -ENOENT);
    require(kit_put(k, "d/c", "x", 1) == 1);
    kit_close(k);
}

static void test_directories(void) {
    struct kit *k = kit_open(SMALL);
    struct volume *v = k->volume;
    uint32_t before = kit_free_blocks(k);
    require(fs_mkdir(v, k->root, "d") == 0);
    require(fs_mkdir(v, k->root, "d") == -EEXIST);
    require(fs_mkdir(v, k->root, "x/y") == -ENOENT);
    require(fs_mkdir(v, k->root, "d/e") == 0);
    require(kit_stat(k, "d").nlink == 2 && kit_stat(k, "/").nlink == 2);
    require(kit_stat(k, "d/e/..").ino == kit_stat(k, "d").ino);
    require(kit_put(k, "f", "", 0) == 0);
    require(fs_mkdir(v, k->root, "f") == -EEXIST);
    require(fs_mkdir(v, k->root, "f/d") == -ENOTDIR);
    require(fs_unlink(v, k->root, "d") == -ENOTEMPTY);
    require(fs_unlink(v, k->root, ".") == -EINVAL);
    require(fs_unlink(v, k->root, "d/..") == -EINVAL);
    require(fs_unlink(v, k->root, "d/e/.") == -EINVAL);
    require(fs_unlink(v, k->root, "/") == -EINVAL);
    require(fs_unlink(v, k->root, "d/e") == 0);
    require(kit_stat(k, "d").nlink == 1);
    require(fs_unlink(v, k->root, "d") == 0);
    require(fs_unlink(v, k->root, "f") == 0);
    require(kit_stat(k, "/").nlink == 1);
    require(kit_free_blocks(k) == before);
    kit_check(k);
    kit_close(k);
}

/* Programs read directories as files of 16-byte entries. */
static void test_raw_directory(void) {
    struct kit *k = kit_open(SMALL);
    struct disk_dirent entries[8];
    require(kit_put(k, "a", "", 0) == 0);
    require(kit_put(k, "abcdefghijklmn", "", 0) == 0);
    require(fs_unlink(k->volume, k->root, "a") == 0);
    struct inode *dir = kit_open_file(k, "/", FS_RDONLY);
    require(kit_read(k, dir, entries, 0, sizeof(entries)) ==
            4 * DIR_ENTRY_SIZE);
    require(entries[0].inum == ROOT_INODE);
    require(strcmp(entries[0].name, ".") == 0);
    require(entries[1].inum == ROOT_INODE);
    require(strcmp(entries[1].name, "..") == 0);
    require(entries[2].inum == 0);
    require(entries[3].inum != 0);
    require(memcmp(entries[3].name, "abcdefghijklmn", DIR_NAME_LEN) == 0);
    require(kit_put(k, "b", "", 0) == 0);
    require(kit_read(k, dir, entries, 0, sizeof(entries)) ==
            4 * DIR_ENTRY_SIZE);
    require(entries[2].inum != 0 && strcmp(entries[2].name, "b") == 0);
    fs_close(k->volume, dir);
    kit_close(k);
}

static void test_devices(void) {
    struct kit *k = kit_open(SMALL);
    char byte = 'x';
    require(fs_mknod(k->volume, k->root, "tty", 1, 7) == 0);
    require(fs_mknod(k->volume, k->root, "tty", 1, 7) == -EEXIST);
    require(fs_mknod(k->volume, k->root, "x/tty", 1, 7) == -ENOENT);
    kit_remount(k);
    struct inode *ip = kit_open_file(k, "tty", FS_RDWR | FS_TRUNC);
    require(ip->on.type == INODE_DEVICE);
    require(ip->on.major == 1 && ip->on.minor == 7);
    require(kit_read(k, ip, &byte, 0, 1) == -EINVAL);
    require(kit_write(k, ip, &byte, 0, 1) == -EINVAL);
    fs_close(k->volume, ip);
    require(fs_link(k->volume, k->root, "tty", "tty2") == 0);
    require(fs_unlink(k->volume, k->root, "tty") == 0);
    kit_check(k);
    require(fs_unlink(k->volume, k->root, "tty2") == 0);
    kit_check(k);
    kit_close(k);
}

/* A removed directory that is still somebody's working directory. */
static void test_removed_cwd(void) {
    struct kit *k = kit_open(SMALL);
    struct inode *d, *ip;
    require(fs_mkdir(k->volume, k->root, "p") == 0);
    require(fs_mkdir(k->volume, k->root, "p/d") == 0);
    require(fs_open_dir(k->volume, k->root, "p/d", &d) == 0);
    require(fs_unlink(k->volume, k->root, "p/d") == 0);
    require(fs_unlink(k->volume, k->root, "p") == 0);
    unsigned create = FS_WRONLY | FS_CREATE;
    require(fs_open(k->volume, d, "x", create, &ip) == -ENOENT);
    require(fs_mkdir(k->volume, d, "x") == -ENOENT);
    require(fs_link(k->volume, d, "/", "x") == -EISDIR);
    require(fs_open(k->volume, d, "..", FS_RDONLY, &ip) == -ENOENT);
    require(fs_open(k->volume, d, "../x", FS_RDONLY, &ip) == -ENOENT);
    require(fs_open_dir(k->volume, d, ".", &ip) == 0);
    fs_close(k->volume, ip);
    require(fs_open_dir(k->volume, d, "/", &ip) == 0);
    fs_close(k->volume, ip);
    fs_close(k->volume, d);
    kit_check(k);
    kit_close(k);
}

/* A directory that needs an indirect block, and uses its free places again. */
static void test_large_directory(void) {
    enum { NAMES = DIRECT_BLOCKS * DIR_ENTRIES_PER_BLOCK + 300 };
    struct kit *k = kit_open((struct kit_plan){.kib = 2048});
    char name[24];
    require(kit_put(k, "f", "x", 1) == 1);
    require(fs_mkdir(k->volume, k->root, "d") == 0);
    struct inode *d = kit_open_file(k, "d", FS_RDONLY);
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof(name), "name%u", (unsigned)i);
        require(fs_link(k->volume, d, "/f", name) == 0);
    }
    require(kit_stat(k, "d").size == (NAMES + 2) * DIR_ENTRY_SIZE);
    require(kit_stat(k, "f").nlink == NAMES + 1);
    require(fs_link(k->volume, d, "/f", "name17") == -EEXIST);
    kit_check(k);
    for (int i = 0; i < NAMES; i += 2) {
        snprintf(name, sizeof(name), "name%u", (unsigned)i);
        require(fs_unlink(k->volume, d, name) == 0);
    }
    for (int i = 0; i < NAMES; i += 2) {
        snprintf(name, sizeof(name), "other%u", (unsigned)i);
        require(fs_link(k->volume, d, "/f", name) == 0);
    }
    require(kit_stat(k, "d").size == (NAMES + 2) * DIR_ENTRY_SIZE);
    require(kit_try_open(k, "d/name0", FS_RDONLY) == -ENOENT);
    require(kit_try_open(k, "d/other0", FS_RDONLY) == 0);
    require(kit_try_open(k, "d/name2859", FS_RDONLY) == 0);
    fs_close(k->volume, d);
    kit_remount(k);
    kit_check(k);
    kit_close(k);
}

int main(int argc, char **argv) {
    static const struct kit_case cases[] = {
        {"open", test_open},
        {"names", test_names},
        {"links", test_links},
        {"too_many_links", test_too_many_links},
        {"directories", test_directories},
        {"raw_directory", test_raw_directory},
        {"devices", test_devices},
        {"removed_cwd", test_removed_cwd},
        {"large_directory", test_large_directory},
        {NULL, NULL},
    };
    return kit_main(argc, argv, cases);
}
