/* SPDX-License-Identifier: MIT */
/*
 * tests/test_disk.c: large files, many files, and a full disk.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum { BLOCK = 4096 };

static uint8_t block[BLOCK];
static uint8_t got[BLOCK];

/* Every check works in a directory of its own. */
static void start(void) {
    char name[DIRSIZ];
    snprintf(name, sizeof(name), "t%d", getpid());
    check_equal("mkdir", mkdir(name), 0);
    check_equal("chdir", chdir(name), 0);
}

static void block_fill(unsigned seed) {
    for (unsigned i = 0; i < BLOCK; i++)
        block[i] = (uint8_t)(seed * 17 + i * 3 + (i >> 8));
}

static void blocks_write(const char *name, unsigned count) {
    int fd = open(name, O_CREATE | O_RDWR | O_TRUNC);
    check_true("create", fd >= 0);
    for (unsigned i = 0; i < count; i++) {
        block_fill(i);
        check_equal("write", write(fd, block, BLOCK), BLOCK);
    }
    check_equal("close", close(fd), 0);
}

static void blocks_expect(const char *name, unsigned count) {
    int fd = open(name, O_RDONLY);
    check_true("open", fd >= 0);
    for (unsigned i = 0; i < count; i++) {
        block_fill(i);
        check_equal("read", read(fd, got, BLOCK), BLOCK);
        check_equal("contents", memcmp(got, block, BLOCK), 0);
    }
    check_equal("the end", read(fd, got, BLOCK), 0);
    check_equal("close", close(fd), 0);
}

static void check_large(void) {
    start();
    blocks_write("a", 120);
    blocks_expect("a", 120);
    struct stat st;
    check_equal("stat", stat("a", &st), 0);
    check_equal("size", (int64_t)st.size, 120 * BLOCK);
    check_equal("unlink", unlink("a"), 0);
}

/* Pieces of every odd size, so that they straddle blocks. */
static void check_pieces(void) {
    static const int pieces[] = {1,  7,   55,   56,   57,   63,   64,
                                 65, 511, 1000, 4095, 4096, 4097, 9000};
    static uint8_t data[9000], back[9000];
    start();
    for (unsigned p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
        int size = pieces[p];
        unsigned rounds = (unsigned)(20000 / size + 2);
        if (rounds > 40)
            rounds = 40;
        int fd = open("a", O_CREATE | O_RDWR | O_TRUNC);
        for (unsigned i = 0; i < rounds; i++) {
            memset(data, (int)(i + 1), (size_t)size);
            check_equal("write", write(fd, data, size), size);
        }
        check_equal("close", close(fd), 0);
        fd = open("a", O_RDONLY);
        for (unsigned i = 0; i < rounds; i++) {
            memset(data, (int)(i + 1), (size_t)size);
            check_equal("read", read(fd, back, size), size);
            check_equal("contents", memcmp(back, data, (size_t)size), 0);
        }
        check_equal("the end", read(fd, back, size), 0);
        check_equal("close", close(fd), 0);
    }
}

static void check_append(void) {
    static char text[3000];
    start();
    for (unsigned i = 0; i < 10; i++) {
        int fd = open("a", O_CREATE | O_WRONLY | O_APPEND);
        check_true("open", fd >= 0);
        memset(text, (int)('a' + i), sizeof(text));
        check_equal("write", write(fd, text, sizeof(text)), sizeof(text));
        check_equal("close", close(fd), 0);
    }
    struct stat st;
    check_equal("stat", stat("a", &st), 0);
    check_equal("size", (int64_t)st.size, 30000);
}

static void check_many(void) {
    enum { FILES = 60 };
    char name[16];
    start();
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        int fd = open(name, O_CREATE | O_WRONLY);
        check_true("create", fd >= 0);
        check_equal("write", write(fd, name, (int)strlen(name)),
                    (int64_t)strlen(name));
        check_equal("close", close(fd), 0);
    }
    for (unsigned i = 0; i < FILES; i++) {
        char text[16] = {0};
        snprintf(name, sizeof(name), "f%u", i);
        int fd = open(name, O_RDONLY);
        check_equal("read", read(fd, text, sizeof(text)),
                    (int64_t)strlen(name));
        check_equal("contents", strcmp(text, name), 0);
        check_equal("close", close(fd), 0);
        check_equal("unlink", unlink(name), 0);
    }
}

/* Fills the disk; returns the bytes that fit. */
static int64_t disk_fill(const char *name) {
    int64_t total = 0;
    int fd = open(name, O_CREATE | O_WRONLY);
    check_true("create", fd >= 0);
    block_fill(1);
    for (;;) {
        int count = write(fd, block, BLOCK);
        if (count < 0)
            break;
        total += count;
        if (count < BLOCK)
            break;
    }
    check_equal("close", close(fd), 0);
    return total;
}

