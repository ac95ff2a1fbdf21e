/* SPDX-License-Identifier: MIT */
/*
 * tests/test_item.c: what MOVE, SHARE and COW do to pages on both sides.
 */
#include "tests/paging.h"

static struct service service;

static void prepare(uint64_t pages) {
    service = service_make(1);
    check_ok("accept", sys_accept(0, 0, 0, pages, 0, HANDLE_RECEIVED));
}

/* Calls with the message and expects the result. */
static void send_expect(struct message *m, int64_t result) {
    check_equal("call", ipc_call(service.session, m, DEADLINE_NONE), result);
}

/* ---- MOVE ---- */

static void mover(uint64_t unused) {
    (void)unused;
    uint8_t *pages = pages_make(5, 3);
    struct message m = {.tag = tag_make(1, 1, 0, 1), .words = {77}};
    item_set(&m, 0, pages + PAGE_SIZE, 3, ITEM_MOVE, RW);
    send_expect(&m, 0);
    pages_gone(pages + PAGE_SIZE, 3);
    page_expect((uint64_t)pages, 3, 0);
    page_expect((uint64_t)pages + 4 * PAGE_SIZE, 3, 4);
}

static void check_move(void) {
    struct message m;
    prepare(8);
    int64_t client = peer_start(mover, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("word", (int64_t)m.words[0], 77);
    check_equal("items", tag_items(m.tag), 1);
    check_equal("length", (int64_t)item_length(m.item_desc), 3 * PAGE_SIZE);
    for (uint64_t i = 0; i < 3; i++)
        page_expect(m.item_base + i * PAGE_SIZE, 3, i + 1);
    uint64_t copies = counter(COUNTER_COW_COPY) + counter(COUNTER_COW_REUSE);
    store_at(m.item_base, 9);
    check_equal("faults of the new owner",
                (int64_t)(counter(COUNTER_COW_COPY) +
                          counter(COUNTER_COW_REUSE) - copies),
                0);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(client);
    check_equal("mine", load_at(m.item_base), 9);
}

/* ---- SHARE ---- */

static void sharer(uint64_t rights) {
    uint8_t *pages = pages_make(2, 4);
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    item_set(&m, 0, pages, 2, ITEM_SHARE, (unsigned)rights);
    send_expect(&m, 0);
    check_equal("what the receiver wrote", pages[PAGE_SIZE],
                rights == RW ? 99 : page_byte(4, 1, 0));
    pages[0] = 55;
    m = (struct message){.tag = tag_make(2, 0, 0, 0)};
    send_expect(&m, 0);
}

static void check_share(void) {
    static const unsigned rights[] = {RW, RO};
    for (unsigned i = 0; i < 2; i++) {
        struct message m;
        prepare(8);
        int64_t client = peer_start(sharer, rights[i]);
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        uint64_t base = m.item_base;
        pages_expect(base, 2, 4);
        if (rights[i] == RW)
            store_at(base + PAGE_SIZE, 99);
        else
            pages_readonly(base, 2);
        check_equal("reply", service_answer(0, 0), 0);
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        check_equal("what the sender wrote", load_at(base), 55);
        check_equal("reply", service_answer(0, 0), 0);
        peer_end(client);
        check_equal("after the sender's exit", load_at(base), 55);
    }
}

/* ---- COW ---- */

static void copier(uint64_t unused) {
    (void)unused;
    uint8_t *pages = pages_make(2, 5);
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    item_set(&m, 0, pages, 2, ITEM_COW, RW);
    send_expect(&m, 0);
    pages_expect((uint64_t)pages, 2, 5);
    pages[0] = 44;
    m = (struct message){.tag = tag_make(2, 0, 0, 0)};
    send_expect(&m, 0);
}

static void check_cow(void) {
    struct message m;
    prepare(8);
    int64_t client = peer_start(copier, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    uint64_t base = m.item_base;
    store_at(base + PAGE_SIZE, 33);
    check_equal("reply", service_answer(0, 0), 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    page_expect(base, 5, 0);
    check_equal("mine", load_at(base + PAGE_SIZE), 33);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(client);
    uint64_t copies = counter(COUNTER_COW_COPY);
    store_at(base, 1);
    check_equal("copies by the last owner",
                (int64_t)(counter(COUNTER_COW_COPY) - copies), 0);
}

/* ---- Errors ---- */

/* What one item, sent to a receiver that takes 8 pages, leads to. */
static void item_expect(const void *base, uint64_t pages, enum item_mode mode,
                        unsigned rights, int64_t result) {
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    item_set(&m, 0, base, pages, mode, rights);
    send_expect(&m, result);
}

static void bad_sender(uint64_t unused) {
    (void)unused;
    uint8_t *pages = pages_make(9, 6);
    uint8_t *fixed = pages_make(2, 7);
    check_ok("protect", sys_protect(HANDLE_SELF, (uint64_t)fixed, 2 * PAGE_SIZE,
                                    PROT_READ));
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        item_expect(pages, 0, mode, RW, -EINVAL);
        item_expect(pages + 8, 1, mode, RW, -EINVAL);
        item_expect(pages, 1, mode, 0, -EINVAL);
        item_expect(pages, 1, mode, ITEM_WRITE, -EINVAL);
        item_expect(pages, 1, mode, RW | ITEM_EXECUTE, -EINVAL);
        item_expect(pages, 1, mode, RO | ITEM_EXECUTE, -EPERM);
        item_expect((void *)(USER_END - PAGE_SIZE), 2, mode, RW, -EINVAL);
        item_expect((void *)-PAGE_SIZE, 1, mode, RW, -EINVAL);
        item_expect((void *)PAGE_SIZE, 1, mode, RO, -EFAULT);
        item_expect(fixed, 2, mode, RW, -EPERM);
        item_expect(pages, 9, mode, RW, -EMSGSIZE);
    }
    pages_expect((uint64_t)pages, 9, 6);
    pages_fill(pages, 9, 6);
    item_expect(pages, 1, 6, RW, -EINVAL);
    struct message m = {.tag = tag_make(9, 0, 0, 0)};
    send_expect(&m, 0);
}

static void check_errors(void) {
    struct message m;
    prepare(8);
    int64_t client = peer_start(bad_sender, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("the good message", tag_label(m.tag), 9);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(client);
}

static const struct check checks[] = {
    {"move", "a moved range is the receiver's and gone from the sender",
     check_move},
    {"share", "shared pages are one frame, with the rights stated, and stay",
     check_share},
    {"cow", "the first writer copies, the last owner does not", check_cow},
    {"errors", "an item that cannot go fails at the sender", check_errors},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
