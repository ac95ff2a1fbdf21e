/* SPDX-License-Identifier: MIT */
/*
 * bin/ps.c: lists the processes.
 */
#include "abi/layout.h"
#include "lib/syscall.h"
#include "posix/posix.h"
#include "posix/text.h"

static struct writer out = {.fd = 1};

static const char *state_name(uint64_t state) {
    switch (state & 255) {
    case PROCESS_RUNNING:
        return "run";
    case PROCESS_WAITING:
        return "wait";
    case PROCESS_EXITING:
        return "exit";
    case PROCESS_ZOMBIE:
        return "zombie";
    default:
        return "?";
    }
}

static void print_process(const struct process_info *info, uint64_t second) {
    uint64_t hundredths = info->time * 100 / second;
    writer_print(&out, "%5ld %5ld %-6s %4lu %4lu %6lu %4lu.%02lu %.16s\n",
                 info->pid, info->parent, state_name(info->state),
                 info->state >> 16 & 255, info->state >> 8 & 255,
                 info->frames * (PAGE_SIZE / 1024), hundredths / 100,
                 hundredths % 100, (const char *)info->name);
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc != 1) {
        fprintf(2, "usage: ps\n");
        return 2;
    }
    uint64_t second = sys_system_info(INFO_TIMEBASE, 0).value[0];
    struct process_info info;
    writer_print(&out, "  PID  PPID STATE  PRIO THRD    KiB    TIME NAME\n");
    int64_t error = 0;
    for (uint64_t index = 0; error != -EINVAL; index++) {
        error = sys_process_info(index, &info);
        if (error == 0)
            print_process(&info, second);
    }
    if (writer_flush(&out) == 0)
        return 0;
    complain_write("ps");
    return 1;
}
