/* SPDX-License-Identifier: MIT */
/*
 * tests/test_pager_way.c: pagers that wait when the fault comes, and answer
 * with the call that waits for the next one: the short cuts, both ways.
 *
 * What tests/test_pager.c does with REPLY is done with REPLY_RECV here. Each
 * answer must have the effect, or the error, that it has the long way.
 */
#include "lib/safe.h"
#include "tests/pager.h"

static struct message next; /* the fault that is to be answered */

/* Waits for the first fault. */
static void fault_first(uint64_t page) {
    fault_receive(&next, page);
}

/* Answers with one item, and waits; what came of it. */
static int64_t answer_wait(int32_t label, const void *base, uint64_t pages,
                           enum item_mode mode, unsigned rights) {
    next = (struct message){.tag = tag_make(label, 0, 0, 1)};
    item_set(&next, 0, base, pages, mode, rights);
    return ipc_reply_recv(service.endpoint, &next, DEADLINE_NONE);
}

/* The same, and the next fault is for this page. */
static void answer_next(const void *base, uint64_t pages, enum item_mode mode,
                        unsigned rights, uint64_t page) {
    check_equal("answer, and wait", answer_wait(0, base, pages, mode, rights),
                0);
    check_equal("label of a fault", tag_label(next.tag), PAGER_FAULT);
    check_equal("offset of the page", (int64_t)next.words[0],
                (int64_t)(OFFSET + page * PAGE_SIZE));
}

/* ---- Answers ---- */

enum { MANY = 24 };

/* Touches all pages in turn; each has the pattern's bytes. */
static void walker(uint64_t prot) {
    uint64_t region = region_map(MANY, (unsigned)prot);
    for (uint64_t i = 0; i < MANY; i++) {
        page_expect(region + i * PAGE_SIZE, 4, i);
        if (prot & PROT_WRITE)
            store_at(region + i * PAGE_SIZE, 200);
    }
}

static void check_modes(void) {
    service = service_make(1);
    for (unsigned i = 0; i < 6; i++) {
        enum item_mode mode = ITEM_MOVE + i % 3;
        unsigned prot = i < 3 ? RO : RW;
        uint8_t *pages = pages_make(MANY, 4);
        int64_t client = peer_start(walker, prot);
        fault_first(0);
        for (uint64_t at = 0; at < MANY - 1; at++)
            answer_next(pages + at * PAGE_SIZE, 1, mode, prot, at + 1);
        answer_ok(pages + (MANY - 1) * PAGE_SIZE, 1, mode, prot);
        peer_end(client);
        for (uint64_t at = 0; at < MANY * (mode != ITEM_MOVE); at++)
            check_equal("the pager's byte", pages[at * PAGE_SIZE],
                        mode == ITEM_SHARE && prot == RW ? 200
                                                         : page_byte(4, at, 0));
        check_ok("unmap",
                 sys_unmap(HANDLE_SELF, (uint64_t)pages, MANY * PAGE_SIZE));
    }
}

static void reader(uint64_t unused) {
    (void)unused;
    uint64_t region = region_map(3, RO);
    probe_begin();
    for (uint64_t i = 0; i < 2; i++) {
        page_expect(region + i * PAGE_SIZE, 4, i);
        check_error("store", probe_store(region + i * PAGE_SIZE, 1), EFAULT);
    }
    page_expect(region + 2 * PAGE_SIZE, 4, 2);
}

/* The region's rights, not the item's. */
static void check_rights(void) {
    service = service_make(1);
    uint8_t *pages = pages_make(3, 4);
    int64_t client = peer_start(reader, 0);
    fault_first(0);
    answer_next(pages, 1, ITEM_SHARE, RW, 1);
    answer_next(pages + PAGE_SIZE, 1, ITEM_MOVE, RW, 2);
    answer_ok(pages + 2 * PAGE_SIZE, 1, ITEM_COW, RW);
    peer_end(client);
}

