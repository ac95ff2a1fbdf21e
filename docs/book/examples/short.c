/* SPDX-License-Identifier: MIT */
/*
 * short.c: which calls take the fast path. For chapter 8 of the book.
 *
 * The child answers calls; the parent makes one of each kind, a few times, and
 * asks the kernel how many of these were fast.
 */
#include "lib/ipc.h"
#include "lib/syscall.h"
#include "posix/posix.h"

enum { TIMES = 10 };

static volatile double number = 1;

static uint64_t count(uint64_t counter) {
    return sys_debug(DEBUG_COUNTER, counter).value;
}

static void attempt(const char *what, int64_t session, uint64_t tag,
                    uint64_t deadline) {
    uint64_t slow = count(COUNTER_CALL_SLOW);
    for (int i = 0; i < TIMES; i++) {
        struct message m = {.tag = tag, .handles = handle_pack(session, 0)};
        ipc_call(session, &m, deadline);
    }
    slow = count(COUNTER_CALL_SLOW) - slow;
    printf("%s: %lu fast, %lu slow\n", what, TIMES - slow, slow);
}

static void serve(int64_t endpoint) {
    struct message m = {.tag = 0};
    sys_accept(0, 0, 0, 0, 1, HANDLE_RECEIVED);
    for (;;) {
        ipc_reply_recv(endpoint, &m, DEADLINE_NONE);
        if (tag_handles(m.tag) > 0)
            sys_handle_close((int64_t)handle_at(m.handles, 0));
        m.tag = 0;
    }
}

int main(void) {
    if (fork() == 0) {
        int64_t endpoint = sys_endpoint_create();
        int64_t session = sys_session_mint(
            endpoint, 1, RIGHT_SEND | RIGHT_INHERIT | RIGHT_PASS, 0);
        int server = getpid();
        if (fork() > 0)
            serve(endpoint);
        sleep(1);
        attempt("eight words", session, tag_make(0, 8, 0, 0), DEADLINE_NONE);
        attempt("with a deadline", session, 0, time_now() + 10000000);
        attempt("with a handle", session, tag_make(0, 0, 1, 0), DEADLINE_NONE);
        sys_thread_priority(1, 9);
        attempt("more important than the server", session, 0, DEADLINE_NONE);
        sys_thread_priority(1, 8);
        attempt("as important again", session, 0, DEADLINE_NONE);
        number *= 1.5;
        attempt("after floating point", session, 0, DEADLINE_NONE);
        kill(server);
        exit(0);
    }
    wait(NULL);
    sleep(1);
    return 0;
}
