/* SPDX-License-Identifier: MIT */
/*
 * servers/common/service.h: what every server does alike.
 *
 * Idea        A server is one thread and one endpoint: receive, work, answer.
 *             A handler returns the label to answer with, or says that the
 *             reply is in the message's place (SERVICE_MESSAGE) or has been
 *             given or saved (SERVICE_LATER).
 * Use         int64_t endpoint = server_open(NAME_PIPE, SERVICE_RIGHTS);
 *             if (endpoint < 0)
 *                 service_fail("pipe", "cannot register", endpoint);
 *             struct message m;
 *             for (int64_t label = SERVICE_LATER;; label = handle(&m))
 *                 service_next(endpoint, label, &m);
 * Invariants  A server that cannot start says why and ends: init starts it
 *             again.
 */
#ifndef OCTAVO_COMMON_SERVICE_H
#define OCTAVO_COMMON_SERVICE_H

#include <stdint.h>

#include "abi/errno.h"
#include "lib/ipc.h"

/* What a handler returns beside labels. */
enum {
    SERVICE_LATER = INT32_MIN,       /* nothing is to be answered now */
    SERVICE_MESSAGE = INT32_MIN + 1, /* *m has become the reply */
};

/* Rights of a session that programs hold and hand on. */
enum { SERVICE_RIGHTS = RIGHT_SEND | RIGHT_PASS | RIGHT_GRANT | RIGHT_INHERIT };

/* Ends the server, with a line "NAME: WHAT (error N)" if there is a console to
 * write it to. */
void __attribute__((noreturn))
service_fail(const char *name, const char *what, int64_t error);

/* Answers a call with a label alone. A caller that is gone, or a reply that
 * cannot be given, is the same to a server: the reply is over. */
void service_reply(int64_t reply, int64_t label);

/* Whether the caller of a saved reply still waits for it. */
int service_waits(int64_t reply);

/* What a client is told when SYS_COPY failed: the memory is its own. */
static inline int64_t service_copy_error(int64_t error) {
    return error == -EPFAULT ? -EFAULT : error;
}

/*
 * Brings the bytes of a DIR_ request's path or paths to `to`, which has room
 * for PROTO_PATH_MAX. ENAMETOOLONG; EINVAL: there is a NUL among them, or they
 * are neither in the message nor in a window. Errors of SYS_COPY.
 */
int64_t service_path(const struct message *m, uint64_t length, char *to);

/*
 * Answers the newest call as a handler's value asks, and receives the next
 * message into *m. Returns only with a message; ends the server when its
 * endpoint is gone.
 */
void service_next(int64_t endpoint, int64_t label, struct message *m);

#endif
