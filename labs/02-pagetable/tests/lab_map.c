/* SPDX-License-Identifier: MIT */
/*
 * lab_map.c: maps pages in patterns, and waits to be looked at from outside.
 *
 * At PLACE + i pages, page i holds its number in its first word; every third is
 * read-only, every fourth is unmapped again. The grader stops the machine at
 * the line `frozen` and walks the page table in the machine's memory.
 */
#include "tests/check.h"

#define PLACE 0x501fe0000ull

enum { PAGES = 64, RW = PROT_READ | PROT_WRITE };

static void make(uint64_t page, uint64_t number) {
    check_ok("map",
             sys_map(HANDLE_SELF, page, PAGE_SIZE, RW | MAP_FIXED, -1, 0));
    *(volatile uint64_t *)page = 0x0c7a000000000000 + number;
}

int main(void) {
    for (uint64_t i = 0; i < PAGES; i++)
        make(PLACE + i * PAGE_SIZE, i);
    for (uint64_t i = 0; i < PAGES; i += 3)
        check_ok("protect", sys_protect(HANDLE_SELF, PLACE + i * PAGE_SIZE,
                                        PAGE_SIZE, PROT_READ));
    for (uint64_t i = 0; i < PAGES; i += 4)
        check_ok("unmap",
                 sys_unmap(HANDLE_SELF, PLACE + i * PAGE_SIZE, PAGE_SIZE));
    printf("frozen\n");
    for (;;)
        __asm__ volatile("");
}
