/* SPDX-License-Identifier: MIT */
/*
 * tests/test_alloc.c: the n-th allocation fails, for every n.
 *
 * Idea        DEBUG_FAIL_ALLOC makes one allocation of the kernel fail. Each
 *             operation is tried with n = 1, 2, ... until it allocates fewer
 *             than n times. Every try ends in a definite error or in success,
 *             leaves what there was as it was, and every frame accounted for.
 * Invariants  Needs a boot with debug=1. The failure is switched off before
 *             anything is reported.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum { TRIES = 200, RW = PROT_READ | PROT_WRITE };

static void fail_at(uint64_t n) {
    check_equal("debug=1 is needed", sys_debug(DEBUG_FAIL_ALLOC, n).result, 0);
}

/* Switches the failure off; the allocations since it was set. */
static uint64_t fail_off(void) {
    return sys_debug(DEBUG_FAIL_ALLOC, 0).value;
}

static void frames_expect(void) {
    check_equal("frames not accounted for",
                sys_debug(DEBUG_CHECK_FRAMES, 0).result, 0);
}

/*
 * Runs `attempt` with every n; it returns what the call under test did. At
 * least one try must fail with `error`, or nothing was tested.
 */
static void sweep(const char *what, int64_t (*attempt)(void), int error) {
    unsigned failures = 0;
    for (uint64_t n = 1; n < TRIES; n++) {
        fail_at(n);
        int64_t result = attempt();
        uint64_t allocations = fail_off();
        frames_expect();
        if (result < 0) {
            check_error(what, result, error);
            failures++;
        }
        if (allocations < n) {
            check_ok(what, result);
            check_true("the call allocates", failures > 0);
            return;
        }
    }
    check_fail("the sweep has no end", TRIES, 0);
}

/* ---- Objects ---- */

static int64_t endpoint;

static int64_t close_again(int64_t handle) {
    if (handle >= 0)
        check_equal("close", sys_handle_close(handle), 0);
    return handle;
}

static int64_t try_endpoint(void) {
    return close_again(sys_endpoint_create());
}

static int64_t try_session(void) {
    return close_again(sys_session_mint(endpoint, 5, SESSION_RIGHTS, 0));
}

static int64_t try_notification(void) {
    return close_again(sys_notification_create());
}

static int64_t try_space(void) {
    return close_again(sys_space_create());
}

/* Slabs that hold free objects need no frame: use those up first. */
static void slabs_fill(int64_t (*make)(void)) {
    for (unsigned i = 0; i < 60; i++)
        make();
}

static int64_t keep_session(void) {
    return sys_session_mint(endpoint, 6, SESSION_RIGHTS, 0);
}

static void sweep_object(const char *what, int64_t (*attempt)(void)) {
    for (uint64_t n = 1; n < 4; n++) {
        fail_at(n);
        int64_t result = attempt();
        fail_off();
        if (result < 0)
            check_error(what, result, ENOMEM);
        frames_expect();
    }
}

static void check_objects(void) {
    endpoint = check_ok("create", sys_endpoint_create());
    slabs_fill(keep_session);
    sweep_object("endpoint_create", try_endpoint);
    sweep_object("session_mint", try_session);
    sweep_object("notification_create", try_notification);
    sweep("space_create", try_space, ENOMEM);
}

/* ---- Fork, threads ---- */

static int64_t try_fork(void) {
    int64_t pid = sys_fork();
    if (pid == 0)
        sys_exit(0);
    if (pid > 0) {
        fail_off();
        struct sys_pair end = sys_wait(pid, time_after(1000));
        check_equal("wait", end.result, pid);
        check_true("the child ran or died of the failure",
                   end.value == 0 || (int64_t)end.value == STATUS_KILLED);
    }
    return pid;
}

