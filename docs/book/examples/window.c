/* SPDX-License-Identifier: MIT */
/*
 * window.c: what a copy says when it stops. For chapter 10 of the book.
 *
 * The child opens a window of 10,000 bytes, readable, over three pages. The
 * parent, its server, copies from it: error and count of each attempt.
 */
#include <stdbool.h>

#include "abi/layout.h"
#include "lib/error.h"
#include "lib/ipc.h"
#include "lib/syscall.h"
#include "posix/posix.h"

enum { WINDOW = 10000, START = 100 };

static char buffer[4 * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static void attempt(const char *what, unsigned flags, uint64_t offset,
                    const void *local, uint64_t length) {
    struct copy_result result =
        ipc_copy(HANDLE_IMPLICIT, flags, offset, local, length);
    printf("%s: %s, %lu bytes\n", what,
           result.error ? error_text(result.error) : "done", result.done);
}

static void client(int64_t session, bool hole) {
    char *memory = sbrk(3 * PAGE_SIZE);
    memory[0] = 1;
    if (hole)
        sys_unmap(HANDLE_SELF, (uint64_t)memory + PAGE_SIZE, PAGE_SIZE);
    struct message m = {.tag = tag_make(0, 0, 0, 1)};
    message_item(&m, 0, (uint64_t)memory + START,
                 item_make(WINDOW, ITEM_WINDOW, ITEM_READ));
    ipc_call(session, &m, DEADLINE_NONE);
    exit(0);
}

static void serve(int64_t endpoint) {
    struct message m;
    ipc_recv(endpoint, &m, DEADLINE_NONE);
}

static void answer(void) {
    struct message m = {.tag = 0};
    ipc_reply(HANDLE_IMPLICIT, &m);
    wait(NULL);
}

int main(void) {
    int64_t endpoint = sys_endpoint_create();
    int64_t session =
        sys_session_mint(endpoint, 1, RIGHT_SEND | RIGHT_INHERIT, 0);
    attempt("nobody calls", COPY_IN, 0, buffer, 8);
    if (fork() == 0)
        client(session, false);
    serve(endpoint);
    attempt("all of it", COPY_IN, 0, buffer, WINDOW);
    attempt("more than there is", COPY_IN, 9000, buffer, 5000);
    attempt("from its end", COPY_IN, WINDOW, buffer, 1);
    attempt("from behind its end", COPY_IN, WINDOW + 1, buffer, 1);
    attempt("nothing, from its end", COPY_IN, WINDOW, buffer, 0);
    attempt("the other direction", COPY_OUT, 0, buffer, 8);
    attempt("both directions", COPY_IN | COPY_OUT, 0, buffer, 8);
    attempt("to a constant", COPY_IN, 0, "constant", 8);
    attempt("window number 1", COPY_IN | 1, 0, buffer, 8);
    answer();
    if (fork() == 0)
        client(session, true);
    serve(endpoint);
    attempt("a hole in the window", COPY_IN, 0, buffer, WINDOW);
    attempt("no page made for it", COPY_IN | COPY_NOFAULT, 8192, buffer, 8);
    answer();
    attempt("after the reply", COPY_IN, 0, buffer, 8);
    return 0;
}
