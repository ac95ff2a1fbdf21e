/* SPDX-License-Identifier: MIT */
/*
 * boot/initrd.h: finding the first program in the initrd, an ustar archive.
 */
#ifndef OCTAVO_BOOT_INITRD_H
#define OCTAVO_BOOT_INITRD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file's bytes, in place. */
struct initrd_file {
    const uint8_t *data;
    uint64_t size;
};

/* Finds the regular file `name` in the archive; a leading "./" of the names
 * in it is ignored. False when there is none, or the archive ends early. */
bool initrd_find(const uint8_t *archive, uint64_t size, const char *name,
                 struct initrd_file *file);

#endif
