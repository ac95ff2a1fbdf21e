/* SPDX-License-Identifier: MIT */
/*
 * shim/arch/fence.h: fences that act on the simulated TLBs.
 * Takes the place of kernel/arch/fence.h.
 */
#ifndef OCTAVO_ARCH_FENCE_H
#define OCTAVO_ARCH_FENCE_H

#include <stdint.h>

#include "arch/hart.h"
#include "arch/memory.h"

#define FENCE_ANY UINT64_MAX

void fence_local_page(va_t va, uint64_t asid);
void fence_local_asid(uint64_t asid);
void fence_local_all(void);
void fence_code(void);
void fence_remote_range(uint32_t harts, va_t va, uint64_t len, uint64_t asid);
void fence_remote_leave(uint32_t harts, uint64_t satp);
extern void (*fence_leave_hook)(uint64_t satp);
void fence_serve(void);

#endif
