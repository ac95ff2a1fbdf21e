/* SPDX-License-Identifier: MIT */
/*
 * tests/worker.h: one of the processes of tests/test_churn.c.
 *
 * A worker rolls dice for what it does next: something with its own ranges, a
 * message to another worker, a receive, a fork. Each operation knows which
 * errors are possible just then, and what must be true after each of them.
 */
#ifndef OCTAVO_TESTS_WORKER_H
#define OCTAVO_TESTS_WORKER_H

#include "tests/pocket.h"

enum {
    WORKERS = 8,
    PEER_SLOT = 32, /* of the handle of a session with worker 0 */
    ITEMS = 3,      /* ranges in a message: each needs a word, too */
    VERSION_WORDS = ITEMS,
    ASK_ENDPOINT = 1,
    ASK_SESSION = 2,
    PATIENCE = 3000, /* units of time that a message may take */
};

/* Where some receive; what came before may be in the way. */
#define WINDOW 0x2340000000ull
/* Where nobody has anything. */
#define NOWHERE 0x3000000000ull

/* What all see. */
struct board {
    volatile uint64_t operations;
    volatile uint64_t stop;
};

static struct board *board;
static struct service hub;

/* ---- A worker ---- */

struct worker {
    uint64_t number;
    uint64_t random;
    uint64_t group; /* the last that it made */
    int64_t endpoint;
    struct pocket pocket;
};

static struct worker self;

static inline uint64_t roll(uint64_t sides) {
    return (random_next(&self.random) >> 16) % sides;
}

static inline bool chance(uint64_t percent) {
    return roll(100) < percent;
}

static inline void count_operation(void) {
    __atomic_fetch_add(&board->operations, 1, __ATOMIC_RELAXED);
}

static inline uint64_t error_bit(int error) {
    return 1ull << error;
}

/* It succeeded, or failed with one of these errors. */
static inline void expect_among(const char *what, int64_t result,
                                uint64_t errors) {
    if (result != 0 && !(errors >> -result & 1))
        check_fail(what, result, 0);
}

static inline struct range *pick(void) {
    return pocket_pick(&self.pocket, roll(POCKET_RANGES));
}

/* ---- What a worker does by itself ---- */

static inline void do_make(void) {
    struct range *r = pocket_new(&self.pocket);
    if (!r)
        return;
    if (chance(5))
        range_make(r, ++self.group, RANGE_PAGES, WIDE_STEP);
    else
        range_make(r, ++self.group, (uint8_t)(1 + roll(RANGE_PAGES)), 1);
    if (chance(80))
        range_stamp(r);
}

static inline void do_write(void) {
    struct range *r = pick();
    if (!r)
        return;
    if (r->rights == RW)
        range_write(r, random_next(&self.random));
    else
        check_error("store without the right",
                    probe_store(range_page(r, (unsigned)roll(r->pages)), 1),
                    EFAULT);
    range_verify(r);
}

static inline void do_unmap(void) {
    struct range *r = pick();
    if (!r)
        return;
    range_verify(r);
    uint64_t pages = range_length(r);
    check_equal("unmap", sys_unmap(HANDLE_SELF, r->base, pages * PAGE_SIZE), 0);
    range_gone(r->base, pages);
    r->pages = 0;
}

static inline void do_protect(void) {
    struct range *r = pick();
    if (!r)
        return;
    uint8_t rights = r->rights == RW ? RO : RW;
    bool may = rights == RO || r->raised;
    check_equal(
        "protect",
        sys_protect(HANDLE_SELF, r->base, range_length(r) * PAGE_SIZE, rights),
        may ? 0 : -EPERM);
    r->rights = may ? rights : r->rights;
    range_verify(r);
}

static inline void do_split(void) {
    struct range *r = pick();
    if (r)
        range_split(&self.pocket, r);
}

/* ---- Sending ---- */

struct parcel {
    struct message m;
    struct range *range[ITEMS];
    enum item_mode mode[ITEMS];
    uint8_t rights[ITEMS];
    unsigned count;
};

/* What the mode has to be for this range. */
static inline enum item_mode mode_for(struct range *r, enum item_mode mode) {
    bool frames = mode == ITEM_SHARE || mode == ITEM_LEND;
    if (frames && (r->step != 1 || (r->lazy && r->rights != RW)))
        return ITEM_MOVE;
    if (frames && r->lazy)
        range_stamp(r);
    return mode == ITEM_LEND && r->loose ? ITEM_COW : mode;
}

