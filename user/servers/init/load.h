/* SPDX-License-Identifier: MIT */
/*
 * servers/init/load.h: becoming a program of the boot archive.
 *
 * It is what exec does, for the time before there are files.
 */
#ifndef OCTAVO_INIT_LOAD_H
#define OCTAVO_INIT_LOAD_H

#include <stdint.h>

#include "servers/init/ustar.h"

enum { LOAD_ARGS_MAX = 8, LOAD_TEXT_MAX = 512 };

/*
 * Replaces the calling process's program; handles stay. argv ends with NULL.
 * Returns only on an error: ENOEXEC, E2BIG (arguments), of system calls.
 */
int64_t load_program(const struct ustar_file *file, const char *const argv[]);

#endif
