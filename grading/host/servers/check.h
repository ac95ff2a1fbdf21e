/* SPDX-License-Identifier: MIT */
/*
 * host/servers/check.h: what the host tests of the servers share.
 *
 * A test program's main is CHECK lines in functions; the first that does not
 * hold ends it with the place and the condition.
 */
#ifndef OCTAVO_HOST_SERVERS_CHECK_H
#define OCTAVO_HOST_SERVERS_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__,         \
                    #condition);                                               \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

/* Numbers that look random and are the same in every run (xorshift64). */
static inline uint64_t random_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
