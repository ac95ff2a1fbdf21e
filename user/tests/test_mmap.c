/* SPDX-License-Identifier: MIT */
/*
 * tests/test_mmap.c: files as memory, and programs that share theirs.
 */
#include "abi/pager.h"
#include "lib/file.h"
#include "tests/paging.h"

enum {
    PAGES = 20, /* more than a pager answers with at once */
    TAIL = 100,
    SIZE = (PAGES - 1) * PAGE_SIZE + TAIL,
};

static uint8_t area[PAGE_SIZE];

/* Byte `at` of the file; never 0. */
static uint8_t file_byte(uint64_t at) {
    return (uint8_t)((at * 7 + at / PAGE_SIZE * 13) % 251 + 1);
}

static int file_open(const char *name, int flags) {
    return (int)check_ok(name, open(name, flags));
}

/* A fresh file of SIZE bytes, open for both. */
static int file_make(const char *name) {
    int fd = file_open(name, O_CREATE | O_TRUNC | O_RDWR);
    for (uint64_t at = 0; at < SIZE; at += PAGE_SIZE) {
        int count = SIZE - at < PAGE_SIZE ? (int)(SIZE - at) : PAGE_SIZE;
        for (int i = 0; i < count; i++)
            area[i] = file_byte(at + (uint64_t)i);
        check_equal("write", write(fd, area, count), count);
    }
    return fd;
}

static uint8_t *file_map(int fd, uint64_t length, int prot, int flags,
                         uint64_t offset) {
    uint8_t *map = mmap(NULL, length, prot, flags, fd, offset);
    if (map == MAP_FAILED)
        check_fail("mmap", -posix_error, 0);
    return map;
}

static void file_expect(const uint8_t *map, uint64_t from, uint64_t to) {
    for (uint64_t at = from; at < to; at += 111)
        check_equal("byte of the file", map[at - from], file_byte(at));
    check_equal("last byte", map[to - 1 - from], file_byte(to - 1));
}

static void map_fails(const char *what, uint64_t length, int prot, int flags,
                      int fd, uint64_t offset, int error) {
    void *map = mmap(NULL, length, prot, flags, fd, offset);
    check_true(what, map == MAP_FAILED);
    check_equal(what, posix_error, error);
}

/* ---- Contents ---- */

static void check_contents(void) {
    int fd = file_make("mm");
    uint8_t *map = file_map(fd, SIZE, PROT_READ, MAP_SHARED, 0);
    uint8_t *part =
        file_map(fd, 2 * PAGE_SIZE, PROT_READ, MAP_PRIVATE, 3 * PAGE_SIZE);
    check_equal("close", close(fd), 0);
    file_expect(map, 0, SIZE);
    file_expect(part, 3 * PAGE_SIZE, 5 * PAGE_SIZE);
    for (uint64_t at = SIZE; at < PAGES * PAGE_SIZE; at++)
        check_equal("behind the end", map[at], 0);
    peer_dies(touch_store, (uint64_t)map);
    check_equal("munmap", munmap(map, SIZE), 0);
    peer_dies(touch_load, (uint64_t)map);
    file_expect(part, 3 * PAGE_SIZE, 5 * PAGE_SIZE);
    check_equal("unlink", unlink("mm"), 0);
    file_expect(part, 3 * PAGE_SIZE, 5 * PAGE_SIZE);
}

static void check_end(void) {
    int fd = file_make("mm");
    uint8_t *map =
        file_map(fd, (PAGES + 2) * PAGE_SIZE, PROT_READ, MAP_SHARED, 0);
    peer_dies(touch_load, (uint64_t)map + PAGES * PAGE_SIZE);
    file_expect(map, 0, SIZE);
    peer_dies(touch_load, (uint64_t)map + (PAGES + 1) * PAGE_SIZE);
    check_equal("unlink", unlink("mm"), 0);
}

/* Stores are nobody else's; a child has what was stored until the fork. */
static void child_stores(uint64_t address) {
    check_equal("what the parent stored", load_at(address), 1);
    store_at(address + 1, 2);
    touch_load(address + 5 * PAGE_SIZE);
}

