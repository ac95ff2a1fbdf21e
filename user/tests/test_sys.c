/* SPDX-License-Identifier: MIT */
/*
 * tests/test_sys.c: the server sys: its tree, the way into it and out again,
 * and what clients can do to it.
 */
#include "lib/file.h"
#include "lib/names.h"
#include "lib/proto.h"
#include "tests/peer.h"
#include "tests/statistics.h"

enum {
    OPENS_MAX = 64, /* more than the server can have open */
    LONG_PATH = 1000,
    TOUCHED = 40,
};

static char bytes[TABLE_BYTES];

static void open_error(const char *path, int flags, int error) {
    int fd = open(path, flags);
    if (fd >= 0)
        check_fail(path, 0, -error);
    check_equal(path, -posix_error, -error);
}

/* The path names something of that type in that tree. */
static void path_check(const char *path, int type, int dev) {
    struct stat st;
    if (stat(path, &st) < 0)
        check_fail(path, -posix_error, 0);
    check_equal(path, st.type, type);
    check_equal(path, st.dev, dev);
}

/* ---- Paths ---- */

enum { DEV_FS = 1 };

static void check_paths(void) {
    path_check("/sys", T_DIR, MAJOR_SYS);
    path_check("/sys/", T_DIR, MAJOR_SYS);
    path_check("sys", T_DIR, MAJOR_SYS);
    path_check("./sys/./ipc", T_DIR, MAJOR_SYS);
    path_check("//sys//ipc//transfer", T_FILE, MAJOR_SYS);
    path_check("/sys/ipc/../memory", T_FILE, MAJOR_SYS);
    path_check("/sys/memory/", T_FILE, MAJOR_SYS);
    path_check("/sys/..", T_DIR, DEV_FS);
    path_check("/sys/../README", T_FILE, DEV_FS);
    path_check("/sys/ipc/../../sys/../sys/ipc/transfer", T_FILE, MAJOR_SYS);
    path_check("/README", T_FILE, DEV_FS);
}

static void check_bad_paths(void) {
    open_error("/sys/nothing", O_RDONLY, ENOENT);
    open_error("/sys/nothing/..", O_RDONLY, ENOENT);
    open_error("/sys/ip", O_RDONLY, ENOENT);
    open_error("/sys/ipcs", O_RDONLY, ENOENT);
    open_error("/sys/transfer", O_RDONLY, ENOENT);
    open_error("/sys/memory/x", O_RDONLY, ENOTDIR);
    open_error("/sys/memory/..", O_RDONLY, ENOTDIR);
    open_error("/sys/../nothing", O_RDONLY, ENOENT);
    open_error("/README/x", O_RDONLY, ENOTDIR);
    open_error("/README/../sys", O_RDONLY, ENOTDIR);
    open_error("/nothing/sys", O_RDONLY, ENOENT);
    check_equal("chdir to a file", chdir("/sys/memory"), -1);
    check_equal("errno", posix_error, ENOTDIR);
    check_equal("chdir to nothing", chdir("/sys/nothing"), -1);
    check_equal("errno", posix_error, ENOENT);
}

/* "/sys/./././.../memory", `length` bytes long. */
static const char *long_path(int length) {
    static char path[LONG_PATH + 32];
    strcpy(path, "/sys/");
    while (strlen(path) + 8 <= (size_t)length)
        strlcat(path, "./", sizeof(path));
    while (strlen(path) + 6 < (size_t)length)
        strlcat(path, "/", sizeof(path));
    strlcat(path, "memory", sizeof(path));
    check_equal("length of the path", (int64_t)strlen(path), length);
    return path;
}

/* Around the length that fits a message, of the path and of what is left. */
static void check_long_paths(void) {
    for (int length = PROTO_INLINE_PATH - 4; length <= PROTO_INLINE_PATH + 8;
         length++)
        path_check(long_path(length), T_FILE, MAJOR_SYS);
    path_check(long_path(LONG_PATH), T_FILE, MAJOR_SYS);
}

