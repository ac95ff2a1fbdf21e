/* SPDX-License-Identifier: MIT */
/*
 * host/fs/checks.c: the checker finds every kind of damage.
 *
 * Idea        An image with one of everything is damaged in one place at a
 *             time; the checker must say a certain thing, and nothing at all of
 *             the image as it was. File contents that hold random bytes are no
 *             damage; random bytes anywhere else must never make the checker or
 *             a mount crash.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "kit.h"

/* The image, and where its parts are. */
struct subject {
    struct kit *k;
    uint8_t *bytes;
    struct disk_super *super;
    struct disk_log *log;
    struct disk_inode *inodes;
    uint8_t *bitmap;
    uint32_t file;   /* /f: 12 blocks */
    uint32_t dir;    /* /d, with f2 (another link to /f), e and tty */
    uint32_t subdir; /* /d/e */
    uint32_t device; /* /d/tty */
};

static void *block_of(struct subject *s, uint32_t block) {
    return s->bytes + (size_t)block * BLOCK_SIZE;
}

static struct disk_dirent *entries_of(struct subject *s, uint32_t dir) {
    return block_of(s, s->inodes[dir].direct[0]);
}

static struct subject subject_new(void) {
    static uint8_t bytes[12 * BLOCK_SIZE];
    struct subject s = {.k = kit_open((struct kit_plan){.kib = 512})};
    struct volume *v = s.k->volume;
    kit_pattern(bytes, sizeof(bytes), 1);
    require(kit_put(s.k, "f", bytes, sizeof(bytes)) == (long)sizeof(bytes));
    require(fs_mkdir(v, s.k->root, "d") == 0);
    require(fs_link(v, s.k->root, "f", "d/f2") == 0);
    require(fs_mkdir(v, s.k->root, "d/e") == 0);
    require(fs_mknod(v, s.k->root, "d/tty", 1, 1) == 0);
    s.bytes = s.k->ram.bytes;
    s.super = (struct disk_super *)s.bytes;
    s.log = block_of(&s, s.super->log_start);
    s.inodes = block_of(&s, s.super->inode_start);
    s.bitmap = block_of(&s, s.super->bitmap_start);
    s.file = kit_stat(s.k, "f").ino;
    s.dir = kit_stat(s.k, "d").ino;
    s.subdir = kit_stat(s.k, "d/e").ino;
    s.device = kit_stat(s.k, "d/tty").ino;
    return s;
}

typedef void damage(struct subject *s);

static void d_magic(struct subject *s) {
    s->super->magic++;
}

static void d_version(struct subject *s) {
    s->super->version = 9;
}

static void d_block_size(struct subject *s) {
    s->super->block_size = 512;
}

static void d_nblocks(struct subject *s) {
    s->super->nblocks++;
}

static void d_ninodes(struct subject *s) {
    s->super->ninodes = 0;
}

static void d_log_blocks(struct subject *s) {
    s->super->log_blocks = 3;
}

static void d_data_start(struct subject *s) {
    s->super->data_start++;
}

static void d_log_magic(struct subject *s) {
    s->log->magic = 0;
}

static void d_log_count(struct subject *s) {
    s->log->count = 1000;
}

static void d_log_sum(struct subject *s) {
    s->log->checksum++;
}

static void d_log_target(struct subject *s) {
    s->log->count = 1;
    s->log->target[0] = s->super->log_start;
    s->log->checksum = disk_log_sum(s->log);
}

static void d_log_twice(struct subject *s) {
    s->log->count = 2;
    s->log->target[0] = s->log->target[1] = s->inodes[s->file].direct[0];
    s->log->checksum = disk_log_sum(s->log);
}

static void d_bit_lost(struct subject *s) {
    uint32_t block = s->inodes[s->file].direct[3];
    s->bitmap[block / 8] ^= (uint8_t)(1u << block % 8);
}

static void d_bit_leaked(struct subject *s) {
    s->bitmap[100 / 8] |= 1u << 100 % 8;
}

static void d_bit_system(struct subject *s) {
    s->bitmap[0] &= 0xfe;
}

static void d_bit_past_end(struct subject *s) {
    s->bitmap[BLOCK_SIZE - 1] = 0;
}

static void d_block_none(struct subject *s) {
    s->inodes[s->file].direct[2] = s->super->nblocks;
}

static void d_block_system(struct subject *s) {
    s->inodes[s->file].direct[2] = 1;
}

static void d_block_twice(struct subject *s) {
    s->inodes[s->file].direct[2] = s->inodes[s->file].direct[1];
}

static void d_block_shared(struct subject *s) {
    s->inodes[s->file].direct[2] = s->inodes[s->dir].direct[0];
}

static void d_block_missing(struct subject *s) {
    s->inodes[s->file].direct[5] = 0;
}

static void d_indirect_missing(struct subject *s) {
    s->inodes[s->file].indirect = 0;
}

static void d_size_short(struct subject *s) {
    s->inodes[s->file].size -= BLOCK_SIZE;
}

static void d_size_huge(struct subject *s) {
    s->inodes[s->file].size = UINT64_MAX;
}

