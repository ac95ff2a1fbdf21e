/* SPDX-License-Identifier: MIT */
/*
 * bin/kill.c: ends processes.
 */
#include "posix/posix.h"

static int kill_text(const char *text) {
    long pid;
    if (number_parse(text, &pid) < 0 || pid <= 0 || pid > INT32_MAX) {
        fprintf(2, "kill: %s: not a process number\n", text);
        return 1;
    }
    if (kill((int)pid) == 0)
        return 0;
    complain("kill", text);
    return 1;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(2, "usage: kill PID...\n");
        return 2;
    }
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= kill_text(argv[i]);
    return failed;
}
