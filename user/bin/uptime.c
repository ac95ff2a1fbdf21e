/* SPDX-License-Identifier: MIT */
/*
 * bin/uptime.c: prints how long the system has been running.
 */
#include "lib/syscall.h"
#include "posix/posix.h"

int main(void) {
    uint64_t second = sys_system_info(INFO_TIMEBASE, 0).value[0];
    uint64_t now = time_now();
    printf("up %lu.%02lu s, %d ticks, %lu harts\n", now / second,
           now % second * 100 / second, uptime(),
           sys_system_info(INFO_HARTS, 0).value[0]);
    return 0;
}
