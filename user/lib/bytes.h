/* SPDX-License-Identifier: MIT */
/*
 * lib/bytes.h: a message with any number of bytes, by the cheapest way.
 *
 * Idea        The client says what it has, the library how it goes:
 *
 *               up to 64 bytes     BYTES_REGISTERS  the message's own words
 *               else               BYTES_COPY       a WINDOW; the server copies
 *               COW_MIN in pages   BYTES_COW        pages, copied when one side
 *                                                   writes
 *               MOVE_MIN in pages, BYTES_MOVE       pages leave
 *                 given away
 *
 *             Only pages that the bytes cover in full are transferred. What is
 *             left at the two ends is copied into zeroed pages that go with
 *             them, so that nothing else on those pages is seen or lost:
 *
 *                  sender   |...hhhh|iiiiiiii|iiiiiiii|tt......|
 *                               |       |        |      |
 *                             copied   COW or MOVE    copied
 *                               v       v        v      v
 *                  receiver |000hhhh|iiiiiiii|iiiiiiii|tt000000|
 *
 *             The server sees one range, whatever the way was.
 * Use         client:
 *               struct bytes_result result;
 *               error = msg_send_bytes(session, OPERATION, data, length, 0,
 *                                      &result);
 *             server:
 *               static struct bytes in;
 *               msg_accept_bytes(&in, 64 * 1024, 0);
 *               for (...; ipc_reply_recv(endpoint, &m, DEADLINE_NONE)) {
 *                   error = msg_recv_bytes(&m, &in);
 *                   if (error == 0) ... in.label, in.data, in.length
 *                   msg_release_bytes(&in);
 *                   message_answer(&m, error, 0);
 *               }
 * Wire        label: the operation, and above BYTES_LABEL_BITS the number of
 *             bytes in words w0 and so on, if there are no items.
 *             One item, WINDOW and READ: w0 = place of the first byte within
 *             its page. Else one to three items, MOVE or COW, that make one
 *             range: w0 the same, w1 = number of bytes.
 * Invariants  A transfer that the kernel refuses without effect (rights, lent
 *             or device memory, the receiver's limit or window) is sent again
 *             as a copy: so the way is only ever a matter of cost.
 */
#ifndef OCTAVO_LIB_BYTES_H
#define OCTAVO_LIB_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ipc.h"

/* The edges: fewer bytes than this on whole pages are copied. docs/user.md has
 * the figures that they come from. */
enum {
    BYTES_REGISTERS_MAX = 64, /* bytes in all */
    BYTES_COW_MIN = 12288,    /* of a buffer that the client keeps */
    BYTES_MOVE_MIN = 8192,    /* of one that it gives away */
    /* So much more for each end on a page that is not covered in full: the page
     * for the end costs as much as copying this. */
    BYTES_END_MIN = 8192,
};

enum {
    BYTES_LABEL_BITS = 24,
    BYTES_LABEL_MAX = (1 << BYTES_LABEL_BITS) - 1,
};

enum bytes_way {
    BYTES_NONE = 0, /* there were no bytes */
    BYTES_REGISTERS,
    BYTES_COPY,
    BYTES_COW,
    BYTES_MOVE,
};

/* ---- The client ---- */

enum {
    BYTES_GIVE = 1, /* the caller has no more use for the bytes */
};

/* How they went. */
struct bytes_result {
    enum bytes_way way;
    uint64_t bytes_copied; /* in registers or memory, on either side */
    uint64_t pages_cowed;
    uint64_t pages_moved;
    uint64_t pages_shared; /* COW of pages that the sender cannot write, and so
                              neither can the receiver: none is ever copied */
    struct message reply;
};