/* fork's own allocations are counted before the child runs. */
static void check_fork(void) {
    unsigned failures = 0;
    for (uint64_t n = 1; n < TRIES; n++) {
        fail_at(n);
        int64_t pid = try_fork();
        uint64_t left = fail_off();
        (void)left;
        frames_expect();
        if (pid > 0)
            break;
        check_error("fork", pid, ENOMEM);
        failures++;
    }
    check_true("fork allocates", failures > 0);
    check_true("fork works again", try_fork() > 0);
    check_error("no child is left", sys_wait(-1, DEADLINE_POLL).result, ECHILD);
}

static void thread_nothing(uint64_t unused) {
    (void)unused;
}

static int64_t thread_stack;

static int64_t try_thread(void) {
    int64_t tid = sys_thread_create((uint64_t)thread_begin,
                                    (uint64_t)thread_stack + THREAD_STACK,
                                    (uint64_t)thread_nothing, 0);
    if (tid >= 0)
        check_equal("join", sys_thread_join(tid, DEADLINE_NONE).result, 0);
    return tid;
}

static void check_thread(void) {
    thread_stack =
        check_ok("map", sys_map(HANDLE_SELF, 0, THREAD_STACK, RW, -1, 0));
    for (uint64_t i = 0; i < THREAD_STACK; i += PAGE_SIZE)
        store_at((uint64_t)thread_stack + i, 0);
    for (uint64_t n = 1; n < 5; n++) {
        fail_at(n);
        int64_t tid = try_thread();
        fail_off();
        if (tid < 0)
            check_error("thread_create", tid, ENOMEM);
        frames_expect();
    }
    check_ok("thread_create", try_thread());
}

/* ---- Memory ---- */

#define PLACE 0x2340000000ull

static int64_t try_map(void) {
    int64_t at =
        sys_map(HANDLE_SELF, PLACE, 4 * PAGE_SIZE, RW | MAP_FIXED, -1, 0);
    if (at >= 0)
        check_equal("unmap", sys_unmap(HANDLE_SELF, PLACE, 4 * PAGE_SIZE), 0);
    return at;
}

static void check_map(void) {
    for (uint64_t n = 1; n < 6; n++) {
        fail_at(n);
        int64_t at = try_map();
        fail_off();
        if (at < 0)
            check_error("map", at, ENOMEM);
        frames_expect();
    }
    check_equal("map", try_map(), (int64_t)PLACE);
}

/* A page fault that finds no frame kills the process: a definite end. */
static void touch(uint64_t n) {
    int64_t at = check_ok(
        "map", sys_map(HANDLE_SELF, PLACE, PAGE_SIZE, RW | MAP_FIXED, -1, 0));
    fail_at(n);
    store_at((uint64_t)at, 1);
    uint64_t allocations = fail_off();
    sys_exit(allocations < n ? 20 : 21);
}

static void check_fault(void) {
    unsigned killed = 0;
    for (uint64_t n = 1; n < TRIES; n++) {
        int64_t pid = peer_start(touch, n);
        struct sys_pair end = sys_wait(pid, time_after(2000));
        fail_off();
        frames_expect();
        check_equal("wait", end.result, pid);
        if (end.value == 20) {
            check_true("a fault allocates", killed > 0);
            return;
        }
        killed += (int64_t)end.value == STATUS_KILLED;
    }
    check_fail("the sweep has no end", TRIES, 0);
}

static uint8_t page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static void write_shared(uint64_t n) {
    fail_at(n);
    page[0] = 2;
    uint64_t allocations = fail_off();
    check_equal("byte", page[0], 2);
    sys_exit(allocations < n ? 20 : 21);
}

static void check_cow(void) {
    unsigned killed = 0;
    page[0] = 1;
    for (uint64_t n = 1; n < TRIES; n++) {
        int64_t pid = peer_start(write_shared, n);
        struct sys_pair end = sys_wait(pid, time_after(2000));
        fail_off();
        frames_expect();
        check_equal("wait", end.result, pid);
        check_equal("the parent's byte", page[0], 1);
        if (end.value == 20) {
            check_true("a copy allocates", killed > 0);
            return;
        }
        killed += (int64_t)end.value == STATUS_KILLED;
    }
    check_fail("the sweep has no end", TRIES, 0);
}