static inline void parcel_add(struct parcel *p, struct range *r,
                              enum item_mode mode) {
    unsigned i = p->count++;
    p->range[i] = r;
    p->mode[i] = mode_for(r, mode);
    p->rights[i] = chance(20) ? RO : r->rights;
    struct range sent = *r;
    sent.loose |= p->mode[i] == ITEM_SHARE;
    p->m.words[i] = range_pack(&sent);
    item_set(&p->m, i, (void *)r->base, range_length(r), p->mode[i],
             p->rights[i]);
}

static inline bool parcel_has(const struct parcel *p, const struct range *r) {
    for (unsigned i = 0; i < p->count; i++)
        if (p->range[i] == r)
            return true;
    return false;
}

/* Up to `most` ranges, in the first `modes` modes. */
static inline void parcel_make(struct parcel *p, unsigned most,
                               unsigned modes) {
    unsigned count = 1 + (chance(40) ? (unsigned)roll(most) : 0);
    *p = (struct parcel){.m.words = {0}};
    for (unsigned i = 0; i < count; i++) {
        struct range *r = pick();
        if (r && !parcel_has(p, r))
            parcel_add(p, r, (enum item_mode)(ITEM_MOVE + roll(modes)));
    }
    p->m.tag = tag_make(1, p->count, 0, p->count);
}

static inline bool overlaps_item(const struct range *r,
                                 const struct message *reply) {
    uint64_t length = item_length(reply->item_desc);
    return tag_items(reply->tag) == 1 && r->base < reply->item_base + length &&
           reply->item_base < r->base + range_length(r) * PAGE_SIZE;
}

/* One range after the message. `came`: it was delivered. */
static inline void settle_one(struct parcel *p, unsigned i, bool came,
                              bool unsure, const struct message *reply) {
    struct range *r = p->range[i];
    if (came && p->mode[i] == ITEM_MOVE) {
        if (!overlaps_item(r, reply))
            range_gone(r->base, range_length(r));
        r->pages = 0;
        return;
    }
    bool lent = p->mode[i] == ITEM_LEND && p->rights[i] == RW;
    r->loose |= p->mode[i] == ITEM_SHARE && (came || unsure);
    if (lent && unsure)
        range_settle(r);
    else if (lent && came)
        r->version = (uint16_t)reply->words[i];
    range_verify(r);
}

/* The errors after which nobody knows whether the message arrived. */
static inline bool is_unsure(int64_t result) {
    return result == -EPIPE || result == -ETIMEDOUT;
}

static inline void parcel_settle(struct parcel *p, int64_t result,
                                 const struct message *reply) {
    bool unsure = is_unsure(result);
    int moved = -1;
    for (unsigned i = 0; i < p->count; i++) {
        bool came = result == 0;
        if (unsure && p->mode[i] == ITEM_MOVE) {
            came = probe_load(p->range[i]->base) < 0;
            check_true("all ranges of a message move, or none",
                       moved < 0 || moved == came);
            moved = came;
        }
        settle_one(p, i, came, unsure, reply);
    }
}

static inline void do_self(void) {
    struct parcel p;
    struct range *copy = pocket_new(&self.pocket), *r = pick();
    if (!copy || !r)
        return;
    p = (struct parcel){.count = 0};
    parcel_add(&p, r, (enum item_mode)(ITEM_MOVE + roll(3)));
    p.m.tag = tag_make(1, 1, 0, 1);
    p.m.words[0] = 0;
    struct range got = *r;
    check_equal("transfer", ipc_transfer(HANDLE_SELF, &p.m), 0);
    got.loose |= p.mode[0] == ITEM_SHARE;
    got.base = p.m.item_base;
    got.rights = p.rights[0];
    got.raised = got.rights == RW;
    p.m.tag = 0;
    parcel_settle(&p, 0, &p.m);
    *copy = got;
    range_verify(copy);
}

/* A range beside one that is not there: neither goes. */
static inline void do_bad(void) {
    struct parcel p;
    parcel_make(&p, 1, 3);
    if (p.count == 0)
        return;
    p.m.tag = tag_make(1, 1, 0, 2);
    p.m.words[0] = 0;
    item_set(&p.m, 1, (void *)NOWHERE, 1, ITEM_MOVE, RO);
    int64_t result = ipc_transfer(HANDLE_SELF, &p.m);
    check_error("transfer of a hole", result, EFAULT);
    parcel_settle(&p, result, &p.m);
}

