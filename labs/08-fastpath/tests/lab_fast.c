/* SPDX-License-Identifier: MIT */
/*
 * lab_fast.c: what a call and a reply by the short cut carry over, and keep.
 */
#include "lab_fast.h"

enum { ROUNDS = 2000, DEEP = 5, STEPS = 400 };

static void check_call(void) {
    echo_end(echo_start(COUNTER_CALL_SLOW));
}

static void check_reply(void) {
    echo_end(echo_start(COUNTER_REPLY_SLOW));
}

static void client_of(uint64_t slow) {
    expect_fast((enum counter)slow, service.session);
    echo_stop(service.session);
}

/* The same between processes. */
static void between(enum counter slow) {
    service = service_make(BADGE);
    int64_t pid = peer_start(client_of, slow);
    echo_on(service.endpoint);
    peer_end(pid);
}

static void check_call_spaces(void) {
    between(COUNTER_CALL_SLOW);
}

static void check_reply_spaces(void) {
    between(COUNTER_REPLY_SLOW);
}

/* ---- Registers ---- */

static struct registers message_of(uint64_t number, int64_t handle,
                                   uint64_t first) {
    struct registers r = {.a = {(uint64_t)handle, tag_make(-9, 2, 0, 0)}};
    for (unsigned i = 0; i < 5; i++)
        r.a[2 + i] = first + i;
    for (unsigned i = 0; i < 3; i++)
        r.t[i] = first + 5 + i;
    r.a[7] = number;
    return r;
}

static void check_arrived(const struct registers *r, uint64_t first,
                          uint64_t badge) {
    check_equal("a0", (int64_t)r->a[0], 0);
    check_equal("the tag", (int64_t)r->a[1], (int64_t)tag_make(-9, 2, 0, 0));
    for (unsigned i = 0; i < 5; i++)
        check_equal("a word in a2 to a6", (int64_t)r->a[2 + i],
                    (int64_t)(first + i));
    for (unsigned i = 0; i < 3; i++)
        check_equal("a word in t0 to t2", (int64_t)r->t[i],
                    (int64_t)(first + 5 + i));
    check_equal("a7, the badge", (int64_t)r->a[7], (int64_t)badge);
    for (unsigned i = 3; i < 7; i++)
        check_equal("a register that carries nothing", (int64_t)r->t[i], 0);
}

/* A trap, with something in each register that should survive. */
static void trap_surviving(struct registers *r) {
    uint64_t survivors[SURVIVORS];
    for (unsigned i = 0; i < SURVIVORS; i++)
        survivors[i] = SURVIVOR_BASE + i;
    raw_trap_survivors(r, survivors);
    for (unsigned i = 0; i < SURVIVORS; i++)
        check_equal("a register that should survive", (int64_t)survivors[i],
                    SURVIVOR_BASE + i);
}

static void raw_server(uint64_t calls) {
    struct registers r = message_of(SYS_RECV, service.endpoint, 0);
    r.a[1] = 0;
    raw_trap(&r);
    for (uint64_t i = 0; i < calls; i++) {
        check_arrived(&r, i * 100, BADGE);
        r = message_of(SYS_REPLY_RECV, service.endpoint, i * 100 + 50);
        if (i + 1 == calls)
            r.t[6] = DEADLINE_POLL;
        trap_surviving(&r);
    }
    check_error("reply_recv by poll", (int64_t)r.a[0], EAGAIN);
}

/* Calls in which each register is looked at; hardly any is slow. */
static void raw_calls(enum counter slow) {
    uint64_t before = 0;
    service = service_make(BADGE);
    int64_t tid = thread_start(raw_server, TIMES);
    for (uint64_t i = 0; i < TIMES; i++) {
        if (i == WARM)
            before = counter_of(slow);
        struct registers r = message_of(SYS_CALL, service.session, i * 100);
        trap_surviving(&r);
        check_arrived(&r, i * 100 + 50, 0);
    }
    check_true("these calls take the fast path",
               counter_of(slow) - before <= FEW);
    thread_end(tid);
}

static void check_call_registers(void) {
    raw_calls(COUNTER_CALL_SLOW);
}

static void check_reply_registers(void) {
    raw_calls(COUNTER_REPLY_SLOW);
}

/* ---- Who is who ---- */

/* Each session has its badge, whoever called before. */
static void badge_server(uint64_t unused) {
    struct message m;
    (void)unused;
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    while (tag_label(m.tag) != LABEL_STOP) {
        m = (struct message){.tag = tag_make(0, 1, 0, 0), .words = {m.badge}};
        check_equal("reply_recv",
                    ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE), 0);
    }
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_badges(void) {
    echo_end(echo_start(COUNTER_CALL_SLOW));
    service = service_make(BADGE);
    int64_t tid = thread_start(badge_server, 0);
    int64_t others[4];
    for (unsigned i = 0; i < 4; i++)
        others[i] = session_make(service.endpoint, 1000 + i);
    for (unsigned i = 0; i < TIMES; i++) {
        struct message m;
        check_equal("call", service_call(others[i % 4], 1, 0, &m), 0);
        check_equal("the badge that arrives", (int64_t)m.words[0],
                    1000 + i % 4);
    }
    echo_end(tid);
}

/* Each process has its own memory, before and after each call. */
static volatile uint64_t mine;

static void memory_client(uint64_t id) {
    for (uint64_t i = 0; i < TIMES; i++) {
        mine = id + i;
        echo_call(service.session, i);
        check_equal("the caller's memory after a call", (int64_t)mine,
                    (int64_t)(id + i));
    }
}

