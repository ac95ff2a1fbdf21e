/* SPDX-License-Identifier: MIT */
/*
 * image.h: a disk image in the host's memory, and as a disk for the core.
 *
 * Use         struct image image;
 *             if (image_open(&image, "disk.img") < 0)
 *                 return 2;                 (it has said why)
 *             ... image.bytes, image.size; or mount &image.disk ...
 *             image_close(&image);
 */
#ifndef OCTAVO_MKFS_IMAGE_H
#define OCTAVO_MKFS_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "servers/fs/block.h"

struct image {
    struct disk disk; /* first: image_of() depends on it */
    uint8_t *bytes;
    size_t size;
};

/*
 * Maps an existing image. What is changed in memory never reaches the file. -1:
 * it cannot be read or is not whole blocks; a message has been printed.
 */
int image_open(struct image *image, const char *path);

/* Makes an image of zeros in memory only. -1 with a message. */
int image_new(struct image *image, size_t size);

/*
 * Writes the image to path: to a file beside it first, so that path holds the
 * old contents or the new. -1 with a message.
 */
int image_save(const struct image *image, const char *path);

void image_close(struct image *image);

/* Prints "mkfs: " and the message to stderr; returns -1. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
