/* SPDX-License-Identifier: MIT */
/*
 * lib/server.h: what the main function of a server has in common with others.
 *
 * Use         int64_t endpoint = server_open("pipe", RIGHT_SEND | RIGHT_PASS |
 *                                                        RIGHT_GRANT);
 *             struct message m;
 *             int64_t error = ipc_recv(endpoint, &m, DEADLINE_NONE);
 *             for (;;) {
 *                 ... look at tag_kind(m.tag), tag_label(m.tag), m.badge
 *                 message_answer(&m, result, words);
 *                 error = ipc_reply_recv(endpoint, &m, DEADLINE_NONE);
 *             }
 */
#ifndef OCTAVO_LIB_SERVER_H
#define OCTAVO_LIB_SERVER_H

#include <stdint.h>

#include "lib/ipc.h"

/*
 * Makes an endpoint and registers a session with badge 0 and these rights
 * (PASS and GRANT among them) under the name, for as long as the process
 * lives. Returns the endpoint. Errors of SYS_ENDPOINT_CREATE,
 * SYS_SESSION_MINT and names_register(); then nothing is left behind.
 */
int64_t server_open(const char *name, unsigned rights);

/* Makes *m a reply: a label (a count or a negative errno) and the first
 * `words` words of it. */
static inline void message_answer(struct message *m, int64_t label,
                                  unsigned words) {
    m->tag = tag_make((int32_t)label, words, 0, 0);
}

/* Makes *m a reply that moves one handle to the caller, and words. */
static inline void message_answer_handle(struct message *m, int64_t handle,
                                         unsigned words) {
    m->tag = tag_make(0, words, 1, 0) | tag_move(0);
    m->handles = handle_pack(handle, 0);
}

#endif
