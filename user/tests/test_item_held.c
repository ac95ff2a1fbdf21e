/* SPDX-License-Identifier: MIT */
/*
 * tests/test_item_held.c: what the one who has pages, or had them, can do.
 *
 * The receiver and the lender themselves try: a child of theirs would not have
 * inherited the pages, or their rights.
 */
#include "tests/receiver.h"

static int64_t space;

/* Nobody can give away what is lent, or borrowed, at `from` on; twice, since
 * the second attempt takes shorter ways. */
static void locked_expect(uint64_t from) {
    uint8_t *own = pages_make(6, 4);
    space = check_ok("space_create", sys_space_create());
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        check_ok("transfer",
                 item_transfer(space, 0, own + mode * PAGE_SIZE, 1, mode, RO));
        for (unsigned i = 0; i < 2; i++)
            check_error("of what is lent",
                        item_transfer(space, 0, (void *)from, 1, mode, RO),
                        EBUSY);
    }
    peer_dies(touch_load, from);
    check_ok("close", sys_handle_close(space));
}

static uint8_t *lent;

/* While its process has lent its pages. */
static void lender_thread(uint64_t rights) {
    pause_ms(SETTLE_MS);
    check_error("the lender writes", probe_store((uint64_t)lent, 1), EFAULT);
    check_equal("the lender reads", probe_load((uint64_t)lent),
                rights == RW ? -EFAULT : page_byte(5, 0, 0));
    locked_expect((uint64_t)lent);
    sys_exit(7);
}

static void lender(uint64_t session, unsigned rights) {
    probe_begin();
    lent = pages_make(3, 5); /* nobody else's */
    thread_start(lender_thread, rights);
    item_call((int64_t)session, lent, 3, ITEM_LEND, rights);
}

static void lender_rw(uint64_t session) {
    lender(session, RW);
}

static void lender_ro(uint64_t session) {
    lender(session, RO);
}

static void check_lent(void) {
    probe_begin();
    for (unsigned i = 0; i < 2; i++) {
        struct service service = service_make(1);
        accept_pages(8);
        int64_t client =
            peer_start(i ? lender_ro : lender_rw, (uint64_t)service.session);
        uint64_t base = item_receive(service.endpoint, 3);
        locked_expect(base);
        check_equal("the borrower writes", probe_store(base, 9),
                    i ? -EFAULT : 0);
        peer_end_with(client, 7);
        check_error("reply", service_answer(0, 0), EPIPE);
        check_error("afterwards", probe_load(base), EFAULT);
    }
}

static void check_rights(void) {
    receiver_start();
    uint8_t *pages = pages_make(2, 3);
    check_equal("for reading", give_to(POKE, pages, 2, ITEM_LEND, RO), -EFAULT);
    check_equal("for writing", give_to(POKE, pages, 2, ITEM_LEND, RW), 0);
    check_equal("written", pages[0], 1);
    check_equal("shared for reading", give_to(POKE, pages, 2, ITEM_SHARE, RO),
                -EFAULT);
}

/* Pages that the sender may execute, sent for reading. */
static void check_execute(void) {
    static const uint16_t code[] = {0x8082}; /* ret */
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        receiver_start();
        uint8_t *pages = pages_make(2, 3);
        memcpy(pages, code, sizeof(code));
        check_ok("protect",
                 sys_protect(HANDLE_SELF, (uint64_t)pages, 2 * PAGE_SIZE,
                             PROT_READ | PROT_EXECUTE));
        jump_to((uint64_t)pages);
        uint64_t at = (uint64_t)check_ok("give", give(pages, 1, mode, RO));
        struct message m = {.tag = tag_make(EXECUTE, 1, 0, 0), .words = {at}};
        check_error("execute", ipc_call(receiver.session, &m, DEADLINE_NONE),
                    EPIPE);
        peer_end_with(receiver.pid, STATUS_KILLED);
    }
}

static void check_lend_shared(void) {
    static const unsigned rights[] = {RW, RO};
    receiver_start();
    uint8_t *pages = pages_make(2, 6);
    check_ok("share", give(pages, 1, ITEM_SHARE, RW));
    for (unsigned i = 0; i < 2; i++)
        check_error("lend what is shared", give(pages, 2, ITEM_LEND, rights[i]),
                    EPERM);
    pages_expect((uint64_t)pages, 2, 6);
}

static void lend_and_write(uint64_t page) {
    check_ok("lend", give((void *)page, 1, ITEM_LEND, RO));
    store_at(page, 44);
}

/* A page that is common after fork comes back as it went. */
static void check_lend_common(void) {
    receiver_start();
    uint8_t *page = pages_make(1, 7);
    peer_end(peer_start(lend_and_write, (uint64_t)page));
    page_expect((uint64_t)page, 7, 0);
}

static const struct check checks[] = {
    {"lent", "what is lent or borrowed stays where it is", check_lent},
    {"rights", "what the receiver may write", check_rights},
    {"execute", "what the receiver may execute", check_execute},
    {"lend_shared", "what is shared cannot be lent", check_lend_shared},
    {"lend_common", "a common page that was lent is still common",
     check_lend_common},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
