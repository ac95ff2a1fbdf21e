/* SPDX-License-Identifier: MIT */
/*
 * servers/console/foreground.c: what ^C ends; see foreground.h.
 */
#include "servers/console/foreground.h"

#include "abi/errno.h"
#include "lib/syscall.h"

enum {
    FOREGROUND_MAX = 32, /* processes that join: one for each in a pipeline */
    DOOMED_MAX = 256,    /* those and what they have started */
};

static int64_t foreground[FOREGROUND_MAX];
static unsigned joined;
static bool interrupted;

int64_t foreground_join(int64_t pid) {
    if (interrupted)
        sys_kill(pid);
    if (joined == FOREGROUND_MAX)
        return -EAGAIN;
    foreground[joined++] = pid;
    return 0;
}

int64_t foreground_clear(void) {
    int64_t result = interrupted;
    joined = 0;
    interrupted = false;
    return result;
}

bool foreground_take(void) {
    bool taken = interrupted && joined == 0;
    if (taken)
        interrupted = false;
    return taken;
}

static bool contains(const int64_t *pids, unsigned count, int64_t pid) {
    for (unsigned i = 0; i < count; i++) {
        if (pids[i] == pid)
            return true;
    }
    return false;
}

/* Adds the processes whose parents are among the pids. Returns their count. */
static unsigned children_add(int64_t *pids, unsigned count) {
    int64_t error = 0;
    for (uint64_t index = 0; error != -EINVAL && count < DOOMED_MAX; index++) {
        struct process_info info;
        error = sys_process_info(index, &info);
        if (error >= 0 && contains(pids, count, info.parent) &&
            !contains(pids, count, info.pid))
            pids[count++] = info.pid;
    }
    return count;
}

bool foreground_interrupt(void) {
    static int64_t doomed[DOOMED_MAX];
    unsigned count = joined, before;
    for (unsigned i = 0; i < joined; i++)
        doomed[i] = foreground[i];
    do {
        before = count;
        count = children_add(doomed, before);
    } while (count > before);
    /* Parents first: the dead start no more processes. */
    bool any = false;
    for (unsigned i = 0; i < count; i++)
        any |= sys_kill(doomed[i]) >= 0;
    if (!any)
        joined = 0;
    interrupted = true;
    return any;
}