/* Asks the hub for a handle; -1: it has none now. When the hub is gone, it has
 * found something. */
static inline int64_t hub_ask(int32_t what, uint64_t number) {
    struct message m;
    int64_t result = service_call(hub.session, what, number, &m);
    if (result == -EPIPE)
        sys_exit(0);
    check_equal("ask the hub", result, 0);
    return tag_handles(m.tag) == 1 ? (int64_t)handle_at(m.handles, 0) : -1;
}

/* Gets a session with the worker that has this number now. */
static inline void peer_find(uint64_t number) {
    int64_t session = hub_ask(ASK_SESSION, number);
    if (session < 0)
        return;
    int64_t kept = sys_handle_dup(session, PEER_SLOT + number, SESSION_RIGHTS,
                                  DUP_MOVE | DUP_REPLACE);
    if (kept >= 0)
        return;
    expect_among("keep a session", kept, error_bit(ESTALE) | error_bit(EPIPE));
    check_equal("close", sys_handle_close(session), 0);
}

static inline void receive_item(struct range *r, enum item_mode mode);

static inline uint64_t message_errors(void) {
    return error_bit(EPIPE) | error_bit(ESTALE) | error_bit(EMSGSIZE) |
           error_bit(ENOSPC) | error_bit(ETIMEDOUT) | error_bit(EAGAIN);
}

static inline uint64_t deadline(void) {
    return chance(10) ? DEADLINE_POLL : time_now() + roll(PATIENCE);
}

static inline void do_send(void) {
    struct parcel p;
    uint64_t number = (self.number + 1 + roll(WORKERS - 1)) % WORKERS;
    bool call = chance(75);
    parcel_make(&p, ITEMS, call ? 4 : 3);
    int64_t session = (int64_t)(PEER_SLOT + number);
    struct message reply = p.m;
    int64_t result = call ? ipc_call(session, &reply, deadline())
                          : ipc_send(session, &p.m, deadline());
    expect_among("message", result, message_errors() | error_bit(EDEADLK));
    if (!call || result != 0)
        reply.tag = 0;
    parcel_settle(&p, result, &reply);
    if (tag_items(reply.tag) == 1) {
        struct range r = range_unpack(reply.words[VERSION_WORDS],
                                      reply.item_base, reply.item_desc);
        receive_item(&r, item_mode(reply.item_desc));
    }
    if (result == -EPIPE || result == -ESTALE)
        peer_find(number);
}

/* ---- Receiving ---- */

/* Puts what came into the pocket, if there is room. */
static inline void receive_item(struct range *r, enum item_mode mode) {
    range_verify(r);
    r->raised = r->rights == RW;
    if (r->rights == RO)
        check_error("store without the right", probe_store(r->base, 1), EFAULT);
    if (mode == ITEM_COW && r->loose && r->rights == RW)
        range_settle(r);
    struct range *slot = pocket_new(&self.pocket);
    if (slot)
        *slot = *r;
    else
        check_equal(
            "unmap",
            sys_unmap(HANDLE_SELF, r->base, range_length(r) * PAGE_SIZE), 0);
}

/* Works with what is borrowed; its version in the end. */
static inline uint64_t borrow_item(struct range *r) {
    range_verify(r);
    check_error("unmap of what is borrowed",
                sys_unmap(HANDLE_SELF, r->base, PAGE_SIZE), EBUSY);
    if (r->rights == RO)
        check_error("store without the right", probe_store(r->base, 1), EFAULT);
    else if (chance(80))
        range_write(r, 0);
    return r->version;
}

static inline void message_range(const struct message *m, unsigned i,
                                 struct range *r, enum item_mode *mode) {
    uint64_t base = i == 0 ? m->item_base : m->words[MESSAGE_WORDS - 2 * i];
    uint64_t desc = i == 0 ? m->item_desc : m->words[MESSAGE_WORDS - 2 * i + 1];
    *r = range_unpack(m->words[i], base, desc);
    *mode = item_mode(desc);
}

