/* SPDX-License-Identifier: MIT */
/*
 * tests/test_file.c: files and directories through the POSIX calls.
 */
#include "tests/check.h"
#include "tests/peer.h"

/* Every check works in a directory of its own. */
static void start(void) {
    char name[DIRSIZ];
    snprintf(name, sizeof(name), "t%d", getpid());
    check_equal("mkdir", mkdir(name), 0);
    check_equal("chdir", chdir(name), 0);
}

static int file_make(const char *name, const char *text) {
    int fd = open(name, O_CREATE | O_RDWR);
    check_true("create a file", fd >= 0);
    int length = (int)strlen(text);
    check_equal("write", write(fd, text, length), length);
    check_equal("close", close(fd), 0);
    return 0;
}

static void file_expect(const char *name, const char *text) {
    char got[200];
    int fd = open(name, O_RDONLY);
    check_true("open", fd >= 0);
    int length = read(fd, got, sizeof(got));
    check_equal("length", length, (int64_t)strlen(text));
    check_equal("contents", memcmp(got, text, (size_t)length), 0);
    check_equal("read at the end", read(fd, got, sizeof(got)), 0);
    check_equal("close", close(fd), 0);
}

static void check_create(void) {
    start();
    file_make("a", "hello");
    file_expect("a", "hello");
    check_equal("open a missing file", open("b", O_RDONLY), -1);
    check_equal("open to write a missing file", open("b", O_WRONLY), -1);
    file_make("a", "HE");
    file_expect("a", "HEllo");
    int fd = open("a", O_RDWR | O_TRUNC);
    check_true("open", fd >= 0);
    check_equal("close", close(fd), 0);
    file_expect("a", "");
}

static void check_modes(void) {
    char byte;
    start();
    file_make("a", "xy");
    int reader = open("a", O_RDONLY);
    int writer = open("a", O_WRONLY);
    check_equal("write to a reader", write(reader, "z", 1), -1);
    check_equal("read from a writer", read(writer, &byte, 1), -1);
    check_equal("write", write(writer, "z", 1), 1);
    check_equal("read", read(reader, &byte, 1), 1);
    check_equal("byte", byte, 'z');
}

static void check_offsets(void) {
    char byte;
    start();
    file_make("a", "0123456789");
    int one = open("a", O_RDWR), two = open("a", O_RDWR);
    int copy = dup(one);
    check_equal("read", read(one, &byte, 1), 1);
    check_equal("byte", byte, '0');
    check_equal("read the copy", read(copy, &byte, 1), 1);
    check_equal("dup shares the offset", byte, '1');
    check_equal("read the second", read(two, &byte, 1), 1);
    check_equal("a second open has its own", byte, '0');
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0) {
        check_equal("read", read(one, &byte, 1), 1);
        check_equal("a child shares the offset", byte, '2');
        sys_exit(0);
    }
    peer_end(pid);
    check_equal("read", read(one, &byte, 1), 1);
    check_equal("the parent goes on after it", byte, '3');
}

static void check_link(void) {
    struct stat st;
    start();
    file_make("a", "text");
    check_equal("link", link("a", "b"), 0);
    check_equal("stat", stat("a", &st), 0);
    check_equal("links", st.nlink, 2);
    check_equal("unlink", unlink("a"), 0);
    check_equal("the first name is gone", open("a", O_RDONLY), -1);
    file_expect("b", "text");
    check_equal("stat", stat("b", &st), 0);
    check_equal("links", st.nlink, 1);
    check_equal("link a missing file", link("a", "c"), -1);
    check_equal("link over a file", link("b", "b"), -1);
    check_equal("link a directory", link(".", "d"), -1);
    check_equal("unlink a missing file", unlink("a"), -1);
}

static void check_rename(void) {
    start();
    file_make("old", "moved");
    check_equal("mkdir", mkdir("d"), 0);
    check_equal("link", link("old", "d/new"), 0);
    check_equal("unlink", unlink("old"), 0);
    file_expect("d/new", "moved");
    check_equal("the old name", open("old", O_RDONLY), -1);
}

static void check_unlinked_open(void) {
    char text[8];
    start();
    file_make("a", "12345678");
    int fd = open("a", O_RDWR);
    check_equal("unlink", unlink("a"), 0);
    file_make("a", "other");
    check_equal("read", read(fd, text, 8), 8);
    check_equal("the old contents", memcmp(text, "12345678", 8), 0);
    check_equal("write", write(fd, "9", 1), 1);
    check_equal("close", close(fd), 0);
    file_expect("a", "other");
}

