/* SPDX-License-Identifier: MIT */
/*
 * bin/ls.c: lists files and directories.
 *
 * Use         ls [-al] [PATH...]
 *             One name a line, in order. -l: with type (d directory, - file, c
 *             device), inode, links and size in bytes. -a: also . and ..
 */
#include <stdbool.h>

#include "posix/posix.h"
#include "posix/text.h"

struct name {
    char text[DIRSIZ + 1];
};

struct names {
    struct name *items;
    size_t count;
    size_t size;
};

static struct writer out = {.fd = 1};
static bool show_all;
static bool show_long;

static int failure(const char *path) {
    complain("ls", path);
    return 1;
}

/* Prints a line for a file whose path may differ from what is shown. */
static int print_entry(const char *path, const char *shown) {
    struct stat st;
    if (!show_long) {
        writer_print(&out, "%s\n", shown);
        return 0;
    }
    if (stat(path, &st) < 0)
        return failure(path);
    writer_print(&out, "%c %4u %2d %8lu %s\n",
                 st.type == T_DIR    ? 'd'
                 : st.type == T_FILE ? '-'
                                     : 'c',
                 st.ino, st.nlink, st.size, shown);
    return 0;
}

static int names_add(struct names *names, const struct dirent *entry) {
    if (names->count == names->size) {
        size_t size = names->size * 2 + 32;
        struct name *items = realloc(names->items, size * sizeof(*items));
        if (items == NULL)
            return -1;
        names->items = items;
        names->size = size;
    }
    struct name *name = &names->items[names->count++];
    memcpy(name->text, entry->name, DIRSIZ);
    name->text[DIRSIZ] = 0;
    return 0;
}

/* Sorts by ever smaller distances: few moves even in a long list. */
static void names_sort(struct names *names) {
    size_t gap = 1;
    while (gap < names->count / 3)
        gap = gap * 3 + 1;
    for (; gap > 0; gap /= 3) {
        for (size_t i = gap; i < names->count; i++) {
            struct name moved = names->items[i];
            size_t at = i;
            for (; at >= gap &&
                   strcmp(names->items[at - gap].text, moved.text) > 0;
                 at -= gap)
                names->items[at] = names->items[at - gap];
            names->items[at] = moved;
        }
    }
}

/* Reads the directory. 0, or -1 and posix_error. */
static int names_read(struct names *names, int fd) {
    static struct dirent entries[256];
    int count;
    while ((count = read(fd, entries, sizeof(entries))) > 0) {
        size_t whole = (size_t)count / sizeof(entries[0]);
        for (size_t i = 0; i < whole; i++) {
            bool dots = strncmp(entries[i].name, ".", DIRSIZ) == 0 ||
                        strncmp(entries[i].name, "..", DIRSIZ) == 0;
            if (entries[i].inum == 0 || (dots && !show_all))
                continue;
            if (names_add(names, &entries[i]) < 0) {
                posix_error = ENOMEM;
                return -1;
            }
        }
    }
    return count;
}

static int list_directory(const char *path, int fd) {
    struct names names = {0};
    int failed = names_read(&names, fd) < 0 ? failure(path) : 0;
    names_sort(&names);
    for (size_t i = 0; i < names.count; i++) {
        char full[MAXPATH + DIRSIZ + 2];
        snprintf(full, sizeof(full), "%s/%s", path, names.items[i].text);
        failed |= print_entry(full, names.items[i].text);
    }
    free(names.items);
    return failed;
}

static int list_path(const char *path, bool titled) {
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return failure(path);
    int failed = 0;
    if (fstat(fd, &st) < 0)
        failed = failure(path);
    else if (st.type != T_DIR)
        failed = print_entry(path, path);
    else {
        if (titled)
            writer_print(&out, "%s:\n", path);
        failed = list_directory(path, fd);
    }
    close(fd);
    return failed;
}

int main(int argc, char **argv) {
    int first = 1, failed = 0;
    for (; first < argc && argv[first][0] == '-'; first++) {
        for (const char *letter = argv[first] + 1; *letter != 0; letter++) {
            if (*letter != 'a' && *letter != 'l') {
                fprintf(2, "usage: ls [-al] [PATH...]\n");
                return 2;
            }
            *(*letter == 'a' ? &show_all : &show_long) = true;
        }
    }
    if (first == argc)
        failed = list_path(".", false);
    for (int i = first; i < argc; i++)
        failed |= list_path(argv[i], argc - first > 1);
    if (writer_flush(&out) == 0)
        return failed;
    complain_write("ls");
    return 1;
}
