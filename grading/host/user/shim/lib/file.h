/* SPDX-License-Identifier: MIT */
/*
 * shim/lib/file.h: the one call that printf makes, made by the test.
 */
#ifndef OCTAVO_LIB_FILE_H
#define OCTAVO_LIB_FILE_H

#include <stdint.h>

int64_t file_write(int64_t handle, const void *buffer, uint64_t size);

#endif
