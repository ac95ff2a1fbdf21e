/* SPDX-License-Identifier: MIT */
/*
 * bin/free.c: prints how much memory there is, is used and is free.
 */
#include "abi/layout.h"
#include "lib/syscall.h"
#include "posix/posix.h"

int main(void) {
    struct sys_words memory = sys_system_info(INFO_MEMORY, 0);
    uint64_t kib = PAGE_SIZE / 1024;
    uint64_t all = memory.value[0], unused = memory.value[1];
    printf("       total     used     free\n");
    printf("frames %5lu %8lu %8lu\n", all, all - unused, unused);
    printf("KiB   %6lu %8lu %8lu\n", all * kib, (all - unused) * kib,
           unused * kib);
    return 0;
}