/* Answers with the versions, and sometimes a range. */
static inline void answer(const uint64_t versions[ITEMS]) {
    struct parcel p;
    parcel_make(&p, 1, 3);
    if (p.count == 1 && chance(40)) {
        p.m.words[VERSION_WORDS] = p.m.words[0];
        p.m.tag = tag_make(0, VERSION_WORDS + 1, 0, 1);
        memcpy(p.m.words, versions, ITEMS * sizeof(versions[0]));
        int64_t result = ipc_reply(HANDLE_IMPLICIT, &p.m);
        expect_among("reply", result,
                     error_bit(EPIPE) | error_bit(EMSGSIZE) |
                         error_bit(ENOSPC) | error_bit(ESTALE));
        p.m.tag = 0;
        parcel_settle(&p, result, &p.m);
        if (result == 0 || result == -EPIPE)
            return;
    }
    struct message m = {.tag = tag_make(0, VERSION_WORDS, 0, 0)};
    memcpy(m.words, versions, ITEMS * sizeof(versions[0]));
    expect_among("reply", ipc_reply(HANDLE_IMPLICIT, &m),
                 error_bit(EPIPE) | error_bit(ESTALE));
}

static inline void serve(const struct message *m) {
    uint64_t versions[ITEMS] = {0};
    for (unsigned i = 0; i < tag_items(m->tag); i++) {
        struct range r;
        enum item_mode mode;
        message_range(m, i, &r, &mode);
        if (mode == ITEM_LEND)
            versions[i] = borrow_item(&r);
        else
            receive_item(&r, mode);
    }
    if (tag_kind(m->tag) == MESSAGE_CALL)
        answer(versions);
    count_operation();
}

static inline void do_receive(uint64_t until) {
    struct message m;
    int64_t result = ipc_recv(self.endpoint, &m, until);
    expect_among("receive", result, error_bit(EAGAIN) | error_bit(ETIMEDOUT));
    if (result == 0)
        serve(&m);
}

static inline void do_accept(void) {
    static const uint16_t most[] = {0, 8, 24, 24, 1024, 2048};
    bool window = chance(20);
    check_ok("accept", sys_accept(0, window ? WINDOW : 0, 64 * PAGE_SIZE,
                                  most[roll(6)], 0, HANDLE_RECEIVED));
    check_ok("accept", sys_accept(1, 0, 0, most[roll(6)], 1, HANDLE_RECEIVED));
}

/* ---- Forks ---- */

static inline void child_run(void) {
    pocket_verify(&self.pocket);
    for (unsigned i = 0; i < POCKET_RANGES; i++) {
        struct range *r = &self.pocket.range[i];
        if (r->pages != 0 && r->rights == RW && chance(70))
            range_write(r, random_next(&self.random));
    }
    if (chance(50))
        do_send();
    pocket_verify(&self.pocket);
    sys_exit(0);
}

static inline void do_fork(void) {
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0)
        child_run();
    do_write();
    do_send();
    bool kill = chance(40);
    if (kill)
        expect_among("kill", sys_kill(pid), error_bit(ENOENT));
    struct sys_pair end = sys_wait(pid, DEADLINE_NONE);
    check_equal("wait", end.result, pid);
    if (end.value == 1)
        sys_exit(1); /* it has said why */
    check_true("how a child ends",
               end.value == 0 || (kill && (int64_t)end.value == STATUS_KILLED));
    pocket_verify(&self.pocket);
}

/* ---- The life of a worker ---- */

static inline void act(void) {
    uint64_t dice = roll(100);
    if (dice < 14)
        do_make();
    else if (dice < 28)
        do_write();
    else if (dice < 36)
        do_unmap();
    else if (dice < 42)
        do_protect();
    else if (dice < 46)
        do_split();
    else if (dice < 53)
        do_self();
    else if (dice < 56)
        do_bad();
    else if (dice < 59)
        do_fork();
    else if (dice < 63)
        do_accept();
    else if (dice < 75)
        do_receive(time_now() + roll(PATIENCE));
    else
        do_send();
    count_operation();
}

static inline void worker_run(uint64_t number, uint64_t random) {
    probe_begin();
    self = (struct worker){.number = number, .random = random};
    self.group = (number << 39) + (random % 32768 << 24);
    self.endpoint = hub_ask(ASK_ENDPOINT, number);
    do_accept();
    if (number % 4 == 1)
        thread_start(beside_run, random);
    while (!board->stop) {
        if (chance(50))
            do_receive(DEADLINE_POLL);
        act();
    }
    pocket_verify(&self.pocket);
    sys_exit(0);
}

#endif