static void check_private(void) {
    int fd = file_make("mm");
    uint8_t *map = file_map(fd, SIZE, RW, MAP_PRIVATE, 0);
    uint8_t *other = file_map(fd, SIZE, RW, MAP_PRIVATE, 0);
    map[0] = 1;
    map[SIZE - 1] = 1;
    peer_end(peer_start(child_stores, (uint64_t)map));
    check_equal("not the child's", map[1], file_byte(1));
    file_expect(other, 0, SIZE);
    check_equal("read", read(file_open("mm", O_RDONLY), area, 16), 16);
    check_equal("the file", area[0], file_byte(0));
    check_equal("write", write(file_open("mm", O_RDWR), "abc", 3), 3);
    check_equal("not the file's", map[2], file_byte(2));
    check_equal("nor the other's", other[2], file_byte(2));
    check_equal("unlink", unlink("mm"), 0);
}

/* What is written to the file is seen through a shared mapping. */
static void check_shared(void) {
    int fd = file_make("mm");
    uint8_t *map = file_map(fd, SIZE, PROT_READ, MAP_SHARED, 0);
    file_expect(map, 0, SIZE);
    check_equal("write", write(file_open("mm", O_RDWR), "abc", 3), 3);
    check_equal("what was written", memcmp(map, "abc", 3), 0);
    fd = file_open("mm", O_RDWR | O_APPEND);
    check_equal("append", write(fd, "xyz", 3), 3);
    check_equal("what was appended", memcmp(map + SIZE, "xyz", 3), 0);
    check_equal("unlink", unlink("mm"), 0);
}

/* ---- Blocks that become others ---- */

/* The file is emptied and its blocks used again: who has mapped them keeps
 * what they were. */
static void check_reused(void) {
    uint8_t *map = file_map(file_make("mm"), SIZE, PROT_READ, MAP_SHARED, 0);
    file_expect(map, 0, SIZE);
    close(file_open("mm", O_RDWR | O_TRUNC));
    int fd = file_open("mn", O_CREATE | O_RDWR);
    memset(area, 0, sizeof(area));
    for (unsigned i = 0; i < 2 * PAGES; i++)
        check_equal("write", write(fd, area, PAGE_SIZE), PAGE_SIZE);
    file_expect(map, 0, SIZE);
    check_equal("unlink", unlink("mn"), 0);
    check_equal("unlink", unlink("mm"), 0);
}

/* Reads a file to its end. */
static unsigned file_read_all(const char *name) {
    unsigned blocks = 0;
    int fd = file_open(name, O_RDONLY);
    while (read(fd, area, PAGE_SIZE) > 0)
        blocks++;
    close(fd);
    return blocks;
}

/* Everything on the disk passes through the cache meanwhile. */
static void check_evicted(void) {
    struct dirent entry;
    char name[DIRSIZ + 1] = {0};
    unsigned blocks = 0;
    uint8_t *map = file_map(file_make("mm"), SIZE, PROT_READ, MAP_SHARED, 0);
    file_expect(map, 0, SIZE);
    int fd = file_open("mn", O_CREATE | O_RDWR);
    memset(area, 0, sizeof(area));
    while (write(fd, area, PAGE_SIZE) == PAGE_SIZE)
        continue;
    fd = file_open("/", O_RDONLY);
    while (read(fd, &entry, sizeof(entry)) == sizeof(entry)) {
        memcpy(name, entry.name, DIRSIZ);
        if (entry.inum != 0)
            blocks += file_read_all(name);
    }
    check_true("more than is cached", blocks > 600);
    file_expect(map, 0, SIZE);
    check_equal("unlink", unlink("mn"), 0);
    check_equal("unlink", unlink("mm"), 0);
}

/* ---- Messages, arguments ---- */

/* The library's calls take pointers into mappings. */
static void check_calls(void) {
    int fd = file_make("mm"), to = file_open("mn", O_CREATE | O_RDWR);
    uint8_t *map = file_map(fd, SIZE, PROT_READ, MAP_SHARED, 0);
    check_equal("write from a mapping", write(to, map, SIZE), SIZE);
    uint8_t *copy = file_map(to, SIZE, RW, MAP_PRIVATE, 0);
    file_expect(copy, 0, SIZE);
    uint8_t *target = file_map(fd, SIZE, RW, MAP_PRIVATE, 0);
    fd = file_open("mn", O_RDONLY);
    check_equal("read into one", read(fd, target + 5, PAGE_SIZE), PAGE_SIZE);
    check_equal("byte", target[5], file_byte(0));
    check_equal("byte", target[PAGE_SIZE + 5], file_byte(PAGE_SIZE + 5));
    uint8_t *beyond =
        file_map(fd, (PAGES + 1) * PAGE_SIZE, PROT_READ, MAP_SHARED, 0);
    check_equal("write from behind the end",
                write(to, beyond + PAGES * PAGE_SIZE, 100), -1);
    check_equal("is", posix_error, EFAULT);
    check_equal("unlink", unlink("mn"), 0);
    check_equal("unlink", unlink("mm"), 0);
}

