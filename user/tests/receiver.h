/* SPDX-License-Identifier: MIT */
/*
 * tests/receiver.h: a process that takes pages and does what it is asked, so
 * that a check can look into another space.
 *
 * Use         receiver_start();
 *             int64_t at = give(pages, 2, ITEM_COW, RW);
 *             check_equal("write", ask(STORE, at, 5), 0);
 */
#ifndef OCTAVO_TESTS_RECEIVER_H
#define OCTAVO_TESTS_RECEIVER_H

#include "tests/paging.h"

static struct server receiver;
/* What it can be asked, as the label: words and result. */
enum request {
    TAKE,    /* an item -> where it is */
    POKE,    /* an item -> whether it can be written: 0 or -EFAULT */
    LOAD,    /* address -> the byte, or -EFAULT */
    STORE,   /* address, byte -> 0 or -EFAULT */
    EXECUTE, /* address of a return -> 0, or it dies */
    MAP,     /* address, MAP_ flags -> as SYS_MAP, of a page */
    ACCEPT,  /* window's base, pages -> as SYS_ACCEPT */
};

static inline uint64_t serve_one(const struct message *m) {
    uint64_t a = m->words[0], b = m->words[1];
    switch (tag_label(m->tag)) {
    case POKE:
        return (uint64_t)probe_store(m->item_base, 1);
    case LOAD:
        return (uint64_t)probe_load(a);
    case STORE:
        return (uint64_t)probe_store(a, (uint8_t)b);
    case EXECUTE:
        jump_to(a);
        return 0;
    case MAP:
        return (uint64_t)sys_map(HANDLE_SELF, a, PAGE_SIZE,
                                 RW | MAP_FIXED | (unsigned)b, -1, 0);
    case ACCEPT:
        return (uint64_t)sys_accept(0, a, b * PAGE_SIZE, (unsigned)b, 0,
                                    HANDLE_RECEIVED);
    default:
        return m->item_base;
    }
}

static inline void serve(int64_t endpoint) {
    struct message m;
    probe_begin();
    accept_pages(8);
    check_equal("recv", ipc_recv(endpoint, &m, DEADLINE_NONE), 0);
    for (;;) {
        uint64_t value = serve_one(&m);
        m = (struct message){.tag = tag_make(0, 1, 0, 0), .words = {value}};
        if (ipc_reply_recv(endpoint, &m, DEADLINE_NONE) != 0)
            sys_exit(0);
    }
}

static inline void receiver_start(void) {
    probe_begin();
    receiver = server_start(serve);
}

static inline int64_t ask(enum request what, uint64_t a, uint64_t b) {
    struct message m = {.tag = tag_make(what, 2, 0, 0), .words = {a, b}};
    check_equal("call", ipc_call(receiver.session, &m, DEADLINE_NONE), 0);
    return (int64_t)m.words[0];
}

/* Sends it pages; its answer, or an error. */
static inline int64_t give_to(enum request what, const void *base,
                              uint64_t pages, enum item_mode mode,
                              unsigned rights) {
    struct message m = {.tag = tag_make(what, 0, 0, 1)};
    item_set(&m, 0, base, pages, mode, rights);
    int64_t result = ipc_call(receiver.session, &m, DEADLINE_NONE);
    return result < 0 ? result : (int64_t)m.words[0];
}

/* Where the pages are in the receiver, or an error. */
static inline int64_t give(const void *base, uint64_t pages,
                           enum item_mode mode, unsigned rights) {
    return give_to(TAKE, base, pages, mode, rights);
}

/* Page `page` of a pattern is there in the receiver. */
static inline void expect_there(int64_t at, uint64_t pattern, uint64_t page) {
    for (uint64_t i = 0; i < PAGE_SIZE; i += PAGE_STEP)
        check_equal("byte in the receiver", ask(LOAD, (uint64_t)at + i, 0),
                    page_byte(pattern, page, i));
}

#endif
