/* SPDX-License-Identifier: MIT */
/*
 * tests/test_fs.c: the file server, and what its clients can do to it.
 *
 * Idea        The file system itself is tested on the host. Here is what only
 *             the running server can show: sessions that end with their
 *             holders, offsets that are shared, requests that no library would
 *             make, clients that die in the middle.
 * Invariants  Each check leaves the disk with the names it found.
 */
#include "lib/file.h"
#include "lib/proto.h"
#include "tests/check.h"
#include "tests/peer.h"

enum {
    SESSIONS_MAX = 256, /* more than the server can have open */
    BLOCK = 4096,
    AREA_SIZE = 24 * BLOCK,
};

static uint8_t area[AREA_SIZE];
static uint8_t found[AREA_SIZE];

/* Bytes that depend on seed and place. */
static void pattern(uint8_t *bytes, unsigned count, unsigned seed) {
    for (unsigned i = 0; i < count; i++)
        bytes[i] = (uint8_t)((i * 31 + seed * 7) >> 3 ^ i);
}

static int open_ok(const char *path, int flags) {
    return (int)check_ok(path, open(path, flags));
}

/* The file has exactly these bytes. */
static void expect_contents(const char *path, const uint8_t *bytes, int count) {
    int fd = open_ok(path, O_RDONLY);
    check_equal("bytes read", read(fd, found, AREA_SIZE), count);
    check_equal("contents", memcmp(found, bytes, (size_t)count), 0);
    check_equal("bytes at the end", read(fd, found, 1), 0);
    close(fd);
}

/* ---- Sessions ---- */

static void write_second(uint64_t fd) {
    check_equal("write in the child", write((int)fd, "def", 3), 3);
}

static void check_shared_offset(void) {
    int fd = open_ok("tf", O_CREATE | O_TRUNC | O_RDWR);
    int copy = (int)check_ok("dup", dup(fd));
    check_equal("write", write(fd, "abc", 3), 3);
    peer_end(peer_start(write_second, (uint64_t)fd));
    check_equal("write to the copy", write(copy, "ghi", 3), 3);
    int other = open_ok("tf", O_RDONLY);
    check_equal("read of another open", read(other, found, 100), 9);
    check_equal("contents", memcmp(found, "abcdefghi", 9), 0);
    check_equal("read at the end", read(fd, found, 100), 0);
    check_equal("unlink", unlink("tf"), 0);
}

static void check_append(void) {
    int fd = open_ok("tf", O_CREATE | O_TRUNC | O_WRONLY | O_APPEND);
    int other = open_ok("tf", O_WRONLY | O_APPEND);
    check_equal("write", write(fd, "one ", 4), 4);
    check_equal("write", write(other, "two ", 4), 4);
    check_equal("write", write(fd, "three", 5), 5);
    expect_contents("tf", (const uint8_t *)"one two three", 13);
    check_equal("unlink", unlink("tf"), 0);
}

/* Opens the root until a table is full, this process's or the server's;
 * returns how often. */
static unsigned open_all(void) {
    struct message m;
    int64_t result;
    unsigned count = 0;
    do {
        m.tag = tag_make(DIR_OPEN, 0, 0, 0);
        m.words[0] = 1;
        m.words[1] = O_RDONLY;
        m.words[2] = 0;
        result = file_path_call(SLOT_ROOT, &m, "/", 1);
        count += result >= 0;
    } while (result >= 0 && count < 2 * SESSIONS_MAX);
    check_error("open with a full table", result, ENOSPC);
    return count;
}

static void open_many(uint64_t unused) {
    (void)unused;
    check_true("some were opened", open_all() > 20);
}

/* Many processes open all they can, and die: the server forgets it all. */
static void check_sessions_end(void) {
    for (unsigned i = 0; i < 6; i++)
        peer_end(peer_start(open_many, 0));
    for (unsigned i = 0; i < 2 * SESSIONS_MAX; i++)
        close(open_ok("/", O_RDONLY));
}

/* Opens all it can, says so, and holds it until the check ends. */
static void hold_many(uint64_t pipes) {
    const int *ends = (const int *)pipes;
    close(ends[3]);
    open_all();
    check_equal("write", write(ends[1], "x", 1), 1);
    read(ends[2], found, 1);
}

/* With the server's own table full, others get an error, and later not. */
static void check_server_full(void) {
    enum { HOLDERS = 4 };
    int64_t pids[HOLDERS];
    int ends[4]; /* a pipe from the holders, and one to them */
    check_equal("pipe", pipe(&ends[0]), 0);
    check_equal("pipe", pipe(&ends[2]), 0);
    int fd = open_ok("/", O_RDONLY);
    for (unsigned i = 0; i < HOLDERS; i++) {
        pids[i] = peer_start(hold_many, (uint64_t)ends);
        check_equal("read", read(ends[0], found, 1), 1);
    }
    check_equal("open when the server is full", open("/", O_RDONLY), -1);
    check_equal("errno", posix_error, ENOSPC);
    check_equal("what is open works", read(fd, found, 16), 16);
    close(ends[3]);
    for (unsigned i = 0; i < HOLDERS; i++)
        peer_end(pids[i]);
    close(open_ok("/", O_RDONLY));
}

