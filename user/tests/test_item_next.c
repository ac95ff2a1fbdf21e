/* SPDX-License-Identifier: MIT */
/*
 * tests/test_item_next.c: the second transfer, which has it easier.
 *
 * Where an item came before, the next one of its kind is appended by a short
 * way, and in a call by a shorter one. Here the second is unlike the first in
 * one respect each time: it must fare as if it were the first. Each check runs
 * into a space being built, and into a server that is called.
 */
#include "tests/paging.h"

#define PLACE 0x2340000000ull

enum {
    LOAD = 2, /* what the server can be asked, beside taking pages */
    STORE,
    MAP,
    PROTECT,
    UNMAP,
    FORK,
    ACCEPT,
    END,
};

/* Where the items go: a space, or (if not 0) a server. */
static int64_t space;
static struct server server;

/* ---- The receiver ---- */

/* In a child: stores there; what the parent sees afterwards. */
static int64_t fork_and_store(uint64_t at, uint8_t byte) {
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0) {
        store_at(at, byte);
        sys_exit(0);
    }
    peer_end(pid);
    return load_at(at);
}

static int64_t serve_one(const struct message *m) {
    uint64_t at = m->words[0], value = m->words[1];
    switch (tag_label(m->tag)) {
    case LOAD:
        return probe_load(at);
    case STORE:
        return probe_store(at, (uint8_t)value);
    case MAP:
        return sys_map(HANDLE_SELF, at, PAGE_SIZE, (unsigned)value, -1, 0);
    case PROTECT:
        return sys_protect(HANDLE_SELF, at, PAGE_SIZE, (unsigned)value);
    case UNMAP:
        return sys_unmap(HANDLE_SELF, at, value);
    case FORK:
        return fork_and_store(at, (uint8_t)value);
    case ACCEPT:
        return sys_accept(0, at, value * PAGE_SIZE, 64, 0, HANDLE_RECEIVED);
    default:
        return (int64_t)m->item_base;
    }
}

static void serve(int64_t endpoint) {
    struct message m;
    int32_t label = 0;
    probe_begin();
    accept_pages(64);
    /* Nothing that its parent has is in the way of what comes. */
    check_ok("unmap", sys_unmap(HANDLE_SELF, USER_MAP_BASE, 1ull << 30));
    while (label != END) {
        service_receive(endpoint, &m, MESSAGE_CALL);
        label = tag_label(m.tag);
        check_equal("reply", service_answer(0, (uint64_t)serve_one(&m)), 0);
    }
}

static int64_t ask(int32_t label, uint64_t at, uint64_t value) {
    struct message m = {.tag = tag_make(label, 2, 0, 0), .words = {at, value}};
    check_equal("call", ipc_call(server.session, &m, DEADLINE_NONE), 0);
    return (int64_t)m.words[0];
}

static int64_t there_load(uint64_t at) {
    uint8_t byte = 0;
    if (server.pid)
        return ask(LOAD, at, 0);
    int64_t error = ipc_copy(space, COPY_IN, at, &byte, 1).error;
    return error == -EPFAULT ? -EFAULT : error ? error : byte;
}

static int64_t there_store(uint64_t at, uint8_t byte) {
    if (server.pid)
        return ask(STORE, at, byte);
    int64_t error = ipc_copy(space, COPY_OUT, at, &byte, 1).error;
    return error == -EPFAULT ? -EFAULT : error;
}

static int64_t there_map(uint64_t at, unsigned flags) {
    return server.pid ? ask(MAP, at, flags)
                      : sys_map(space, at, PAGE_SIZE, flags, -1, 0);
}

static int64_t there_protect(uint64_t at, unsigned prot) {
    return server.pid ? ask(PROTECT, at, prot)
                      : sys_protect(space, at, PAGE_SIZE, prot);
}

static int64_t there_unmap(uint64_t at, uint64_t pages) {
    return server.pid ? ask(UNMAP, at, pages * PAGE_SIZE)
                      : sys_unmap(space, at, pages * PAGE_SIZE);
}

/* Sends one item to wherever there is room; where it is, or an error. */
static int64_t give(const void *base, uint64_t pages, enum item_mode mode,
                    unsigned rights) {
    if (!server.pid)
        return item_transfer(space, 0, base, pages, mode, rights);
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    item_set(&m, 0, base, pages, mode, rights);
    int64_t result = ipc_call(server.session, &m, DEADLINE_NONE);
    return result < 0 ? result : (int64_t)m.words[0];
}

