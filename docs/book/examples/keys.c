/* SPDX-License-Identifier: MIT */
/*
 * keys.c: what handles allow, and how they end. For chapter 6 of the book.
 *
 * A server with one endpoint and two sessions; a child, made by fork, that has
 * copies of what is inheritable, and calls.
 */
#include "lib/error.h"
#include "lib/ipc.h"
#include "lib/syscall.h"
#include "posix/posix.h"

static void describe(const char *what, int64_t handle) {
    struct sys_words info = sys_handle_info(handle);
    printf("%s: handle %ld type %ld rights 0x%lx badge %lu\n", what, handle,
           info.result, info.value[0], info.value[1]);
}

/* In the child: calls until it fails. */
static void client(int64_t session) {
    int64_t error;
    do {
        struct message m = {.tag = 0};
        error = ipc_call(session, &m, DEADLINE_NONE);
    } while (error == 0);
    printf("client: the call ended with %s\n", error_text(error));
    exit(0);
}

int main(void) {
    int64_t endpoint = sys_endpoint_create();
    int64_t seven = sys_session_mint(
        endpoint, 7, RIGHT_SEND | RIGHT_PASS | RIGHT_INHERIT, 0);
    int64_t eight = sys_session_mint(endpoint, 8, RIGHT_SEND, 0);
    int64_t weak = sys_handle_dup(seven, 40, RIGHT_PASS | RIGHT_GRANT, 0);
    describe("endpoint", endpoint);
    describe("session 7", seven);
    describe("session 8", eight);
    describe("a copy of 7", weak);
    struct message m = {.tag = 0};
    printf("a call through the copy: %s\n",
           error_text(ipc_call(weak, &m, DEADLINE_NONE)));
    printf("a copy of the endpoint: %s\n",
           error_text(sys_handle_dup(endpoint, 41, RIGHT_ALL, 0)));
    if (fork() == 0) {
        describe("client: 7", seven);
        printf("client: 8 is %s\n", error_text(sys_handle_info(eight).result));
        client(seven);
    }
    for (int i = 0; i < 3; i++) {
        ipc_reply_recv(endpoint, &m, DEADLINE_NONE);
        printf("server: call %d, badge %lu\n", i, m.badge);
        m.tag = 0;
    }
    printf("server: revoke 7: %ld\n", sys_revoke(seven));
    wait(NULL);
    printf("server: 7 is now %s\n", error_text(sys_handle_info(seven).result));
    printf("server: 8 is of type %ld\n", sys_handle_info(eight).result);
    return 0;
}
