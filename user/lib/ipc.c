/* SPDX-License-Identifier: MIT */
/*
 * lib/ipc.c: the message stubs.
 *
 * Idea        All five message calls use the same registers, so there is one
 *             trap for them: load, ecall, store. It is inlined into each stub,
 *             where the parts that the call has no use for fall away.
 * Invariants  Registers that carry nothing are zero: words beyond the count,
 *             and handles and items that the tag does not announce.
 */
#include "lib/ipc.h"

#include <stddef.h>

#include "lib/syscall.h"

/* The words of a message as locals, so that they can live in registers. */
struct words {
    uint64_t m0, m1, m2, m3, m4, m5, m6, m7;
};

/* The words that count. With two or more items they all do. */
static inline __attribute__((always_inline)) struct words
words_load(const struct message *m) {
    struct words w = {0};
    switch (tag_items(m->tag) > 1 ? MESSAGE_WORDS : tag_words(m->tag)) {
    default:
        w.m7 = m->words[7];
        __attribute__((fallthrough));
    case 7:
        w.m6 = m->words[6];
        __attribute__((fallthrough));
    case 6:
        w.m5 = m->words[5];
        __attribute__((fallthrough));
    case 5:
        w.m4 = m->words[4];
        __attribute__((fallthrough));
    case 4:
        w.m3 = m->words[3];
        __attribute__((fallthrough));
    case 3:
        w.m2 = m->words[2];
        __attribute__((fallthrough));
    case 2:
        w.m1 = m->words[1];
        __attribute__((fallthrough));
    case 1:
        w.m0 = m->words[0];
        __attribute__((fallthrough));
    case 0:
        return w;
    }
}

/* in: what is sent, or NULL. out: where the result goes, or NULL. */
static inline __attribute__((always_inline)) int64_t
message_trap(int64_t number, int64_t handle, const struct message *in,
             struct message *out, uint64_t deadline) {
    struct words w = in != NULL ? words_load(in) : (struct words){0};
    int plain = in == NULL || (uint32_t)in->tag <= MESSAGE_WORDS;
    register int64_t a7 __asm__("a7") = number;
    register int64_t a0 __asm__("a0") = handle;
    register uint64_t a1 __asm__("a1") = in != NULL ? in->tag : 0;
    register uint64_t a2 __asm__("a2") = w.m0;
    register uint64_t a3 __asm__("a3") = w.m1;
    register uint64_t a4 __asm__("a4") = w.m2;
    register uint64_t a5 __asm__("a5") = w.m3;
    register uint64_t a6 __asm__("a6") = w.m4;
    register uint64_t t0 __asm__("t0") = w.m5;
    register uint64_t t1 __asm__("t1") = w.m6;
    register uint64_t t2 __asm__("t2") = w.m7;
    register uint64_t t3 __asm__("t3") = plain ? 0 : in->handles;
    register uint64_t t4 __asm__("t4") = plain ? 0 : in->item_base;
    register uint64_t t5 __asm__("t5") = plain ? 0 : in->item_desc;
    register uint64_t t6 __asm__("t6") = deadline;
    __asm__ volatile("ecall"
                     : "+r"(a7), "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3),
                       "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1),
                       "+r"(t2), "+r"(t3), "+r"(t4), "+r"(t5), "+r"(t6)
                     :
                     : "memory");
    if (out != NULL && a0 >= 0)
        *out = (struct message){
            a1, (uint64_t)a7, {a2, a3, a4, a5, a6, t0, t1, t2}, t3, t4, t5};
    return a0;
}

int64_t ipc_call(int64_t session, struct message *m, uint64_t deadline) {
    return message_trap(SYS_CALL, session, m, m, deadline);
}

int64_t ipc_send(int64_t session, const struct message *m, uint64_t deadline) {
    return message_trap(SYS_SEND, session, m, NULL, deadline);
}

int64_t ipc_recv(int64_t endpoint, struct message *m, uint64_t deadline) {
    return message_trap(SYS_RECV, endpoint, NULL, m, deadline);
}

int64_t ipc_reply(int64_t reply, const struct message *m) {
    return message_trap(SYS_REPLY, reply, m, NULL, DEADLINE_NONE);
}

int64_t ipc_reply_recv(int64_t endpoint, struct message *m, uint64_t deadline) {
    return message_trap(SYS_REPLY_RECV, endpoint, m, m, deadline);
}

int64_t ipc_reply_save(void) {
    return sys_reply_save();
}

int64_t ipc_transfer(int64_t space, struct message *m) {
    return message_trap(SYS_TRANSFER, space, m, m, DEADLINE_NONE);
}

struct copy_result ipc_copy(int64_t handle, unsigned what, uint64_t offset,
                            const void *local, uint64_t length) {
    register int64_t a7 __asm__("a7") = SYS_COPY;
    register int64_t a0 __asm__("a0") = handle;
    register uint64_t a1 __asm__("a1") = what;
    register uint64_t a2 __asm__("a2") = offset;
    register uint64_t a3 __asm__("a3") = (uint64_t)local;
    register uint64_t a4 __asm__("a4") = length;
    register uint64_t a5 __asm__("a5") = 0;
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4),
                       "+r"(a5)
                     : "r"(a7)
                     : "memory");
    return (struct copy_result){a0, a1};
}
