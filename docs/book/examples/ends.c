/* SPDX-License-Identifier: MIT */
/*
 * ends.c: the ways in which a call ends. For chapter 7 of the book.
 *
 * The parent is the server, the child calls it. A word in the message says
 * what the server is to do.
 */
#include "lib/error.h"
#include "lib/ipc.h"
#include "lib/syscall.h"
#include "posix/posix.h"

enum { ANSWER, TOO_LATE, TWICE, DIE };

static uint64_t soon(void) {
    return time_now() + 100000; /* 10 ms */
}

static void call(int64_t session, uint64_t word, uint64_t deadline,
                 const char *what) {
    struct message m = {.tag = tag_make(0, 1, 0, 0), .words = {word}};
    int64_t error = ipc_call(session, &m, deadline);
    printf("client: %s: %s\n", what,
           error < 0 ? error_text(error) : "answered");
}

static void client(int64_t session) {
    call(session, ANSWER, DEADLINE_POLL, "nobody receives yet, and no wait");
    call(session, ANSWER, soon(), "nobody receives in time");
    sleep(5);
    call(session, ANSWER, soon(), "the server receives");
    call(session, TOO_LATE, soon(), "received, and no reply in time");
    call(session, TWICE, DEADLINE_NONE, "a server that replies twice");
    call(session, DIE, DEADLINE_NONE, "a server that dies");
    call(session, ANSWER, DEADLINE_NONE, "a server that is dead");
    exit(0);
}

static void server(int64_t endpoint) {
    struct message m;
    sleep(4);
    for (;;) {
        ipc_recv(endpoint, &m, DEADLINE_NONE);
        uint64_t word = m.words[0];
        if (word == DIE)
            exit(0);
        if (word == TOO_LATE)
            sleep(3);
        m.tag = tag_make(0, 0, 0, 0);
        if (word == TWICE)
            printf("server: receive, and still owe a reply: %s\n",
                   error_text(ipc_recv(endpoint, &m, DEADLINE_NONE)));
        m.tag = tag_make(0, 0, 0, 0);
        int64_t error = ipc_reply(HANDLE_IMPLICIT, &m);
        if (word == TOO_LATE)
            printf("server: reply, too late: %s\n", error_text(error));
        if (word == TWICE)
            printf("server: reply again: %s\n",
                   error_text(ipc_reply(HANDLE_IMPLICIT, &m)));
    }
}

int main(void) {
    if (fork() == 0) {
        int64_t endpoint = sys_endpoint_create();
        int64_t session =
            sys_session_mint(endpoint, 1, RIGHT_SEND | RIGHT_INHERIT, 0);
        if (fork() == 0)
            client(session);
        server(endpoint);
    }
    wait(NULL);
    sleep(3);
    return 0;
}
