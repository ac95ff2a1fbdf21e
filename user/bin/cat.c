/* SPDX-License-Identifier: MIT */
/*
 * bin/cat.c: copies files, or standard input, to standard output.
 */
#include "posix/posix.h"

enum { CHUNK = 16 * 1024 };

static char buffer[CHUNK];

/* Copies to the end. 0; 1 after saying what went wrong. */
static int copy(int fd, const char *name) {
    int count;
    while ((count = read(fd, buffer, CHUNK)) > 0) {
        if (write_all(1, buffer, (size_t)count) < 0) {
            complain_write("cat");
            exit(1);
        }
    }
    if (count < 0)
        complain("cat", name);
    return count < 0;
}

static int copy_file(const char *name) {
    if (strcmp(name, "-") == 0)
        return copy(0, name);
    int fd = open(name, O_RDONLY);
    if (fd < 0) {
        complain("cat", name);
        return 1;
    }
    int failed = copy(fd, name);
    close(fd);
    return failed;
}

int main(int argc, char **argv) {
    if (argc == 1)
        return copy(0, "-");
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= copy_file(argv[i]);
    return failed;
}
