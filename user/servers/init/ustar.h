/* SPDX-License-Identifier: MIT */
/*
 * servers/init/ustar.h: finding files in the boot archive.
 *
 * Idea        A ustar archive is a row of 512-byte headers, each followed by
 *             its file's bytes, padded to 512; a zero block ends it. It is
 *             read where it lies in memory.
 * Use         struct ustar_file file;
 *             int64_t error = ustar_find(archive, length, "disk", &file);
 * Invariants  What is found lies wholly inside the archive, whatever its
 *             headers say.
 */
#ifndef OCTAVO_INIT_USTAR_H
#define OCTAVO_INIT_USTAR_H

#include <stdint.h>

struct ustar_file {
    const uint8_t *data;
    uint64_t length;
};

/*
 * Finds a regular file by its whole name (at most 100 bytes; a leading "./" in
 * the archive does not count). ENOENT: the archive does not hold it. EINVAL:
 * the archive is damaged before the file is found.
 */
int64_t ustar_find(const void *archive, uint64_t length, const char *name,
                   struct ustar_file *file);

#endif
