/* SPDX-License-Identifier: MIT */
/*
 * abi/layout.h: user memory as every program sees it, and the page rights.
 *
 *   0x0000000000  unmapped, so that a null pointer faults
 *   0x0000010000  the program's segments, then the heap, growing up
 *   0x1000000000  where the kernel places what it chooses an address for
 *   0x3ffffff000  top of the first thread's stack, growing down
 *   0x4000000000  end of user memory (Sv39: 2^38)
 */
#ifndef OCTAVO_ABI_LAYOUT_H
#define OCTAVO_ABI_LAYOUT_H

enum { PAGE_SHIFT = 12, PAGE_SIZE = 4096 };

#define USER_IMAGE 0x10000ull
#define USER_MAP_BASE 0x1000000000ull
#define USER_STACK_TOP 0x3ffffff000ull
#define USER_STACK_SIZE 0x100000ull /* 1 MiB, demand zero, guard below */
#define USER_END 0x4000000000ull

/* Page rights, in SYS_MAP and SYS_PROTECT. Write needs read; write and
 * execute together are refused (W^X). */
enum {
    PROT_NONE = 0,
    PROT_READ = 1,
    PROT_WRITE = 2,
    PROT_EXECUTE = 4,
};

/* Further flags of SYS_MAP, beside the rights. */
enum {
    MAP_STACK = 0x100, /* the page below stays unmapped: a guard */
    MAP_FIXED = 0x200, /* exactly at the address: -EEXIST if occupied */
    MAP_LARGE = 0x800, /* anonymous: 2 MiB pages where that is possible */
    MAP_PAGER = 0x400, /* `memory` is a session: missing pages come from it */
};

#endif
