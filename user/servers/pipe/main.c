/* SPDX-License-Identifier: MIT */
/*
 * servers/pipe/main.c: the pipe server.
 *
 * Idea        A pipe is two sessions, one for each end. fork and dup copy the
 *             handles; when the last one of an end is closed, wherever it was,
 *             the CLOSED notice says so. The badge of a session names the pipe
 *             and the end.
 * Invariants  All pipes exist from the start. A pipe is used again only when
 *             both its ends have been closed, so a badge is never ambiguous.
 */
#include <stddef.h>

#include "abi/errno.h"
#include "lib/server.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "servers/common/service.h"
#include "servers/pipe/pipe.h"

enum {
    PIPES_MAX = 64,
    BADGE_CREATE = 0,
    BADGE_PIPE = 1 << 8, /* + 2 * pipe + end: an end */
};

static struct pipe pipes[PIPES_MAX];
static uint8_t pages[PIPES_MAX][RING_SIZE];

/* Touches all memory, so that none is asked for later. */
static void pipes_start(void) {
    memset(pages, 0, sizeof(pages));
    for (unsigned i = 0; i < PIPES_MAX; i++)
        pipes[i].ring.data = pages[i];
}

/* Mints the session of an end. */
static int64_t end_mint(int64_t endpoint, unsigned index, enum pipe_end end) {
    return sys_session_mint(endpoint, BADGE_PIPE + 2 * index + end,
                            SERVICE_RIGHTS, SESSION_NOTIFY_CLOSED);
}

/* Moves both ends to the caller. What stays here is closed, and its notice
 * frees the pipe. */
static int64_t ends_hand_out(int64_t read_end, int64_t write_end) {
    struct message m = {.tag = tag_make(0, 0, 2, 0) | tag_move(0) | tag_move(1),
                        .handles = handle_pack(read_end, 0) |
                                   handle_pack(write_end, 1)};
    int64_t error = ipc_reply(HANDLE_IMPLICIT, &m);
    if (error >= 0)
        return SERVICE_LATER;
    sys_handle_close(read_end);
    sys_handle_close(write_end);
    return error;
}

static int64_t pipe_create(int64_t endpoint) {
    unsigned index = 0;
    while (index < PIPES_MAX && !pipe_free(&pipes[index]))
        index++;
    if (index == PIPES_MAX)
        return -ENOSPC;
    int64_t read_end = end_mint(endpoint, index, END_READ);
    if (read_end < 0)
        return read_end;
    /* From here on the notices of the sessions close the ends. */
    pipe_open(&pipes[index]);
    int64_t write_end = end_mint(endpoint, index, END_WRITE);
    if (write_end < 0) {
        pipe_close_end(&pipes[index], END_WRITE);
        sys_handle_close(read_end);
        return write_end;
    }
    return ends_hand_out(read_end, write_end);
}

/* Carries out a read or write at the end that the badge names. */
static int64_t end_handle(struct message *m) {
    unsigned index = (unsigned)(m->badge - BADGE_PIPE) / 2;
    enum pipe_end end = m->badge & 1 ? END_WRITE : END_READ;
    switch (tag_label(m->tag)) {
    case FILE_READ:
        return end == END_READ ? pipe_read(&pipes[index], m) : -EPERM;
    case FILE_WRITE:
        return end == END_WRITE ? pipe_write(&pipes[index], m) : -EPERM;
    case FILE_STAT:
    case FILE_CONTROL:
        return -EINVAL;
    default:
        return -ENOSYS;
    }
}

/* Frees places of dead waiters once when there are too many, and tries again.
 */
static int64_t end_call(struct message *m) {
    int64_t label = end_handle(m);
    if (label != -EAGAIN)
        return label;
    for (unsigned i = 0; i < PIPES_MAX; i++)
        pipe_drop_gone(&pipes[i]);
    return end_handle(m);
}

static int64_t message_handle(int64_t endpoint, struct message *m) {
    switch (tag_kind(m->tag)) {
    case MESSAGE_CALL:
        if (m->badge != BADGE_CREATE)
            return end_call(m);
        return tag_label(m->tag) == PIPE_CREATE ? pipe_create(endpoint)
                                                : -ENOSYS;
    case MESSAGE_CLOSED:
        pipe_close_end(&pipes[(m->badge - BADGE_PIPE) / 2],
                       m->badge & 1 ? END_WRITE : END_READ);
        return SERVICE_LATER;
    default:
        return SERVICE_LATER;
    }
}

int main(void) {
    pipes_start();
    int64_t endpoint = server_open(NAME_PIPE, SERVICE_RIGHTS);
    if (endpoint < 0)
        service_fail("pipe", "cannot register", endpoint);
    struct message m;
    for (int64_t label = SERVICE_LATER;; label = message_handle(endpoint, &m))
        service_next(endpoint, label, &m);
}
