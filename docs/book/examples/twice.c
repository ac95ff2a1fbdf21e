/* SPDX-License-Identifier: MIT */
/*
 * twice.c: who copies a common page, and who need not. For chapter 4 of the
 * book.
 *
 * The parent has 32 pages. After fork the child writes to them, ends, and then
 * the parent writes. Each says how many pages were copied for it, and how many
 * it could keep.
 */
#include "abi/info.h"
#include "abi/layout.h"
#include "lib/syscall.h"
#include "posix/posix.h"

enum { PAGES = 32 };

static volatile char *memory;

static uint64_t count(uint64_t counter) {
    return sys_debug(DEBUG_COUNTER, counter).value;
}

static void write_all_pages(const char *who) {
    uint64_t copies = count(COUNTER_COW_COPY);
    uint64_t reuses = count(COUNTER_COW_REUSE);
    for (int i = 0; i < PAGES; i++)
        memory[i * PAGE_SIZE]++;
    copies = count(COUNTER_COW_COPY) - copies;
    reuses = count(COUNTER_COW_REUSE) - reuses;
    printf("%s: %lu copied, %lu kept, byte %d\n", who, copies, reuses,
           memory[0]);
}

int main(void) {
    memory = sbrk(PAGES * PAGE_SIZE);
    write_all_pages("alone");
    if (fork() == 0) {
        write_all_pages("child");
        exit(0);
    }
    wait(NULL);
    write_all_pages("parent, last owner");
    write_all_pages("parent, again");
    if (fork() == 0) {
        sleep(1);
        write_all_pages("child, last owner");
        exit(0);
    }
    write_all_pages("parent, before the child");
    wait(NULL);
    return 0;
}