/* Runs `run` for both receivers. */
static void both(void (*run)(enum item_mode mode)) {
    probe_begin();
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        server.pid = 0;
        space = check_ok("space_create", sys_space_create());
        run(mode);
        check_ok("close", sys_handle_close(space));
        server = server_start(serve);
        run(mode);
        ask(END, 0, 0);
        peer_end(server.pid);
        check_ok("close", sys_handle_close(server.session));
    }
}

/* The first: three writable pages come, of a range that has more. */
static uint64_t first(enum item_mode mode) {
    return (uint64_t)check_ok("the first", give(pages_make(4, 1), 3, mode, RW));
}

static void there_expect(uint64_t at, uint64_t pages, uint64_t pattern) {
    for (uint64_t i = 0; i < pages; i++)
        check_equal("a page of the receiver", there_load(at + i * PAGE_SIZE),
                    page_byte(pattern, i, 0));
}

/* ---- Unlike the first ---- */

static void run_alike(enum item_mode mode) {
    uint64_t at = first(mode);
    for (uint64_t i = 2; i < 5; i++) {
        uint8_t *base = pages_make(3, i);
        uint64_t next = (uint64_t)check_ok("next", give(base, 2, mode, RW));
        there_expect(next, 2, i);
        check_equal("store", there_store(next, 77), 0);
        check_equal("the sender's", probe_load((uint64_t)base),
                    mode == ITEM_MOVE    ? -EFAULT
                    : mode == ITEM_SHARE ? 77
                                         : page_byte(i, 0, 0));
        page_expect((uint64_t)base + 2 * PAGE_SIZE, i, 2);
        check_equal("mine", probe_store((uint64_t)base + 2 * PAGE_SIZE, 1), 0);
    }
    there_expect(at, 3, 1);
}

static void check_alike(void) {
    both(run_alike);
}

/* A fault there: the kernel looked at this region last. */
static void fault_in(const uint8_t *untouched) {
    check_equal("untouched", load_at((uint64_t)untouched), 0);
}

static void run_rights(enum item_mode mode) {
    uint64_t at = first(mode);
    uint8_t *base = pages_map(4);
    pages_fill(base, 2, 2);
    uint64_t next = (uint64_t)check_ok("next", give(base, 1, mode, RO));
    check_error("store", there_store(next, 1), EFAULT);
    check_equal("store to the first", there_store(at, 1), 0);
    base += PAGE_SIZE;
    check_ok("protect",
             sys_protect(HANDLE_SELF, (uint64_t)base, 3 * PAGE_SIZE, RO));
    first(mode);
    fault_in(base + 2 * PAGE_SIZE);
    check_error("more than the sender has", give(base, 1, mode, RW), EPERM);
    check_error("write alone", give(base, 1, mode, ITEM_WRITE), EINVAL);
    check_error("execute", give(base, 1, mode, RO | ITEM_EXECUTE), EPERM);
    page_expect((uint64_t)base, 2, 1);
    next = (uint64_t)check_ok("next", give(base, 1, mode, RO));
    check_error("store", there_store(next, 1), EFAULT);
    check_error("raise", there_protect(next, RW), EPERM);
}

static void check_rights(void) {
    both(run_rights);
}

static void run_range(enum item_mode mode) {
    first(mode);
    uint8_t *base = pages_map(6);
    pages_fill(base, 2, 2);
    check_ok("unmap",
             sys_unmap(HANDLE_SELF, (uint64_t)base + 3 * PAGE_SIZE, PAGE_SIZE));
    fault_in(base + 2 * PAGE_SIZE);
    check_error("not a page", give(base + 8, 1, mode, RW), EINVAL);
    pages_fill(base, 3, 2);
    pages_fill(base + 4 * PAGE_SIZE, 2, 3);
    if (mode != ITEM_MOVE)
        check_ok("as far as it goes", give(base, 2, mode, RW));
    check_error("a hole", give(base, 4, mode, RW), EFAULT);
    check_error("a hole", give(base + 3 * PAGE_SIZE, 1, mode, RW), EFAULT);
    check_error("no pages", give(base, 0, mode, RW), EINVAL);
    check_error("beyond", give((void *)USER_END, 1, mode, RW), EINVAL);
    check_error("wraps", give((void *)-PAGE_SIZE, 2, mode, RW), EINVAL);
    pages_expect((uint64_t)base, 3, 2);
    check_equal("store", probe_store((uint64_t)base, base[0]), 0);
    there_expect((uint64_t)check_ok("next", give(base, 3, mode, RW)), 3, 2);
    pages_expect((uint64_t)base + 4 * PAGE_SIZE, 2, 3);
}

