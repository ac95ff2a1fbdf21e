/* SPDX-License-Identifier: MIT */
/*
 * guest/server_console.c: the console server's protocol, with nobody typing.
 */
#include "lib/file.h"
#include "lib/ipc.h"
#include "lib/names.h"
#include "lib/proto.h"
#include "tests/check.h"

enum {
    LONG = 10000, /* bytes of the long write: more than the server's ring */
    WRITERS = 6,
    LINES = 20,
    CROWD = 20, /* more readers than may wait */
};

static char text[LONG];

/* Lines of text; the reader of the log looks at the last of them. */
static void check_long_write(void) {
    for (unsigned i = 0; i < LONG; i++)
        text[i] = i % 50 == 49 ? '\n' : (char)('a' + i / 50 % 26);
    check_equal("long write", file_write(1, text, LONG), LONG);
    check_equal("empty write", file_write(1, text, 0), 0);
}

static void check_bad_writes(void) {
    check_error("bad memory", file_write(1, (void *)0x5000, 1000), EFAULT);
    struct message m = {.tag = tag_make(FILE_WRITE, 1, 0, 0), .words = {57}};
    check_ok("call", ipc_call(1, &m, DEADLINE_NONE));
    check_equal("too long for words", tag_label(m.tag), -EINVAL);
    m = (struct message){.tag = tag_make(FILE_WRITE, 1, 0, 1),
                         .words = {101},
                         .item_base = (uint64_t)text,
                         .item_desc = item_make(100, ITEM_WINDOW, ITEM_READ)};
    check_ok("call", ipc_call(1, &m, DEADLINE_NONE));
    check_equal("longer than the window", tag_label(m.tag), -EINVAL);
    m = (struct message){.tag = tag_make(77, 0, 0, 0)};
    check_ok("call", ipc_call(1, &m, DEADLINE_NONE));
    check_equal("unknown", tag_label(m.tag), -ENOSYS);
}

static void check_stat(void) {
    struct file_info info;
    check_equal("stat", file_stat(0, &info), 0);
    check_equal("a device", (int64_t)info.type, T_DEVICE);
    check_equal("of major number", (int64_t)info.device, 1);
}

static void check_control(void) {
    check_error("no such control", file_control(0, 99, 0), EINVAL);
    check_error("raw 2", file_control(0, CONTROL_RAW, 2), EINVAL);
    check_error("a huge pid", file_control(0, CONTROL_FOREGROUND, UINT64_MAX),
                EINVAL);
    check_equal("raw on", file_control(0, CONTROL_RAW, 1), 0);
    check_equal("raw off", file_control(0, CONTROL_RAW, 0), 0);
}

/* Each line of each writer comes out whole: a write is not torn. */
static void check_writers(void) {
    for (unsigned writer = 0; writer < WRITERS; writer++) {
        if (check_ok("fork", sys_fork()) != 0)
            continue;
        char line[80];
        memset(line, (int)('A' + writer), sizeof(line));
        line[sizeof(line) - 1] = '\n';
        for (unsigned i = 0; i < LINES; i++)
            check_equal("write", file_write(1, line, sizeof(line)),
                        sizeof(line));
        sys_exit(0);
    }
    struct sys_pair end;
    while ((end = sys_wait(-1, DEADLINE_NONE)).result >= 0)
        check_equal("status", (int64_t)end.value, 0);
}

/* Readers wait until they are killed; those beyond the bound are turned away,
 * and the dead do not keep their places. */
static void check_readers(void) {
    for (unsigned round = 0; round < 3; round++) {
        int64_t pids[CROWD];
        for (unsigned i = 0; i < CROWD; i++) {
            pids[i] = check_ok("fork", sys_fork());
            if (pids[i] == 0) {
                char byte;
                sys_exit(-file_read(0, &byte, 1));
            }
        }
        struct sys_pair end = sys_wait(-1, time_after(1000));
        check_ok("one is turned away", end.result);
        check_equal("with", (int64_t)end.value, EAGAIN);
        for (unsigned i = 0; i < CROWD; i++)
            sys_kill(pids[i]);
        unsigned killed = 0;
        while ((end = sys_wait(-1, DEADLINE_NONE)).result >= 0)
            killed += (int64_t)end.value == STATUS_KILLED;
        check_true("as many waited in each round", killed >= 16);
    }
}

static const struct check checks[] = {
    {"long_write", "a write of any length comes out", check_long_write},
    {"bad_writes", "bad memory and bad requests are errors", check_bad_writes},
    {"stat", "it is a device", check_stat},
    {"control", "controls that make no sense are refused", check_control},
    {"writers", "writers at once do not tear each other's lines",
     check_writers},
    {"readers", "waiting readers are bounded, dead ones forgotten",
     check_readers},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
