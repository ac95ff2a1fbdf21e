/* SPDX-License-Identifier: MIT */
/*
 * guest/killer.c: kills each process of a name as soon as it is there.
 *
 * Usage: killer NAME. Ends when there has been none for a while.
 */
#include <stdbool.h>

#include "lib/string.h"
#include "lib/syscall.h"
#include "posix/posix.h"

enum { QUIET_MS = 1500 };

/* Kills one process of the name; false if there is none. */
static bool kill_one(const char *name) {
    struct process_info info;
    int64_t error = 0;
    for (uint64_t index = 0; error != -EINVAL; index++) {
        error = sys_process_info(index, &info);
        if (error == 0 &&
            strncmp((const char *)info.name, name, sizeof(info.name)) == 0 &&
            (info.state & 0xff) <= PROCESS_WAITING)
            return sys_kill(info.pid) == 0;
    }
    return false;
}

int main(int argc, char **argv) {
    uint64_t second = sys_system_info(INFO_TIMEBASE, 0).value[0];
    if (argc != 2) {
        fprintf(2, "usage: killer NAME\n");
        return 2;
    }
    uint64_t seen = time_now();
    while (time_now() - seen < second * QUIET_MS / 1000) {
        if (kill_one(argv[1]))
            seen = time_now();
        sys_sleep(time_now() + second / 1000);
    }
    return 0;
}