static void check_full(void) {
    start();
    int64_t first = disk_fill("a");
    check_true("something fits", first > 0);
    struct stat st;
    check_equal("stat", stat("a", &st), 0);
    check_equal("the size is what was counted", (int64_t)st.size, first);
    int fd = open("b", O_CREATE | O_WRONLY);
    if (fd >= 0) {
        int count = 0;
        for (unsigned i = 0; i < 4 && count >= 0; i++)
            count = write(fd, block, BLOCK);
        check_true("a full disk takes no more", count < BLOCK);
        check_equal("close", close(fd), 0);
        check_equal("unlink", unlink("b"), 0);
    }
    check_equal("files are still read", open("a", O_RDONLY) >= 0, 1);
    check_equal("unlink", unlink("a"), 0);
}

static void check_full_again(void) {
    start();
    int64_t first = disk_fill("a");
    check_equal("unlink", unlink("a"), 0);
    int64_t second = disk_fill("a");
    check_equal("what was freed can be had again", second, first);
    check_equal("unlink", unlink("a"), 0);
}

static void check_full_directory(void) {
    char name[16];
    start();
    disk_fill("a");
    unsigned made = 0;
    for (; made < 2000; made++) {
        snprintf(name, sizeof(name), "d%u", made);
        if (mkdir(name) != 0)
            break;
    }
    check_true("mkdir fails on a full disk", made < 2000);
    check_equal("unlink", unlink("a"), 0);
    check_equal("and works when there is room", mkdir(name), 0);
    for (unsigned i = 0; i <= made; i++) {
        snprintf(name, sizeof(name), "d%u", i);
        check_equal("unlink", unlink(name), 0);
    }
}

static void check_too_large(void) {
    start();
    int fd = open("a", O_CREATE | O_RDWR);
    check_true("create", fd >= 0);
    check_equal("write", write(fd, "x", 1), 1);
    check_equal("a size beyond the caller's memory",
                write(fd, block, INT32_MAX), -1);
    struct stat st;
    check_equal("fstat", fstat(fd, &st), 0);
    check_true("some of it or nothing", st.size >= 1);
}

/* ---- Several processes ---- */

static void writer(uint64_t id) {
    char name[16];
    snprintf(name, sizeof(name), "p%lu", (unsigned long)id);
    for (unsigned round = 0; round < 3; round++) {
        blocks_write(name, 6);
        blocks_expect(name, 6);
    }
    check_equal("unlink", unlink(name), 0);
}

static void check_together(void) {
    int64_t pids[5];
    start();
    for (unsigned i = 0; i < 5; i++)
        pids[i] = peer_start(writer, i);
    for (unsigned i = 0; i < 5; i++)
        peer_end(pids[i]);
}

static void same_name(uint64_t id) {
    for (unsigned i = 0; i < 20; i++) {
        int fd = open("same", O_CREATE | O_RDWR);
        if (fd >= 0) {
            write(fd, &id, 8);
            close(fd);
        }
        unlink("same");
    }
}

static void check_same_name(void) {
    int64_t pids[4];
    start();
    for (unsigned i = 0; i < 4; i++)
        pids[i] = peer_start(same_name, i);
    for (unsigned i = 0; i < 4; i++)
        peer_end(pids[i]);
    unlink("same");
    struct stat st;
    check_equal("nothing is left", stat("same", &st), -1);
}

static void killed_writer(uint64_t unused) {
    (void)unused;
    for (;;)
        blocks_write("k", 8);
}

static void check_killed(void) {
    start();
    for (unsigned i = 0; i < 8; i++) {
        int64_t pid = peer_start(killed_writer, 0);
        pause_ms(1 + 2 * i);
        peer_kill(pid);
        blocks_write("mine", 2);
        blocks_expect("mine", 2);
    }
    unlink("k");
}

static const struct check checks[] = {
    {"large", "a file of 480 KiB is written and read back", check_large},
    {"pieces", "reads and writes of every odd size", check_pieces},
    {"append", "writes to an appending descriptor go to the end", check_append},
    {"many", "60 small files", check_many},
    {"full", "a full disk refuses, and keeps what it has", check_full},
    {"full_again", "what is removed from a full disk is free again",
     check_full_again},
    {"full_directory", "mkdir on a full disk fails and undoes",
     check_full_directory},
    {"too_large", "a write larger than memory is refused", check_too_large},
    {"together", "five processes write files at once", check_together},
    {"same_name", "four processes fight for one name", check_same_name},
    {"killed", "a writer that is killed leaves the server working",
     check_killed},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
