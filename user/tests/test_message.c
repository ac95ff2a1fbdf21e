/* SPDX-License-Identifier: MIT */
/*
 * tests/test_message.c: what crosses in a message, and what does not.
 *
 * The client is a child process with the inherited session, so that every
 * message crosses address spaces; the check itself is the server.
 */
#include "tests/check.h"
#include "tests/peer.h"
#include "tests/raw.h"

enum { BADGE = 0x1234 };

static struct service service;

/* ---- Words and labels ---- */

static uint64_t word_pattern(unsigned size, unsigned index) {
    return 0x1111111111111111ull * (index + 1) + size;
}

static void size_client(uint64_t size) {
    struct message m = {.tag = tag_make(7, (unsigned)size, 0, 0)};
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        m.words[i] = word_pattern((unsigned)size, i);
    check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
    check_equal("label of the reply", tag_label(m.tag), -9);
    check_equal("words in the reply", tag_words(m.tag), (int64_t)size);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        check_equal("word of the reply", (int64_t)m.words[i],
                    i < size ? (int64_t)~word_pattern((unsigned)size, i) : 0);
}

static void size_serve(unsigned size) {
    struct message m;
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("label", tag_label(m.tag), 7);
    check_equal("words", tag_words(m.tag), size);
    check_equal("badge", (int64_t)m.badge, BADGE);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        check_equal("word", (int64_t)m.words[i],
                    i < size ? (int64_t)word_pattern(size, i) : 0);
        m.words[i] = ~m.words[i];
    }
    m.tag = tag_make(-9, size, 0, 0);
    check_equal("reply", ipc_reply(HANDLE_IMPLICIT, &m), 0);
}

static void check_sizes(void) {
    service = service_make(BADGE);
    for (unsigned size = 0; size <= MESSAGE_WORDS; size++) {
        int64_t pid = peer_start(size_client, size);
        size_serve(size);
        peer_end(pid);
    }
}

static void all_words_client(uint64_t count) {
    uint64_t tag = tag_make(1, (unsigned)count, 0, 0);
    uint64_t words[MESSAGE_WORDS] = {11, 12, 13, 14, 15, 16, 17, 18};
    check_equal("call", ipc_call_words(service.session, &tag, words), 0);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        check_equal("word of the reply", (int64_t)words[i], 21 + i);
}

static void check_all_words(void) {
    service = service_make(BADGE);
    for (unsigned count = 0; count <= MESSAGE_WORDS; count++) {
        struct message m;
        int64_t pid = peer_start(all_words_client, count);
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        for (unsigned i = 0; i < MESSAGE_WORDS; i++)
            check_equal("word", (int64_t)m.words[i], 11 + i);
        struct registers r = {{(uint64_t)HANDLE_IMPLICIT, tag_make(0, 0, 0, 0),
                               21, 22, 23, 24, 25, SYS_REPLY},
                              {26, 27, 28, 0, 0, 0, 0}};
        raw_trap(&r);
        check_equal("reply", (int64_t)r.a[0], 0);
        peer_end(pid);
    }
}

static void zero_client(uint64_t unused) {
    (void)unused;
    struct message m = {.tag = 0};
    check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
    check_equal("tag of the reply", (int64_t)m.tag, 0);
}