static void check_stat(void) {
    struct stat st;
    start();
    file_make("a", "123");
    check_equal("stat", stat("a", &st), 0);
    check_equal("type", st.type, T_FILE);
    check_equal("size", (int64_t)st.size, 3);
    check_equal("links", st.nlink, 1);
    check_equal("stat a directory", stat(".", &st), 0);
    check_equal("type", st.type, T_DIR);
    check_equal("stat a missing file", stat("b", &st), -1);
    check_equal("fstat the console", fstat(1, &st), 0);
    check_equal("type", st.type, T_DEVICE);
    check_equal("fstat nothing", fstat(9, &st), -1);
}

/* ---- Directories ---- */

static void check_directories(void) {
    start();
    check_equal("mkdir", mkdir("d"), 0);
    check_equal("mkdir again", mkdir("d"), -1);
    check_equal("mkdir below a missing one", mkdir("e/f"), -1);
    check_equal("mkdir", mkdir("d/e"), 0);
    file_make("d/e/f", "deep");
    check_equal("mkdir below a file", mkdir("d/e/f/g"), -1);
    check_equal("unlink a full directory", unlink("d/e"), -1);
    check_equal("chdir", chdir("d/e"), 0);
    file_expect("f", "deep");
    file_expect("./../e/./f", "deep");
    check_equal("chdir to a file", chdir("f"), -1);
    check_equal("chdir to nothing", chdir("x"), -1);
    check_equal("unlink", unlink("f"), 0);
    check_equal("chdir", chdir(".."), 0);
    check_equal("unlink an empty directory", unlink("e"), 0);
    check_equal("it is gone", chdir("e"), -1);
    check_equal("unlink .", unlink("."), -1);
    check_equal("unlink ..", unlink(".."), -1);
}

static void check_root(void) {
    start();
    check_equal("chdir", chdir("/"), 0);
    check_equal("chdir", chdir(".."), 0);
    int fd = open("README", O_RDONLY);
    check_true("README is in the root and above it", fd >= 0);
    check_equal("close", close(fd), 0);
    fd = open("/./../README", O_RDONLY);
    check_true("an absolute path", fd >= 0);
    check_equal("open the root to write", open("/", O_WRONLY), -1);
    check_equal("make a file of the root", open("/", O_CREATE | O_RDWR), -1);
    check_equal("unlink the root", unlink("/"), -1);
}

static unsigned entries_count(const char *path) {
    struct dirent entry;
    unsigned count = 0;
    int fd = open(path, O_RDONLY);
    check_true("open a directory", fd >= 0);
    while (read(fd, &entry, sizeof(entry)) == sizeof(entry))
        count += entry.inum != 0;
    check_equal("close", close(fd), 0);
    return count;
}

enum { MANY = 300 };

static void check_growth(void) {
    char name[20];
    start();
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "file%u", i);
        int fd = open(name, O_CREATE | O_WRONLY);
        check_true("create", fd >= 0);
        check_equal("close", close(fd), 0);
    }
    check_equal("entries", entries_count("."), MANY + 2);
    for (unsigned i = 0; i < MANY; i += 2) {
        snprintf(name, sizeof(name), "file%u", i);
        check_equal("unlink", unlink(name), 0);
    }
    check_equal("entries", entries_count("."), MANY / 2 + 2);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "file%u", i);
        int fd = open(name, O_RDONLY);
        check_equal("which are left", fd >= 0, i % 2);
        if (fd >= 0)
            check_equal("close", close(fd), 0);
    }
}

