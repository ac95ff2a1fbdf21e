/* SPDX-License-Identifier: MIT */
/*
 * host/fs/pages.c: pages of the cache that programs have mapped.
 *
 * The programs' side is played by the test, which keeps pointers to the pages
 * that it was given, and by a disk that replaces a page by a fresh one.
 */
#include <string.h>

#include "abi/errno.h"
#include "kit.h"

enum { FRESH = 64, BLOCKS = 8, SIZE = BLOCKS * BLOCK_SIZE - 100, LARGE = 300 };

static bool no_pages;
static unsigned renewed;
static uint8_t fresh[FRESH][BLOCK_SIZE];

/* The old page stays as it is: a program has it. */
static uint8_t *page_renew(struct disk *disk, uint8_t *page) {
    (void)disk;
    require(page != NULL);
    if (no_pages)
        return NULL;
    require(renewed < FRESH);
    return fresh[renewed++];
}

static uint8_t contents[SIZE], large[LARGE * BLOCK_SIZE];
static uint8_t *given[BLOCKS];

/* A disk with the file f, whose pages were given away. */
static struct kit *shared(void) {
    struct kit *k = kit_open((struct kit_plan){.kib = 4096});
    k->ram.disk.renew = page_renew;
    renewed = 0;
    no_pages = false;
    kit_pattern(contents, sizeof(contents), 5);
    kit_pattern(large, sizeof(large), 6);
    require(kit_put(k, "f", contents, SIZE) == SIZE);
    struct inode *ip = kit_open_file(k, "f", FS_RDONLY);
    require(fs_pages(k->volume, ip, 0, true, given, BLOCKS) == BLOCKS);
    fs_close(k->volume, ip);
    return k;
}

/* The given pages are f as it was. */
static void require_given(void) {
    for (size_t at = 0; at < SIZE; at++)
        require(given[at / BLOCK_SIZE][at % BLOCK_SIZE] == contents[at]);
}

static void test_contents(void) {
    struct kit *k = shared();
    uint8_t *pages[BLOCKS];
    struct inode *ip = kit_open_file(k, "f", FS_RDONLY);
    require_given();
    for (size_t i = SIZE % BLOCK_SIZE; i < BLOCK_SIZE; i++)
        require(given[BLOCKS - 1][i] == 0);
    require(fs_pages(k->volume, ip, 5 * BLOCK_SIZE, true, pages, BLOCKS) == 3);
    require(pages[0] == given[5]);
    require(fs_pages(k->volume, ip, 0, false, pages, 2) == 2);
    require(fs_pages(k->volume, ip, BLOCKS * BLOCK_SIZE, true, pages, 1) ==
            -EINVAL);
    require(fs_pages(k->volume, k->root, 0, true, pages, 1) == -EINVAL);
    require(kit_write(k, ip, "new", 10, 3) == 3);
    require(memcmp(given[0] + 10, "new", 3) == 0);
    fs_close(k->volume, ip);
    kit_check(k);
    kit_close(k);
}

/* The blocks are freed, and others' from then on. */
static void test_reused(void) {
    struct kit *k = shared();
    require(kit_put(k, "f", "", 0) == 0);
    require(kit_put(k, "g", large, sizeof(large)) == sizeof(large));
    while (kit_free_blocks(k) > 10) {
        struct inode *ip = kit_open_file(k, "h", FS_RDWR | FS_CREATE);
        require(kit_write(k, ip, large, kit_stat(k, "h").size, BLOCK_SIZE) ==
                BLOCK_SIZE);
        fs_close(k->volume, ip);
    }
    require_given();
    require(renewed >= BLOCKS);
    require(kit_has(k, "g", large, sizeof(large)));
    kit_check(k);
    kit_close(k);
}

static void test_evicted(void) {
    struct kit *k = shared();
    require(kit_put(k, "g", large, sizeof(large)) == sizeof(large));
    require(kit_has(k, "g", large, sizeof(large)));
    require_given();
    require(renewed == BLOCKS);
    require(kit_has(k, "f", contents, SIZE));
    kit_check(k);
    kit_close(k);
}

/* A write that fails is not seen, on the disk or in the page. */
static void test_aborted(void) {
    struct kit *k = shared();
    struct inode *ip = kit_open_file(k, "f", FS_RDWR);
    k->ram.writes_left = 0;
    require(kit_write(k, ip, "new", 10, 3) == -EIO);
    k->ram.writes_left = NEVER;
    require_given();
    fs_close(k->volume, ip);
    require(kit_has(k, "f", contents, SIZE));
    kit_check(k);
    kit_close(k);
}

/* Without memory for other pages the rest of the cache serves. */
static void test_no_memory(void) {
    struct kit *k = shared();
    no_pages = true;
    require(kit_put(k, "g", large, sizeof(large)) == sizeof(large));
    require(kit_has(k, "g", large, sizeof(large)));
    require(kit_has(k, "f", contents, SIZE));
    require_given();
    no_pages = false;
    kit_check(k);
    kit_close(k);
}

int main(int argc, char **argv) {
    static const struct kit_case cases[] = {
        {"contents", test_contents},   {"reused", test_reused},
        {"evicted", test_evicted},     {"aborted", test_aborted},
        {"no_memory", test_no_memory}, {NULL, NULL},
    };
    return kit_main(argc, argv, cases);
}