static void check_zero(void) {
    struct message m;
    service = service_make(0);
    int64_t pid = peer_start(zero_client, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("tag", (int64_t)m.tag, 0);
    check_equal("badge", (int64_t)m.badge, 0);
    m = (struct message){.tag = 0};
    check_equal("reply", ipc_reply(HANDLE_IMPLICIT, &m), 0);
    peer_end(pid);
}

static const int32_t labels[] = {0, 1, -1, INT32_MAX, INT32_MIN, 0x12345678};
enum { LABELS = sizeof(labels) / sizeof(labels[0]) };

static void label_client(uint64_t unused) {
    struct message m;
    (void)unused;
    for (unsigned i = 0; i < LABELS; i++) {
        check_equal("call", service_call(service.session, labels[i], i, &m), 0);
        check_equal("label of the reply", tag_label(m.tag),
                    labels[LABELS - 1 - i]);
    }
}

static void check_labels(void) {
    struct message m;
    service = service_make(BADGE);
    int64_t pid = peer_start(label_client, 0);
    for (unsigned i = 0; i < LABELS; i++) {
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        check_equal("label", tag_label(m.tag), labels[i]);
        check_equal("reply", service_answer(labels[LABELS - 1 - i], 0), 0);
    }
    peer_end(pid);
}

/* ---- Registers ---- */

static void survivors_check(struct registers *r, int64_t result) {
    uint64_t survivors[SURVIVORS];
    for (unsigned i = 0; i < SURVIVORS; i++)
        survivors[i] = SURVIVOR_BASE + i;
    raw_trap_survivors(r, survivors);
    check_equal("result", (int64_t)r->a[0], result);
    for (unsigned i = 0; i < SURVIVORS; i++)
        check_equal("register (s1-s11, ra, gp, tp)", (int64_t)survivors[i],
                    SURVIVOR_BASE + (int64_t)i);
}

static void registers_client(uint64_t unused) {
    (void)unused;
    for (unsigned i = 0; i < 3; i++) {
        struct registers r = {{(uint64_t)service.session, tag_make(1, 8, 0, 0),
                               1, 2, 3, 4, 5, SYS_CALL},
                              {6, 7, 8, 0, 0, 0, 0}};
        survivors_check(&r, 0);
    }
    struct registers r = {{(uint64_t)service.session, tag_make(1, 8, 0, 0), 1,
                           2, 3, 4, 5, SYS_SEND},
                          {6, 7, 8, 0, 0, 0, 0}};
    survivors_check(&r, 0);
}

static void check_registers(void) {
    service = service_make(BADGE);
    int64_t pid = peer_start(registers_client, 0);
    struct registers r = {
        {(uint64_t)service.endpoint, 0, 0, 0, 0, 0, 0, SYS_RECV}, {0}};
    survivors_check(&r, 0);
    for (unsigned i = 0; i < 2; i++) {
        r.a[0] = (uint64_t)service.endpoint;
        r.a[7] = SYS_REPLY_RECV;
        survivors_check(&r, 0);
    }
    r.a[0] = (uint64_t)HANDLE_IMPLICIT;
    r.a[7] = SYS_REPLY;
    survivors_check(&r, 0);
    r.a[0] = (uint64_t)service.endpoint;
    r.a[7] = SYS_RECV;
    survivors_check(&r, 0);
    peer_end(pid);
}

static void check_plain_calls(void) {
    static const uint64_t calls[] = {SYS_GETPID, SYS_UPTIME, SYS_YIELD,
                                     SYS_SLEEP};
    for (unsigned c = 0; c < sizeof(calls) / sizeof(calls[0]); c++) {
        struct registers r = {{0, 101, 102, 103, 104, 105, 106, calls[c]},
                              {200, 201, 202, 203, 204, 205, 206}};
        r.a[0] = calls[c] == SYS_SLEEP ? time_after(2) : 0;
        raw_trap(&r);
        for (unsigned i = 1; i < 7; i++)
            check_equal("argument register", (int64_t)r.a[i], 100 + i);
        check_equal("a7", (int64_t)r.a[7], (int64_t)calls[c]);
        for (unsigned i = 0; i < 7; i++)
            check_equal("temporary register", (int64_t)r.t[i], 200 + i);
    }
}

static void failure_clears(uint64_t number, uint64_t handle, int error) {
    struct registers r = {{handle, tag_make(1, 8, 0, 0), 1, 2, 3, 4, 5, number},
                          {6, 7, 8, 9, 10, 11, DEADLINE_POLL}};
    if (number == SYS_RECV || number == SYS_REPLY_RECV)
        r.t[3] = r.t[4] = r.t[5] = 0;
    raw_trap(&r);
    check_error("message call", (int64_t)r.a[0], error);
    for (unsigned i = 1; i < 8; i++)
        check_equal("register a1-a7 after a failure", (int64_t)r.a[i], 0);
    for (unsigned i = 0; i < 7; i++)
        check_equal("register t0-t6 after a failure", (int64_t)r.t[i], 0);
}

static void check_failure_clears(void) {
    service = service_make(BADGE);
    failure_clears(SYS_CALL, 99, EBADF);
    failure_clears(SYS_SEND, 99, EBADF);
    failure_clears(SYS_RECV, 99, EBADF);
    failure_clears(SYS_REPLY, 99, EBADF);
    failure_clears(SYS_CALL, (uint64_t)service.session, EAGAIN);
    failure_clears(SYS_SEND, (uint64_t)service.session, EAGAIN);
    failure_clears(SYS_RECV, (uint64_t)service.endpoint, EAGAIN);
}

static void check_empty_registers(void) {
    service = service_make(BADGE);
    int64_t pid = peer_start(zero_client, 0);
    struct registers r = {
        {(uint64_t)service.endpoint, 1, 2, 3, 4, 5, 6, SYS_RECV},
        {7, 8, 9, 10, 11, 12, 0}};
    raw_trap(&r);
    check_equal("recv", (int64_t)r.a[0], 0);
    check_equal("badge", (int64_t)r.a[7], BADGE);
    for (unsigned i = 1; i < 7; i++)
        check_equal("register a1-a6 of an empty message", (int64_t)r.a[i], 0);
    for (unsigned i = 0; i < 7; i++)
        check_equal("register t0-t6 of an empty message", (int64_t)r.t[i], 0);
    struct message m = {.tag = 0};
    check_equal("reply", ipc_reply(HANDLE_IMPLICIT, &m), 0);
    peer_end(pid);
}

/* ---- Identity and kind ---- */

static void badge_client(uint64_t session) {
    struct message m = {.badge = 666, .tag = tag_make(0, 1, 0, 0)};
    m.words[0] = 666;
    check_equal("call", ipc_call((int64_t)session, &m, DEADLINE_NONE), 0);
}

static void check_badges(void) {
    static const uint64_t badges[] = {
        0, 1, 666, UINT64_MAX, 1ull << 63, 0x123456789abcdef0ull};
    struct message m;
    service = service_make(BADGE);
    for (unsigned i = 0; i < sizeof(badges) / sizeof(badges[0]); i++) {
        int64_t session = session_make(service.endpoint, badges[i]);
        int64_t pid = peer_start(badge_client, (uint64_t)session);
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        check_equal("badge", (int64_t)m.badge, (int64_t)badges[i]);
        check_equal("reply", service_answer(0, 0), 0);
        peer_end(pid);
    }
}

static void kind_client(uint64_t unused) {
    struct message m = {.tag = tag_make(5, 1, 0, 0), .words = {55}};
    (void)unused;
    check_equal("send", ipc_send(service.session, &m, DEADLINE_NONE), 0);
    m.tag = tag_make(6, 0, 0, 0);
    check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
    check_equal("kind of a reply", tag_kind(m.tag), MESSAGE_CALL);
}

static void check_kinds(void) {
    struct message m;
    service = service_make(BADGE);
    int64_t pid = peer_start(kind_client, 0);
    service_receive(service.endpoint, &m, MESSAGE_SEND);
    check_equal("label of the send", tag_label(m.tag), 5);
    check_equal("word of the send", (int64_t)m.words[0], 55);
    check_error("reply to a send", service_answer(0, 0), ESTALE);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("label of the call", tag_label(m.tag), 6);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(pid);
}

/* ---- Many ---- */

enum { ROUNDS = 500 };

static void round_client(uint64_t unused) {
    struct message m;
    (void)unused;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        check_equal("call", service_call(service.session, 1, i, &m), 0);
        check_equal("answer", (int64_t)m.words[0], (int64_t)(i * 3));
    }
}

