/* SPDX-License-Identifier: MIT */
/*
 * host/fs/kit.c: see kit.h.
 */
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "check.h"
#include "format.h"

enum { BUFFERS_DEFAULT = 160, PATH_BYTES = 512 };

void kit_fail(const char *what, const char *file, int line) {
    fflush(stdout);
    fprintf(stderr, "%s:%d: required: %s\n", file, line, what);
    exit(1);
}

static void *allocate(size_t size) {
    void *memory = calloc(1, size);
    require(memory);
    return memory;
}

/* ---- The disk ---- */

/* Is this operation one that is to fail? */
static bool fails_now(const struct ramdisk *ram, long *left) {
    if (*left == NEVER)
        return false;
    if (*left > 0) {
        --*left;
        return false;
    }
    if (!ram->broken)
        *left = NEVER;
    return true;
}

static void journal_add(struct journal *j, uint32_t block, const void *data) {
    if (!j->on)
        return;
    if (j->count == j->room) {
        j->room = j->room ? 2 * j->room : 1024;
        j->steps = realloc(j->steps, j->room * sizeof(*j->steps));
        require(j->steps);
    }
    struct step step = {.block = block};
    if (data) {
        step.data = allocate(BLOCK_SIZE);
        memcpy(step.data, data, BLOCK_SIZE);
    }
    j->steps[j->count++] = step;
}

static int ram_read(struct disk *disk, const struct block_io *io,
                    size_t count) {
    struct ramdisk *ram = (struct ramdisk *)disk;
    for (size_t i = 0; i < count; i++) {
        require(io[i].block < disk->nblocks);
        if (fails_now(ram, &ram->reads_left))
            return -EIO;
        memcpy(io[i].data, ram->bytes + (size_t)io[i].block * BLOCK_SIZE,
               BLOCK_SIZE);
    }
    return 0;
}

static int ram_write(struct disk *disk, const struct block_io *io,
                     size_t count) {
    struct ramdisk *ram = (struct ramdisk *)disk;
    for (size_t i = 0; i < count; i++) {
        require(io[i].block < disk->nblocks);
        if (fails_now(ram, &ram->writes_left))
            return -EIO;
        memcpy(ram->bytes + (size_t)io[i].block * BLOCK_SIZE, io[i].data,
               BLOCK_SIZE);
        journal_add(&ram->journal, io[i].block, io[i].data);
        ram->writes++;
    }
    return 0;
}

static int ram_flush(struct disk *disk) {
    struct ramdisk *ram = (struct ramdisk *)disk;
    if (fails_now(ram, &ram->flushes_left))
        return -EIO;
    journal_add(&ram->journal, 0, NULL);
    return 0;
}

/* ---- Kits ---- */

static struct kit *kit_new(size_t size, uint32_t buffers) {
    struct kit *k = allocate(sizeof(*k));
    k->ram =
        (struct ramdisk){.disk = {.read = ram_read,
                                  .write = ram_write,
                                  .flush = ram_flush,
                                  .nblocks = (uint32_t)(size / BLOCK_SIZE)},
                         .bytes = allocate(size),
                         .size = size,
                         .writes_left = NEVER,
                         .reads_left = NEVER,
                         .flushes_left = NEVER};
    k->buffers = buffers ? buffers : BUFFERS_DEFAULT;
    k->volume =
        aligned_alloc(BLOCK_SIZE, (sizeof(*k->volume) + BLOCK_SIZE - 1) /
                                      BLOCK_SIZE * BLOCK_SIZE);
    k->bufs = allocate(k->buffers * sizeof(*k->bufs));
    k->pages = aligned_alloc(BLOCK_SIZE, (size_t)k->buffers * BLOCK_SIZE);
    require(k->volume && k->pages);
    return k;
}

int kit_mount(struct kit *k) {
    int err = fs_mount(k->volume, &k->ram.disk, k->bufs, k->pages, k->buffers);
    return err < 0 ? err : fs_root(k->volume, &k->root);
}

void kit_remount(struct kit *k) {
    memset(k->volume, 0xa5, sizeof(*k->volume));
    memset(k->pages, 0xa5, (size_t)k->buffers * BLOCK_SIZE);
    require(kit_mount(k) == 0);
}

