/* SPDX-License-Identifier: MIT */
/*
 * tests/test_fuzz.c: any system call, with any arguments, from many threads.
 *
 * Idea        Processes without authority or any other inherited handle make
 *             system calls at random, with handles, addresses and numbers that
 *             are mostly plausible and sometimes at the edge of what exists.
 *             What the calls return does not matter: the machine must go on,
 *             and when the processes are gone, so must be all they held.
 * Use         test_fuzz [SEED] [NAME...]: the same seed makes the same calls.
 * Invariants  Threads wait for a few milliseconds at most, and unmap nothing
 *             they run on, so that a check ends.
 */
#include "tests/check.h"
#include "tests/peer.h"
#include "tests/raw.h"

enum {
    FUZZERS = 4,  /* threads of the first process */
    CHILDREN = 6, /* processes that it forks, one after the other */
    ROUNDS = 700, /* calls of a thread */
    HANDLES = 14, /* handles made to begin with */
    SCRATCH = 64, /* pages to map, unmap and copy */
    MARGIN = 16,  /* pages behind them that no call may reach */
    PATIENCE_MS = 300,
};

static uint64_t seed = 1;
static uint64_t scratch;
static volatile uint64_t finished; /* threads that made all their calls */

struct random {
    uint64_t state;
};

static uint64_t random_next(struct random *r) {
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return r->state * 0x2545f4914f6cdd1dull >> 11;
}

static uint64_t random_below(struct random *r, uint64_t n) {
    return random_next(r) % n;
}

static struct random random_for(uint64_t stream) {
    struct random r = {(seed * 0x9e3779b97f4a7c15ull) ^ (stream << 32) ^ 1};
    for (unsigned i = 0; i < 4; i++)
        random_next(&r);
    return r;
}

/* ---- Arguments ---- */

static uint64_t any_number(struct random *r) {
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     7,
                                     8,
                                     9,
                                     15,
                                     16,
                                     31,
                                     32,
                                     63,
                                     64,
                                     127,
                                     128,
                                     4095,
                                     4096,
                                     4097,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     USER_END - PAGE_SIZE,
                                     USER_END - 1,
                                     USER_END,
                                     USER_END + 1,
                                     1ull << 38,
                                     1ull << 39,
                                     1ull << 47,
                                     1ull << 48,
                                     0xffffffc000000000ull,
                                     0xffffffff80200000ull,
                                     INT64_MAX,
                                     1ull << 63,
                                     (uint64_t)-4096,
                                     (uint64_t)-2,
                                     (uint64_t)-1};
    enum { EDGES = sizeof(edges) / sizeof(edges[0]) };
    if (random_below(r, 4) == 0)
        return random_next(r);
    return edges[random_below(r, EDGES)];
}

static uint64_t any_handle(struct random *r) {
    if (random_below(r, 12) == 0)
        return any_number(r);
    return HANDLE_RECEIVED + random_below(r, HANDLES + 8);
}

/* In the scratch pages, or where a program can have nothing. */
static uint64_t any_address(struct random *r) {
    if (random_below(r, 8) == 0)
        return USER_END + any_number(r) % (1ull << 40);
    uint64_t page = random_below(r, SCRATCH) * PAGE_SIZE;
    return scratch + page + (random_below(r, 4) ? 0 : random_below(r, 4096));
}

static uint64_t any_length(struct random *r) {
    if (random_below(r, 10) == 0)
        return (1ull << 40) + any_number(r) % (1ull << 62);
    return random_below(r, 4) ? random_below(r, 8) * PAGE_SIZE
                              : random_below(r, 9000);
}

static uint64_t any_deadline(struct random *r) {
    if (random_below(r, 3) == 0)
        return DEADLINE_POLL;
    return time_now() + random_below(r, 20000);
}

static uint64_t any_tag(struct random *r) {
    if (random_below(r, 10) == 0)
        return any_number(r);
    uint64_t tag =
        tag_make((int32_t)random_next(r), (unsigned)random_below(r, 9), 0, 0);
    if (random_below(r, 2))
        tag |= random_below(r, 6) << TAG_HANDLES_SHIFT | random_below(r, 16)
                                                             << TAG_MOVE_SHIFT;
    if (random_below(r, 3) == 0)
        tag |= random_below(r, 5) << TAG_ITEMS_SHIFT;
    return tag;
}

