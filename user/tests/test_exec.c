/* SPDX-License-Identifier: MIT */
/*
 * tests/test_exec.c: exec: arguments, descriptors, and programs that are none.
 *
 * Run as `test_exec child WORD...` this program is its own helper: it tells by
 * its exit status what it was given.
 */
#include "tests/check.h"
#include "tests/peer.h"

static char own_name[] = "/test_exec";
static char child_word[] = "child";

/* Runs a program in a child; returns its status. */
static int64_t status_of(const char *path, char **argv) {
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0) {
        exec(path, argv);
        sys_exit(77);
    }
    struct sys_pair end = sys_wait(pid, time_after(CHECK_LIMIT_MS / 2));
    check_equal("wait", end.result, pid);
    return (int64_t)end.value;
}

static void check_arguments(void) {
    char one[] = "one", two[] = "two words", empty[] = "";
    char *argv[] = {own_name, child_word, one, two, empty, 0};
    check_equal("arguments that arrived", status_of(own_name, argv), 40 + 5);
}

static void check_many_arguments(void) {
    char *argv[MAXARG + 2];
    static char word[] = "w";
    for (unsigned count = 2; count <= MAXARG; count += 6) {
        argv[0] = own_name;
        argv[1] = child_word;
        for (unsigned i = 2; i < count; i++)
            argv[i] = word;
        argv[count] = 0;
        check_equal("arguments", status_of(own_name, argv),
                    40 + (int64_t)count);
    }
    for (unsigned i = 0; i <= MAXARG; i++)
        argv[i] = word;
    argv[MAXARG + 1] = 0;
    check_equal("too many arguments", status_of(own_name, argv), 77);
}

static void check_long_arguments(void) {
    static char word[3000];
    memset(word, 'w', sizeof(word) - 1);
    char *argv[] = {own_name, child_word, word, 0};
    check_equal("a long argument", status_of(own_name, argv), 40 + 3);
    char *many[MAXARG + 1];
    many[0] = own_name;
    for (unsigned i = 1; i < MAXARG; i++)
        many[i] = word;
    many[MAXARG] = 0;
    check_equal("more than fits", status_of(own_name, many), 77);
}

static void check_bad_arguments(void) {
    char *bad[] = {own_name, (char *)8, 0};
    check_equal("a bad argument", status_of(own_name, bad), 77);
    check_equal("a bad vector", status_of(own_name, (char **)8), 77);
    check_equal("a vector in the kernel's half",
                status_of(own_name, (char **)(1ull << 63)), 77);
}

static void check_missing(void) {
    char *argv[] = {own_name, 0};
    check_equal("a missing program", status_of("/nothing", argv), 77);
    check_equal("a directory", status_of("/", argv), 77);
    check_equal("a text file", status_of("/README", argv), 77);
    check_equal("an empty path", status_of("", argv), 77);
}

/* ---- Files that are nearly programs ---- */

static uint8_t image[16384] __attribute__((aligned(PAGE_SIZE)));
static int image_size;

static void image_load(void) {
    int fd = open(own_name, O_RDONLY);
    check_true("open", fd >= 0);
    image_size = read(fd, image, sizeof(image));
    check_equal("read", image_size, sizeof(image));
    check_equal("close", close(fd), 0);
}

static void image_refused(const char *what, int size) {
    char *argv[] = {own_name, child_word, 0};
    int fd = open("broken", O_CREATE | O_RDWR | O_TRUNC);
    check_true("create", fd >= 0);
    check_equal("write", write(fd, image, size), size);
    check_equal("close", close(fd), 0);
    check_equal(what, status_of("broken", argv), 77);
    check_equal("unlink", unlink("broken"), 0);
}

static void check_broken(void) {
    image_load();
    image_refused("a truncated program", 8000);
    image_refused("a header alone", 64);
    image_refused("half a header", 30);
    image_refused("an empty file", 0);
    image_load();
    image[0] ^= 1;
    image_refused("a wrong magic number", image_size);
    image_load();
    image[4] = 1;
    image_refused("a 32-bit program", image_size);
    image_load();
    image[18] ^= 1;
    image_refused("another machine's program", image_size);
}

/* Program headers start at byte 64, 56 bytes each: flags at 4, address at 16,
 * sizes at 32 and 40. */
static void header_set(unsigned header, unsigned field, uint64_t value) {
    memcpy(image + 64 + 56 * header + field, &value, sizeof(value));
}

static void check_broken_segments(void) {
    static const struct {
        const char *what;
        unsigned field;
        uint64_t value;
    } cases[] = {
        {"a segment in the kernel's half", 16, 1ull << 63},
        {"a segment beyond user memory", 16, USER_END},
        {"a segment at the end of user memory", 16, USER_END - PAGE_SIZE},
        {"a segment on the stack", 16, USER_STACK_TOP - PAGE_SIZE},
        {"a segment at 0", 16, 0},
        {"a huge segment", 40, 1ull << 40},
        {"a segment that wraps", 40, UINT64_MAX - 0x8000},
        {"a segment larger in the file than in memory", 40, 1},
        {"more bytes than the file has", 32, 1ull << 30},
        {"an offset beyond the file", 8, 1ull << 40},
        {"an offset that wraps", 8, UINT64_MAX - 100},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        image_load();
        header_set(0, cases[i].field, cases[i].value);
        image_refused(cases[i].what, image_size);
    }
    image_load();
    image[64 + 4] = 7;
    image_refused("a segment to write and execute", image_size);
    image_load();
    memcpy(image + 64 + 56 + 16, image + 64 + 16, 8);
    image_refused("segments that overlap", image_size);
    image_load();
    image[56] = 255;
    image_refused("too many headers", image_size);
}