static void check_bad(void) {
    service = service_make(1);
    uint8_t *pages = pages_make(MANY, 4);
    int64_t client = peer_start(walker, RW);
    fault_first(0);
    answer_next(pages, 1, ITEM_MOVE, RW, 1);
    pages += PAGE_SIZE;
    /* First, as what follows an error goes the long way. */
    check_error("too many",
                answer_wait(0, pages, PAGER_PAGES + 1, ITEM_MOVE, RW), EINVAL);
    check_error("less than the region",
                answer_wait(0, pages, 1, ITEM_SHARE, RO), EPERM);
    check_error("lend", answer_wait(0, pages, 1, ITEM_LEND, RW), EINVAL);
    check_error("not mapped", answer_wait(0, (void *)4096, 1, ITEM_COW, RW),
                EFAULT);
    answer_next(pages, PAGER_PAGES, ITEM_MOVE, RW, PAGER_PAGES + 1);
    answer_ok(pages + PAGER_PAGES * PAGE_SIZE, MANY - PAGER_PAGES - 1, ITEM_COW,
              RW);
    peer_end(client);
}

static void late_toucher(uint64_t prot) {
    pause_ms(2 * SETTLE_MS);
    toucher(prot);
}

static void touch_two(uint64_t unused) {
    (void)unused;
    uint64_t region = region_map(2, RO);
    touch_load(region);
    touch_load(region + PAGE_SIZE);
}

/* Refuses, though there is a page with it. */
static void check_refuse(void) {
    service = service_make(1);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        uint8_t *pages = pages_make(3, 4);
        int64_t client = peer_start(touch_two, RO);
        int64_t other = peer_start(late_toucher, RO);
        fault_first(0);
        answer_next(pages, 1, mode, RW, 1);
        check_equal("refuse, and wait",
                    answer_wait(-ENOENT, pages + PAGE_SIZE, 1, mode, RW), 0);
        peer_end_with(client, STATUS_KILLED);
        page_expect((uint64_t)pages + PAGE_SIZE, 4, 1);
        check_equal("refuse", service_answer(-1, 0), 0);
        peer_end_with(other, STATUS_KILLED);
    }
}

/* ---- What is missing ---- */

static void holed(uint64_t unused) {
    (void)unused;
    uint64_t region = region_map(4, RW);
    store_at(region + PAGE_SIZE, 99);
    page_expect(region, 5, 0);
    check_equal("the first answer's", load_at(region + PAGE_SIZE), 99);
    page_expect(region + 3 * PAGE_SIZE, 5, 2);
    probe_begin();
    check_error("behind the region", probe_load(region + 4 * PAGE_SIZE),
                EFAULT);
    page_expect(region + 2 * PAGE_SIZE, 5, 3);
}

/* Answers are cut to what is missing; the rest stays the pager's. */
static void check_missing(void) {
    service = service_make(1);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        uint8_t *first = pages_make(1, 6), *pages = pages_make(6, 5);
        int64_t client = peer_start(holed, 0);
        fault_first(1);
        answer_next(first, 1, mode, RW, 0);
        answer_next(pages, 2, mode, RW, 3);
        page_expect((uint64_t)pages + PAGE_SIZE, 5, 1);
        answer_next(pages + 2 * PAGE_SIZE, 2, mode, RW, 2);
        answer_ok(pages + 3 * PAGE_SIZE, 3, mode, RW);
        page_expect((uint64_t)pages + 4 * PAGE_SIZE, 5, 4);
        peer_end(client);
    }
}

static void zeros_client(uint64_t unused) {
    (void)unused;
    uint64_t region = region_map(3, RW);
    for (uint64_t i = 0; i < 3; i++) {
        check_equal("zero", load_at(region + i * PAGE_SIZE + 8), 0);
        store_at(region + i * PAGE_SIZE + 8, 1);
    }
}

static void check_untouched(void) {
    service = service_make(1);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        uint8_t *pages = pages_map(4);
        pages[3 * PAGE_SIZE] = 1; /* so that there is a table */
        int64_t client = peer_start(zeros_client, 0);
        fault_first(0);
        answer_next(pages, 1, mode, RW, 1);
        answer_ok(pages + PAGE_SIZE, 2, mode, RW);
        peer_end(client);
    }
}

/* ---- After other calls ---- */

/* Loads with this in a1; all message registers but a0 are as before. */
static int64_t load_with_tag(uint64_t address, uint64_t tag) {
    register uint64_t a0 __asm__("a0") = address;
    register uint64_t a1 __asm__("a1") = tag;
    __asm__ volatile("lbu a0, 0(a0)" : "+r"(a0) : "r"(a1) : "memory");
    return (int64_t)a0;
}