static void fill_message(struct random *r, struct registers *t) {
    t->a[0] = random_below(r, 4) ? any_handle(r) : (uint64_t)HANDLE_IMPLICIT;
    t->a[1] = any_tag(r);
    for (unsigned i = 2; i < 7; i += 2) {
        t->a[i] = any_address(r);
        t->a[i + 1] = i == 6 ? t->a[7]
                             : item_make(any_length(r), ITEM_WINDOW,
                                         (unsigned)random_below(r, 4));
    }
    t->t[1] = any_address(r);
    t->t[2] = item_make(any_length(r), ITEM_WINDOW, 1);
    t->t[3] = 0;
    for (unsigned i = 0; i < MESSAGE_HANDLES; i++)
        t->t[3] |= (any_handle(r) & 0xffff) << (16 * i);
    t->t[4] = any_address(r);
    t->t[5] = item_make(any_length(r), (enum item_mode)random_below(r, 7),
                        (unsigned)random_below(r, 8));
    t->t[6] = any_deadline(r);
}

/* ---- Calls ---- */

/* A thread that does nothing needs no stack. */
void idle_thread(void);
__asm__(".text\nidle_thread:\nli a7, 38\necall\nj idle_thread\n");

/* What would end the process, hang it or reach beyond it gets arguments that
 * do not. */
static void restrain(struct random *r, struct registers *t) {
    switch (t->a[7]) {
    case SYS_THREAD_CREATE:
        t->a[0] = (uint64_t)idle_thread;
        break;
    case SYS_CALL: /* one that polls may wait for its reply for ever */
        t->t[6] = time_now() + random_below(r, 20000);
        break;
    case SYS_SLEEP:
        t->a[0] = any_deadline(r);
        break;
    case SYS_WAIT_SIGNAL:
    case SYS_THREAD_JOIN:
    case SYS_WAIT:
        t->a[1] = any_deadline(r);
        break;
    case SYS_SPACE_COMMIT:
        t->a[0] = (uint64_t)HANDLE_SELF - random_below(r, 3);
        break;
    case SYS_SBRK:
        t->a[0] = random_below(r, 3) ? random_below(r, 9000)
                                     : any_number(r) & ~(1ull << 63);
        break;
    case SYS_PROTECT:
    case SYS_UNMAP:
    case SYS_MAP:
        t->a[0] = random_below(r, 2) ? (uint64_t)HANDLE_SELF : any_handle(r);
        t->a[1] = any_address(r);
        t->a[2] = any_length(r);
        t->a[3] = random_below(r, 8) | random_below(r, 4) << 8;
        t->a[4] = random_below(r, 4) ? (uint64_t)-1 : any_handle(r);
        break;
    case SYS_COPY:
        t->a[1] = random_below(r, 8) ? (uint64_t)COPY_IN << random_below(r, 2)
                                     : any_number(r);
        t->a[2] = random_below(r, 9000);
        t->a[3] = any_address(r);
        t->a[4] = any_length(r);
        t->a[5] = 0;
        break;
    case SYS_FAULT_RANGE:
        t->a[1] = random_below(r, 2) ? 0 : USER_END + 1 + any_number(r) % 4096;
        break;
    case SYS_DEBUG:
        t->a[0] = any_number(r) | DEBUG_COUNTER;
        break;
    case SYS_KILL:
        t->a[0] = any_number(r) | 1ull << 62;
        break;
    case SYS_EXIT:
    case SYS_THREAD_EXIT:
    case SYS_FORK:
        t->a[7] = SYS_YIELD;
        break;
    default:
        break;
    }
}

static bool is_message(uint64_t number) {
    return number <= SYS_REPLY;
}

static void fuzz_once(struct random *r) {
    struct registers t;
    uint64_t number = random_below(r, 3) ? random_below(r, SYS_MAX)
                                         : random_below(r, SYS_REPLY_SAVE + 1);
    for (unsigned i = 0; i < 8; i++)
        t.a[i] = random_below(r, 3) ? any_handle(r) : any_number(r);
    for (unsigned i = 0; i < 7; i++)
        t.t[i] = any_number(r);
    if (is_message(number))
        fill_message(r, &t);
    if (number == SYS_RECV)
        t.t[6] = any_deadline(r);
    t.a[7] = random_below(r, 200) ? number : any_number(r) | 1ull << 32;
    restrain(r, &t);
    raw_trap(&t);
}

