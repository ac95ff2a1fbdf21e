/* SPDX-License-Identifier: MIT */
/*
 * lab_cow.c: a page that two processes have, written by either of them and by
 * the kernel for either of them: neither sees the other's words.
 *
 * Idea        The check is a server and its child a client, so that the kernel
 *             can be made to write into either's memory: COPY in into the
 *             check's, COPY out into the child's. Around each write both look
 *             at every word of three pages. The write comes first, when both
 *             have the page, or second, when the other has written a word
 *             already and the writer is the last owner.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum {
    AREA_PAGES = 3,
    AREA_SIZE = AREA_PAGES * PAGE_SIZE,
    AREA_WORDS = AREA_SIZE / 8,
    NOWHERE = AREA_WORDS,
    LOOK_MS = 400, /* at most, until another hart's store is seen */
};

enum way { STORE_PARENT, STORE_CHILD, KERNEL_PARENT, KERNEL_CHILD };

static uint64_t area[AREA_WORDS] __attribute__((aligned(PAGE_SIZE)));
static uint64_t source[PAGE_SIZE / 8] __attribute__((aligned(PAGE_SIZE)));
static struct service service;
static enum way way;
static bool second;

/* The words that are written, one in each page's first and last. */
static const unsigned places[] = {0,    1,          511,           512,
                                  1023, 1024 + 255, AREA_WORDS - 1};
enum { PLACES = sizeof(places) / sizeof(places[0]) };

static uint64_t pattern(unsigned index) {
    return 0xc0ffee0000000000 + index * 0x10001ull;
}

static uint64_t value_of(unsigned place) {
    return 0x5eed000000000000 + place;
}

/* Another word of the same page. */
static unsigned beside(unsigned place) {
    return place ^ 6;
}

static void area_fill(void) {
    for (unsigned i = 0; i < AREA_WORDS; i++)
        area[i] = pattern(i);
}

/* Every word but `place` and `early` is the pattern's; those are what the one
 * who looks has written. */
static void area_look(const char *who, unsigned place, unsigned early) {
    for (unsigned i = 0; i < AREA_WORDS; i++) {
        uint64_t right = i == place   ? value_of(i)
                         : i == early ? ~pattern(i)
                                      : pattern(i);
        if (area[i] != right)
            check_fail(who, (int64_t)area[i], (int64_t)right);
    }
}

static bool parent_writes(void) {
    return way == STORE_PARENT || way == KERNEL_PARENT;
}

/* If the write is to come second, the other one writes a word before. */
static unsigned early_of(bool self_writes, unsigned place) {
    if (!second || self_writes)
        return NOWHERE;
    area[beside(place)] = ~pattern(beside(place));
    return beside(place);
}

static void child(uint64_t place) {
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    unsigned early = early_of(!parent_writes(), (unsigned)place);
    source[0] = value_of((unsigned)place);
    if (way == KERNEL_PARENT)
        message_item(&m, 0, (uint64_t)source,
                     item_make(sizeof(source), ITEM_WINDOW, ITEM_READ));
    else
        message_item(&m, 0, (uint64_t)area,
                     item_make(AREA_SIZE, ITEM_WINDOW, ITEM_READ | ITEM_WRITE));
    check_equal("call",
                ipc_call(service.session, &m, time_after(CHECK_LIMIT_MS / 2)),
                0);
    if (way == STORE_CHILD)
        area[place] = value_of((unsigned)place);
    area_look("a word of the child's",
              parent_writes() ? NOWHERE : (unsigned)place, early);
}

/* The write, by the parent or by the kernel. */
static void parent_acts(unsigned place) {
    struct copy_result got = {0, 8};
    uint64_t value = value_of(place);
    if (way == STORE_PARENT)
        area[place] = value;
    if (way == KERNEL_PARENT)
        got = ipc_copy(HANDLE_IMPLICIT, COPY_IN, 0, &area[place], 8);
    if (way == KERNEL_CHILD)
        got = ipc_copy(HANDLE_IMPLICIT, COPY_OUT, place * 8ull, &value, 8);
    check_equal("error of copy", got.error, 0);
    check_equal("bytes copied", (int64_t)got.done, 8);
}

static void once(unsigned place) {
    struct message m;
    area_fill();
    int64_t pid = peer_start(child, place);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    unsigned early = early_of(parent_writes(), place);
    parent_acts(place);
    unsigned own = parent_writes() ? place : NOWHERE;
    area_look("a word of the parent's", own, early);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(pid);
    area_look("a word of the parent's, in the end", own, early);
}

static void all_places(enum way what, bool is_second) {
    service = service_make(1);
    way = what;
    second = is_second;
    for (unsigned i = 0; i < PLACES; i++)
        once(places[i]);
}

