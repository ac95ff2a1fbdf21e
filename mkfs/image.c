/* SPDX-License-Identifier: MIT */
/*
 * image.c: disk images as memory.
 *
 * Idea        An image is mapped privately: the checker and --cat may mount it,
 *             with all that a mount repairs, and the file stays as it was. A
 *             new one is built in memory and appears under its name at once.
 */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "servers/fs/layout.h"

int complain(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("mkfs: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return -1;
}

static uint8_t *image_block(struct disk *disk, uint32_t block) {
    struct image *image = (struct image *)disk;
    return image->bytes + (size_t)block * BLOCK_SIZE;
}

static int image_read(struct disk *disk, const struct block_io *io,
                      size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (io[i].block >= disk->nblocks)
            return -1;
        memcpy(io[i].data, image_block(disk, io[i].block), BLOCK_SIZE);
    }
    return 0;
}

static int image_write(struct disk *disk, const struct block_io *io,
                       size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (io[i].block >= disk->nblocks)
            return -1;
        memcpy(image_block(disk, io[i].block), io[i].data, BLOCK_SIZE);
    }
    return 0;
}

static int image_flush(struct disk *disk) {
    (void)disk;
    return 0;
}

/* Maps size bytes of fd, or zeros if fd is -1. */
static int image_map(struct image *image, int fd, size_t size) {
    int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_PRIVATE;
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (bytes == MAP_FAILED)
        return complain("%zu bytes of memory: %s", size, strerror(errno));
    image->disk = (struct disk){.read = image_read,
                                .write = image_write,
                                .flush = image_flush,
                                .nblocks = (uint32_t)(size / BLOCK_SIZE)};
    image->bytes = bytes;
    image->size = size;
    return 0;
}

/* The size of fd as an image; 0 with a message if it can be none. */
static size_t image_size(int fd, const char *path) {
    struct stat stat;
    if (fstat(fd, &stat) < 0)
        complain("%s: %s", path, strerror(errno));
    else if (!S_ISREG(stat.st_mode))
        complain("%s: not a regular file", path);
    else if (stat.st_size == 0 || stat.st_size % BLOCK_SIZE != 0)
        complain("%s: %lld bytes are not whole blocks of %d", path,
                 (long long)stat.st_size, BLOCK_SIZE);
    else if ((uint64_t)stat.st_size / BLOCK_SIZE > UINT32_MAX)
        complain("%s: too large to be an image", path);
    else
        return (size_t)stat.st_size;
    return 0;
}

int image_open(struct image *image, const char *path) {
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return complain("%s: %s", path, strerror(errno));
    size_t size = image_size(fd, path);
    int err = size == 0 ? -1 : image_map(image, fd, size);
    close(fd);
    return err;
}

int image_new(struct image *image, size_t size) {
    return image_map(image, -1, size);
}

/* Writes all bytes; -1 with errno set. */
static int write_all(int fd, const uint8_t *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(fd, bytes, count);
        if (written < 0)
            return -1;
        bytes += written;
        count -= (size_t)written;
    }
    return 0;
}

int image_save(const struct image *image, const char *path) {
    size_t length = strlen(path) + sizeof(".partial");
    char *partial = malloc(length);
    if (!partial)
        return complain("out of memory");
    snprintf(partial, length, "%s.partial", path);
    int fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    int err = fd < 0 ? -1 : write_all(fd, image->bytes, image->size);
    if (fd >= 0 && close(fd) < 0)
        err = -1;
    if (err == 0)
        err = rename(partial, path);
    if (err < 0) {
        complain("%s: %s", path, strerror(errno));
        if (fd >= 0)
            unlink(partial);
    }
    free(partial);
    return err;
}

void image_close(struct image *image) {
    munmap(image->bytes, image->size);
}
