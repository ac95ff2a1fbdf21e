/* SPDX-License-Identifier: MIT */
/*
 * lib/ipc.h: messages as C sees them.
 *
 * Idea        A message is fifteen registers (abi/message.h). The stubs load
 *             them from a struct message, trap, and store what came back into
 *             the same struct. Errors of each call: abi/syscall.h.
 * Use         struct message m = {.tag = tag_make(FILE_STAT, 0, 0, 0)};
 *             int64_t error = ipc_call(fd, &m, DEADLINE_NONE);
 *             if (error < 0) return error;     the call itself failed
 *             if (tag_label(m.tag) < 0) ...    the server said no
 * Invariants  A stub returns 0 or a negative errno; then *m is as it was, so
 *             that a failed call can be made again. Words beyond the tag's
 *             count are sent as zero, whatever the struct holds: nothing left
 *             on a stack leaks. (With two or more items the words carry items
 *             too, and all eight are sent as they are.) `handles`, `item_base`
 *             and `item_desc` are sent only when the tag's low half is more
 *             than a word count.
 */
#ifndef OCTAVO_LIB_IPC_H
#define OCTAVO_LIB_IPC_H

#include <stdint.h>

#include "abi/handle.h"
#include "abi/message.h"
#include "abi/syscall.h"

/* */
struct message {
    uint64_t tag;
    uint64_t badge; /* out: of the sender's session */
    uint64_t words[MESSAGE_WORDS];
    uint64_t handles;   /* four times 16 bits: handle_pack(), handle_at() */
    uint64_t item_base; /* memory item 0 */
    uint64_t item_desc;
};

/* What SYS_COPY returns. */
struct copy_result {
    int64_t error; /* 0 or a negative errno */
    uint64_t done; /* bytes copied, exact even on an error */
};

/* Sends *m and waits; *m becomes the reply. `deadline` covers both. */
int64_t ipc_call(int64_t session, struct message *m, uint64_t deadline);

/* Sends *m one way, once a receiver takes it. */
int64_t ipc_send(int64_t session, const struct message *m, uint64_t deadline);

/* Waits for a message, a CLOSED notice or a signal: tag_kind() tells. */
int64_t ipc_recv(int64_t endpoint, struct message *m, uint64_t deadline);

/* Answers the newest call (HANDLE_IMPLICIT) or a saved one, which closes the
 * handle. */
int64_t ipc_reply(int64_t reply, const struct message *m);

/* Answers the newest call with *m, if one is owed, and receives into *m. */
int64_t ipc_reply_recv(int64_t endpoint, struct message *m, uint64_t deadline);

/* Returns a handle for the newest call's reply, to be answered later. */
int64_t ipc_reply_save(void);

/*
 * Copies `length` bytes between `local` and offset `offset` of a WINDOW item of
 * the open call `handle` (HANDLE_IMPLICIT or a saved reply), or between `local`
 * and address `offset` of the space `handle`. what: the item's index, COPY_IN
 * or COPY_OUT, and COPY_NOFAULT if wanted. COPY_IN writes to `local`.
 */
struct copy_result ipc_copy(int64_t handle, unsigned what, uint64_t offset,
                            const void *local, uint64_t length);

/* Transfers the memory items of *m (MOVE, SHARE, COW) into the space, or with
 * HANDLE_SELF within one's own, to words[0], one behind the other; 0: anywhere.
 * Their bases in *m become what they are there. */
int64_t ipc_transfer(int64_t space, struct message *m);

/* Handle number `index` (0..3) of a packed four. */
static inline unsigned handle_at(uint64_t handles, unsigned index) {
    return (handles >> (16 * index)) & 0xffff;
}

/* `handle` as number `index` of a packed four: OR them together. */
static inline uint64_t handle_pack(int64_t handle, unsigned index) {
    return ((uint64_t)handle & 0xffff) << (16 * index);
}

/* The tag's bit that moves handle `index` instead of copying it. */
static inline uint64_t tag_move(unsigned index) {
    return 1ull << (TAG_MOVE_SHIFT + index);
}

/* Sets memory item `index` of *m; items 1 to 3 take the place of words. The
 * tag's count of items is the caller's. */
static inline void message_item(struct message *m, unsigned index,
                                uint64_t base, uint64_t desc) {
    if (index == 0) {
        m->item_base = base;
        m->item_desc = desc;
        return;
    }
    m->words[MESSAGE_WORDS - 2 * index] = base;
    m->words[MESSAGE_WORDS - 2 * index + 1] = desc;
}

/*
 * The call without a struct: words alone, in registers alone. `words` is in
 * and out; when it is a local array with constant indexes the compiler keeps
 * it in registers too. All eight are sent: clear what the tag does not count.
 * *tag is in and out, and must carry a label and a word count only.
 */
static inline int64_t ipc_call_words(int64_t session, uint64_t *tag,
                                     uint64_t words[MESSAGE_WORDS]) {
    register int64_t a7 __asm__("a7") = SYS_CALL;
    register int64_t a0 __asm__("a0") = session;
    register uint64_t a1 __asm__("a1") = *tag;
    register uint64_t a2 __asm__("a2") = words[0];
    register uint64_t a3 __asm__("a3") = words[1];
    register uint64_t a4 __asm__("a4") = words[2];
    register uint64_t a5 __asm__("a5") = words[3];
    register uint64_t a6 __asm__("a6") = words[4];
    register uint64_t t0 __asm__("t0") = words[5];
    register uint64_t t1 __asm__("t1") = words[6];
    register uint64_t t2 __asm__("t2") = words[7];
    register uint64_t t3 __asm__("t3") = 0;
    register uint64_t t4 __asm__("t4") = 0;
    register uint64_t t5 __asm__("t5") = 0;
    register uint64_t t6 __asm__("t6") = DEADLINE_NONE;
    __asm__ volatile("ecall"
                     : "+r"(a7), "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3),
                       "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1),
                       "+r"(t2), "+r"(t3), "+r"(t4), "+r"(t5), "+r"(t6)
                     :
                     : "memory");
    *tag = a1;
    words[0] = a2;
    words[1] = a3;
    words[2] = a4;
    words[3] = a5;
    words[4] = a6;
    words[5] = t0;
    words[6] = t1;
    words[7] = t2;
    return a0;
}

#endif