static void check_memory(void) {
    int64_t pids[3];
    struct message m;
    between(COUNTER_CALL_SLOW);
    service = service_make(BADGE);
    for (unsigned i = 0; i < 3; i++)
        pids[i] = peer_start(memory_client, 1000 * (i + 1));
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    for (unsigned i = 0; i < 3 * TIMES; i++) {
        check_equal("the server's memory after a call", (int64_t)mine, i);
        mine = i + 1;
        for (unsigned k = 0; k < MESSAGE_WORDS; k++)
            m.words[k] = answer_to(m.words[k]);
        m.tag = tag_make(0, MESSAGE_WORDS, 0, 0);
        bool last = i + 1 == 3 * TIMES;
        int64_t error = ipc_reply_recv(service.endpoint, &m,
                                       last ? DEADLINE_POLL : DEADLINE_NONE);
        check_equal("reply_recv", error, last ? -EAGAIN : 0);
    }
    for (unsigned i = 0; i < 3; i++)
        peer_end(pids[i]);
}

/* ---- Servers of servers ---- */

static struct service chain[DEEP];

static void link_server(uint64_t place) {
    struct message m;
    service_receive(chain[place].endpoint, &m, MESSAGE_CALL);
    while (tag_label(m.tag) != LABEL_STOP) {
        uint64_t word = m.words[0];
        if (place + 1 < DEEP) {
            check_equal("call the next",
                        service_call(chain[place + 1].session, 1, word, &m), 0);
            word = m.words[0];
        }
        m = (struct message){.tag = tag_make(0, 1, 0, 0), .words = {word + 1}};
        check_equal("reply_recv",
                    ipc_reply_recv(chain[place].endpoint, &m, DEADLINE_NONE),
                    0);
    }
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_nested(void) {
    int64_t tids[DEEP];
    struct message m;
    for (unsigned i = 0; i < DEEP; i++)
        chain[i] = service_make(BADGE);
    for (unsigned i = 0; i < DEEP; i++)
        tids[i] = thread_start(link_server, i);
    uint64_t before = 0;
    for (unsigned i = 0; i < TIMES; i++) {
        if (i == WARM)
            before =
                counter_of(COUNTER_CALL_SLOW) + counter_of(COUNTER_REPLY_SLOW);
        check_equal("call", service_call(chain[0].session, 1, i, &m), 0);
        check_equal("the answer", (int64_t)m.words[0], i + DEEP);
    }
    uint64_t slow =
        counter_of(COUNTER_CALL_SLOW) + counter_of(COUNTER_REPLY_SLOW) - before;
    check_true("calls of servers take the fast path, and their replies",
               slow <= 2 * DEEP);
    for (unsigned i = 0; i < DEEP; i++) {
        echo_stop(chain[i].session);
        thread_end(tids[i]);
    }
}

/* ---- Cost ---- */

static void cost_client(uint64_t unused) {
    uint64_t tag = 0, words[MESSAGE_WORDS] = {0};
    (void)unused;
    for (unsigned i = 0; i < ROUNDS; i++)
        check_equal("call", ipc_call_words(service.session, &tag, words), 0);
}

static void cost_server(uint64_t unused) {
    struct message m = {.tag = 0};
    (void)unused;
    while (ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE) == 0)
        continue;
}

/* Both short cuts, there and back, between processes. */
static void check_cost(void) {
    service = service_make(BADGE);
    int64_t pid = peer_start(cost_client, 0);
    thread_start(cost_server, 0);
    peer_end(pid);
}

/* ---- Equal to the slow path ---- */

static uint64_t digest;

static void mix(uint64_t value) {
    digest = (digest ^ value) * 0x100000001b3;
    digest ^= digest >> 29;
}

static uint64_t random_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Makes calls of every kind, and notes all that a program can see of them. */
static void check_equal_paths(void) {
    uint64_t random = 4711;
    char line[CHECK_LINE];
    service = service_make(BADGE);
    int64_t tid = thread_start(echo_thread, (uint64_t)service.endpoint);
    int64_t weak =
        check_ok("dup", sys_handle_dup(service.session, 40, RIGHT_PASS, 0));
    const int64_t handles[] = {
        service.session,
        service.session,
        service.session,
        service.session,
        weak,
        -1,
        service.endpoint,
        HANDLE_MAX + 3,
    };
    for (unsigned i = 0; i < STEPS; i++) {
        int64_t handle = handles[random_next(&random) % 8];
        struct registers r = message_of(SYS_CALL, handle, random);
        if (random_next(&random) % 16 == 0)
            r.a[1] |= 1ull << (random_next(&random) % 32);
        if (random_next(&random) % 16 == 0)
            r.t[6] = DEADLINE_POLL;
        raw_trap(&r);
        for (unsigned k = 0; k < 8; k++)
            mix(r.a[k]);
        for (unsigned k = 0; k < 7; k++)
            mix(r.t[k]);
    }
    snprintf(line, sizeof(line), "# digest %lx\n", (unsigned long)digest);
    line_write(line);
    echo_end(tid);
}

static const struct check checks[] = {
    {"call", "calls take the fast path", check_call},
    {"reply", "replies take the fast path", check_reply},
    {"call_spaces", "calls between processes are fast", check_call_spaces},
    {"reply_spaces", "replies between processes are fast", check_reply_spaces},
    {"call_registers", "a fast call carries all words over, and keeps s0-s11",
     check_call_registers},
    {"reply_registers", "so does a fast reply", check_reply_registers},
    {"badges", "a fast call brings its session's badge", check_badges},
    {"memory", "each side has its own memory after a fast call", check_memory},
    {"nested", "servers call servers by the fast path", check_nested},
    {"cost", "2,000 calls and replies", check_cost},
    {"equal", "400 calls of all kinds, and a digest of what they return",
     check_equal_paths},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