static void check_removed_open(void) {
    int fd = open_ok("tf", O_CREATE | O_TRUNC | O_RDWR);
    pattern(area, 5 * BLOCK, 3);
    check_equal("write", write(fd, area, 5 * BLOCK), 5 * BLOCK);
    int reader = open_ok("tf", O_RDONLY);
    check_equal("unlink", unlink("tf"), 0);
    check_equal("open", open("tf", O_RDONLY), -1);
    check_equal("read", read(reader, found, AREA_SIZE), 5 * BLOCK);
    check_equal("contents", memcmp(found, area, 5 * BLOCK), 0);
}

static void check_removed_cwd(void) {
    check_equal("mkdir", mkdir("td"), 0);
    check_equal("chdir", chdir("td"), 0);
    check_equal("rmdir", unlink("../td"), 0);
    check_equal("create", open("x", O_CREATE | O_RDWR), -1);
    check_equal("errno", posix_error, ENOENT);
    check_equal("parent", chdir(".."), -1);
    check_equal("root", chdir("/"), 0);
}

/* ---- Requests that no library makes ---- */

/* Calls a session with this label, words and item 0; returns the label. */
static int64_t raw_call(int64_t session, int32_t label, uint64_t w0,
                        uint64_t w1, uint64_t item) {
    struct message m = {
        .tag = tag_make(label, MESSAGE_WORDS, 0, item ? 1 : 0),
        .words = {w0, w1},
        .item_base = (uint64_t)area,
        .item_desc = item,
    };
    check_ok("call", ipc_call(session, &m, DEADLINE_NONE));
    return tag_label(m.tag);
}

static void check_bad_requests(void) {
    uint64_t window = item_make(100, ITEM_WINDOW, ITEM_READ | ITEM_WRITE);
    int fd = open_ok("tf", O_CREATE | O_TRUNC | O_RDWR);
    check_error("inline read too long", raw_call(fd, FILE_READ, 65, 0, 0),
                EINVAL);
    check_error("inline write too long", raw_call(fd, FILE_WRITE, 57, 0, 0),
                EINVAL);
    check_error("size -1", raw_call(fd, FILE_WRITE, UINT64_MAX, 0, 0), EINVAL);
    check_error("operation 0", raw_call(fd, 0, 0, 0, 0), ENOSYS);
    check_error("operation 99", raw_call(fd, 99, 0, 0, 0), ENOSYS);
    check_error("operation -1", raw_call(fd, -1, 0, 0, 0), ENOSYS);
    check_error("path from a file", raw_call(fd, DIR_OPEN, 1, 0, 0), ENOTDIR);
    check_error("path too long", raw_call(SLOT_ROOT, DIR_OPEN, 1025, 0, window),
                ENAMETOOLONG);
    check_error("path longer than its window",
                raw_call(SLOT_ROOT, DIR_OPEN, 101, 0, window), EOVERFLOW);
    check_error("inline path too long", raw_call(SLOT_ROOT, DIR_OPEN, 41, 0, 0),
                EINVAL);
    check_error("no path", raw_call(SLOT_ROOT, DIR_OPEN, 0, 0, 0), ENOENT);
    check_error("NUL in a path", raw_call(SLOT_ROOT, DIR_OPEN, 2, 0, 0),
                EINVAL);
    check_error("second path too long",
                raw_call(SLOT_ROOT, DIR_LINK, 1, UINT64_MAX, window),
                ENAMETOOLONG);
    memset(area, 'x', 100);
    check_equal("write more than the window",
                raw_call(fd, FILE_WRITE, UINT64_MAX, 0, window), 100);
    check_error("read of the registered session",
                raw_call(SLOT_ROOT, FILE_READ, 1, 0, 0), EPERM);
    check_equal("unlink", unlink("tf"), 0);
}

/* ---- Memory of the client's ---- */

static void check_bad_memory(void) {
    int fd = open_ok("tf", O_CREATE | O_TRUNC | O_RDWR);
    uint8_t *end =
        (uint8_t *)check_ok("map", sys_map(HANDLE_SELF, 0, 2 * BLOCK,
                                           PROT_READ | PROT_WRITE, -1, 0));
    check_ok("unmap", sys_unmap(HANDLE_SELF, (uint64_t)end + BLOCK, BLOCK));
    check_equal("write", write(fd, end, 2 * BLOCK), -1);
    check_equal("errno", posix_error, EFAULT);
    check_equal("write", write(fd, (void *)8, 1000), -1);
    struct stat st;
    check_equal("fstat", fstat(fd, &st), 0);
    check_equal("size after writes that failed", (int64_t)st.size, 0);
    check_equal("write", write(fd, area, 2 * BLOCK), 2 * BLOCK);
    close(fd);
    fd = open_ok("tf", O_RDONLY);
    check_equal("read up to a bad page", read(fd, end, 2 * BLOCK), BLOCK);
    check_equal("read into a bad page", read(fd, end + BLOCK, 100), -1);
    check_equal("errno", posix_error, EFAULT);
    check_equal("read on", read(fd, found, AREA_SIZE), BLOCK);
    check_equal("unlink", unlink("tf"), 0);
}