static void check_names(void) {
    start();
    file_make("abcdefghijklmn", "fourteen");
    file_expect("abcdefghijklmn", "fourteen");
    check_equal("a longer name", open("abcdefghijklmno", O_CREATE | O_RDWR),
                -1);
    check_equal("an empty path", open("", O_CREATE | O_RDWR), -1);
    file_make("a b", "blank");
    file_expect("a b", "blank");
    check_equal("mkdir", mkdir("d"), 0);
    file_make("d///f", "slashes");
    file_expect("./d//f", "slashes");
    char path[MAXPATH + 100];
    memset(path, '/', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    check_equal("a path that is too long", open(path, O_RDONLY), -1);
}

static void check_device(void) {
    start();
    check_equal("mknod", mknod("console", 1, 1), 0);
    int fd = open("console", O_RDWR);
    check_true("open", fd >= 0);
    struct stat st;
    check_equal("fstat", fstat(fd, &st), 0);
    check_equal("type", st.type, T_DEVICE);
    check_equal("mknod again", mknod("console", 1, 1), -1);
    check_equal("mknod", mknod("strange", 99, 1), 0);
    check_equal("a device that nobody serves", open("strange", O_RDWR), -1);
}

/* ---- Descriptors ---- */

static void check_descriptors(void) {
    start();
    file_make("a", "x");
    int fds[DESCRIPTORS];
    int count = 0;
    while (count < DESCRIPTORS && (fds[count] = open("a", O_RDONLY)) >= 0)
        count++;
    check_equal("descriptors beside 0, 1 and 2", count, DESCRIPTORS - 3);
    for (int i = 1; i < count; i++)
        check_equal("the lowest free one", fds[i], fds[i - 1] + 1);
    check_equal("dup without room", dup(fds[0]), -1);
    int pair[2];
    check_equal("pipe without room", pipe(pair), -1);
    check_equal("close", close(fds[2]), 0);
    check_equal("pipe with room for one", pipe(pair), -1);
    check_equal("the lowest again", open("a", O_RDONLY), fds[2]);
    for (int i = 0; i < count; i++)
        check_equal("close", close(fds[i]), 0);
    check_equal("close again", close(fds[0]), -1);
    check_equal("read what is closed", read(fds[0], pair, 1), -1);
    check_equal("write what is closed", write(fds[0], pair, 1), -1);
}

static void check_bad_descriptors(void) {
    static const int bad[] = {-1, -2,  11,  12,  13,   14,        15,
                              16, 100, 127, 128, 1000, INT32_MAX, INT32_MIN};
    char byte = 0;
    struct stat st;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        check_equal("read", read(bad[i], &byte, 1), -1);
        check_equal("write", write(bad[i], &byte, 1), -1);
        check_equal("close", close(bad[i]), -1);
        check_equal("dup", dup(bad[i]), -1);
        check_equal("fstat", fstat(bad[i], &st), -1);
    }
    start();
}

static const uint64_t bad_addresses[] = {
    0,        8,          0x700000000ull,        USER_END - 4,
    USER_END, 1ull << 63, 0xffffffff80200000ull, UINT64_MAX - 8,
};

static void check_bad_pointers(void) {
    start();
    file_make("a", "0123456789");
    for (unsigned i = 0; i < sizeof(bad_addresses) / sizeof(uint64_t); i++) {
        char *bad = (char *)bad_addresses[i];
        int fd = open("a", O_RDWR);
        check_true("open", fd >= 0);
        for (int size = 1; size < 10000; size *= 20) {
            check_equal("read", read(fd, bad, size > 10 ? 10 : size), -1);
            check_equal("write", write(fd, bad, size), -1);
        }
        check_equal("open", open(bad, O_RDONLY), -1);
        check_equal("mkdir", mkdir(bad), -1);
        check_equal("unlink", unlink(bad), -1);
        check_equal("link", link(bad, "b"), -1);
        check_equal("link", link("a", bad), -1);
        check_equal("chdir", chdir(bad), -1);
        check_equal("mknod", mknod(bad, 1, 1), -1);
        check_equal("fstat", fstat(fd, (struct stat *)bad), -1);
        check_equal("pipe", pipe((int *)bad), -1);
        check_equal("exec", exec(bad, 0), -1);
        check_equal("close", close(fd), 0);
    }
    file_expect("a", "0123456789");
}

static void check_bad_sizes(void) {
    char byte = 'x';
    start();
    file_make("a", "0123456789");
    int fd = open("a", O_RDWR);
    check_equal("read nothing", read(fd, &byte, 0), 0);
    check_equal("write nothing", write(fd, &byte, 0), 0);
    check_equal("read a negative size", read(fd, &byte, -1), -1);
    check_equal("write a negative size", write(fd, &byte, -1), -1);
    check_equal("read", read(fd, &byte, 1), 1);
    check_equal("the offset is where it was", byte, '0');
}

static const struct check checks[] = {
    {"create", "files are created, written over and truncated", check_create},
    {"modes", "a descriptor reads or writes as it was opened", check_modes},
    {"offsets", "dup and fork share an offset, a second open does not",
     check_offsets},
    {"link", "a file has as many names as links, and lives with the last",
     check_link},
    {"rename", "link and unlink move a file to another directory",
     check_rename},
    {"unlinked_open", "an open file outlives its name", check_unlinked_open},
    {"stat", "stat tells type, size and links", check_stat},
    {"directories", "directories nest, and are removed when empty",
     check_directories},
    {"root", "the root is its own parent, and cannot be removed", check_root},
    {"growth", "a directory of 300 files grows and shrinks", check_growth},
    {"names", "names of 14 bytes and paths with odd slashes", check_names},
    {"device", "a device file leads to its server", check_device},
    {"descriptors", "descriptors are the lowest free, and run out",
     check_descriptors},
    {"bad_numbers", "a bad descriptor is an error", check_bad_descriptors},
    {"bad_pointers", "a bad pointer is an error, never a crash",
     check_bad_pointers},
    {"bad_sizes", "sizes of zero and below", check_bad_sizes},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
