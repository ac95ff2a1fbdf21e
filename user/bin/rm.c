/* SPDX-License-Identifier: MIT */
/*
 * bin/rm.c: removes files and empty directories.
 *
 * Use         rm [-fr] PATH...
 *             -r: directories with all that is in them. -f: what is not there
 *             is no error.
 */
#include <stdbool.h>

#include "posix/posix.h"

static bool force;
static bool recursive;

static int failure(const char *path) {
    if (force && posix_error == ENOENT)
        return 0;
    complain("rm", path);
    return 1;
}

/* The path has room for MAXPATH bytes; on return it is as it was. */
static int remove_path(char *path);

/* Removes `name` in the directory `path`. */
static int remove_entry(char *path, const char *name) {
    size_t length = strlen(path);
    if (length + 1 + strlen(name) > MAXPATH) {
        posix_error = ENAMETOOLONG;
        return failure(path);
    }
    snprintf(path + length, MAXPATH + 1 - length, "/%s", name);
    int failed = remove_path(path);
    path[length] = 0;
    return failed;
}

/* Removes what one read of the directory shows, if it shows anything but . and
 * .. at all. Returns how many there were, or -1 when one cannot be removed. */
static int remove_some(char *path) {
    struct dirent entries[32];
    int fd = open(path, O_RDONLY), found = 0, count, failed = 0;
    if (fd < 0)
        return failure(path) ? -1 : 0;
    while (found == 0 && (count = read(fd, entries, sizeof(entries))) > 0) {
        int whole = count / (int)sizeof(entries[0]);
        for (int i = 0; i < whole && !failed; i++) {
            char name[DIRSIZ + 1] = {0};
            memcpy(name, entries[i].name, DIRSIZ);
            if (entries[i].inum == 0 || strcmp(name, ".") == 0 ||
                strcmp(name, "..") == 0)
                continue;
            found++;
            failed = remove_entry(path, name);
        }
    }
    close(fd);
    return failed ? -1 : found;
}

static int remove_path(char *path) {
    if (unlink(path) == 0)
        return 0;
    if (posix_error != ENOTEMPTY || !recursive)
        return failure(path);
    int found;
    do {
        found = remove_some(path);
    } while (found > 0);
    if (found < 0)
        return 1;
    return unlink(path) == 0 ? 0 : failure(path);
}

static int remove_argument(const char *argument) {
    char path[MAXPATH + 1];
    if (strlcpy(path, argument, sizeof(path)) >= sizeof(path)) {
        posix_error = ENAMETOOLONG;
        return failure(argument);
    }
    return remove_path(path);
}

int main(int argc, char **argv) {
    int first = 1, failed = 0;
    bool usage = false;
    for (; first < argc && argv[first][0] == '-' && argv[first][1] != 0;
         first++) {
        for (const char *letter = argv[first] + 1; *letter != 0; letter++) {
            usage |= *letter != 'f' && *letter != 'r';
            *(*letter == 'f' ? &force : &recursive) = true;
        }
    }
    if (usage || (first == argc && !force)) {
        fprintf(2, "usage: rm [-fr] PATH...\n");
        return 2;
    }
    for (int i = first; i < argc; i++)
        failed |= remove_argument(argv[i]);
    return failed;
}
