/* SPDX-License-Identifier: MIT */
/*
 * bin/ln.c: gives a file another name.
 */
#include "posix/posix.h"

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(2, "usage: ln FILE NAME\n");
        return 2;
    }
    if (link(argv[1], argv[2]) == 0)
        return 0;
    fprintf(2, "ln: %s to ", argv[1]);
    complain(argv[2], "cannot link");
    return 1;
}