static void d_dir_size(struct subject *s) {
    s->inodes[s->dir].size += 3;
}

static void d_device_size(struct subject *s) {
    s->inodes[s->device].size = 1;
}

static void d_file_device(struct subject *s) {
    s->inodes[s->file].minor = 4;
}

static void d_type(struct subject *s) {
    s->inodes[s->file].type = 7;
}

static void d_inode_zero(struct subject *s) {
    s->inodes[0].type = INODE_FILE;
}

static void d_free_contents(struct subject *s) {
    s->inodes[60].size = 4;
}

static void d_links_high(struct subject *s) {
    s->inodes[s->file].nlink++;
}

static void d_links_low(struct subject *s) {
    s->inodes[s->file].nlink--;
}

static void d_links_none(struct subject *s) {
    s->inodes[s->file].nlink = 0;
}

static void d_links_dir(struct subject *s) {
    s->inodes[s->dir].nlink = 1;
}

static void d_links_many(struct subject *s) {
    s->inodes[s->file].nlink = 40000;
}

static void d_dot(struct subject *s) {
    entries_of(s, s->dir)[0].inum = ROOT_INODE;
}

static void d_dot_name(struct subject *s) {
    entries_of(s, s->dir)[0].name[0] = 'x';
}

static void d_dotdot(struct subject *s) {
    entries_of(s, s->subdir)[1].inum = ROOT_INODE;
}

static void d_dotdot_name(struct subject *s) {
    entries_of(s, s->subdir)[1].name[2] = 'x';
}

static void d_name_slash(struct subject *s) {
    entries_of(s, s->dir)[2].name[0] = '/';
}

static void d_name_empty(struct subject *s) {
    memset(entries_of(s, s->dir)[2].name, 0, DIR_NAME_LEN);
}

static void d_name_tail(struct subject *s) {
    entries_of(s, s->dir)[2].name[DIR_NAME_LEN - 1] = 'x';
}

static void d_name_dots(struct subject *s) {
    memcpy(entries_of(s, s->dir)[2].name, "..\0", 3);
}

static void d_name_twice(struct subject *s) {
    memcpy(entries_of(s, s->dir)[3].name, "f2", 2);
}

static void d_entry_free(struct subject *s) {
    entries_of(s, s->dir)[2].inum = 50;
}

static void d_entry_beyond(struct subject *s) {
    entries_of(s, s->dir)[2].inum = 60000;
}

static void d_entry_gone(struct subject *s) {
    entries_of(s, s->dir)[4].inum = 0;
}

static void d_dir_two_names(struct subject *s) {
    entries_of(s, ROOT_INODE)[2].inum = (uint16_t)s->subdir;
}

static void d_dir_names_root(struct subject *s) {
    entries_of(s, s->dir)[3].inum = ROOT_INODE;
}

static void d_cycle(struct subject *s) {
    entries_of(s, ROOT_INODE)[3].inum = 0;
    struct disk_dirent *entry = &entries_of(s, s->subdir)[2];
    entry->inum = (uint16_t)s->dir;
    memcpy(entry->name, "loop", 4);
    s->inodes[s->subdir].size += DIR_ENTRY_SIZE;
}

static void d_root_gone(struct subject *s) {
    s->inodes[ROOT_INODE].type = INODE_FREE;
}

static void d_root_file(struct subject *s) {
    s->inodes[ROOT_INODE].type = INODE_FILE;
}

static const struct {
    damage *make;
    const char *says;
} damages[] = {
    {d_magic, "not a file system"},
    {d_version, "version 9"},
    {d_block_size, "block size 512"},
    {d_nblocks, "129 blocks, but the image has 128"},
    {d_ninodes, "0 inodes"},
    {d_log_blocks, "a log of 3 blocks"},
    {d_data_start, "not after the bitmap"},
    {d_log_magic, "log: header has magic"},
    {d_log_count, "log: 1000 blocks in"},
    {d_log_sum, "log: header has a wrong checksum"},
    {d_log_target, "where none may go"},
    {d_log_twice, "is in two slots"},
    {d_bit_lost, "is marked free, but inode"},
    {d_bit_leaked, "block 100 is marked in use, but no inode has it"},
    {d_bit_system, "block 0 is marked free, but it is not for data"},
    {d_bit_past_end, "past the last block is clear"},
    {d_block_none, "is block 128, which is none"},
    {d_block_system, "is block 1, which is none"},
    {d_block_twice, "twice"},
    {d_block_shared, "but so has inode"},
    {d_block_missing, "a block of contents is missing"},
    {d_indirect_missing, "a block of addresses is missing"},
    {d_size_short, "past its size"},
    {d_size_huge, "is more than a file can have"},
    {d_dir_size, "a directory of 83 bytes"},
    {d_device_size, "a device of 1 bytes"},
    {d_file_device, "is no device"},
    {d_type, "type 7 is none it can have"},
    {d_inode_zero, "inode 0: type 2 is none it can have"},
    {d_free_contents, "inode 60: it is free and yet"},
    {d_links_high, "3 links, but 2 are found"},
    {d_links_low, "1 links, but 2 are found"},
    {d_links_none, "0 links, but 2 are found"},
    {d_links_dir, "1 links, but 2 are found"},
    {d_links_many, "40000 links are more than there can be"},
    {d_dot, "the first entry is not \".\""},
    {d_dot_name, "the first entry is not \".\""},
    {d_dotdot, "\"..\" is inode 1, but the parent is"},
    {d_dotdot_name, "the second entry is not \"..\""},
    {d_name_slash, "is no name"},
    {d_name_empty, "entry '' is no name"},
    {d_name_tail, "is no name"},
    {d_name_dots, "another entry '..'"},
    {d_name_twice, "'f2' occurs twice"},
    {d_entry_free, "names inode 50, which is free"},
    {d_entry_beyond, "names inode 60000, which is free"},
    {d_entry_gone, "it has no name"},
    {d_dir_two_names, "which has a name"},
    {d_dir_names_root, "which has a name"},
    {d_cycle, "no path from the root leads to it"},
    {d_root_gone, "the root is no directory"},
    {d_root_file, "the root is no directory"},
};

