/* SPDX-License-Identifier: MIT */
/*
 * lab_lazy.c: touches some pages of large mappings, and waits to be looked at
 * from outside.
 *
 * Of the PAGES pages at PLACE, every fifth is loaded from, and every eighth
 * stored to. Those at FIXED may only be read. The grader stops the machine at
 * the line `frozen` and walks the page table in the machine's memory.
 */
#include "tests/check.h"

#define PLACE 0x501fe0000ull
#define FIXED 0x601fe0000ull

enum { PAGES = 64 };

static void map(uint64_t at, unsigned prot) {
    check_ok("map", sys_map(HANDLE_SELF, at, PAGES * PAGE_SIZE,
                            prot | MAP_FIXED, -1, 0));
}

int main(void) {
    map(PLACE, PROT_READ | PROT_WRITE);
    map(FIXED, PROT_READ);
    for (uint64_t i = 0; i < PAGES; i += 8)
        *(volatile uint64_t *)(PLACE + i * PAGE_SIZE) = 0x1a27000000000000 + i;
    for (uint64_t i = 0; i < PAGES; i += 5) {
        *(volatile uint64_t *)(PLACE + i * PAGE_SIZE);
        *(volatile uint64_t *)(FIXED + i * PAGE_SIZE);
    }
    printf("frozen\n");
    for (;;)
        __asm__ volatile("");
}