/* A copy into the client's untouched page needs a frame. */
static struct service service;

static void lazy_client(uint64_t unused) {
    (void)unused;
    int64_t at = check_ok(
        "map", sys_map(HANDLE_SELF, PLACE, PAGE_SIZE, RW | MAP_FIXED, -1, 0));
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    message_item(&m, 0, (uint64_t)at,
                 item_make(PAGE_SIZE, ITEM_WINDOW, ITEM_WRITE));
    check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
    check_equal("byte", load_at((uint64_t)at), 'x');
}

static void check_copy(void) {
    static const char text[16] = "xyz";
    service = service_make(1);
    unsigned failures = 0;
    for (uint64_t n = 1; n < TRIES; n++) {
        struct message m;
        int64_t pid = peer_start(lazy_client, 0);
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        fail_at(n);
        struct copy_result got =
            ipc_copy(HANDLE_IMPLICIT, COPY_OUT, 0, text, sizeof(text));
        uint64_t allocations = fail_off();
        frames_expect();
        if (got.error != 0) {
            check_error("copy", got.error, ENOMEM);
            check_equal("bytes", (int64_t)got.done, 0);
            failures++;
            got = ipc_copy(HANDLE_IMPLICIT, COPY_OUT, 0, text, sizeof(text));
        }
        check_equal("copy", got.error, 0);
        check_equal("reply", service_answer(0, 0), 0);
        peer_end(pid);
        if (allocations < n) {
            check_true("a copy allocates", failures > 0);
            return;
        }
    }
    check_fail("the sweep has no end", TRIES, 0);
}

/* ---- exec ---- */

static void exec_true(uint64_t n) {
    static char name[] = "true";
    char *argv[] = {name, 0};
    fail_at(n);
    int result = exec("/true", argv);
    fail_off();
    check_equal("a failed exec returns", result, -1);
    sys_exit(30);
}

/* Every failure on the way to a new program: the caller is told or the new
 * program dies; servers go on. */
static void check_exec(void) {
    unsigned refused = 0;
    for (uint64_t n = 1; n < TRIES; n++) {
        int64_t pid = peer_start(exec_true, n);
        struct sys_pair end = sys_wait(pid, time_after(4000));
        uint64_t allocations = fail_off();
        frames_expect();
        check_equal("wait", end.result, pid);
        refused += end.value == 30;
        if (end.value == 0 && allocations < n)
            break;
    }
    check_true("exec was refused at least once", refused > 0);
    fail_off();
    static char name[] = "true";
    char *argv[] = {name, 0};
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0) {
        exec("/true", argv);
        sys_exit(31);
    }
    peer_end(pid);
}

/* Without debug=1 nobody can make allocations fail. */
static void check_refused(void) {
    if (sys_system_info(INFO_FEATURES, 0).value[0] & FEATURE_TESTS) {
        check_error("unknown operation", sys_debug(99, 0).result, EINVAL);
        check_error("unknown counter",
                    sys_debug(DEBUG_COUNTER, COUNTER_MAX).result, EINVAL);
        return;
    }
    check_error("fail_alloc", sys_debug(DEBUG_FAIL_ALLOC, 1).result, EPERM);
    check_error("check_frames", sys_debug(DEBUG_CHECK_FRAMES, 0).result, EPERM);
    check_error("counter", sys_debug(DEBUG_COUNTER, 0).result, EPERM);
}

static const struct check checks[] = {
    {"objects", "making kernel objects", check_objects},
    {"fork", "fork, at each of its allocations", check_fork},
    {"thread", "thread_create, at each of its allocations", check_thread},
    {"map", "map, at each of its allocations", check_map},
    {"fault", "the first touch of a page, at each allocation", check_fault},
    {"cow", "a write to a shared page, at each allocation", check_cow},
    {"copy", "a copy into an untouched page, at each allocation", check_copy},
    {"exec", "exec, at each allocation of its process", check_exec},
    {"refused",
     "the debug call is refused without debug=1, and checks its "
     "arguments",
     check_refused},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