static void check_arguments(void) {
    int fds[2], fd = file_make("mm");
    int blind = file_open("mm", O_WRONLY), dir = file_open("/", O_RDONLY);
    check_equal("pipe", pipe(fds), 0);
    map_fails("no length", 0, PROT_READ, MAP_SHARED, fd, 0, EINVAL);
    map_fails("offset", 1, PROT_READ, MAP_SHARED, fd, 5, EINVAL);
    map_fails("neither", 1, PROT_READ, 0, fd, 0, EINVAL);
    map_fails("both", 1, PROT_READ, MAP_SHARED | MAP_PRIVATE, fd, 0, EINVAL);
    map_fails("rights", 1, 8, MAP_SHARED, fd, 0, EINVAL);
    map_fails("flags", 1, PROT_READ, MAP_SHARED | 1, fd, 0, EINVAL);
    map_fails("shared stores", 1, RW, MAP_SHARED, fd, 0, EPERM);
    map_fails("not readable", 1, PROT_READ, MAP_SHARED, blind, 0, EPERM);
    map_fails("directory", 1, PROT_READ, MAP_SHARED, dir, 0, ENODEV);
    map_fails("pipe", 1, PROT_READ, MAP_SHARED, fds[0], 0, ENODEV);
    map_fails("closed", 1, PROT_READ, MAP_SHARED, 11, 0, EBADF);
    map_fails("no descriptor", 1, PROT_READ, MAP_SHARED, -1, 0, EBADF);
    uint8_t *zeros =
        file_map(-1, 3 * PAGE_SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS, PAGE_SIZE);
    pages_expect_zero((uint64_t)zeros, 3);
    zeros[PAGE_SIZE] = 1;
    check_equal("munmap", munmap(zeros, 3 * PAGE_SIZE), 0);
    check_equal("unlink", unlink("mm"), 0);
}

/* ---- Programs ---- */

static uint64_t free_now(void) {
    return sys_system_info(INFO_MEMORY, 0).value[1];
}

/* Starts a program that waits for input that never comes. */
static int64_t program_start(const int *fds) {
    static char name[] = "cat";
    char *arguments[] = {name, NULL};
    int pid = (int)check_ok("fork", fork());
    if (pid == 0) {
        dup2(fds[0], 0);
        exec("/cat", arguments);
        exit(1);
    }
    pause_ms(20);
    return pid;
}

/* Of text and constants there is one copy, however many run the program. */
static void check_programs(void) {
    int fds[2];
    int64_t pids[4];
    check_equal("pipe", pipe(fds), 0);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t shared = counter(COUNTER_PAGES_SHARED);
        uint64_t copied = counter(COUNTER_BYTES_COPIED);
        pids[i] = program_start(fds);
        check_true("pages are shared",
                   counter(COUNTER_PAGES_SHARED) - shared >= 3);
        /* The first one may have been read from the disk. */
        check_true("and not copied",
                   i == 0 ||
                       counter(COUNTER_BYTES_COPIED) - copied < PAGE_SIZE);
    }
    uint64_t before = free_now();
    int64_t one_more = program_start(fds);
    /* Tables, stack, data and what the exec touched: no text. */
    check_true("frames of a process", before - free_now() <= 14);
    peer_kill(one_more);
    for (unsigned i = 0; i < 4; i++)
        peer_kill(pids[i]);
}

static const struct check checks[] = {
    {"contents", "a mapping is the file, as long as it is mapped",
     check_contents},
    {"end", "there is nothing behind the file's last page", check_end},
    {"private", "private stores are nobody else's", check_private},
    {"shared", "a shared mapping shows what is written", check_shared},
    {"reused", "blocks that are used again do not show", check_reused},
    {"evicted", "nor do buffers of the cache", check_evicted},
    {"calls", "read and write work on mappings", check_calls},
    {"arguments", "bad arguments are errors", check_arguments},
    {"programs", "processes share their program's text", check_programs},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