struct kit *kit_open(struct kit_plan plan) {
    struct kit *k = kit_new((size_t)plan.kib * 1024, plan.buffers);
    struct disk_super super;
    require(!format_plan(&super, plan.kib / 4, plan.inodes, plan.log));
    format_write(&super, k->ram.bytes);
    require(kit_mount(k) == 0);
    return k;
}

struct kit *kit_on(const uint8_t *bytes, size_t size, uint32_t buffers) {
    struct kit *k = kit_new(size, buffers);
    memcpy(k->ram.bytes, bytes, size);
    return k;
}

void kit_drop(struct kit *k) {
    for (size_t i = 0; i < k->ram.journal.count; i++)
        free(k->ram.journal.steps[i].data);
    free(k->ram.journal.steps);
    free(k->ram.bytes);
    free(k->volume);
    free(k->bufs);
    free(k->pages);
    free(k);
}

void kit_close(struct kit *k) {
    fs_close(k->volume, k->root);
    require(inode_table_used(k->volume) == 0);
    kit_drop(k);
}

char *kit_checker(const uint8_t *bytes, size_t size, unsigned *problems) {
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    require(out);
    *problems = check_image(bytes, size, out);
    fclose(out);
    return text;
}

void kit_check(const struct kit *k) {
    unsigned problems;
    char *text = kit_checker(k->ram.bytes, k->ram.size, &problems);
    if (problems > 0 || *text != '\0') {
        fputs(text, stderr);
        kit_fail("the checker finds nothing", __FILE__, __LINE__);
    }
    free(text);
}

uint32_t kit_free_blocks(const struct kit *k) {
    return k->volume->free_blocks;
}

/* ---- Files ---- */

struct memory {
    struct transfer transfer;
    uint8_t *out;
    const uint8_t *in;
};

static long memory_move(struct transfer *to, void *data, size_t offset,
                        size_t count) {
    struct memory *memory = (struct memory *)to;
    if (memory->out)
        memcpy(memory->out + offset, data, count);
    else
        memcpy(data, memory->in + offset, count);
    return (long)count;
}

long kit_write(struct kit *k, struct inode *ip, const void *bytes,
               uint64_t offset, size_t count) {
    struct memory from = {.transfer = {memory_move}, .in = bytes};
    return fs_write(k->volume, ip, &from.transfer, offset, count);
}

long kit_read(struct kit *k, struct inode *ip, void *bytes, uint64_t offset,
              size_t count) {
    struct memory to = {.transfer = {memory_move}, .out = bytes};
    return fs_read(k->volume, ip, &to.transfer, offset, count);
}

struct inode *kit_open_file(struct kit *k, const char *path, unsigned flags) {
    struct inode *ip;
    require(fs_open(k->volume, k->root, path, flags, &ip) == 0);
    return ip;
}

int kit_try_open(struct kit *k, const char *path, unsigned flags) {
    struct inode *ip;
    int err = fs_open(k->volume, k->root, path, flags, &ip);
    if (err == 0)
        fs_close(k->volume, ip);
    return err;
}

long kit_put(struct kit *k, const char *path, const void *bytes, size_t count) {
    struct inode *ip;
    int err = fs_open(k->volume, k->root, path,
                      FS_WRONLY | FS_CREATE | FS_TRUNC, &ip);
    if (err < 0)
        return err;
    long written = kit_write(k, ip, bytes, 0, count);
    fs_close(k->volume, ip);
    return written;
}

bool kit_has(struct kit *k, const char *path, const void *bytes, size_t count) {
    struct inode *ip;
    if (fs_open(k->volume, k->root, path, FS_RDONLY, &ip) < 0)
        return false;
    uint8_t *found = allocate(count + 1);
    long n = kit_read(k, ip, found, 0, count + 1);
    bool same = n == (long)count && memcmp(found, bytes, count) == 0;
    free(found);
    fs_close(k->volume, ip);
    return same;
}

struct fs_stat kit_stat(struct kit *k, const char *path) {
    struct inode *ip = kit_open_file(k, path, FS_RDONLY);
    struct fs_stat stat;
    require(fs_stat(k->volume, ip, &stat) == 0);
    fs_close(k->volume, ip);
    return stat;
}

struct disk_inode *kit_inode(struct kit *k, uint32_t inum) {
    uint8_t *inodes =
        k->ram.bytes + (size_t)k->volume->super.inode_start * BLOCK_SIZE;
    return (struct disk_inode *)inodes + inum;
}