static void window_client(uint64_t unused) {
    (void)unused;
    static uint8_t secret[64];
    uint64_t region = region_map(2, RO);
    for (uint64_t i = 0; i < 2; i++) {
        struct message m = {.tag = tag_make(1, 0, 0, 1)};
        message_item(&m, 0, (uint64_t)secret,
                     item_make(64, ITEM_WINDOW, ITEM_READ | ITEM_WRITE));
        check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
        load_with_tag(region + i * PAGE_SIZE, tag_make(1, 0, 0, 4));
    }
    check_equal("secret", secret[0], 0);
}

/* A fault opens no window, whatever the thread's registers hold. */
static void check_window(void) {
    struct message m;
    uint8_t bytes[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    service = service_make(1);
    uint8_t *page = pages_make(2, 4);
    int64_t client = peer_start(window_client, 0);
    for (uint64_t i = 0; i < 2; i++) {
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        check_equal("reply", service_answer(0, 0), 0);
        if (i == 1)
            pause_ms(SETTLE_MS); /* the long way */
        fault_receive(&m, i);
        for (unsigned item = 0; item < MESSAGE_ITEMS; item++)
            check_error(
                "copy to a thread that faults",
                ipc_copy(HANDLE_IMPLICIT, COPY_OUT | item, 0, bytes, 8).error,
                EINVAL);
        answer_ok(page + i * PAGE_SIZE, 1, ITEM_SHARE, RO);
    }
    peer_end(client);
}

static void call_then_touch(uint64_t unused) {
    (void)unused;
    uint64_t region = region_map(2, RO);
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    message_item(&m, 0, region, item_make(8, ITEM_WINDOW, ITEM_READ));
    check_equal("call", ipc_call(service.session, &m, DEADLINE_NONE), 0);
    touch_load(region + PAGE_SIZE);
    sys_exit(2);
}

/* A fault within a call, then one that fails: the latter is no call. */
static void check_call_before(void) {
    struct message m;
    service = service_make(1);
    uint8_t *page = pages_make(1, 4);
    for (unsigned i = 0; i < 2; i++) {
        int64_t client = peer_start(call_then_touch, 0);
        fault_receive(&m, 0);
        answer_ok(page, 1, ITEM_SHARE, RO);
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        check_equal("reply", service_answer(0, 0), 0);
        if (i == 1)
            pause_ms(SETTLE_MS);
        fault_receive(&m, 1);
        check_equal("refuse", service_answer(-1, 0), 0);
        peer_end_with(client, STATUS_KILLED);
    }
}

static void touch_three(uint64_t unused) {
    (void)unused;
    uint64_t region = region_map(3, RO);
    for (uint64_t i = 0; i < 3; i++)
        check_equal("byte", load_with_tag(region + i * PAGE_SIZE, i),
                    page_byte(4, i, 0));
}

/* One fault the long way, the next by the short cut, and both answers the long
 * way: what was put aside for the first is not the second's. */
static void check_mixed(void) {
    struct message m;
    service = service_make(1);
    uint8_t *pages = pages_make(3, 4);
    int64_t client = peer_start(touch_three, 0);
    for (uint64_t i = 0; i < 3; i++) {
        if (i != 1)
            pause_ms(SETTLE_MS);
        fault_receive(&m, i);
        answer_ok(pages + i * PAGE_SIZE, 1, ITEM_COW, RO);
    }
    peer_end(client);
}

static const struct check checks[] = {
    {"modes", "pages come by each mode, one after the other", check_modes},
    {"rights", "the region says what the page may be used for", check_rights},
    {"bad", "what is wrong with an answer is the pager's error", check_bad},
    {"refuse", "a page that comes with a refusal stays", check_refuse},
    {"missing", "only what is missing is filled", check_missing},
    {"untouched", "pages that the pager never touched are zeros",
     check_untouched},
    {"window", "a fault opens no window", check_window},
    {"call_before", "a fault after a call is not the call's",
     check_call_before},
    {"mixed", "long ways and short cuts take turns", check_mixed},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
