/* SPDX-License-Identifier: MIT */
/*
 * servers/init/ustar.c: reading a ustar archive in place.
 *
 * Nothing here makes a system call: the host's tests run it as it is.
 */
#include "servers/init/ustar.h"

#include <stdbool.h>
#include <stddef.h>

#include "abi/errno.h"
#include "lib/string.h"

enum {
    USTAR_BLOCK = 512,
    USTAR_NAME = 100,       /* bytes of name, NUL only if shorter */
    USTAR_SIZE = 124,       /* twelve bytes of octal digits */
    USTAR_SIZE_DIGITS = 11, /* the last byte ends the number */
    USTAR_CHECKSUM = 148,   /* eight bytes, summed as spaces */
    USTAR_CHECKSUM_END = 156,
    USTAR_TYPE = 156, /* '0' or NUL: a regular file */
    USTAR_MAGIC = 257,
};

/* Reads octal digits up to a space or NUL; false on anything else. */
static bool octal_parse(const uint8_t *digits, unsigned count,
                        uint64_t *value) {
    *value = 0;
    for (unsigned i = 0; i < count; i++) {
        if (digits[i] == ' ' || digits[i] == '\0')
            return i > 0;
        if (digits[i] < '0' || digits[i] > '7')
            return false;
        *value = *value * 8 + (digits[i] - '0');
    }
    return true;
}

static bool header_valid(const uint8_t *header) {
    uint64_t want, sum = 0;
    for (unsigned i = 0; i < USTAR_BLOCK; i++) {
        bool blank = i >= USTAR_CHECKSUM && i < USTAR_CHECKSUM_END;
        sum += blank ? ' ' : header[i];
    }
    return memcmp(header + USTAR_MAGIC, "ustar", 5) == 0 &&
           octal_parse(header + USTAR_CHECKSUM, 7, &want) && want == sum;
}

static bool name_matches(const uint8_t *header, const char *name) {
    const char *stored = (const char *)header;
    unsigned room = USTAR_NAME;
    if (stored[0] == '.' && stored[1] == '/') {
        stored += 2;
        room -= 2;
    }
    size_t length = strlen(name);
    return length <= room && memcmp(stored, name, length) == 0 &&
           (length == room || stored[length] == '\0');
}

int64_t ustar_find(const void *archive, uint64_t length, const char *name,
                   struct ustar_file *file) {
    const uint8_t *header = archive;
    while (length >= USTAR_BLOCK && header[0] != '\0') {
        uint64_t size;
        if (!header_valid(header) ||
            !octal_parse(header + USTAR_SIZE, USTAR_SIZE_DIGITS, &size) ||
            size > length - USTAR_BLOCK)
            return -EINVAL;
        bool regular = header[USTAR_TYPE] == '0' || header[USTAR_TYPE] == '\0';
        if (regular && name_matches(header, name)) {
            *file = (struct ustar_file){header + USTAR_BLOCK, size};
            return 0;
        }
        uint64_t step =
            USTAR_BLOCK + (size + USTAR_BLOCK - 1) / USTAR_BLOCK * USTAR_BLOCK;
        step = step < length ? step : length;
        header += step;
        length -= step;
    }
    return -ENOENT;
}