void kit_pattern(uint8_t *bytes, size_t count, uint32_t seed) {
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)((i + seed) * 2654435761u >> 13 ^ seed);
}

uint32_t kit_random(uint64_t *state, uint32_t limit) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % limit);
}

/* ---- Dumps ---- */

static uint64_t contents_hash(struct kit *k, struct inode *ip) {
    static uint8_t bytes[16 * BLOCK_SIZE];
    uint64_t hash = 14695981039346656037u, offset = 0;
    long n;
    while ((n = kit_read(k, ip, bytes, offset, sizeof(bytes))) > 0) {
        for (long i = 0; i < n; i++)
            hash = (hash ^ bytes[i]) * 1099511628211u;
        offset += (uint64_t)n;
    }
    require(n == 0);
    return hash;
}

struct lines {
    char **line;
    size_t count;
    size_t room;
};

static void lines_add(struct lines *lines, const char *text) {
    if (lines->count == lines->room) {
        lines->room = lines->room ? 2 * lines->room : 64;
        lines->line = realloc(lines->line, lines->room * sizeof(*lines->line));
        require(lines->line);
    }
    lines->line[lines->count++] = strdup(text);
}

static void dump_dir(struct kit *k, struct inode *dir, const char *path,
                     const char *skip, struct lines *lines);

static void dump_entry(struct kit *k, struct inode *dir, const char *name,
                       const char *path, const char *skip,
                       struct lines *lines) {
    char child[PATH_BYTES], text[2 * PATH_BYTES];
    struct inode *ip;
    struct fs_stat stat;
    require(snprintf(child, sizeof(child), "%s/%s", path, name) < PATH_BYTES);
    if (skip && strcmp(child + 1, skip) == 0)
        return;
    require(fs_open(k->volume, dir, name, FS_RDONLY, &ip) == 0);
    require(fs_stat(k->volume, ip, &stat) == 0);
    bool file = stat.type == INODE_FILE;
    snprintf(text, sizeof(text), "%s type %d links %d size %llu hash %llx\n",
             child, stat.type, stat.nlink,
             file ? (unsigned long long)stat.size : 0,
             file ? (unsigned long long)contents_hash(k, ip) : 0);
    lines_add(lines, text);
    if (stat.type == INODE_DIR)
        dump_dir(k, ip, child, skip, lines);
    fs_close(k->volume, ip);
}

static void dump_dir(struct kit *k, struct inode *dir, const char *path,
                     const char *skip, struct lines *lines) {
    struct disk_dirent entry;
    uint64_t at = 2 * DIR_ENTRY_SIZE;
    while (kit_read(k, dir, &entry, at, sizeof(entry)) == sizeof(entry)) {
        char name[DIR_NAME_LEN + 1] = {0};
        memcpy(name, entry.name, DIR_NAME_LEN);
        if (entry.inum != 0)
            dump_entry(k, dir, name, path, skip, lines);
        at += sizeof(entry);
    }
}

static int compare_lines(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *kit_dump(struct kit *k, const char *skip) {
    struct lines lines = {0};
    size_t length = 1;
    dump_dir(k, k->root, "", skip, &lines);
    if (lines.count > 0)
        qsort(lines.line, lines.count, sizeof(*lines.line), compare_lines);
    for (size_t i = 0; i < lines.count; i++)
        length += strlen(lines.line[i]);
    char *text = allocate(length), *end = text;
    for (size_t i = 0; i < lines.count; i++) {
        end = stpcpy(end, lines.line[i]);
        free(lines.line[i]);
    }
    free(lines.line);
    return text;
}

/* ---- Programs ---- */

int kit_main(int argc, char **argv, const struct kit_case *cases) {
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    int ran = 0;
    for (const struct kit_case *c = cases; c->name; c++) {
        bool wanted = argc == 1;
        for (int i = 1; i < argc; i++)
            wanted = wanted || strcmp(argv[i], c->name) == 0;
        if (list)
            puts(c->name);
        else if (wanted)
            c->run();
        ran += wanted;
    }
    if (!list && ran == 0) {
        fprintf(stderr, "%s: no such case\n", argv[0]);
        return 2;
    }
    return 0;
}