/* ---- What stays ---- */

static void check_unharmed(void) {
    static volatile int value = 5;
    volatile int local = 6;
    char *argv[] = {own_name, 0};
    int64_t pid = sys_getpid();
    check_equal("a failed exec", exec("/nothing", argv), -1);
    check_equal("a failed exec", exec("/README", argv), -1);
    check_equal("data", value, 5);
    check_equal("stack", local, 6);
    check_equal("pid", sys_getpid(), pid);
    int fds[2];
    check_equal("pipe", pipe(fds), 0);
}

static void check_no_leak(void) {
    char *argv[] = {own_name, 0};
    unsigned before = 0, after = 0;
    for (int64_t h = 0; h < HANDLE_MAX; h++)
        before += sys_handle_info(h).result >= 0;
    for (unsigned i = 0; i < 200; i++)
        check_equal("a failed exec", exec(i % 2 ? "/README" : "/none", argv),
                    -1);
    for (int64_t h = 0; h < HANDLE_MAX; h++)
        after += sys_handle_info(h).result >= 0;
    check_equal("handles", after, before);
}

static void check_descriptors(void) {
    int fds[2];
    char byte = 0;
    static char word[] = "write";
    char *argv[] = {own_name, child_word, word, 0};
    check_equal("pipe", pipe(fds), 0);
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0) {
        close(1);
        check_equal("dup", dup(fds[1]), 1);
        exec(own_name, argv);
        sys_exit(77);
    }
    peer_end_with(pid, 40 + 3);
    check_equal("read", read(fds[0], &byte, 1), 1);
    check_equal("byte", byte, '!');
}

static void check_again(void) {
    static char word[] = "again";
    static char count[] = "9";
    char *argv[] = {own_name, child_word, word, count, 0};
    check_equal("ten programs in one process", status_of(own_name, argv), 50);
}

/* ---- The helper ---- */

static int child_main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[2], "write") == 0)
        write(1, "!", 1);
    if (argc == 4 && strcmp(argv[2], "again") == 0) {
        if (argv[3][0] == '0')
            return 50;
        argv[3][0]--;
        exec(argv[0], argv);
        return 51;
    }
    if (argc == 5 && (strcmp(argv[2], "one") != 0 ||
                      strcmp(argv[3], "two words") != 0 || argv[4][0]))
        return 52;
    return argv[argc] == 0 ? 40 + argc : 53;
}

/* ---- What it takes in messages ---- */

static char accept_word[] = "given";
static struct service service;

static void giver(uint64_t unused) {
    struct message m;
    (void)unused;
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    m = (struct message){.tag = tag_make(0, 0, 0, 1)};
    message_item(&m, 0, (uint64_t)image,
                 item_make(PAGE_SIZE, ITEM_COW, ITEM_READ));
    check_error("pages that nobody asked for", ipc_reply(HANDLE_IMPLICIT, &m),
                EMSGSIZE);
    check_equal("reply", service_answer(0, 0), 0);
}

static int accept_main(void) {
    struct message m;
    service = service_make(1);
    int64_t tid = thread_start(giver, 0);
    check_equal("call", service_call(service.session, 1, 0, &m), 0);
    thread_end(tid);
    return 41;
}

/* The program before had windows, in memory that is gone. */
static void check_accept(void) {
    char *argv[] = {own_name, accept_word, 0};
    check_ok("accept", sys_accept(1, USER_MAP_BASE, 16 * PAGE_SIZE, 9, 4,
                                  HANDLE_RECEIVED));
    check_equal("accept of another program", status_of(own_name, argv), 41);
}

static const struct check checks[] = {
    {"accept", "a program takes no pages that it has not asked for",
     check_accept},
    {"arguments", "arguments arrive as they were given", check_arguments},
    {"many_arguments", "up to 32 arguments, and no more", check_many_arguments},
    {"long_arguments", "long arguments, up to what fits", check_long_arguments},
    {"bad_arguments", "bad pointers among the arguments are errors",
     check_bad_arguments},
    {"missing", "what is no program is refused", check_missing},
    {"broken", "a broken program header is refused", check_broken},
    {"broken_segments", "segments that make no sense are refused",
     check_broken_segments},
    {"unharmed", "a failed exec leaves the caller as it was", check_unharmed},
    {"no_leak", "200 failed execs leave no handle behind", check_no_leak},
    {"descriptors", "a new program has the old one's descriptors",
     check_descriptors},
    {"again", "ten execs in a row in one process", check_again},
};

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], child_word) == 0)
        return child_main(argc, argv);
    if (argc > 1 && strcmp(argv[1], accept_word) == 0)
        return accept_main();
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
