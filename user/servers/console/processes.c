/* SPDX-License-Identifier: MIT */
/*
 * servers/console/processes.c: printing the process list.
 */
#include "servers/console/processes.h"

#include <stddef.h>

#include "abi/errno.h"
#include "lib/printf.h"
#include "lib/syscall.h"
#include "servers/console/output.h"

enum { ROW_MAX = 96 };

static const char *state_name(uint64_t state) {
    static const char *const names[] = {
        [PROCESS_RUNNING] = "run",
        [PROCESS_WAITING] = "wait",
        [PROCESS_EXITING] = "exit",
        [PROCESS_ZOMBIE] = "zombie",
    };
    uint64_t kind = state & 0xff;
    return kind >= PROCESS_RUNNING && kind <= PROCESS_ZOMBIE ? names[kind]
                                                             : "?";
}

static void row_print(const char *row, int length) {
    output_text(row, (uint64_t)(length < ROW_MAX ? length : ROW_MAX - 1));
}

static void process_print(const struct process_info *info) {
    char row[ROW_MAX];
    row_print(
        row,
        snprintf(row, sizeof(row), "%5ld %6ld %-6s %3lu %4lu %6lu %.16s\n",
                 (long)info->pid, (long)info->parent, state_name(info->state),
                 (unsigned long)(info->state >> 8 & 0xff),
                 (unsigned long)(info->state >> 16 & 0xff),
                 (unsigned long)info->frames * 4, (const char *)info->name));
}

void processes_print(void) {
    char row[ROW_MAX];
    row_print(row,
              snprintf(row, sizeof(row), "%5s %6s %-6s %3s %4s %6s %s\n", "pid",
                       "parent", "state", "thr", "prio", "KiB", "name"));
    int64_t error = 0;
    for (uint64_t index = 0; error != -EINVAL; index++) {
        struct process_info info;
        error = sys_process_info(index, &info);
        if (error >= 0)
            process_print(&info);
    }
}