static void fuzz(uint64_t stream) {
    struct random r = random_for(stream);
    for (unsigned i = 0; i < ROUNDS; i++)
        fuzz_once(&r);
    __atomic_fetch_add(&finished, 1, __ATOMIC_RELAXED);
}

/* ---- Processes ---- */

/* The stacks are no memory that the kernel chose a place for: that could lie
 * where scratch pages were unmapped. */
static void fuzzer_start(unsigned thread, uint64_t stream) {
    static uint8_t stacks[FUZZERS][THREAD_STACK] __attribute__((aligned(16)));
    if (sys_thread_create((uint64_t)thread_begin, (uint64_t)stacks[thread + 1],
                          (uint64_t)fuzz, stream) < 0)
        sys_exit(2);
}

/* Nothing is left of what the shell gave. */
static void handles_close(void) {
    for (int64_t h = 0; h < HANDLE_MAX; h++)
        sys_handle_close(h);
}

static void handles_make(struct random *r) {
    int64_t endpoint = -1;
    for (unsigned i = 0; i < HANDLES; i++) {
        uint64_t flags = random_below(r, 2) ? SESSION_NOTIFY_CLOSED : 0;
        if (i % 7 == 0)
            endpoint = sys_endpoint_create();
        else if (i % 7 == 5)
            sys_notification_create();
        else if (i % 7 == 6)
            sys_space_create();
        else
            sys_session_mint(endpoint, i, SESSION_RIGHTS, flags);
    }
}

static void scratch_make(void) {
    int64_t base = sys_map(HANDLE_SELF, 0, (SCRATCH + MARGIN) * PAGE_SIZE,
                           PROT_READ | PROT_WRITE, -1, 0);
    if (base < 0)
        sys_exit(2);
    scratch = (uint64_t)base;
    sys_accept(0, 0, 0, 8, 4, HANDLE_RECEIVED);
}

/* The child ends, by itself or not; a thread that called WAIT may have seen it
 * before. */
static void process_end(int64_t pid) {
    if (sys_wait(pid, time_after(PATIENCE_MS)).result != -ETIMEDOUT)
        return;
    sys_kill(pid);
    if (sys_wait(pid, time_after(PATIENCE_MS)).result == -ETIMEDOUT)
        sys_exit(4);
}

/* The first process's threads and those of its children, which share sessions
 * and notifications with it, meet at its endpoints. */
static void fuzz_processes(void) {
    struct random r = random_for(0);
    int64_t pids[CHILDREN];
    handles_close();
    scratch_make();
    handles_make(&r);
    for (unsigned i = 0; i < FUZZERS; i++)
        fuzzer_start(i, 1 + i);
    for (unsigned i = 0; i < CHILDREN; i++) {
        pids[i] = sys_fork();
        if (pids[i] == 0) {
            handles_make(&r);
            fuzzer_start(0, 200 + i);
            fuzz(100 + i);
            sys_exit(0);
        }
        fuzz(50 + i);
    }
    for (unsigned i = 0; i < CHILDREN; i++) {
        process_end(pids[i]);
    }
    sys_exit(finished >= CHILDREN ? 0 : 3);
}

/* One thread: what it does depends on the seed alone. */
static void fuzz_alone(void) {
    handles_close();
    scratch_make();
    struct random r = random_for(0);
    handles_make(&r);
    for (unsigned i = 0; i < 4; i++)
        fuzz(i);
    sys_exit(finished == 4 ? 0 : 3);
}

static const struct check checks[] = {
    {"fuzz_alone", "any call with any arguments returns", fuzz_alone},
    {"fuzz_processes", "so it does in many threads of several processes",
     fuzz_processes},
};

int main(int argc, char **argv) {
    if (argc > 1 && argv[1][0] >= '0' && argv[1][0] <= '9') {
        seed = (uint64_t)atoi(argv[1]);
        argv[1] = argv[0];
        argc--;
        argv++;
    }
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