static void check_chdir(void) {
    check_equal("chdir", chdir("/sys/ipc"), 0);
    path_check("transfer", T_FILE, MAJOR_SYS);
    path_check(".", T_DIR, MAJOR_SYS);
    path_check("../memory", T_FILE, MAJOR_SYS);
    path_check("../../README", T_FILE, DEV_FS);
    path_check("/README", T_FILE, DEV_FS);
    path_check("/sys/memory", T_FILE, MAJOR_SYS);
    open_error("memory", O_RDONLY, ENOENT);
    check_equal("chdir", chdir(".."), 0);
    path_check("ipc/transfer", T_FILE, MAJOR_SYS);
    check_equal("chdir", chdir("../sys/.."), 0);
    path_check("README", T_FILE, DEV_FS);
    path_check("sys/memory", T_FILE, MAJOR_SYS);
}

/* Any inode with the number is a mount point, others are not. */
static void check_mount_point(void) {
    check_equal("mkdir", mkdir("md"), 0);
    check_equal("mknod", mknod("md/m", MAJOR_SYS, 0), 0);
    path_check("md/m", T_DIR, MAJOR_SYS);
    path_check("md/m/ipc/transfer", T_FILE, MAJOR_SYS);
    path_check("md/../md/m/memory", T_FILE, MAJOR_SYS);
    check_equal("unlink", unlink("md/m"), 0);
    open_error("md/m/memory", O_RDONLY, ENOENT);
    check_equal("mknod", mknod("md/m", 77, 0), 0);
    open_error("md/m/memory", O_RDONLY, ENOTDIR);
    open_error("md/m", O_RDONLY, ENODEV);
    check_equal("unlink", unlink("md/m"), 0);
    check_equal("unlink", unlink("md"), 0);
}

/* ---- Reading ---- */

static void check_list(void) {
    static const char *const names[] = {
        ".", "..", "counters", "ipc", "memory", "processes",
    };
    struct dirent entries[32];
    unsigned found = 0;
    int fd = (int)check_ok("open", open("/sys", O_RDONLY));
    int count = read(fd, entries, sizeof(entries));
    check_equal("whole entries", count % (int)sizeof(entries[0]), 0);
    for (unsigned i = 0; i < (unsigned)count / sizeof(entries[0]); i++) {
        char path[32];
        struct stat st;
        snprintf(path, sizeof(path), "/sys/%.14s", entries[i].name);
        check_ok(path, stat(path, &st));
        for (unsigned k = 0; k < sizeof(names) / sizeof(names[0]); k++)
            found += strncmp(entries[i].name, names[k], DIRSIZ) == 0;
        if (i >= 2)
            check_equal(path, st.ino, entries[i].inum);
    }
    check_equal("names", found, sizeof(names) / sizeof(names[0]));
    check_equal("end", read(fd, entries, sizeof(entries)), 0);
}

/* Reads in pieces of `size` bytes; returns how many bytes there are. */
static int read_pieces(const char *path, int size) {
    struct stat st;
    int fd = (int)check_ok("open", open(path, O_RDONLY));
    int used = 0, count;
    check_ok("stat", fstat(fd, &st));
    while ((count = read(fd, bytes + used, size)) > 0)
        used += count;
    check_equal("end", count, 0);
    check_equal("size", (int64_t)st.size, used);
    close(fd);
    bytes[used] = 0;
    return used;
}

/* What does not change meanwhile is the same however it is read. */
static void check_pieces(void) {
    static const int sizes[] = {1, 7, 63, 64, 65, 100, 4096, TABLE_BYTES - 1};
    uint64_t frames = sys_system_info(INFO_MEMORY, 0).value[0];
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        check_true("something", read_pieces("/sys/memory", sizes[i]) > 40);
        memcpy(table, bytes, sizeof(bytes));
        check_equal("frames", (int64_t)row_value("frames"), (int64_t)frames);
        check_equal("used", (int64_t)row_value("used"),
                    (int64_t)(frames - row_value("free")));
        read_pieces("/sys/ipc/transfer", sizes[i]);
        memcpy(table, bytes, sizeof(bytes));
        row_value("remap_sum");
    }
}

