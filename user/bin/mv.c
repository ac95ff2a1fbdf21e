/* SPDX-License-Identifier: MIT */
/*
 * bin/mv.c: renames a file, or moves files into a directory.
 *
 * Idea        A name is added, then the old one is taken away: at each moment
 *             the file has a name. A file that is in the way keeps a spare name
 *             until the other is in its place.
 */
#include <stdbool.h>

#include "posix/posix.h"

static int failure(const char *path) {
    complain("mv", path);
    return 1;
}

static bool is_directory(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && st.type == T_DIR;
}

static bool is_same(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.dev == y.dev &&
           x.ino == y.ino;
}

/* Puts `from` in the place of the file `to`. */
static int replace(const char *from, const char *to) {
    char spare[MAXPATH + 1];
    const char *slash = strrchr(to, '/');
    int directory = slash != NULL ? (int)(slash + 1 - to) : 0;
    int length =
        snprintf(spare, sizeof(spare), "%.*s.mv%d", directory, to, getpid());
    if (length > MAXPATH)
        posix_error = ENAMETOOLONG;
    if (length > MAXPATH || link(to, spare) < 0)
        return -1;
    int result = unlink(to);
    if (result == 0) {
        result = link(from, to);
        int error = posix_error;
        if (result < 0)
            link(spare, to);
        posix_error = error;
    }
    int error = posix_error;
    unlink(spare);
    posix_error = error;
    return result;
}

static int move(const char *from, const char *to) {
    if (is_same(from, to)) {
        fprintf(2, "mv: %s and %s are the same file\n", from, to);
        return 1;
    }
    int result = link(from, to);
    if (result < 0 && posix_error == EEXIST)
        result = replace(from, to);
    if (result < 0 || unlink(from) < 0)
        return failure(from);
    return 0;
}

static int move_into(const char *from, const char *directory) {
    char path[MAXPATH + 1];
    const char *slash = strrchr(from, '/');
    int length = snprintf(path, sizeof(path), "%s/%s", directory,
                          slash != NULL ? slash + 1 : from);
    if (length > MAXPATH) {
        posix_error = ENAMETOOLONG;
        return failure(from);
    }
    return move(from, path);
}

int main(int argc, char **argv) {
    if (argc >= 3 && is_directory(argv[argc - 1])) {
        int failed = 0;
        for (int i = 1; i < argc - 1; i++)
            failed |= move_into(argv[i], argv[argc - 1]);
        return failed;
    }
    if (argc == 3)
        return move(argv[1], argv[2]);
    fprintf(2, "usage: mv FILE NAME    or    mv FILE... DIRECTORY\n");
    return 2;
}
