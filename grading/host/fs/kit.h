/* SPDX-License-Identifier: MIT */
/*
 * host/fs/kit.h: what the tests of the file system share.
 *
 * Use         static void test_files(void) {
 *                 struct kit *k = kit_open((struct kit_plan){.kib = 1024});
 *                 require(kit_put(k, "f", "text", 4) == 4);
 *                 kit_check(k);
 *                 kit_close(k);
 *             }
 *
 * A kit is a disk in memory that can fail and can remember what was written,
 * with a volume mounted on it. A failed require() ends the program.
 */
#ifndef OCTAVO_HOST_FS_KIT_H
#define OCTAVO_HOST_FS_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "servers/fs/fs.h"

/* One step of a journal: a block as it was written, or a flush (data NULL). */
struct step {
    uint32_t block;
    uint8_t *data;
};

struct journal {
    struct step *steps;
    size_t count;
    size_t room;
    bool on;
};

/* Failures to come: after so many more successes. NEVER is none. */
enum { NEVER = -1 };

struct ramdisk {
    struct disk disk;
    uint8_t *bytes;
    size_t size;
    long writes_left;
    long reads_left;
    long flushes_left;
    bool broken; /* what failed once fails for ever, not only once */
    long writes; /* so far */
    struct journal journal;
};

struct kit_plan {
    uint32_t kib;
    uint32_t inodes;  /* 0: by size */
    uint32_t log;     /* 0: by size */
    uint32_t buffers; /* 0: 160 */
};

struct kit {
    struct ramdisk ram;
    struct volume *volume;
    struct buf *bufs;
    uint8_t *pages;
    uint32_t buffers;
    struct inode *root;
};

/* Says what did not hold, and ends the program. */
void kit_fail(const char *what, const char *file, int line)
    __attribute__((noreturn));

#define require(condition)                                                     \
    ((condition) ? (void)0 : kit_fail(#condition, __FILE__, __LINE__))

/* An empty disk, mounted. */
struct kit *kit_open(struct kit_plan plan);

/* A kit on a copy of size bytes, not mounted. */
struct kit *kit_on(const uint8_t *bytes, size_t size, uint32_t buffers);

/* Mounts; the error of fs_mount() or fs_root(). */
int kit_mount(struct kit *k);

/* Forgets the volume as a crash does, and mounts again; must succeed. */
void kit_remount(struct kit *k);

/* Requires that nothing is open, and frees all. */
void kit_close(struct kit *k);

/* Frees all, whatever is open. */
void kit_drop(struct kit *k);

/* Requires that the checker finds nothing: no problem, and no note either. */
void kit_check(const struct kit *k);

/* What the checker says of these bytes; to be freed. *problems: how many. */
char *kit_checker(const uint8_t *bytes, size_t size, unsigned *problems);

/* fs_write() and fs_read() with memory. */
long kit_write(struct kit *k, struct inode *ip, const void *bytes,
               uint64_t offset, size_t count);
long kit_read(struct kit *k, struct inode *ip, void *bytes, uint64_t offset,
              size_t count);

/* Opens with these flags; requires success. */
struct inode *kit_open_file(struct kit *k, const char *path, unsigned flags);

/* fs_open() and fs_close(): the error. */
int kit_try_open(struct kit *k, const char *path, unsigned flags);

/* Creates or empties a file and writes it: the bytes written, or the error. */
long kit_put(struct kit *k, const char *path, const void *bytes, size_t count);

/* Does the file have exactly these contents? */
bool kit_has(struct kit *k, const char *path, const void *bytes, size_t count);

struct fs_stat kit_stat(struct kit *k, const char *path);

/* An inode of the disk itself, past the volume. */
struct disk_inode *kit_inode(struct kit *k, uint32_t inum);

/* Fills memory with bytes that depend on seed and place. */
void kit_pattern(uint8_t *bytes, size_t count, uint32_t seed);

/*
 * The whole tree as text, one line for each path with type, links, size and a
 * hash of the contents, sorted; to be freed. The file /skip is left out. Equal
 * texts: equal to any program that looks.
 */
char *kit_dump(struct kit *k, const char *skip);

/* Free blocks by the volume's own count. */
uint32_t kit_free_blocks(const struct kit *k);

/* A number below limit from a generator that is the same everywhere. */
uint32_t kit_random(uint64_t *state, uint32_t limit);

struct kit_case {
    const char *name;
    void (*run)(void);
};

/* main() of a test program: --list, or names of cases, or nothing for all. */
int kit_main(int argc, char **argv, const struct kit_case *cases);

#endif
