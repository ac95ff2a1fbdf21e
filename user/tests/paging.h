/* SPDX-License-Identifier: MIT */
/*
 * tests/paging.h: pages with patterns, and messages that carry them.
 *
 * Use         uint8_t *page = pages_make(3, 7);         3 pages, pattern 7
 *             struct message m = {.tag = tag_make(1, 0, 0, 1)};
 *             item_set(&m, 0, page, 3, ITEM_MOVE, RW);
 *             ... ipc_call ...
 *             pages_gone(page, 3);
 *             ... in the receiver: pages_expect(m.item_base, 3, 7);
 */
#ifndef OCTAVO_TESTS_PAGING_H
#define OCTAVO_TESTS_PAGING_H

#include "tests/peer.h"

enum { RO = PROT_READ, RW = PROT_READ | PROT_WRITE };

/* Byte `at` of page `page` of a pattern; never 0. */
static inline uint8_t page_byte(uint64_t pattern, uint64_t page, uint64_t at) {
    return (uint8_t)((pattern * 31 + page * 7 + at / 819) % 251 + 1);
}

/* The bytes of a page that the functions below look at. */
enum { PAGE_STEP = 819 };

/* Zero pages that nobody has touched. */
static inline uint8_t *pages_map(uint64_t pages) {
    return (uint8_t *)check_ok(
        "map pages", sys_map(HANDLE_SELF, 0, pages * PAGE_SIZE, RW, -1, 0));
}

/* Writes a few bytes of each page, the first and last among them. */
static inline void pages_fill(uint8_t *base, uint64_t pages, uint64_t pattern) {
    for (uint64_t i = 0; i < pages; i++)
        for (uint64_t at = 0; at < PAGE_SIZE; at += PAGE_STEP)
            base[i * PAGE_SIZE + at] = page_byte(pattern, i, at);
}

static inline uint8_t *pages_make(uint64_t pages, uint64_t pattern) {
    uint8_t *base = pages_map(pages);
    pages_fill(base, pages, pattern);
    return base;
}

/* One page, which is number `page` of the pattern. */
static inline void page_expect(uint64_t base, uint64_t pattern, uint64_t page) {
    for (uint64_t at = 0; at < PAGE_SIZE; at += PAGE_STEP)
        check_equal("byte of a page", load_at(base + at),
                    page_byte(pattern, page, at));
}

static inline void pages_expect(uint64_t base, uint64_t pages,
                                uint64_t pattern) {
    for (uint64_t i = 0; i < pages; i++)
        page_expect(base + i * PAGE_SIZE, pattern, i);
}

static inline void pages_expect_zero(uint64_t base, uint64_t pages) {
    for (uint64_t at = 0; at < pages * PAGE_SIZE; at += PAGE_STEP)
        check_equal("byte of an untouched page", load_at(base + at), 0);
}

static inline void touch_load(uint64_t address) {
    (void)load_at(address);
}

static inline void touch_store(uint64_t address) {
    store_at(address, 1);
}

/* Each page may not be read, or (only) not be written. */
static inline void pages_gone(uint8_t *base, uint64_t pages) {
    for (uint64_t i = 0; i < pages; i++)
        peer_dies(touch_load, (uint64_t)base + i * PAGE_SIZE);
}

static inline void pages_readonly(uint64_t base, uint64_t pages) {
    for (uint64_t i = 0; i < pages; i++) {
        touch_load(base + i * PAGE_SIZE);
        peer_dies(touch_store, base + i * PAGE_SIZE);
    }
}

/* ---- Looking without dying ---- */

/* The byte there, or -EFAULT. */
int64_t probe_load(uint64_t address);
/* Stores the byte there: 0, or -EFAULT. */
int64_t probe_store(uint64_t address, uint8_t value);

extern const char probe_start[], probe_end[], probe_failed[];
__asm__(".text\n"
        "probe_start:\n"
        "probe_load: lbu a0, 0(a0); ret\n"
        "probe_store: sb a1, 0(a0); li a0, 0; ret\n"
        "probe_end:\n"
        "probe_failed: ret\n");

/* A process does this before its first probe. */
static inline void probe_begin(void) {
    check_ok("fault range",
             sys_fault_range((uint64_t)probe_start, (uint64_t)probe_end,
                             (uint64_t)probe_failed));
}

/* ---- Items ---- */

static inline void item_set(struct message *m, unsigned index, const void *base,
                            uint64_t pages, enum item_mode mode,
                            unsigned rights) {
    message_item(m, index, (uint64_t)base,
                 item_make(pages * PAGE_SIZE, mode, rights));
}

/* Transfers one range from the own space to `to` (0: anywhere) in `space`.
 * Where it is there, or an error. */
static inline int64_t item_transfer(int64_t space, uint64_t to,
                                    const void *base, uint64_t pages,
                                    enum item_mode mode, unsigned rights) {
    struct message m = {.tag = tag_make(0, 1, 0, 1), .words = {to}};
    item_set(&m, 0, base, pages, mode, rights);
    int64_t result = ipc_transfer(space, &m);
    return result < 0 ? result : (int64_t)m.item_base;
}

/* A call with one item; what it returned. */
static inline int64_t item_call(int64_t session, const void *base,
                                uint64_t pages, enum item_mode mode,
                                unsigned rights) {
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    item_set(&m, 0, base, pages, mode, rights);
    return ipc_call(session, &m, DEADLINE_NONE);
}

/* Receives a call with one item of so many pages; where it is. */
static inline uint64_t item_receive(int64_t endpoint, uint64_t pages) {
    struct message m;
    service_receive(endpoint, &m, MESSAGE_CALL);
    check_equal("items", tag_items(m.tag), 1);
    check_equal("length", (int64_t)item_length(m.item_desc),
                (int64_t)(pages * PAGE_SIZE));
    return m.item_base;
}

/* A call without anything: the next step of a check. */
static inline void step_call(int64_t session) {
    struct message m;
    check_equal("call for the next step", service_call(session, 0, 0, &m), 0);
}

/* Receives such a call and answers it. */
static inline void step_answer(int64_t endpoint) {
    struct message m;
    service_receive(endpoint, &m, MESSAGE_CALL);
    check_equal("items in a step", tag_items(m.tag), 0);
    check_equal("reply", service_answer(0, 0), 0);
}

/* This thread takes so many pages in receives, wherever there is room. */
static inline void accept_pages(unsigned pages) {
    check_ok("accept", sys_accept(0, 0, 0, pages, 0, HANDLE_RECEIVED));
}

/* ---- What the kernel says ---- */

static inline int64_t frames_free(void) {
    return (int64_t)sys_system_info(INFO_MEMORY, 0).value[1];
}

/* The value of a kernel counter, over all harts. */
static inline uint64_t counter(unsigned which) {
    struct sys_pair got = sys_debug(DEBUG_COUNTER, which);
    check_equal("counter", got.result, 0);
    return got.value;
}

#endif
