/* SPDX-License-Identifier: MIT */
/*
 * bin/cp.c: copies a file, or files into a directory.
 */
#include <stdbool.h>

#include "posix/posix.h"

enum { CHUNK = 16 * 1024 };

static char buffer[CHUNK];

static int failure(const char *path) {
    complain("cp", path);
    return 1;
}

static bool same_file(int fd, const char *path) {
    struct stat from, to;
    return fstat(fd, &from) == 0 && stat(path, &to) == 0 &&
           from.dev == to.dev && from.ino == to.ino;
}

static int copy_bytes(int from, int to, const char *from_path,
                      const char *to_path) {
    int count;
    while ((count = read(from, buffer, CHUNK)) > 0)
        if (write_all(to, buffer, (size_t)count) < 0)
            return failure(to_path);
    return count < 0 ? failure(from_path) : 0;
}

static int copy(const char *from_path, const char *to_path) {
    int from = open(from_path, O_RDONLY);
    if (from < 0)
        return failure(from_path);
    int failed = 1;
    if (same_file(from, to_path)) {
        fprintf(2, "cp: %s and %s are the same file\n", from_path, to_path);
    } else {
        int to = open(to_path, O_WRONLY | O_CREATE | O_TRUNC);
        failed = to < 0 ? failure(to_path)
                        : copy_bytes(from, to, from_path, to_path);
        if (to >= 0)
            close(to);
    }
    close(from);
    return failed;
}

static int copy_into(const char *from, const char *directory) {
    char path[MAXPATH + 1];
    const char *slash = strrchr(from, '/');
    int length = snprintf(path, sizeof(path), "%s/%s", directory,
                          slash != NULL ? slash + 1 : from);
    if (length > MAXPATH) {
        posix_error = ENAMETOOLONG;
        return failure(from);
    }
    return copy(from, path);
}

int main(int argc, char **argv) {
    struct stat st;
    if (argc >= 3 && stat(argv[argc - 1], &st) == 0 && st.type == T_DIR) {
        int failed = 0;
        for (int i = 1; i < argc - 1; i++)
            failed |= copy_into(argv[i], argv[argc - 1]);
        return failed;
    }
    if (argc == 3)
        return copy(argv[1], argv[2]);
    fprintf(2, "usage: cp FILE NAME    or    cp FILE... DIRECTORY\n");
    return 2;
}