/* The text is of the time of the open. */
static void check_snapshot(void) {
    int old = (int)check_ok("open", open("/sys/memory", O_RDONLY));
    uint64_t area =
        (uint64_t)check_ok("map", sys_map(HANDLE_SELF, 0, TOUCHED * 4096,
                                          PROT_READ | PROT_WRITE, -1, 0));
    for (unsigned i = 0; i < TOUCHED; i++)
        store_at(area + i * 4096, 1);
    table_read("/sys/memory");
    uint64_t used = row_value("used");
    int count = (int)check_ok("read", read(old, table, TABLE_BYTES - 1));
    table[count] = 0;
    check_true("memory used since", row_value("used") + TOUCHED <= used);
}

static void read_two(uint64_t fd) {
    check_equal("read in the child", read((int)fd, bytes, 2), 2);
}

static void check_offset(void) {
    int fd = (int)check_ok("open", open("/sys/memory", O_RDONLY));
    int copy = (int)check_ok("dup", dup(fd));
    peer_end(peer_start(read_two, (uint64_t)fd));
    check_equal("read", read(copy, bytes, 3), 3);
    check_equal("bytes 2 to 4", memcmp(bytes, "ame", 3), 0);
}

/* A line for the process itself. */
static void check_processes(void) {
    table_read("/sys/processes");
    char pid[24];
    snprintf(pid, sizeof(pid), "%ld", (long)sys_getpid());
    const char *text = row_text(pid);
    number_next(&text);
    check_equal("state", (int64_t)number_next(&text), PROCESS_WAITING);
    check_equal("threads", (int64_t)number_next(&text), 1);
}

/* ---- Nothing can be written ---- */

static void refused(const char *what, int result, int error) {
    check_equal(what, result, -1);
    check_equal(what, -posix_error, -error);
}

static void check_writes(void) {
    open_error("/sys/memory", O_WRONLY, EPERM);
    open_error("/sys/memory", O_RDWR, EPERM);
    open_error("/sys/memory", O_TRUNC, EPERM);
    open_error("/sys/new", O_CREATE | O_WRONLY, EPERM);
    open_error("/sys", O_WRONLY, EISDIR);
    open_error("/sys", O_CREATE | O_RDONLY, EISDIR);
    int fd = (int)check_ok("open", open("/sys/memory", O_RDONLY));
    refused("write", write(fd, "x", 1), EPERM);
    refused("write", write(fd, bytes, 1000), EPERM);
    refused("mkdir", mkdir("/sys/d"), EPERM);
    refused("mkdir", mkdir("/sys/ipc"), EPERM);
    refused("mkdir", mkdir("/sys"), EEXIST);
    refused("mknod", mknod("/sys/ipc/n", 1, 1), EPERM);
    refused("unlink", unlink("/sys/memory"), EPERM);
    refused("unlink", unlink("/sys/nothing"), EPERM);
    refused("link", link("/README", "/sys/r"), EXDEV);
    refused("link", link("/sys/memory", "/m"), EXDEV);
    refused("link", link("/sys/memory", "/sys/m"), EXDEV);
    refused("chdir", chdir("/sys") < 0 ? 0 : link("memory", "m"), EPERM);
    check_true("it can be read", read(fd, bytes, 100) > 0);
}

static void check_exec(void) {
    char name[] = "memory";
    char *argv[] = {name, NULL};
    refused("exec", exec("/sys/memory", argv), ENOEXEC);
    refused("exec", exec("/sys", argv), ENOEXEC);
}

/* ---- Clients ---- */

static int64_t raw_call(int64_t session, struct message *m) {
    int64_t error = ipc_call(session, m, DEADLINE_NONE);
    return error < 0 ? error : tag_label(m->tag);
}