static void check_range(void) {
    both(run_range);
}

/* Something lies behind the first: the next one goes elsewhere. */
static void run_behind(enum item_mode mode) {
    static const struct {
        uint8_t gap, pages; /* behind the first; of the next */
        unsigned flags;
    } ways[] = {{0, 1, 0}, {1, 2, 0}, {1, 1, MAP_STACK}, {2, 1, 0}};
    for (unsigned i = 0; i < 4; i++) {
        uint64_t at = first(mode);
        uint64_t mapped = at + (3 + ways[i].gap) * PAGE_SIZE;
        check_equal("map", there_map(mapped, RW | MAP_FIXED | ways[i].flags),
                    (int64_t)mapped);
        check_equal("store", there_store(mapped, 55), 0);
        uint64_t next = (uint64_t)check_ok(
            "next", give(pages_make(4, 2), ways[i].pages, mode, RW));
        there_expect(next, ways[i].pages, 2);
        check_equal("what was behind", there_load(mapped), 55);
        uint64_t end = next + ways[i].pages * PAGE_SIZE;
        uint64_t low = mapped - (ways[i].flags ? PAGE_SIZE : 0);
        check_true("apart", end <= low || next >= mapped + PAGE_SIZE);
        check_ok("unmap", there_unmap(at, 8));
        check_ok("unmap", there_unmap(next, ways[i].pages));
    }
}

static void check_behind(void) {
    both(run_behind);
}

/* The receiver has changed what came first. */
static void run_changed(enum item_mode mode) {
    uint64_t at = first(mode);
    check_ok("protect", there_protect(at + 2 * PAGE_SIZE, RO));
    uint64_t next =
        (uint64_t)check_ok("next", give(pages_make(4, 2), 2, mode, RW));
    check_equal("store", there_store(next + PAGE_SIZE, 1), 0);
    check_error("store", there_store(at + 2 * PAGE_SIZE, 1), EFAULT);
    check_ok("unmap", there_unmap(at + PAGE_SIZE, 1));
    next = (uint64_t)check_ok("next", give(pages_make(4, 3), 2, mode, RW));
    there_expect(next, 2, 3);
    check_ok("unmap", there_unmap(next, 2));
    next = (uint64_t)check_ok("next", give(pages_make(4, 4), 2, mode, RW));
    there_expect(next, 2, 4);
    check_ok("unmap", there_unmap(at, 16));
    next = (uint64_t)check_ok("next", give(pages_make(4, 5), 2, mode, RW));
    there_expect(next, 2, 5);
}

static void check_changed(void) {
    both(run_changed);
}

/* What the sender has in common with others, or shares. */
static void run_common(enum item_mode mode) {
    int64_t other = check_ok("space_create", sys_space_create());
    first(mode);
    uint8_t *base = pages_make(4, 2);
    check_ok("cow", item_transfer(other, PLACE, base, 2, ITEM_COW, RW));
    uint64_t next = (uint64_t)check_ok("next", give(base, 1, mode, RW));
    check_equal("store", there_store(next, 66), 0);
    uint8_t byte = 0;
    check_equal("look", ipc_copy(other, COPY_IN, PLACE, &byte, 1).error, 0);
    check_equal("who has it in common", byte, page_byte(2, 0, 0));
    check_equal("the sender's", probe_load((uint64_t)base),
                mode == ITEM_MOVE    ? -EFAULT
                : mode == ITEM_SHARE ? 66
                                     : page_byte(2, 0, 0));
    uint8_t *shared = pages_make(4, 3);
    check_ok("share", item_transfer(other, PLACE + 8 * PAGE_SIZE, shared, 2,
                                    ITEM_SHARE, RW));
    next = (uint64_t)check_ok("next", give(shared, 1, mode, RW));
    byte = 67;
    check_equal(
        "write",
        ipc_copy(other, COPY_OUT, PLACE + 8 * PAGE_SIZE, &byte, 1).error, 0);
    check_equal("who shares it", there_load(next),
                mode == ITEM_COW ? page_byte(3, 0, 0) : 67);
    if (mode == ITEM_COW)
        check_equal("the sender's", shared[0], 67);
    check_ok("close", sys_handle_close(other));
}

