/* SPDX-License-Identifier: MIT */
/*
 * tests/test_pager.c: page faults that are calls: what is asked, what comes.
 */
#include "lib/safe.h"
#include "tests/pager.h"

/* ---- What is asked, and what comes ---- */

/* Loads from the address with known values in all message registers, and
 * returns how many of these have changed. */
static uint64_t registers_changed(uint64_t address) {
    uint64_t changed;
    __asm__ volatile("mv s2, %1\n"
                     "li a0, 10\n li a1, 11\n li a2, 12\n li a3, 13\n"
                     "li a4, 14\n li a5, 15\n li a6, 16\n li a7, 17\n"
                     "li t0, 18\n li t1, 19\n li t2, 20\n li t3, 21\n"
                     "li t4, 22\n li t5, 23\n li t6, 24\n"
                     "lbu s3, 0(s2)\n"
                     "addi a0, a0, -10\n addi a1, a1, -11\n"
                     "addi a2, a2, -12\n addi a3, a3, -13\n"
                     "addi a4, a4, -14\n addi a5, a5, -15\n"
                     "addi a6, a6, -16\n addi a7, a7, -17\n"
                     "addi t0, t0, -18\n addi t1, t1, -19\n"
                     "addi t2, t2, -20\n addi t3, t3, -21\n"
                     "addi t4, t4, -22\n addi t5, t5, -23\n"
                     "addi t6, t6, -24\n"
                     "or a0, a0, a1\n or a0, a0, a2\n or a0, a0, a3\n"
                     "or a0, a0, a4\n or a0, a0, a5\n or a0, a0, a6\n"
                     "or a0, a0, a7\n or a0, a0, t0\n or a0, a0, t1\n"
                     "or a0, a0, t2\n or a0, a0, t3\n or a0, a0, t4\n"
                     "or a0, a0, t5\n or %0, a0, t6\n"
                     : "=r"(changed)
                     : "r"(address)
                     : "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "t0",
                       "t1", "t2", "t3", "t4", "t5", "t6", "s2", "s3",
                       "memory");
    return changed;
}

static void reader(uint64_t unused) {
    (void)unused;
    uint64_t region = region_map(3, RO);
    check_equal("registers", (int64_t)registers_changed(region + PAGE_SIZE), 0);
    page_expect(region + PAGE_SIZE, 5, 0);
    pages_readonly(region + PAGE_SIZE, 1);
}

static void check_read(void) {
    struct message m;
    service = service_make(9);
    uint8_t *page = pages_make(1, 5);
    int64_t client = peer_start(reader, 0);
    fault_receive(&m, 1);
    check_equal("badge", (int64_t)m.badge, 9);
    check_equal("access", (int64_t)m.words[1],
                PROT_READ | PROT_READ << PAGER_PROT_SHIFT);
    check_equal("pages left", (int64_t)m.words[2], 2);
    answer_ok(page, 1, ITEM_SHARE, RO);
    peer_end(client);
    service_quiet(service.endpoint);
    store_at((uint64_t)page, 1);
}

static void writer(uint64_t unused) {
    (void)unused;
    uint64_t region = region_map(1, RW);
    store_at(region + 1, 77);
    check_equal("what is written", load_at(region + 1), 77);
    check_equal("what was there", load_at(region + PAGE_STEP),
                page_byte(6, 0, PAGE_STEP));
}

static void check_move(void) {
    struct message m;
    service = service_make(1);
    uint8_t *page = pages_make(2, 6);
    int64_t client = peer_start(writer, 0);
    fault_receive(&m, 0);
    check_equal("access", (int64_t)m.words[1],
                PROT_WRITE | RW << PAGER_PROT_SHIFT);
    answer_ok(page, 1, ITEM_MOVE, RW);
    peer_end(client);
    pages_gone(page, 1);
    page_expect((uint64_t)page + PAGE_SIZE, 6, 1);
}

/* A private page: neither side sees what the other writes from now on. */
static void check_cow(void) {
    struct message m;
    service = service_make(1);
    uint8_t *page = pages_make(1, 6);
    for (unsigned round = 0; round < 2; round++) {
        int64_t client = peer_start(writer, 0);
        fault_receive(&m, 0);
        answer_ok(page, 1, ITEM_COW, RW);
        peer_end(client);
        page_expect((uint64_t)page, 6, 0);
        check_equal("not written by the client", page[1], 0);
    }
    page[0] = 1;
}

static void partner(uint64_t unused) {
    (void)unused;
    uint64_t region = region_map(1, RW);
    store_at(region, 1);
    int64_t child = peer_start(touch_store, region + 1);
    peer_end(child);
    check_equal("the child's store", load_at(region + 1), 1);
    check_equal("the pager's store", load_at(region + 2), 3);
}

