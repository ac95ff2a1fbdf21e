/* SPDX-License-Identifier: MIT */
/*
 * shim/lib/string.h: the host's strings for sources that want lib/string.h.
 */
#ifndef OCTAVO_LIB_STRING_H
#define OCTAVO_LIB_STRING_H

#include <string.h>

static inline size_t strlcpy(char *to, const char *from, size_t size) {
    size_t length = strlen(from);
    size_t fits = length < size ? length : size - 1;
    memcpy(to, from, fits);
    to[fits] = 0;
    return length;
}

#endif