/* ---- Several clients ---- */

/* Creates, writes, reads and removes a file of its own, over and over. */
static void busy_client(uint64_t id) {
    char path[16];
    snprintf(path, sizeof(path), "tf%lu", (unsigned long)id);
    for (unsigned round = 0; round < 6; round++) {
        int size = (int)((id * 7 + round * 5) % 20 + 1) * 1000;
        pattern(area, (unsigned)size, (unsigned)id + round);
        int fd = open_ok(path, O_CREATE | O_TRUNC | O_WRONLY);
        check_equal("write", write(fd, area, size), size);
        close(fd);
        expect_contents(path, area, size);
        check_equal("unlink", unlink(path), 0);
    }
}

static void check_clients(void) {
    int64_t pids[6];
    for (unsigned i = 0; i < 6; i++)
        pids[i] = peer_start(busy_client, i);
    for (unsigned i = 0; i < 6; i++)
        peer_end(pids[i]);
}

static void endless_writer(uint64_t unused) {
    (void)unused;
    for (;;) {
        int fd = open_ok("tf", O_CREATE | O_TRUNC | O_WRONLY);
        write(fd, area, AREA_SIZE);
        close(fd);
    }
}

/* Clients that are killed in the middle of a write stop nobody. */
static void check_killed_writers(void) {
    for (unsigned i = 0; i < 12; i++) {
        int64_t pid = peer_start(endless_writer, 0);
        pause_ms(1 + i % 4);
        peer_kill(pid);
        int fd = open_ok("tf", O_CREATE | O_TRUNC | O_RDWR);
        check_equal("write", write(fd, "fine", 4), 4);
        close(fd);
        expect_contents("tf", (const uint8_t *)"fine", 4);
    }
    check_equal("unlink", unlink("tf"), 0);
}

/* ---- The disk ---- */

/* Fills the disk, and has it all back afterwards. */
static void check_full_disk(void) {
    int64_t totals[2];
    for (unsigned round = 0; round < 2; round++) {
        int fd = open_ok("tf", O_CREATE | O_TRUNC | O_WRONLY);
        int count;
        totals[round] = 0;
        while ((count = write(fd, area, AREA_SIZE)) > 0)
            totals[round] += count;
        check_equal("errno", posix_error, ENOSPC);
        check_equal("mkdir on a full disk", mkdir("td"), -1);
        check_equal("errno", posix_error, ENOSPC);
        struct stat st;
        check_equal("fstat", fstat(fd, &st), 0);
        check_equal("size", (int64_t)st.size, totals[round]);
        close(fd);
        check_equal("unlink", unlink("tf"), 0);
    }
    check_true("it was not full before", totals[0] > 0);
    check_equal("as much fits again", totals[1], totals[0]);
}

/* A device's inode names a driver; what it is does not come from the disk. */
static void check_device(void) {
    check_equal("mknod", mknod("tdev", 1, 0), 0);
    int fd = open_ok("tdev", O_WRONLY);
    struct stat st;
    check_equal("fstat", fstat(fd, &st), 0);
    check_equal("type", st.type, T_DEVICE);
    close(fd);
    check_equal("unlink", unlink("tdev"), 0);
    check_equal("mknod", mknod("tdev", 77, 0), 0);
    check_equal("open of no driver", open("tdev", O_WRONLY), -1);
    check_equal("unlink", unlink("tdev"), 0);
}

int main(int argc, char **argv) {
    static const struct check checks[] = {
        {"shared_offset", "dup and fork share an offset", check_shared_offset},
        {"append", "O_APPEND writes at the end, whoever wrote", check_append},
        {"sessions_end", "the server forgets the dead", check_sessions_end},
        {"server_full", "a full table is an error to the next",
         check_server_full},
        {"removed_open", "a removed file lives while open", check_removed_open},
        {"removed_cwd", "a removed directory leads nowhere", check_removed_cwd},
        {"bad_requests", "each bad request has its error", check_bad_requests},
        {"bad_memory", "bad buffers: EFAULT, nothing written",
         check_bad_memory},
        {"clients", "six clients at once see their own files", check_clients},
        {"killed_writers", "clients killed in a write stop nobody",
         check_killed_writers},
        {"full_disk", "a full disk is ENOSPC, and then as before",
         check_full_disk},
        {"device", "a device inode opens its driver", check_device},
    };
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
