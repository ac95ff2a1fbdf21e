/* SPDX-License-Identifier: MIT */
/*
 * check.h: is a disk image what layout.h says?
 */
#ifndef OCTAVO_MKFS_CHECK_H
#define OCTAVO_MKFS_CHECK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Checks an image of size bytes as the next mount will see it, which is after
 * the log is carried out. Prints one line for each problem to out, and a line
 * "note: ..." for what a crash leaves and a mount repairs. Returns the number
 * of problems, notes not counted.
 */
unsigned check_image(const uint8_t *bytes, size_t size, FILE *out);

#endif
