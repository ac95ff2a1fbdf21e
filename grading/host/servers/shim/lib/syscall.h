/* SPDX-License-Identifier: MIT */
/*
 * shim/lib/syscall.h: on the host, what the tested sources need of
 * lib/syscall.h; the test program plays the kernel and defines the functions.
 */
#ifndef OCTAVO_LIB_SYSCALL_H
#define OCTAVO_LIB_SYSCALL_H

#include <stdint.h>

int64_t sys_map(int64_t space, uint64_t address, uint64_t length,
                unsigned flags, int64_t memory, uint64_t offset);
int64_t sys_handle_close(int64_t handle);
int64_t sys_protect(int64_t space, uint64_t address, uint64_t length,
                    unsigned prot);

#endif