static void check_share(void) {
    struct message m;
    service = service_make(1);
    uint8_t *page = pages_make(1, 7);
    int64_t client = peer_start(partner, 0);
    fault_receive(&m, 0);
    page[2] = 3;
    answer_ok(page, 1, ITEM_SHARE, RW);
    peer_end(client);
    check_equal("the client's store", page[0], 1);
    check_equal("the child's store", page[1], 1);
}

static void runner(uint64_t prot) {
    jump_to(region_map(1, (unsigned)prot));
}

static void check_execute(void) {
    static const uint16_t code = 0x8082; /* ret */
    struct message m;
    service = service_make(1);
    uint8_t *page = pages_make(1, 7);
    memcpy(page, &code, sizeof(code));
    check_ok("protect", sys_protect(HANDLE_SELF, (uint64_t)page, PAGE_SIZE,
                                    PROT_READ | PROT_EXECUTE));
    for (unsigned round = 0; round < 4; round++) {
        unsigned prot = round < 2 ? PROT_READ | PROT_EXECUTE : PROT_EXECUTE;
        unsigned rights = round % 2 ? RO | ITEM_EXECUTE : RO;
        int64_t client = peer_start(runner, prot);
        fault_receive(&m, 0);
        check_equal("access", (int64_t)m.words[1] & 0xff, PROT_EXECUTE);
        answer_ok(page, 1, ITEM_SHARE, rights);
        peer_end(client);
    }
}

/* ---- More than one page ---- */

static void walker(uint64_t unused) {
    (void)unused;
    uint64_t region = region_map(6, RO);
    touch_load(region + 3 * PAGE_SIZE);
    pages_expect(region, 3, 8);
    page_expect(region + 3 * PAGE_SIZE, 9, 0);
    touch_load(region + 4 * PAGE_SIZE);
    page_expect(region + 5 * PAGE_SIZE, 8, 1);
    probe_begin();
    for (uint64_t i = 0; i < 6; i++)
        check_error("store", probe_store(region + i * PAGE_SIZE, 1), EFAULT);
}

/* Items follow each other, up to a page that is there, or the end. */
static void check_around(void) {
    struct message m;
    service = service_make(1);
    uint8_t *pages = pages_make(5, 8);
    uint8_t *other = pages_make(1, 9);
    int64_t client = peer_start(walker, 0);
    fault_receive(&m, 3);
    answer_ok(other, 1, ITEM_SHARE, RO);
    fault_receive(&m, 0);
    m = (struct message){.tag = tag_make(0, 0, 0, 3)};
    item_set(&m, 0, pages, 2, ITEM_SHARE, RO);
    item_set(&m, 1, pages + 2 * PAGE_SIZE, 2, ITEM_COW, RO);
    item_set(&m, 2, pages + 4 * PAGE_SIZE, 1, ITEM_MOVE, RW);
    check_equal("answer with three", ipc_reply(HANDLE_IMPLICIT, &m), 0);
    fault_receive(&m, 4);
    answer_ok(pages, 5, ITEM_COW, RO);
    peer_end(client);
    service_quiet(service.endpoint);
    pages_expect((uint64_t)pages, 5, 8);
}

static void zeros_client(uint64_t unused) {
    (void)unused;
    uint64_t region = region_map(2, RW);
    check_equal("zero", load_at(region + 8), 0);
    store_at(region + PAGE_SIZE, 5);
    check_equal("zero", load_at(region + PAGE_SIZE + 8), 0);
}

/* Pages that the pager itself has never touched are zeros. */
static void check_untouched(void) {
    struct message m;
    service = service_make(1);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        uint8_t *pages = pages_map(2);
        int64_t client = peer_start(zeros_client, 0);
        for (uint64_t i = 0; i < 2; i++) {
            fault_receive(&m, i);
            answer_ok(pages + i * PAGE_SIZE, 1, mode, RW);
        }
        peer_end(client);
        service_quiet(service.endpoint);
    }
}

/* ---- Answers that are not ---- */

static void prober(uint64_t unused) {
    (void)unused;
    uint64_t region = region_map(1, RO);
    char byte;
    check_equal("probe", safe_copy(&byte, (char *)region, 1), -EFAULT);
    check_equal("again", safe_copy(&byte, (char *)region, 1), 0);
}

