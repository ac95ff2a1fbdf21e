/* SPDX-License-Identifier: MIT */
/*
 * turns.c: two programs that only compute, on one hart. For chapter 5 of the
 * book.
 *
 * Each reads the time in a loop. When the clock has jumped, somebody else was
 * running. Times are in microseconds since the fork.
 */
#include "lib/syscall.h"
#include "posix/posix.h"

enum { UNITS = 10, GAP = 100, END = 60000, NOTES = 16 };

static uint64_t microseconds(void) {
    return time_now() / UNITS;
}

static void watch(const char *who, uint64_t start) {
    uint64_t left[NOTES], back[NOTES];
    int notes = 0;
    uint64_t last = 0, now = 0;
    for (; now < END && notes < NOTES; last = now) {
        now = microseconds() - start;
        if (now - last > GAP) {
            left[notes] = last;
            back[notes++] = now;
        }
    }
    for (int i = 0; i < notes; i++)
        printf("%s: away from %lu to %lu\n", who, left[i], back[i]);
}

int main(void) {
    uint64_t start = microseconds();
    int pid = fork();
    watch(pid == 0 ? "child" : "parent", start);
    if (pid != 0)
        wait(NULL);
    return 0;
}
