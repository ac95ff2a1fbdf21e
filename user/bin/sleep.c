/* SPDX-License-Identifier: MIT */
/*
 * bin/sleep.c: does nothing, for a number of ticks.
 */
#include "posix/posix.h"

int main(int argc, char **argv) {
    long ticks;
    if (argc != 2 || number_parse(argv[1], &ticks) < 0 || ticks < 0 ||
        ticks > INT32_MAX) {
        fprintf(2, "usage: sleep TICKS\n");
        return 2;
    }
    return sleep((int)ticks) < 0;
}
