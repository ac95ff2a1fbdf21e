/* SPDX-License-Identifier: MIT */
/*
 * bin/mkdir.c: makes directories.
 */
#include "posix/posix.h"

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(2, "usage: mkdir DIRECTORY...\n");
        return 2;
    }
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        if (mkdir(argv[i]) < 0) {
            complain("mkdir", argv[i]);
            failed = 1;
        }
    }
    return failed;
}
