/* SPDX-License-Identifier: MIT */
/*
 * bench/common/server.h: the server at the other side of measured calls.
 *
 * Idea        A process that answers in a loop of four instructions. Calls by
 *             its first session are measured; a call by its second one, which
 *             has another badge, leaves the loop for C, where the server puts
 *             away what it has received: between the rounds, so that nobody
 *             counts it.
 * Use         struct server server = server_start(&kind);
 *             ... cost_call(server.session, ...); server_clean(&server); ...
 *             server_end(&server);
 */
#ifndef OCTAVO_BENCH_COMMON_SERVER_H
#define OCTAVO_BENCH_COMMON_SERVER_H

#include <stdint.h>

#include "lib/ipc.h"

struct server {
    int64_t pid;
    int64_t session; /* what comes by it is answered at once */
    int64_t control;
};

/* A server that receives more than words; its replies are empty. */
struct server_kind {
    void (*serve)(int64_t endpoint); /* NULL: take what comes, with these: */
    void (*accept)(void);            /* before the first call */
    void (*clean)(uint64_t base);    /* base: of the newest memory item */
};

/* Starts a server; NULL: it echoes words and receives nothing else. */
struct server server_start(const struct server_kind *kind);

/* Has it clean up. */
void server_clean(const struct server *server);

/* Ends it. */
void server_end(const struct server *server);

/* Answers calls on the endpoint with what came, and never returns. */
void server_echo(int64_t endpoint);

#endif