static void test_damages(void) {
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        struct subject s = subject_new();
        unsigned problems;
        kit_check(s.k);
        damages[i].make(&s);
        char *text = kit_checker(s.bytes, s.k->ram.size, &problems);
        if (problems == 0 || !strstr(text, damages[i].says))
            fprintf(stderr, "damage %zu, expected \"%s\", got:\n%s", i,
                    damages[i].says, text);
        require(problems > 0 && strstr(text, damages[i].says));
        free(text);
        kit_drop(s.k);
    }
}

static void test_not_images(void) {
    static const uint8_t zeros[8 * BLOCK_SIZE];
    unsigned problems;
    char *text = kit_checker(zeros, 0, &problems);
    require(problems == 1 && strstr(text, "empty"));
    free(text);
    text = kit_checker(zeros, sizeof(zeros), &problems);
    require(problems == 1 && strstr(text, "not a file system"));
    free(text);
}

/* A committed log counts as part of the image. */
static void test_log_is_read(void) {
    struct subject s = subject_new();
    unsigned problems;
    s.k->ram.writes_left = 4; /* three slots and the header */
    s.k->ram.broken = true;
    require(fs_unlink(s.k->volume, s.k->root, "d/e") == 0);
    char *text = kit_checker(s.bytes, s.k->ram.size, &problems);
    require(problems == 0 && strstr(text, "note: the log holds"));
    free(text);
    s.log->count = 0;
    s.log->checksum = disk_log_sum(s.log);
    s.k->ram.writes_left = NEVER;
    kit_check(s.k);
    kit_drop(s.k);
}

/* Looks at all a damaged volume can be asked; only crashes are failures. */
static void poke(const struct subject *s) {
    static uint8_t memory[20 * BLOCK_SIZE];
    struct kit *k = kit_on(s->bytes, s->k->ram.size, 0);
    struct inode *ip;
    unsigned problems;
    free(kit_checker(s->bytes, s->k->ram.size, &problems));
    if (kit_mount(k) == 0) {
        static const char *const paths[] = {"f", "d", "d/f2", "d/e", "d/tty"};
        for (size_t i = 0; i < 5; i++) {
            if (fs_open(k->volume, k->root, paths[i], FS_RDONLY, &ip) < 0)
                continue;
            kit_read(k, ip, memory, 0, sizeof(memory));
            kit_write(k, ip, memory, 0, 3 * BLOCK_SIZE);
            fs_close(k->volume, ip);
        }
        kit_put(k, "d/new", memory, sizeof(memory));
        fs_mkdir(k->volume, k->root, "d/e/x");
        for (size_t i = 0; i < 5; i++)
            fs_unlink(k->volume, k->root, paths[4 - i]);
        fs_link(k->volume, k->root, "d/new", "g");
    }
    kit_drop(k);
}

static void test_random_damage(void) {
    struct subject s = subject_new();
    uint8_t *whole = malloc(s.k->ram.size);
    uint64_t random = 5;
    require(whole);
    memcpy(whole, s.bytes, s.k->ram.size);
    uint32_t blocks[] = {
        s.super->log_start,        s.super->inode_start,
        s.super->bitmap_start,     s.inodes[ROOT_INODE].direct[0],
        s.inodes[s.dir].direct[0], s.inodes[s.file].indirect};
    for (int i = 0; i < 3000; i++) {
        int changes = 1 + (int)kit_random(&random, 4);
        for (int j = 0; j < changes; j++) {
            uint8_t *block = block_of(&s, blocks[kit_random(&random, 6)]);
            block[kit_random(&random, 512)] = (uint8_t)kit_random(&random, 256);
        }
        poke(&s);
        memcpy(s.bytes, whole, s.k->ram.size);
    }
    free(whole);
    kit_drop(s.k);
}

int main(int argc, char **argv) {
    static const struct kit_case cases[] = {
        {"damages", test_damages},
        {"not_images", test_not_images},
        {"log_is_read", test_log_is_read},
        {"random_damage", test_random_damage},
        {NULL, NULL},
    };
    return kit_main(argc, argv, cases);
}
