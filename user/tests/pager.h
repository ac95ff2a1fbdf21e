/* SPDX-License-Identifier: MIT */
/*
 * tests/pager.h: a pager, its clients, and a fault between them.
 *
 * Use         The check is the pager of `service`. Its clients, children or
 *             threads, map regions with region_map() and touch them; the check
 *             gets each fault with fault_receive() and answers it.
 */
#ifndef OCTAVO_TESTS_PAGER_H
#define OCTAVO_TESTS_PAGER_H

#include "abi/pager.h"
#include "tests/paging.h"

enum { OFFSET = 7 * PAGE_SIZE }; /* what the regions are mapped with */

static struct service service;

/* A region of this process that the service pages. */
static inline uint64_t region_map(uint64_t pages, unsigned prot) {
    return (uint64_t)check_ok(
        "map with a pager", sys_map(HANDLE_SELF, 0, pages * PAGE_SIZE,
                                    prot | MAP_PAGER, service.session, OFFSET));
}

/* Receives a fault of this page of the region. */
static inline void fault_receive(struct message *m, uint64_t page) {
    service_receive(service.endpoint, m, MESSAGE_CALL);
    check_equal("label of a fault", tag_label(m->tag), PAGER_FAULT);
    check_equal("words of a fault", tag_words(m->tag), 3);
    check_equal("offset of the page", (int64_t)m->words[0],
                (int64_t)(OFFSET + page * PAGE_SIZE));
}

/* Answers with one item. */
static inline int64_t fault_answer(const void *base, uint64_t pages,
                                   enum item_mode mode, unsigned rights) {
    struct message m = {.tag = tag_make(0, 0, 0, 1)};
    item_set(&m, 0, base, pages, mode, rights);
    return ipc_reply(HANDLE_IMPLICIT, &m);
}

static inline void answer_ok(const void *base, uint64_t pages,
                             enum item_mode mode, unsigned rights) {
    check_equal("answer", fault_answer(base, pages, mode, rights), 0);
}

/* A client that touches a page of a region with these rights. */
static inline void toucher(uint64_t prot) {
    uint64_t region = region_map(1, (unsigned)prot);
    if (prot & PROT_WRITE)
        touch_store(region);
    else
        touch_load(region);
}

#endif
