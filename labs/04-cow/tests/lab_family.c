/* SPDX-License-Identifier: MIT */
/*
 * lab_family.c: three processes that write to common pages, for questions.
 *
 * Wants a boot with debug=1, for the counters.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum { PAGES = 10 };

static uint8_t area[PAGES * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static uint64_t counter(enum counter which) {
    return sys_debug(DEBUG_COUNTER, which).value;
}

/* Writes to pages [from, to), and says what that took. */
static void write_pages(const char *who, unsigned from, unsigned to) {
    uint64_t copies = counter(COUNTER_COW_COPY);
    uint64_t reuses = counter(COUNTER_COW_REUSE);
    for (unsigned page = from; page < to; page++)
        area[page * PAGE_SIZE]++;
    copies = counter(COUNTER_COW_COPY) - copies;
    reuses = counter(COUNTER_COW_REUSE) - reuses;
    printf("%s: %lu copied, %lu kept\n", who, copies, reuses);
}

static void elder(uint64_t unused) {
    (void)unused;
    write_pages("the elder child", 0, 6);
}

static void younger(uint64_t unused) {
    (void)unused;
    pause_ms(20); /* until the elder one has ended */
    write_pages("the younger child", 3, PAGES);
}

int main(void) {
    for (unsigned i = 0; i < PAGES; i++)
        area[i * PAGE_SIZE] = 1;
    int64_t first = peer_start(elder, 0);
    int64_t next = peer_start(younger, 0);
    pause_ms(10);
    write_pages("the parent, early", 5, 7);
    peer_end(first);
    peer_end(next);
    write_pages("the parent, late", 0, PAGES);
    return 0;
}
