/* SPDX-License-Identifier: MIT */
/*
 * tests/test_copy_time.c: copies at the same time, what is more urgent than a
 * long one, and calls that end before their copy does.
 */
#include "tests/paging.h"

static int64_t space;

static void copy_loop(uint64_t pattern) {
    uint64_t harts = sys_system_info(INFO_HARTS, 0).value[0];
    enum { PAGES = 4, TIMES = 1000 };
    check_ok("affinity", sys_thread_affinity(0, 1ull << pattern % harts));
    uint8_t *pages = pages_make(PAGES, pattern);
    uint8_t *copy = pages_make(PAGES, 99);
    space = check_ok("space_create", sys_space_create());
    uint64_t at = (uint64_t)check_ok(
        "transfer", item_transfer(space, 0, pages, PAGES, ITEM_COW, RW));
    for (unsigned i = 0; i < TIMES; i++) {
        struct copy_result got =
            ipc_copy(space, COPY_IN, at, copy, PAGES * PAGE_SIZE);
        check_equal("copy", got.error, 0);
        pages_expect((uint64_t)copy, PAGES, pattern);
    }
}

static void check_copies(void) {
    int64_t pid[4];
    for (unsigned i = 0; i < 4; i++)
        pid[i] = peer_start(copy_loop, i);
    for (unsigned i = 0; i < 4; i++)
        peer_end(pid[i]);
}

static uint64_t woke;

static void sleeper(uint64_t when) {
    sys_sleep(when);
    __atomic_store_n(&woke, time_now(), __ATOMIC_RELEASE);
}

/* Who is more urgent, and wakes while a long copy is made, need not wait for
 * its end. */
static void check_yields(void) {
    enum { PAGES = 512, SOON = 200 };
    uint8_t *pages = pages_make(PAGES, 1), *copy = pages_make(PAGES, 2);
    space = check_ok("space_create", sys_space_create());
    uint64_t at = (uint64_t)check_ok(
        "transfer", item_transfer(space, 0, pages, PAGES, ITEM_COW, RW));
    check_ok("affinity", sys_thread_affinity(0, 1));
    uint64_t when = time_after(2);
    int64_t tid = thread_start(sleeper, when);
    check_ok("affinity", sys_thread_affinity(tid, 1));
    check_ok("priority", sys_thread_priority(0, PRIORITY_DEFAULT - 1));
    busy_until(when - SOON);
    uint64_t start = time_now();
    struct copy_result got =
        ipc_copy(space, COPY_IN, at, copy, PAGES * PAGE_SIZE);
    uint64_t end = time_now();
    check_equal("copy", got.error, 0);
    check_true("the copy is long", end > when + 4 * SOON);
    uint64_t late = __atomic_load_n(&woke, __ATOMIC_ACQUIRE) - when;
    check_true("in the middle", late < (end - start) / 4);
    thread_end(tid);
}

/* ---- Calls that end meanwhile ---- */

enum { WINDOW_PAGES = 2048 };

static struct service service;

/* A call with a window that gives up at `when`. */
static void impatient(uint64_t when) {
    uint8_t *pages = pages_make(WINDOW_PAGES, 3);
    check_ok("affinity", sys_thread_affinity(0, 1));
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    item_set(&m, 0, pages, WINDOW_PAGES, ITEM_WINDOW, RO);
    check_error("call", ipc_call(service.session, &m, when), ETIMEDOUT);
    step_call(service.session);
}

static void impatient_begin(uint64_t when) {
    struct message m;
    service = service_make(1);
    peer_start(impatient, when);
    check_ok("affinity", sys_thread_affinity(0, 1));
    service_receive(service.endpoint, &m, MESSAGE_CALL);
}

/* A window ends with its call, also if the reply was saved. */
static void check_late(void) {
    uint8_t byte;
    uint64_t when = time_after(40);
    impatient_begin(when);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    check_equal("in time", ipc_copy(reply, COPY_IN, 0, &byte, 1).error, 0);
    sys_sleep(when);
    pause_ms(SETTLE_MS);
    check_error("too late", ipc_copy(reply, COPY_IN, 0, &byte, 1).error, EPIPE);
    step_answer(service.endpoint);
}

/* A copy ends where its window does. */
static void check_meanwhile(void) {
    uint64_t length = WINDOW_PAGES * PAGE_SIZE, when = time_after(150);
    impatient_begin(when);
    uint8_t *copy = pages_make(WINDOW_PAGES, 4);
    busy_until(when - 200);
    struct copy_result got =
        ipc_copy(HANDLE_IMPLICIT, COPY_IN, 0, copy, length);
    check_error("copy", got.error, EPIPE);
    check_true("in the middle", got.done > 0 && got.done < length);
    check_error("reply", service_answer(0, 0), EPIPE);
    step_answer(service.endpoint);
}

static const struct check checks[] = {
    {"copies", "four processes copy at once, each its own bytes", check_copies},
    {"yields", "a long copy lets others run", check_yields},
    {"late", "a window ends with its call, and nobody can copy", check_late},
    {"meanwhile", "a call that times out during a copy ends it",
     check_meanwhile},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
