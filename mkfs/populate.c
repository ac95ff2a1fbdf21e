/* SPDX-License-Identifier: MIT */
/*
 * populate.c: host files into an image, in the order of the command line.
 *
 * Idea        Only contents and names are taken over: no times, no owners, no
 *             order of a host directory. So the same arguments give the same
 *             image, byte for byte.
 */
#include "populate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COPY_BYTES = 64 * 1024, PATH_BYTES = 1024 };

/* Makes the directories that path leads through, unless they exist. */
static int parents_make(struct session *s, const char *path) {
    char part[PATH_BYTES];
    for (const char *slash = strchr(path, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        size_t len = (size_t)(slash - path);
        struct inode *ip;
        memcpy(part, path, len);
        part[len] = '\0';
        if (len == 0)
            continue;
        int err = fs_open_dir(&s->volume, s->root, part, &ip);
        if (err == 0)
            fs_close(&s->volume, ip);
        else
            err = fs_mkdir(&s->volume, s->root, part);
        if (err < 0)
            return complain("directory %s: %s", part, session_error(err));
    }
    return 0;
}

/* Copies what is left of file into ip. */
static int contents_copy(struct session *s, FILE *file, struct inode *ip,
                         const char *source) {
    static uint8_t bytes[COPY_BYTES];
    uint64_t offset = 0;
    size_t count;
    while ((count = fread(bytes, 1, sizeof(bytes), file)) > 0) {
        struct memory_transfer from = transfer_from(bytes);
        long n = fs_write(&s->volume, ip, &from.transfer, offset, count);
        if (n < 0)
            return complain("%s: %s", source, session_error(n));
        if ((size_t)n < count)
            return complain("%s: no space left in the image", source);
        offset += count;
    }
    if (ferror(file))
        return complain("%s: it cannot be read", source);
    return 0;
}

static int file_add(struct session *s, const char *source, const char *path) {
    struct inode *ip;
    FILE *file = fopen(source, "rb");
    if (!file)
        return complain("%s: no such file, or not readable", source);
    int err = fs_open(&s->volume, s->root, path, FS_RDONLY, &ip);
    if (err == 0) {
        fs_close(&s->volume, ip);
        fclose(file);
        return complain("%s: it exists already in the image", path);
    }
    err = fs_open(&s->volume, s->root, path, FS_WRONLY | FS_CREATE, &ip);
    if (err < 0) {
        fclose(file);
        return complain("%s: %s", path, session_error(err));
    }
    err = contents_copy(s, file, ip, source);
    fs_close(&s->volume, ip);
    fclose(file);
    return err;
}

static int device_add(struct session *s, const char *number, const char *path) {
    char *end;
    unsigned long major = strtoul(number, &end, 10);
    if (*number < '0' || *number > '9' || *end != '\0' || major > UINT16_MAX)
        return complain("@%s: not the number of a device", number);
    int err = fs_mknod(&s->volume, s->root, path, (uint16_t)major, 0);
    return err < 0 ? complain("%s: %s", path, session_error(err)) : 0;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int populate(struct session *s, const char *argument) {
    char source[PATH_BYTES], path[2 * PATH_BYTES];
    const char *colon = strrchr(argument, ':');
    const char *dest = colon ? colon + 1 : "";
    size_t len = colon ? (size_t)(colon - argument) : strlen(argument);
    if (len >= PATH_BYTES || strlen(dest) >= PATH_BYTES)
        return complain("%s: the path is too long", argument);
    memcpy(source, argument, len);
    source[len] = '\0';
    if (len == 0 && *dest == '\0')
        return complain("'%s': neither a file nor a directory", argument);
    bool into = *dest == '\0' || dest[strlen(dest) - 1] == '/';
    if (len == 0)
        snprintf(path, sizeof(path), "%s/", dest);
    else
        snprintf(path, sizeof(path), "%s%s", dest,
                 into ? base_name(source) : "");
    if (parents_make(s, path) < 0)
        return -1;
    if (colon && source[0] == '@')
        return device_add(s, source + 1, path);
    return len == 0 ? 0 : file_add(s, source, path);
}

/* One line of --ls. */
static void entry_print(const struct fs_stat *stat, const char *path) {
    static const char types[] = "?d-c";
    printf("%c %5u %5d %10llu %s\n", types[stat->type & 3], stat->ino,
           stat->nlink, (unsigned long long)stat->size, path);
}

static int tree_print(struct session *s, struct inode *dir, const char *path);

/* Prints the entry and, if it is a directory, what is in it. */
static int child_print(struct session *s, struct inode *dir,
                       const struct disk_dirent *entry, const char *path) {
    char name[DIR_NAME_LEN + 1] = {0}, child[PATH_BYTES];
    struct inode *ip;
    struct fs_stat stat;
    memcpy(name, entry->name, DIR_NAME_LEN);
    if (snprintf(child, sizeof(child), "%s/%s", path, name) >= PATH_BYTES)
        return complain("%s: the path is too long", path);
    int err = fs_open(&s->volume, dir, name, FS_RDONLY, &ip);
    if (err < 0)
        return complain("%s: %s", child, session_error(err));
    fs_stat(&s->volume, ip, &stat);
    entry_print(&stat, child);
    err = stat.type == INODE_DIR ? tree_print(s, ip, child) : 0;
    fs_close(&s->volume, ip);
    return err;
}

static int tree_print(struct session *s, struct inode *dir, const char *path) {
    struct disk_dirent entry;
    int err = 0;
    for (uint64_t at = 2 * DIR_ENTRY_SIZE; err == 0; at += DIR_ENTRY_SIZE) {
        struct memory_transfer to = transfer_to(&entry);
        long n = fs_read(&s->volume, dir, &to.transfer, at, sizeof(entry));
        if (n == 0)
            break;
        if (n < 0)
            return complain("%s/: %s", path, session_error(n));
        if (entry.inum != 0)
            err = child_print(s, dir, &entry, path);
    }
    return err;
}

int list_tree(struct session *s) {
    struct fs_stat stat;
    fs_stat(&s->volume, s->root, &stat);
    entry_print(&stat, "/");
    return tree_print(s, s->root, "");
}

int print_file(struct session *s, const char *path) {
    static uint8_t bytes[COPY_BYTES];
    struct inode *ip;
    struct fs_stat stat;
    long n = fs_open(&s->volume, s->root, path, FS_RDONLY, &ip);
    if (n < 0)
        return complain("%s: %s", path, session_error(n));
    fs_stat(&s->volume, ip, &stat);
    if (stat.type == INODE_FILE) {
        uint64_t offset = 0;
        do {
            struct memory_transfer to = transfer_to(bytes);
            n = fs_read(&s->volume, ip, &to.transfer, offset, sizeof(bytes));
            if (n > 0)
                offset += fwrite(bytes, 1, (size_t)n, stdout);
        } while (n > 0);
        if (n < 0)
            complain("%s: %s", path, session_error(n));
    } else {
        n = complain("%s: not a file", path);
    }
    fs_close(&s->volume, ip);
    return n < 0 || fflush(stdout) != 0 ? -1 : 0;
}