/*
 * Calls the session with a label (0..BYTES_LABEL_MAX) and `length` bytes.
 * flags: BYTES_ bits. `result` may be NULL; it is filled when the call was
 * answered, and cleared when it was not.
 * Returns the reply's label, by convention 0, a count or a negative errno; or
 * the error of the call:
 * -EINVAL: the label or flags; the range wraps or leaves user memory. -EFAULT:
 * part of it is not there, or cannot be read. Nothing has been sent then.
 * -ENOMEM, or as SYS_CALL.
 * With BYTES_GIVE the pages that the bytes cover in full are not mapped any
 * more if pages_moved says so (and perhaps after -EPIPE or -ESTALE, when they
 * were with the server as it died), and as they were if not; the partial pages
 * at both ends stay in any case. Give what bytes_alloc returned, or fill the
 * hole with bytes_refill.
 */
int64_t msg_send_bytes(int64_t session, int32_t label, const void *data,
                       size_t length, unsigned flags,
                       struct bytes_result *result);

/* Zero pages to be given away: NULL, or `length` bytes at the start of a page,
 * on pages with nothing else. */
void *bytes_alloc(size_t length);

/* Frees them, whether or not they have been given away. */
void bytes_free(void *data, size_t length);

/*
 * After the bytes have been given away: maps zero pages where pages have left,
 * so that what surrounds them is whole again. Needed before free() of memory
 * from malloc. 0 or -ENOMEM.
 */
int64_t bytes_refill(void *data, size_t length);

/* ---- The server ---- */

/*
 * Where the bytes of messages to one thread arrive, and those of the newest.
 * Zero at first. One object for each thread that receives.
 */
struct bytes {
    /* After msg_recv_bytes: */
    uint8_t *data;      /* NULL without bytes */
    size_t length;      /* in bytes */
    int32_t label;      /* the client's */
    enum bytes_way way; /* how they came */
    bool writable;      /* else they are on pages that can only be read */

    /* Its own: */
    uint64_t words[MESSAGE_WORDS];
    uint64_t window;     /* where transferred pages arrive; 0: not open */
    uint64_t most;       /* bytes in one message: whole pages */
    unsigned handles;    /* that the thread takes with a message */
    uint64_t held;       /* transferred pages that are held */
    uint64_t held_bytes; /* 0: none */
    bool mapped;         /* the pages for copies are there, and zero outside */
    uint64_t used, used_end; /* of this range of them */
};

/*
 * States for the calling thread that it takes messages with up to `most` bytes,
 * rounded up to whole pages, and up to `handles` handles (from slot
 * HANDLE_RECEIVED). Takes the place of SYS_ACCEPT for its receives. From then
 * on every call that it receives goes through msg_recv_bytes, so that pages
 * which came with it are noticed. Longer messages fail with -EMSGSIZE, at the
 * client, and nothing is lost.
 * 0; -EINVAL: `most` is 0 or more than BYTES_MOST, or it is open already.
 * -ENOMEM: no addresses are left.
 */
int64_t msg_accept_bytes(struct bytes *in, size_t most, unsigned handles);

enum { BYTES_MOST = 1 << 30 };

/*
 * After a receive, while the reply is still owed implicitly: finds the bytes
 * of *m. They are at in->data until the next msg_recv_bytes or
 * msg_release_bytes. The place of the first byte within its page is that at the
 * client (but with BYTES_REGISTERS), and the rest of the first and the last
 * page is zero if the client used this library. Whoever else the client shares
 * its memory with may still change bytes that came with BYTES_MOVE: check a
 * copy, not the bytes, where a check must hold.
 * 0; or an error for the reply's label, and nothing is held: -EINVAL: this is
 * not the form of a message with bytes. -EMSGSIZE: too many. -EFAULT: the
 * client's memory went away meanwhile. -EPIPE: the client did. -ENOMEM.
 */
int64_t msg_recv_bytes(const struct message *m, struct bytes *in);

/* Gives the pages back, if there are any, so that there is room for the next
 * message's: pages that do not fit in beside them are copied instead. */
void msg_release_bytes(struct bytes *in);

/* The thread takes no more pages nor handles with messages, and the object
 * holds nothing. */
void msg_close_bytes(struct bytes *in);

#endif