static void check_refuse(void) {
    struct message m;
    service = service_make(1);
    uint8_t *page = pages_make(1, 8);
    int64_t client = peer_start(toucher, RO);
    fault_receive(&m, 0);
    check_equal("refuse", service_answer(-ENOENT, 0), 0);
    peer_end_with(client, STATUS_KILLED);
    client = peer_start(toucher, RW);
    fault_receive(&m, 0);
    check_equal("answer without a page", service_answer(0, 0), 0);
    peer_end_with(client, STATUS_KILLED);
    client = peer_start(prober, 0);
    fault_receive(&m, 0);
    check_equal("refuse", service_answer(-ENOENT, 0), 0);
    fault_receive(&m, 0);
    answer_ok(page, 1, ITEM_SHARE, RO);
    peer_end(client);
}

/* The client is not touched by what is wrong with an answer. */
static void check_bad_answers(void) {
    struct message m;
    service = service_make(1);
    uint8_t *pages = pages_make(PAGER_PAGES + 1, 6);
    int64_t client = peer_start(writer, 0);
    fault_receive(&m, 0);
    check_error("no page", fault_answer(pages, 0, ITEM_COW, RW), EINVAL);
    check_error("part of a page", fault_answer(pages + 8, 1, ITEM_COW, RW),
                EINVAL);
    check_error("lend", fault_answer(pages, 1, ITEM_LEND, RW), EINVAL);
    check_error("window", fault_answer(pages, 1, ITEM_WINDOW, RW), EINVAL);
    check_error("too many", fault_answer(pages, PAGER_PAGES + 1, ITEM_COW, RW),
                EINVAL);
    check_error("less than the region", fault_answer(pages, 1, ITEM_SHARE, RO),
                EPERM);
    check_error("not mapped", fault_answer((void *)4096, 1, ITEM_COW, RW),
                EFAULT);
    m = (struct message){.tag = tag_make(0, 0, 1, 0),
                         .handles = (uint64_t)service.session};
    check_error("handle", ipc_reply(HANDLE_IMPLICIT, &m), EMSGSIZE);
    check_ok("protect",
             sys_protect(HANDLE_SELF, (uint64_t)pages, PAGE_SIZE, PROT_READ));
    check_error("more than the pager has",
                fault_answer(pages, 1, ITEM_SHARE, RW), EPERM);
    check_ok("protect",
             sys_protect(HANDLE_SELF, (uint64_t)pages, PAGE_SIZE, RW));
    answer_ok(pages, PAGER_PAGES, ITEM_COW, RW);
    peer_end(client);
    pages_expect((uint64_t)pages, PAGER_PAGES + 1, 6);
}

/* ---- Arguments, rights ---- */

static void check_arguments(void) {
    service = service_make(1);
    const unsigned paged = RO | MAP_PAGER;
    check_error("no handle", sys_map(HANDLE_SELF, 0, PAGE_SIZE, paged, -1, 0),
                EBADF);
    check_error("an endpoint",
                sys_map(HANDLE_SELF, 0, PAGE_SIZE, paged, service.endpoint, 0),
                EBADF);
    check_error("offset",
                sys_map(HANDLE_SELF, 0, PAGE_SIZE, paged, service.session, 8),
                EINVAL);
    check_error("end",
                sys_map(HANDLE_SELF, 0, 2 * PAGE_SIZE, paged, service.session,
                        0ull - PAGE_SIZE),
                EINVAL);
    check_error("stack",
                sys_map(HANDLE_SELF, 0, PAGE_SIZE, paged | MAP_STACK,
                        service.session, 0),
                EINVAL);
    check_error("length", sys_map(HANDLE_SELF, 0, 0, paged, service.session, 0),
                EINVAL);
    int64_t weak =
        check_ok("mint", sys_session_mint(service.endpoint, 1, RIGHT_PASS, 0));
    check_error("no right to send",
                sys_map(HANDLE_SELF, 0, PAGE_SIZE, paged, weak, 0), EPERM);
    uint64_t region = region_map(1, RO);
    check_error("more rights", sys_protect(HANDLE_SELF, region, PAGE_SIZE, RW),
                EPERM);
    check_equal("fewer rights",
                sys_protect(HANDLE_SELF, region, PAGE_SIZE, PROT_NONE), 0);
    peer_dies(touch_load, region);
    service_quiet(service.endpoint);
}

static const struct check checks[] = {
    {"read", "a load asks for its page; no register changes", check_read},
    {"move", "a page may be handed over", check_move},
    {"cow", "a private page is nobody else's", check_cow},
    {"share", "a shared page is both's, over fork too", check_share},
    {"execute", "the region grants execution, not the pager", check_execute},
    {"around", "more pages than asked for fill what is missing", check_around},
    {"untouched", "pages that nobody has touched are zeros", check_untouched},
    {"refuse", "a refused fault is the program's error", check_refuse},
    {"bad_answers", "what is wrong with an answer is the pager's error",
     check_bad_answers},
    {"arguments", "bad arguments and rights are errors", check_arguments},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
