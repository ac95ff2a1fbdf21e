/* SPDX-License-Identifier: MIT */
/*
 * tests/test_quota.c: using up frames, processes, threads and objects.
 *
 * Running out is an error to the one who asked, and goes away when something
 * is given back; nobody else notices.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum { RW = PROT_READ | PROT_WRITE, CHUNK = 64 * PAGE_SIZE };

static struct service service;

/* What a greedy peer found, as the exit status. */
enum { FOUND_LIMIT = 7, FOUND_NOTHING = 8 };

/* Grows and touches its heap until it is refused or killed. */
static void eat_frames(uint64_t unused) {
    (void)unused;
    for (;;) {
        int64_t at = sys_sbrk(CHUNK);
        if (at == -ENOMEM)
            sys_exit(FOUND_LIMIT);
        check_ok("sbrk", at);
        for (unsigned i = 0; i < CHUNK; i += PAGE_SIZE)
            store_at((uint64_t)at + i, 1);
    }
}

/* A bystander's system works as before. */
static void bystander(void) {
    struct message m;
    service = service_make(1);
    int64_t endpoint = service.endpoint;
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0) {
        check_equal("call", service_call(service.session, 1, 5, &m), 0);
        sys_exit(0);
    }
    service_echo(endpoint, 1);
    peer_end(pid);
    int64_t heap = check_ok("sbrk", sys_sbrk(4 * PAGE_SIZE));
    store_at((uint64_t)heap + 3 * PAGE_SIZE, 1);
}

static uint64_t frames_free(void) {
    return sys_system_info(INFO_MEMORY, 0).value[1];
}

static void check_frames(void) {
    uint64_t before = frames_free();
    for (unsigned i = 0; i < 2; i++) {
        int64_t pid = peer_start(eat_frames, 0);
        struct sys_pair end = sys_wait(pid, time_after(CHECK_LIMIT_MS / 2));
        check_equal("wait", end.result, pid);
        int64_t status = (int64_t)end.value;
        check_true("refused or killed",
                   status == FOUND_LIMIT || status == STATUS_KILLED);
        bystander();
    }
    pause_ms(10 * SETTLE_MS);
    check_true("its frames come back", frames_free() + 128 >= before);
}

static void eat_later(uint64_t when) {
    sys_sleep(when);
    eat_frames(0);
}

/* Several at once, so that the machine and not a quota is what runs out. They
 * begin when all are there: whoever needs a page meanwhile may be refused. */
static void check_frames_together(void) {
    enum { EATERS = 6 };
    int64_t pids[EATERS];
    uint64_t when = time_after(5 * SETTLE_MS);
    for (unsigned i = 0; i < EATERS; i++)
        pids[i] = peer_start(eat_later, when);
    for (unsigned i = 0; i < EATERS; i++) {
        struct sys_pair end = sys_wait(pids[i], time_after(CHECK_LIMIT_MS / 2));
        check_equal("wait", end.result, pids[i]);
    }
    bystander();
}

/* Fills an address space until a copy into it is refused: the only way to run
 * out and live on. What is given back then helps. */
static void eat_and_recover(uint64_t unused) {
    static const char byte = 'x';
    (void)unused;
    int64_t space = check_ok("space_create", sys_space_create());
    uint64_t at = 0x100000000ull, end = at + (4ull << 30);
    check_ok("map", sys_map(space, at, end - at, RW | MAP_FIXED, -1, 0));
    struct copy_result got = {0, 1};
    while (at < end && got.error == 0) {
        got = ipc_copy(space, COPY_OUT, at, &byte, 1);
        at += PAGE_SIZE;
    }
    check_error("copy", got.error, ENOMEM);
    check_equal("bytes", (int64_t)got.done, 0);
    check_ok("give back",
             sys_unmap(space, at - 65 * PAGE_SIZE, 64 * PAGE_SIZE));
    int64_t heap = check_ok("sbrk", sys_sbrk(16 * PAGE_SIZE));
    for (unsigned i = 0; i < 16; i++)
        store_at((uint64_t)heap + i * PAGE_SIZE, 1);
    sys_exit(FOUND_LIMIT);
}

static void check_recovers(void) {
    peer_end_with(peer_start(eat_and_recover, 0), FOUND_LIMIT);
    bystander();
}

/* ---- Processes ---- */

static void sleep_on(uint64_t unused) {
    (void)unused;
    sys_sleep(DEADLINE_NONE);
}

enum { MOST_CHILDREN = 600 };

static int64_t children[MOST_CHILDREN];

