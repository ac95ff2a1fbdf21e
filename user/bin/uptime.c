/* SPDX-License-Identifier: MIT */
/*
 * bin/uptime.c: prints how long the system has been running.
 */
#include "lib/syscall.h"
#include "posix/posix.h"

int main(void) {
    uint64_t second = sys_system_info(INFO_TIMEBASE, 0).value[0];
    uint64_t now = time_now();
    uint64_t harts = sys_system_info(INFO_HARTS, 0).value[0];
    printf("up %lu.%02lu s, %d ticks, %lu hart%s\n", now / second,
           now % second * 100 / second, uptime(), harts, harts > 1 ? "s" : "");
    return 0;
}
