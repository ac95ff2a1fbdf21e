/* SPDX-License-Identifier: MIT */
/*
 * lab_sparse.c: five pages far from each other, for a question.
 */
#include "tests/check.h"

#define FIRST 0x680000000ull
#define GIB 0x40000000ull

static uint64_t frames_charged(void) {
    struct process_info info;
    for (uint64_t index = 0;; index++)
        if (sys_process_info(index, &info) == 0 && info.pid == sys_getpid())
            return info.frames;
}

int main(void) {
    static const uint64_t places[] = {0, PAGE_SIZE, 512 * PAGE_SIZE,
                                      GIB - PAGE_SIZE, GIB};
    check_ok("map", sys_map(HANDLE_SELF, FIRST, 2 * GIB,
                            PROT_READ | PROT_WRITE | MAP_FIXED, -1, 0));
    uint64_t before = frames_charged();
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        *(volatile char *)(FIRST + places[i]) = 1;
    printf("five pages: %lu frames\n", frames_charged() - before);
    return 0;
}