static void check_rounds(void) {
    struct message m;
    service = service_make(BADGE);
    int64_t pid = peer_start(round_client, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        check_equal("question", (int64_t)m.words[0], (int64_t)i);
        m = (struct message){.tag = tag_make(0, 1, 0, 0), .words = {i * 3}};
        if (i + 1 < ROUNDS)
            check_equal("reply_recv",
                        ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE), 0);
    }
    check_equal("reply", ipc_reply(HANDLE_IMPLICIT, &m), 0);
    peer_end(pid);
}

static void round_thread(uint64_t endpoint) {
    service_echo((int64_t)endpoint, ROUNDS);
}

static void check_same_space(void) {
    struct message m;
    service = service_make(BADGE);
    int64_t tid = thread_start(round_thread, (uint64_t)service.endpoint);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        check_equal("call", service_call(service.session, 2, i, &m), 0);
        check_equal("answer", (int64_t)m.words[0], (int64_t)i);
    }
    thread_end(tid);
}

static const struct check checks[] = {
    {"sizes", "0 to 8 words cross in both directions, with their count",
     check_sizes},
    {"all_words", "all eight words cross, whatever the count says",
     check_all_words},
    {"zero", "a message of zeros is a message", check_zero},
    {"labels", "labels cross as signed 32-bit numbers", check_labels},
    {"registers", "message calls keep s0-s11, ra, gp and tp", check_registers},
    {"plain_calls", "other calls keep every register but a0",
     check_plain_calls},
    {"failure_clears", "a failed message call leaves zeros in its registers",
     check_failure_clears},
    {"empty_registers", "registers that carry nothing show nothing",
     check_empty_registers},
    {"badges", "the badge is the session's, whatever the sender writes",
     check_badges},
    {"kinds", "the receiver can tell a send from a call", check_kinds},
    {"rounds", "500 calls in a row between two processes", check_rounds},
    {"same_space", "500 calls in a row between two threads", check_same_space},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
