/* SPDX-License-Identifier: MIT */
/*
 * lazy.c: memory that comes when it is touched. For chapter 3 of the book.
 *
 * Asks for 64 pages, touches some of them, and says after each step how many
 * pages the kernel has filled for it since the last.
 */
#include "abi/info.h"
#include "abi/layout.h"
#include "lib/syscall.h"
#include "posix/posix.h"

static uint64_t filled(void) {
    return sys_debug(DEBUG_COUNTER, COUNTER_FAULT_ZERO).value;
}

static void report(const char *what) {
    static uint64_t before;
    uint64_t now = filled();
    printf("%s: %lu\n", what, now - before);
    before = filled();
}

int main(void) {
    report("before");
    volatile char *heap = sbrk(64 * PAGE_SIZE);
    report("sbrk of 64 pages");
    heap[0] = 1;
    heap[63 * PAGE_SIZE] = 1;
    report("two bytes, 63 pages apart");
    char sum = heap[PAGE_SIZE];
    report("a load");
    heap[PAGE_SIZE] = (char)(sum + 1);
    report("a store to the same page");
    sbrk(-64 * PAGE_SIZE);
    sbrk(64 * PAGE_SIZE);
    heap[0]++;
    report("returned, taken again, one byte");
    printf("it is %d\n", heap[0]);
    return 0;
}
