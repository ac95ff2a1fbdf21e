/* SPDX-License-Identifier: MIT */
/*
 * shim/lib/ipc.h: on the host, what lib/elf.c needs of lib/ipc.h; the test
 * program defines the functions.
 */
#ifndef OCTAVO_LIB_IPC_H
#define OCTAVO_LIB_IPC_H

#include <stdint.h>

struct copy_result {
    int64_t error;
    uint64_t done;
};

struct copy_result ipc_copy(int64_t handle, unsigned what, uint64_t offset,
                            const void *local, uint64_t length);

#endif