static void check_processes(void) {
    unsigned count = 0;
    for (; count < MOST_CHILDREN; count++) {
        children[count] = sys_fork();
        if (children[count] == 0)
            sleep_on(0);
        if (children[count] < 0)
            break;
    }
    check_true("there is a limit", count < MOST_CHILDREN);
    check_true("EAGAIN or ENOMEM",
               children[count] == -EAGAIN || children[count] == -ENOMEM);
    check_true("many processes before it", count >= 32);
    for (unsigned i = 0; i < count; i++)
        peer_kill(children[i]);
    bystander();
}

static void fork_bomb(uint64_t unused) {
    (void)unused;
    for (unsigned i = 0; i < 12; i++)
        if (sys_fork() < 0)
            break;
    sys_exit(0);
}

static void check_fork_bomb(void) {
    peer_end(peer_start(fork_bomb, 0));
    pause_ms(100);
    bystander();
}

/* ---- Threads ---- */

static void thread_sleeps(uint64_t unused) {
    (void)unused;
    sys_sleep(DEADLINE_NONE);
}

static void check_threads(void) {
    int64_t stack =
        check_ok("map", sys_map(HANDLE_SELF, 0, PAGE_SIZE, RW, -1, 0));
    unsigned count = 0;
    int64_t tid = 0;
    for (; count < 2000; count++) {
        tid = sys_thread_create((uint64_t)thread_begin,
                                (uint64_t)stack + PAGE_SIZE,
                                (uint64_t)thread_sleeps, 0);
        if (tid < 0)
            break;
    }
    check_error("too many threads", tid, EAGAIN);
    check_true("several threads before it", count >= 15);
}

/* ---- Kernel objects ---- */

/* More objects than the table has slots, by hanging them into each other's
 * messages: they stay in flight. */
static void hoard(uint64_t unused) {
    (void)unused;
    for (unsigned i = 0; i < 200; i++) {
        int64_t endpoint = sys_endpoint_create();
        if (endpoint < 0)
            break;
    }
    sys_sleep(DEADLINE_NONE);
}

static void check_objects(void) {
    enum { HOARDERS = 12 };
    int64_t pids[HOARDERS];
    for (unsigned i = 0; i < HOARDERS; i++)
        pids[i] = peer_start(hoard, 0);
    pause_ms(10 * SETTLE_MS);
    bystander();
    for (unsigned i = 0; i < HOARDERS; i++)
        peer_kill(pids[i]);
    bystander();
}

static void many_regions(uint64_t unused) {
    (void)unused;
    for (uint64_t i = 0;; i++) {
        int64_t got = sys_map(HANDLE_SELF, 0x500000000ull + i * 2 * PAGE_SIZE,
                              PAGE_SIZE, RW | MAP_FIXED, -1, 0);
        if (got == -ENOMEM)
            sys_exit(FOUND_LIMIT);
        check_ok("map", got);
        if (i > 100000)
            sys_exit(FOUND_NOTHING);
    }
}

static void check_regions(void) {
    peer_end_with(peer_start(many_regions, 0), FOUND_LIMIT);
    bystander();
}

/* Page tables cost frames too: one page in each 2 MiB, then in each 1 GiB. */
static void sparse(uint64_t step) {
    for (uint64_t at = 0x100000000ull; at < USER_END - step; at += step) {
        int64_t got =
            sys_map(HANDLE_SELF, at, PAGE_SIZE, RW | MAP_FIXED, -1, 0);
        if (got == -EEXIST)
            continue;
        if (got == -ENOMEM)
            sys_exit(FOUND_LIMIT);
        check_ok("map", got);
        store_at(at, 1);
    }
    sys_exit(FOUND_LIMIT);
}

static void check_page_tables(void) {
    peer_end_with(peer_start(sparse, 1ull << 30), FOUND_LIMIT);
    int64_t pid = peer_start(sparse, 1ull << 21);
    struct sys_pair end = sys_wait(pid, time_after(CHECK_LIMIT_MS / 2));
    check_equal("wait", end.result, pid);
    bystander();
}

static const struct check checks[] = {
    {"frames", "a process that eats frames is refused; the system goes on",
     check_frames},
    {"frames_together", "six that eat frames at once leave the system alive",
     check_frames_together},
    {"recovers", "what is given back can be had again", check_recovers},
    {"processes", "too many processes: a definite error, and all can end",
     check_processes},
    {"fork_bomb", "a fork bomb burns out", check_fork_bomb},
    {"threads", "too many threads: EAGAIN", check_threads},
    {"objects", "hoarding kernel objects harms nobody else", check_objects},
    {"regions", "too many regions: ENOMEM", check_regions},
    {"page_tables", "page tables count, and come back", check_page_tables},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
