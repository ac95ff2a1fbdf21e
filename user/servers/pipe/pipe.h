/* SPDX-License-Identifier: MIT */
/*
 * servers/pipe/pipe.h: one pipe: a ring, and who waits at its two ends.
 *
 * Idea        A read returns what there is; a write ends when all of it is in
 *             the ring. Who cannot go on waits with a saved reply. Both ends
 *             are pushed forward together by pipe_run(), until neither can
 *             move: bytes go writer -> ring -> reader, in order.
 * States      free -> open (pipe_open) -> one end closed -> free (both closed,
 *             pipe_close_end). Closing the write end lets readers drain the
 *             ring and then see the end of the file; closing the read end
 *             fails writers with EPIPE.
 * Invariants  P1  Readers wait only while the ring is empty and the write end
 *                 open; writers only while it is full and the read end open.
 *             P2  Bytes leave the ring when a reader has them: one that was
 *                 killed while it waited loses none.
 *             P3  All memory is there from the start: a pipe cannot run out of
 *                 it half-way.
 */
#ifndef OCTAVO_PIPE_PIPE_H
#define OCTAVO_PIPE_PIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/ipc.h"
#include "lib/proto.h"
#include "servers/common/ring.h"

enum {
    WAITERS_PER_END = 8,
    WAITERS_MAX = 80, /* at all pipes together: each holds a handle */
};

enum pipe_end { END_READ = 0, END_WRITE = 1, PIPE_ENDS = 2 };

/* One read or write that is under way. */
struct transfer {
    int64_t reply;
    uint64_t length;
    uint64_t done;
    bool window; /* bytes are in the call's window, else in words */
};

/* Who waits at an end, in order of arrival. */
struct queue {
    unsigned count;
    struct transfer transfers[WAITERS_PER_END];
    uint8_t bytes[WAITERS_PER_END][PROTO_INLINE_WRITE]; /* of inline writes */
};

struct pipe {
    bool open[PIPE_ENDS];
    struct ring ring;
    struct queue waiting[PIPE_ENDS];
};

/* Makes a free pipe an open, empty one. */
void pipe_open(struct pipe *pipe);

static inline bool pipe_free(const struct pipe *pipe) {
    return !pipe->open[END_READ] && !pipe->open[END_WRITE];
}

/*
 * Carries out a FILE_READ of the newest call. Returns as a handler does.
 * EINVAL: the message. EFAULT: the client's memory. EAGAIN: too many wait.
 */
int64_t pipe_read(struct pipe *pipe, struct message *m);

/* The same for FILE_WRITE. EPIPE: nobody can read what would be written. */
int64_t pipe_write(struct pipe *pipe, const struct message *m);

/* Forgets waiters whose process is dead. */
void pipe_drop_gone(struct pipe *pipe);

/* The last handle of an end is gone. */
void pipe_close_end(struct pipe *pipe, enum pipe_end end);

#endif