/* A request without a path. */
static int64_t raw_words(int64_t session, int32_t operation, uint64_t word) {
    struct message m = {.tag = tag_make(operation, 1, 0, 0), .words = {word}};
    return raw_call(session, &m);
}

static int64_t raw_read(int64_t session, uint64_t wanted, unsigned right) {
    struct message m = {.tag = tag_make(FILE_READ, 1, 0, 1),
                        .words = {wanted},
                        .item_base = (uint64_t)bytes,
                        .item_desc = item_make(8, ITEM_WINDOW, right)};
    return raw_call(session, &m);
}

static int64_t raw_path(int64_t session, const char *path, uint64_t length) {
    struct message m = {.tag = tag_make(DIR_OPEN, 3, 0, 0)};
    m.words[0] = length;
    int64_t result = file_path_call(session, &m, path, length);
    return result < 0 ? result : (int64_t)handle_at(m.handles, 0);
}

static void check_requests(void) {
    int64_t root = check_ok("look-up", names_lookup(NAME_SYS, false));
    int64_t file = check_ok("open", raw_path(root, "memory", 6));
    check_error("read of the root", raw_words(root, FILE_READ, 8), EPERM);
    check_error("too long", raw_words(file, FILE_READ, 65), EINVAL);
    check_equal("nothing", raw_words(file, FILE_READ, 0), 0);
    check_error("window to read", raw_read(file, 8, ITEM_READ), EPERM);
    check_equal("more than the window", raw_read(file, 100, ITEM_WRITE), 8);
    check_equal("the rest", raw_words(file, FILE_READ, 4), 4);
    check_error("control", raw_words(file, FILE_CONTROL, 1), ENOSYS);
    check_error("no operation", raw_words(file, 99, 1), ENOSYS);
    check_error("open in a file", raw_path(file, ".", 1), ENOTDIR);
    check_error("no path", raw_path(root, "", 0), ENOENT);
    check_error("a NUL", raw_path(root, "memory", 7), EINVAL);
    check_error("no window", raw_words(root, DIR_OPEN, 100), EINVAL);
    check_error("path too long", raw_words(root, DIR_OPEN, -1ul), ENAMETOOLONG);
    check_error("bad memory", file_read(file, (void *)0x1000, 1000), EFAULT);
    check_true("it still works", file_read(file, bytes, 10) == 10);
}

/* Opens all it can. */
static unsigned open_all(int64_t root) {
    unsigned count = 0;
    int64_t result;
    while ((result = raw_path(root, "memory", 6)) >= 0 && count < OPENS_MAX)
        count++;
    check_error("open with a full table", result, ENOSPC);
    return count;
}

static void open_and_end(uint64_t root) {
    check_true("some were opened", open_all((int64_t)root) > 4);
}

/* The server forgets what dead clients had open. */
static void check_full(void) {
    int64_t root = check_ok("look-up", names_lookup(NAME_SYS, false));
    for (unsigned i = 0; i < 8; i++)
        peer_end(peer_start(open_and_end, (uint64_t)root));
    for (unsigned i = 0; i < OPENS_MAX; i++)
        close((int)check_ok("open", open("/sys/memory", O_RDONLY)));
}

static const struct check checks[] = {
    {"paths", "paths lead into /sys and out of it", check_paths},
    {"bad_paths", "paths that lead nowhere", check_bad_paths},
    {"long_paths", "paths in registers and in windows", check_long_paths},
    {"chdir", "a current directory in /sys", check_chdir},
    {"mount_point", "an inode with the number is what mounts",
     check_mount_point},
    {"list", "the directories list what is in them", check_list},
    {"pieces", "a file read in pieces of any size", check_pieces},
    {"snapshot", "a file tells of the moment it was opened", check_snapshot},
    {"offset", "descriptors of one open share its offset", check_offset},
    {"processes", "the processes are listed", check_processes},
    {"writes", "nothing in /sys can be changed", check_writes},
    {"exec", "what is no program does not run", check_exec},
    {"requests", "requests that no library makes", check_requests},
    {"full", "a full table is an error, and clients' deaths empty it",
     check_full},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
