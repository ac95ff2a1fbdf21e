/* SPDX-License-Identifier: MIT */
/*
 * lib/container.h: from a member back to the structure around it.
 */
#ifndef OCTAVO_LIB_CONTAINER_H
#define OCTAVO_LIB_CONTAINER_H

#include <stddef.h>

/* The `type` whose field `member` is at `pointer`. A macro, because C has no
 * function that takes a type. */
#define container_of(pointer, type, member)                                    \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
