/* SPDX-License-Identifier: MIT */
/*
 * lab_touch.c: threads of one process that touch the same missing pages at the
 * same time.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum { THREADS = 4, PAGES = 8, RW = PROT_READ | PROT_WRITE };

static uint64_t area;
static volatile uint32_t turn;  /* the page that all touch now */
static volatile uint32_t ready; /* threads that are done with it */

static void toucher(uint64_t me) {
    for (uint32_t page = 0; page < PAGES; page++) {
        while (turn <= page)
            continue;
        store_at(area + page * PAGE_SIZE + me * 8, (uint8_t)(page + me + 1));
        __atomic_fetch_add(&ready, 1, __ATOMIC_ACQ_REL);
    }
    sys_thread_exit(0);
}

static void check_together(void) {
    area = (uint64_t)check_ok(
        "map", sys_map(HANDLE_SELF, 0, PAGES * PAGE_SIZE, RW, -1, 0));
    for (uint64_t me = 0; me < THREADS; me++)
        thread_start(toucher, me);
    for (uint32_t page = 0; page < PAGES; page++) {
        ready = 0;
        turn = page + 1;
        while (ready < THREADS)
            continue;
        for (uint64_t me = 0; me < THREADS; me++)
            check_equal("a thread's byte",
                        load_at(area + page * PAGE_SIZE + me * 8),
                        (int64_t)(page + me + 1));
    }
}

static const struct check checks[] = {
    {"together", "a page that four threads touch at once is made once",
     check_together},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
