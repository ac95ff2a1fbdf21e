/* SPDX-License-Identifier: MIT */
/*
 * servers/common/service.c: see service.h.
 */
#include "servers/common/service.h"

#include "abi/errno.h"
#include "lib/names.h"
#include "lib/printf.h"
#include "lib/proto.h"
#include "lib/string.h"
#include "lib/syscall.h"

enum { STATUS_FAILED = 1 };

void service_fail(const char *name, const char *what, int64_t error) {
    int64_t console = names_lookup(NAME_CONSOLE, false);
    if (console >= 0)
        fprintf((int)console, "%s: %s (error %ld)\n", name, what, (long)-error);
    sys_exit(STATUS_FAILED);
}

void service_reply(int64_t reply, int64_t label) {
    struct message m = {.tag = tag_make((int32_t)label, 0, 0, 0)};
    if (ipc_reply(reply, &m) < 0 && reply != HANDLE_IMPLICIT)
        sys_handle_close(reply);
}

int service_waits(int64_t reply) {
    /* EPIPE comes before any complaint about the request itself. */
    return ipc_copy(reply, COPY_IN, 0, 0, 0).error != -EPIPE;
}

int64_t service_path(const struct message *m, uint64_t length, char *to) {
    if (length > PROTO_PATH_MAX)
        return -ENAMETOOLONG;
    if (tag_items(m->tag) > 0) {
        struct copy_result copy =
            ipc_copy(HANDLE_IMPLICIT, COPY_IN, 0, to, length);
        if (copy.error < 0)
            return service_copy_error(copy.error);
    } else if (length <= PROTO_INLINE_PATH) {
        memcpy(to, &m->words[3], length);
    } else {
        return -EINVAL;
    }
    return memchr(to, 0, length) ? -EINVAL : 0;
}

void service_next(int64_t endpoint, int64_t label, struct message *m) {
    int64_t error;
    if (label == SERVICE_LATER) {
        error = ipc_recv(endpoint, m, DEADLINE_NONE);
    } else {
        if (label != SERVICE_MESSAGE)
            m->tag = tag_make((int32_t)label, 0, 0, 0);
        error = ipc_reply_recv(endpoint, m, DEADLINE_NONE);
    }
    if (error < 0)
        sys_exit(STATUS_FAILED);
}