static void check_store_parent(void) {
    all_places(STORE_PARENT, false);
}

static void check_store_parent_2(void) {
    all_places(STORE_PARENT, true);
}

static void check_store_child(void) {
    all_places(STORE_CHILD, false);
}

static void check_store_child_2(void) {
    all_places(STORE_CHILD, true);
}

static void check_kernel_parent(void) {
    all_places(KERNEL_PARENT, false);
}

static void check_kernel_parent_2(void) {
    all_places(KERNEL_PARENT, true);
}

static void check_kernel_child(void) {
    all_places(KERNEL_CHILD, false);
}

static void check_kernel_child_2(void) {
    all_places(KERNEL_CHILD, true);
}

/* ---- Without memory: wants a boot with debug=1 ---- */

static void fail_next(uint64_t n) {
    check_equal("debug=1 is needed", sys_debug(DEBUG_FAIL_ALLOC, n).result, 0);
}

static void store_fails(uint64_t unused) {
    (void)unused;
    fail_next(1);
    area[5] = 1;
    fail_next(0);
    check_fail("a store that could not be done was done", 0, -1);
}

/* Who stores to a page that cannot be copied dies, and nobody else. */
static void check_store_nothing(void) {
    area_fill();
    int64_t pid = peer_start(store_fails, 0);
    peer_end_with(pid, STATUS_KILLED);
    fail_next(0);
    area_look("a word of the parent's", NOWHERE, NOWHERE);
    frames_check();
}

static void copy_fails(uint64_t unused) {
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    (void)unused;
    message_item(&m, 0, (uint64_t)area,
                 item_make(AREA_SIZE, ITEM_WINDOW, ITEM_READ | ITEM_WRITE));
    check_equal("call",
                ipc_call(service.session, &m, time_after(CHECK_LIMIT_MS / 2)),
                0);
    area_look("a word of the child's", 7, NOWHERE);
}

/* A copy by the kernel says that there is no memory, and does nothing. */
static void check_kernel_nothing(void) {
    struct message m;
    uint64_t value = value_of(7);
    service = service_make(1);
    area_fill();
    int64_t pid = peer_start(copy_fails, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    fail_next(1);
    struct copy_result got = ipc_copy(HANDLE_IMPLICIT, COPY_OUT, 56, &value, 8);
    fail_next(0);
    check_error("copy without memory", got.error, ENOMEM);
    check_equal("bytes copied", (int64_t)got.done, 0);
    area_look("a word of the parent's", NOWHERE, NOWHERE);
    got = ipc_copy(HANDLE_IMPLICIT, COPY_OUT, 56, &value, 8);
    check_equal("copy with memory", got.error, 0);
    area_look("a word of the parent's", NOWHERE, NOWHERE);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(pid);
}

/* ---- Two threads on two harts ---- */

static volatile uint64_t *const word = &area[9];
static volatile uint32_t seen;

static void looker(uint64_t unused) {
    (void)unused;
    check_ok("affinity", sys_thread_affinity(0, 2));
    check_equal("the word before", (int64_t)*word, (int64_t)pattern(9));
    seen = 1;
    uint64_t end = time_after(LOOK_MS);
    while (*word == pattern(9) && time_now() < end)
        continue;
    check_equal("the word that the other thread wrote", (int64_t)*word, 77);
    seen = 2;
    sys_thread_exit(0);
}

static void stay(uint64_t unused) {
    (void)unused;
    pause_ms(CHECK_LIMIT_MS / 4);
}

/* A copy takes the page's place for all threads of the process. */
static void check_threads(void) {
    check_ok("affinity", sys_thread_affinity(0, 1));
    area_fill();
    int64_t pid = peer_start(stay, 0);
    thread_start(looker, 0);
    while (seen == 0)
        continue;
    *word = 77;
    while (seen == 1)
        continue;
    peer_kill(pid);
}

static const struct check checks[] = {
    {"store_parent", "the parent stores first", check_store_parent},
    {"store_parent_2", "the parent stores second", check_store_parent_2},
    {"store_child", "the child stores first", check_store_child},
    {"store_child_2", "the child stores second", check_store_child_2},
    {"kernel_parent", "the kernel writes for the parent, first",
     check_kernel_parent},
    {"kernel_parent_2", "the kernel writes for the parent, second",
     check_kernel_parent_2},
    {"kernel_child", "the kernel writes for the child, first",
     check_kernel_child},
    {"kernel_child_2", "the kernel writes for the child, second",
     check_kernel_child_2},
    {"store_nothing", "a store without memory kills its program alone",
     check_store_nothing},
    {"kernel_nothing", "a copy without memory writes nothing",
     check_kernel_nothing},
    {"threads", "all threads of a process see the same copy", check_threads},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
