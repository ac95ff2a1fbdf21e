/* SPDX-License-Identifier: MIT */
/*
 * tests/test_fs_cost.c: guest instructions of what is done to files.
 *
 * Idea        The first round is not counted: it fills the cache and touches
 *             pages. The figures include the disk server, on a disk in RAM.
 * Use         Only where time counts instructions: on a machine with a clock of
 *             its own the figures mean nothing, and neither do the budgets.
 */
#include "tests/check.h"

enum { AREA_SIZE = 64 * 4096 };

static uint8_t area[AREA_SIZE];

static int open_ok(const char *path, int flags) {
    return (int)check_ok(path, open(path, flags));
}

/* Prints a figure. It has a budget where instructions are this program's and
 * its servers' alone: on one hart, without the debug build's checks. */
static void budget(const char *name, uint64_t cost, uint64_t most) {
    char line[CHECK_LINE];
    uint64_t features = sys_system_info(INFO_FEATURES, 0).value[0];
    uint64_t harts = sys_system_info(INFO_HARTS, 0).value[0];
    snprintf(line, sizeof(line), "# %s %lu\n", name, (unsigned long)cost);
    line_write(line);
    if (harts == 1 && !(features & FEATURE_DEBUG) && cost > most)
        check_fail("instructions, at most", (int64_t)cost, (int64_t)most);
}

static void create_and_unlink(void) {
    close(open_ok("tf", O_CREATE | O_RDWR));
    check_equal("unlink", unlink("tf"), 0);
}

static void check_files(void) {
    create_and_unlink();
    uint64_t start = instructions_now();
    create_and_unlink();
    budget("create_unlink", instructions_now() - start, 400000);
    int fd = open_ok("tf", O_CREATE | O_RDWR);
    start = instructions_now();
    check_equal("write", write(fd, area, AREA_SIZE), AREA_SIZE);
    budget("write_256K", instructions_now() - start, 10 * AREA_SIZE);
    close(fd);
    fd = open_ok("tf", O_RDONLY);
    memset(area, 1, AREA_SIZE);
    start = instructions_now();
    check_equal("read", read(fd, area, AREA_SIZE), AREA_SIZE);
    budget("read_256K", instructions_now() - start, 2 * AREA_SIZE);
    check_equal("unlink", unlink("tf"), 0);
}

int main(int argc, char **argv) {
    static const struct check checks[] = {
        {"files", "create, write, read, unlink: within budget", check_files},
    };
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