static void check_common(void) {
    both(run_common);
}

/* The first was shared and the next is not, or the other way round. */
static void run_mixed(enum item_mode mode) {
    if (!server.pid)
        return; /* it takes a process to fork */
    for (unsigned next = ITEM_MOVE; next <= ITEM_COW; next++) {
        first(mode);
        uint8_t *base = pages_make(4, 2);
        uint64_t at = (uint64_t)check_ok("next", give(base, 1, next, RW));
        check_equal("after a child's store", ask(FORK, at, 88),
                    next == ITEM_SHARE ? 88 : page_byte(2, 0, 0));
        check_ok("unmap", there_unmap(at, 1));
    }
}

static void check_mixed(void) {
    both(run_mixed);
}

/* Untouched pages, and more than the receiver takes. */
static void run_lazy(enum item_mode mode) {
    first(mode);
    uint8_t *many = pages_make(70, 2);
    if (server.pid)
        check_error("too many", give(many, 65, mode, RW), EMSGSIZE);
    pages_expect((uint64_t)many, 70, 2);
    uint8_t *base = pages_map(70);
    base[PAGE_SIZE] = 9;
    uint64_t next = (uint64_t)check_ok("next", give(base, 3, mode, RW));
    check_equal("untouched", there_load(next), 0);
    check_equal("touched", there_load(next + PAGE_SIZE), 9);
    check_equal("store", there_store(next + 2 * PAGE_SIZE, 5), 0);
    check_equal("the sender's", probe_load((uint64_t)base + 2 * PAGE_SIZE),
                mode == ITEM_MOVE    ? -EFAULT
                : mode == ITEM_SHARE ? 5
                                     : 0);
}

static void check_lazy(void) {
    both(run_lazy);
}

/* The server has named a window since. */
static void run_window(enum item_mode mode) {
    if (!server.pid)
        return;
    first(mode);
    check_equal("accept", ask(ACCEPT, PLACE, 4), 0);
    check_equal("in the window", give(pages_make(4, 2), 3, mode, RW), PLACE);
    check_error("too many", give(pages_make(4, 3), 2, mode, RW), EMSGSIZE);
    there_expect(PLACE, 3, 2);
    check_equal("accept", ask(ACCEPT, 0, 0), 0);
    check_ok("anywhere", give(pages_make(4, 4), 2, mode, RW));
    check_ok("unmap", there_unmap(PLACE, 8));
}

static void check_window(void) {
    both(run_window);
}

/* A window that says where, and not behind the first. */
static void check_place(void) {
    space = check_ok("space_create", sys_space_create());
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        uint64_t at = PLACE + mode * 64 * PAGE_SIZE;
        uint8_t *base = pages_make(8, 2);
        check_equal("the first", item_transfer(space, at, base, 1, mode, RW),
                    (int64_t)at);
        base += PAGE_SIZE;
        check_equal("behind",
                    item_transfer(space, at + PAGE_SIZE, base, 1, mode, RW),
                    (int64_t)(at + PAGE_SIZE));
        base += PAGE_SIZE;
        check_equal("further on",
                    item_transfer(space, at + 9 * PAGE_SIZE, base, 1, mode, RW),
                    (int64_t)(at + 9 * PAGE_SIZE));
        check_error("the first again",
                    item_transfer(space, at, base + PAGE_SIZE, 1, mode, RW),
                    ENOSPC);
        server.pid = 0;
        check_equal("there", there_load(at + 9 * PAGE_SIZE),
                    page_byte(2, 2, 0));
        check_error("nothing there", there_load(at + 2 * PAGE_SIZE), EFAULT);
    }
}

static const struct check checks[] = {
    {"alike", "the next ones of a kind", check_alike},
    {"rights", "other rights, or too many", check_rights},
    {"range", "a range that is none", check_range},
    {"behind", "something lies behind what came first", check_behind},
    {"changed", "the receiver has changed what came first", check_changed},
    {"common", "pages that others have in common or share", check_common},
    {"mixed", "another mode, as forks see it", check_mixed},
    {"lazy", "untouched pages, and too many", check_lazy},
    {"window", "a window that was named since", check_window},
    {"place", "another place", check_place},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
