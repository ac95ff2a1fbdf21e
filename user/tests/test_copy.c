/* SPDX-License-Identifier: MIT */
/*
 * tests/test_copy.c: SYS_COPY between a server and a client's window.
 *
 * The client is a child process. Its window lies in AREA, which each side maps
 * for itself at the same address: what the server copies is never its own by
 * accident, because each side fills the area with its own pattern.
 */
#include "tests/copying.h"

/* ---- Bytes ---- */

static const uint64_t sizes[] = {1,  2,  3,  4,    5,    6,    7,    8,    9,
                                 10, 11, 12, 13,   14,   15,   16,   17,   32,
                                 63, 64, 65, 4095, 4096, 4097, 8191, 16384};
static const uint64_t shifts[] = {0, 1, 3, 8, 4090};
enum {
    SIZES = sizeof(sizes) / sizeof(sizes[0]),
    SHIFTS = sizeof(shifts) / sizeof(shifts[0]),
};

static void check_in(void) {
    copying_start(ITEM_READ, 0, 6 * PAGE_SIZE);
    for (unsigned s = 0; s < SIZES; s++)
        for (unsigned a = 0; a < SHIFTS; a++) {
            uint64_t off = shifts[a], to = AREA + shifts[(a + s) % SHIFTS];
            area_fill(SERVER_PATTERN);
            copy_expect(COPY_IN, off, to, sizes[s], 0, sizes[s]);
            area_expect(to - AREA, sizes[s], off, CLIENT_PATTERN);
            area_expect_rest(to - AREA, sizes[s], SERVER_PATTERN);
        }
    copying_end();
}

/* The client looks at its window after each COPY_OUT. */
static void out_client(uint64_t unused) {
    (void)unused;
    for (unsigned s = 0; s < SIZES; s++)
        for (unsigned a = 0; a < SHIFTS; a++) {
            area_fill(CLIENT_PATTERN);
            client_call(0, 6 * PAGE_SIZE, ITEM_WRITE);
            uint64_t off = shifts[a], from = shifts[(a + s) % SHIFTS];
            area_expect(off, sizes[s], from, SERVER_PATTERN);
            area_expect_rest(off, sizes[s], CLIENT_PATTERN);
        }
}

static void check_out(void) {
    copying_start_with(out_client);
    area_fill(SERVER_PATTERN);
    for (unsigned s = 0; s < SIZES; s++)
        for (unsigned a = 0; a < SHIFTS; a++) {
            uint64_t from = AREA + shifts[(a + s) % SHIFTS];
            copying_receive();
            copy_expect(COPY_OUT, shifts[a], from, sizes[s], 0, sizes[s]);
            check_equal("reply", service_answer(0, 0), 0);
        }
    peer_end(copying_client);
}

/* ---- Refusals ---- */

static void check_directions(void) {
    copying_start(ITEM_READ, 0, 64);
    area_fill(SERVER_PATTERN); /* nothing but the right is in the way */
    copy_expect(COPY_OUT, 0, AREA, 8, -EPERM, 0);
    copy_expect(COPY_IN, 0, AREA, 8, 0, 8);
    copying_end();
    copying_start(ITEM_WRITE, 0, 64);
    area_fill(SERVER_PATTERN);
    copy_expect(COPY_IN, 0, AREA, 8, -EPERM, 0);
    copy_expect(COPY_OUT, 0, AREA, 8, 0, 8);
    copying_end();
    copying_start(ITEM_READ | ITEM_WRITE, 0, 64);
    copy_expect(COPY_IN, 0, AREA, 8, 0, 8);
    copy_expect(COPY_OUT, 0, AREA, 8, 0, 8);
    copying_end();
}

static void check_arguments(void) {
    copying_start(ITEM_READ | ITEM_WRITE, 0, 64);
    copy_expect(0, 0, AREA, 8, -EINVAL, 0);
    copy_expect(COPY_NOFAULT, 0, AREA, 8, -EINVAL, 0);
    copy_expect(COPY_IN | COPY_OUT, 0, AREA, 8, -EINVAL, 0);
    copy_expect(COPY_IN | 0x80, 0, AREA, 8, -EINVAL, 0);
    copy_expect(COPY_IN | 0x100000, 0, AREA, 8, -EINVAL, 0);
    copy_expect(COPY_IN | 1, 0, AREA, 8, -EINVAL, 0);
    copy_expect(COPY_IN | 4, 0, AREA, 8, -EINVAL, 0);
    copy_expect(COPY_IN | 15, 0, AREA, 8, -EINVAL, 0);
    copy_expect(COPY_IN, 0, UINT64_MAX - 3, 8, -EINVAL, 0);
    copy_expect(COPY_IN, 0, AREA, UINT64_MAX, -EINVAL, 0);
    copy_expect(COPY_IN, 0, 1ull << 63, 8, -EINVAL, 0);
    copy_expect(COPY_IN, 0, USER_END, 8, -EINVAL, 0);
    copy_expect(COPY_IN, 0, USER_END - 4, 8, -EINVAL, 0);
    copy_expect(COPY_IN, 0, AREA, 8, 0, 8);
    copying_end();
}

static void check_offsets(void) {
    copying_start(ITEM_READ, 0, 64);
    copy_expect(COPY_IN, 63, AREA, 1, 0, 1);
    copy_expect(COPY_IN, 64, AREA, 1, -EOVERFLOW, 0);
    copy_expect(COPY_IN, 65, AREA, 1, -ERANGE, 0);
    copy_expect(COPY_IN, UINT64_MAX - 7, AREA, 16, -ERANGE, 0);
    copy_expect(COPY_IN, 65, AREA, 0, -ERANGE, 0);
    copy_expect(COPY_IN, 64, AREA, 0, 0, 0);
    copy_expect(COPY_IN, 0, AREA, 0, 0, 0);
    copying_end();
}

static void check_overflow(void) {
    copying_start(ITEM_READ, 16, 32);
    area_fill(SERVER_PATTERN);
    copy_expect(COPY_IN, 0, AREA, 0x4000, -EOVERFLOW, 32);
    area_expect(0, 32, 16, CLIENT_PATTERN);
    area_expect_rest(0, 32, SERVER_PATTERN);
    copy_expect(COPY_IN, 20, AREA, 100, -EOVERFLOW, 12);
    copying_end();
}

static void overflow_client(uint64_t unused) {
    (void)unused;
    area_fill(CLIENT_PATTERN);
    client_call(100, 32, ITEM_WRITE);
    area_expect(100, 32, 0, SERVER_PATTERN);
    area_expect_rest(100, 32, CLIENT_PATTERN);
}

static void check_overflow_out(void) {
    copying_start_with(overflow_client);
    area_fill(SERVER_PATTERN);
    copying_receive();
    copy_expect(COPY_OUT, 0, AREA, 0x4000, -EOVERFLOW, 32);
    copying_end();
}

/* Errors come in the documented order when several apply. */
static void check_precedence(void) {
    copying_start(ITEM_WRITE, 0, 64);
    copy_expect(COPY_IN | 1, 100, 0, 8, -EINVAL, 0);
    copy_expect(COPY_IN, 100, AREA, 8, -EPERM, 0);
    copy_expect(COPY_OUT, 100, HOLE, 8, -ERANGE, 0);
    copy_expect(COPY_OUT, 0, HOLE, 0, 0, 0);
    copy_expect(COPY_OUT, 0, HOLE, 100, -EFAULT, 0);
    copying_end();
}

/* ---- Holes ---- */

enum { HOLE_PAGES = 4, HOLE_START = 100 };

/* A hole at each of four pages of the server's own memory. */
static void check_own_hole(void) {
    uint64_t length = HOLE_PAGES * PAGE_SIZE - HOLE_START;
    for (uint64_t page = 0; page < HOLE_PAGES; page++) {
        uint64_t expected = page ? page * PAGE_SIZE - HOLE_START : 0;
        copying_start(ITEM_READ | ITEM_WRITE, 0, AREA_SIZE);
        area_fill(SERVER_PATTERN);
        check_ok("unmap",
                 sys_unmap(HANDLE_SELF, AREA + page * PAGE_SIZE, PAGE_SIZE));
        copy_expect(COPY_IN, 7, AREA + HOLE_START, length, -EFAULT, expected);
        area_expect(HOLE_START, expected, 7, CLIENT_PATTERN);
        copy_expect(COPY_OUT, 7, AREA + HOLE_START, length, -EFAULT, expected);
        copying_end();
        area_map_again();
    }
}

static void hole_client(uint64_t page) {
    uint64_t before = page ? page * PAGE_SIZE - HOLE_START : 0;
    area_fill(CLIENT_PATTERN);
    check_ok("unmap",
             sys_unmap(HANDLE_SELF, AREA + page * PAGE_SIZE, PAGE_SIZE));
    client_call(HOLE_START, HOLE_PAGES * PAGE_SIZE, ITEM_READ | ITEM_WRITE);
    area_expect(HOLE_START, before, 0, SERVER_PATTERN);
}

static void check_peer_hole(void) {
    uint64_t length = HOLE_PAGES * PAGE_SIZE - HOLE_START;
    for (uint64_t page = 0; page < HOLE_PAGES; page++) {
        uint64_t expected = page ? page * PAGE_SIZE - HOLE_START : 0;
        copying_start_arg(hole_client, page);
        area_fill(SERVER_PATTERN);
        copying_receive();
        copy_expect(COPY_IN, 0, AREA, length, -EPFAULT, expected);
        area_expect(0, expected, HOLE_START, CLIENT_PATTERN);
        area_expect_rest(0, expected, SERVER_PATTERN);
        area_fill(SERVER_PATTERN);
        copy_expect(COPY_OUT, 0, AREA, length, -EPFAULT, expected);
        copying_end();
    }
}

/* ---- Read-only, lazy and shared pages ---- */

static const char constant[PAGE_SIZE * 2] __attribute__((aligned(PAGE_SIZE))) =
    "constants must not change";

static void check_read_only(void) {
    copying_start(ITEM_READ, 0, PAGE_SIZE);
    copy_expect(COPY_IN, 0, (uint64_t)constant, 8, -EFAULT, 0);
    copy_expect(COPY_IN, 0, (uint64_t)check_in, 8, -EFAULT, 0);
    check_equal("the constant", constant[0], 'c');
    copying_end();
}

static void read_only_client(uint64_t unused) {
    (void)unused;
    area_fill(CLIENT_PATTERN);
    check_ok("protect",
             sys_protect(HANDLE_SELF, AREA + PAGE_SIZE, PAGE_SIZE, PROT_READ));
    client_call(0, AREA_SIZE, ITEM_READ | ITEM_WRITE);
    area_expect(0, PAGE_SIZE, 0, SERVER_PATTERN);
    area_expect_rest(0, PAGE_SIZE, CLIENT_PATTERN);
}

static void check_peer_read_only(void) {
    copying_start_with(read_only_client);
    copying_receive();
    copy_expect(COPY_IN, 0, AREA, AREA_SIZE, 0, AREA_SIZE);
    area_fill(SERVER_PATTERN);
    copy_expect(COPY_OUT, 0, AREA, AREA_SIZE, -EPFAULT, PAGE_SIZE);
    copying_end();
}

/* Fresh pages, never touched by the client. */
static void lazy_client(uint64_t unused) {
    (void)unused;
    check_ok("unmap", sys_unmap(HANDLE_SELF, AREA, AREA_SIZE));
    area_map_again();
    client_call(0, AREA_SIZE, ITEM_READ | ITEM_WRITE);
    area_expect(10, 5000, 10, SERVER_PATTERN);
    for (uint64_t i = 5010; i < 3 * PAGE_SIZE; i++)
        check_equal("byte never written", load_at(AREA + i), 0);
}

static void check_lazy(void) {
    copying_start_with(lazy_client);
    area_fill(SERVER_PATTERN);
    copying_receive();
    copy_expect(COPY_IN | COPY_NOFAULT, 0, AREA, 8, -EPFAULT, 0);
    copy_expect(COPY_IN, 4 * PAGE_SIZE, AREA, PAGE_SIZE, 0, PAGE_SIZE);
    for (uint64_t i = 0; i < PAGE_SIZE; i++)
        check_equal("byte of a lazy page", load_at(AREA + i), 0);
    area_fill(SERVER_PATTERN);
    copy_expect(COPY_OUT, 10, AREA + 10, 5000, 0, 5000);
    copying_end();
}

static void check_own_lazy(void) {
    copying_start(ITEM_READ, 0, AREA_SIZE);
    check_ok("unmap", sys_unmap(HANDLE_SELF, AREA, AREA_SIZE));
    area_map_again();
    copy_expect(COPY_IN | COPY_NOFAULT, 0, AREA, 8, -EFAULT, 0);
    copy_expect(COPY_IN, 3, AREA + 5, 9000, 0, 9000);
    area_expect(5, 9000, 3, CLIENT_PATTERN);
    check_equal("byte before", load_at(AREA + 4), 0);
    check_equal("byte after", load_at(AREA + 9005), 0);
    copying_end();
}

/* The window is shared copy-on-write with the parent and with a third. */
static void bystander(uint64_t unused) {
    (void)unused;
    pause_ms(5 * SETTLE_MS);
    area_expect(0, AREA_SIZE, 0, SERVER_PATTERN);
}

static void cow_client(uint64_t unused) {
    (void)unused;
    client_call(0, AREA_SIZE, ITEM_READ | ITEM_WRITE);
    area_expect(100, 5000, 200, SERVER_PATTERN);
    area_expect_rest(100, 5000, SERVER_PATTERN);
}

static void check_cow(void) {
    copying_prepare();
    area_fill(SERVER_PATTERN);
    int64_t third = peer_start(bystander, 0);
    copying_start_with(cow_client);
    copying_receive();
    copy_expect(COPY_OUT | COPY_NOFAULT, 100, AREA + 200, 8, -EPFAULT, 0);
    copy_expect(COPY_OUT, 100, AREA + 200, 5000, 0, 5000);
    area_expect(0, AREA_SIZE, 0, SERVER_PATTERN);
    copying_end();
    peer_end(third);
}

/* The destination in the server is shared copy-on-write with its child. */
static void check_own_cow(void) {
    copying_prepare();
    area_fill(SERVER_PATTERN);
    int64_t third = peer_start(bystander, 0);
    copying_start(ITEM_READ, 0, AREA_SIZE);
    copy_expect(COPY_IN, 0, AREA + 50, 6000, 0, 6000);
    area_expect(50, 6000, 0, CLIENT_PATTERN);
    copying_end();
    peer_end(third);
}

static const struct check checks[] = {
    {"in", "bytes come in, of every size and alignment, and no others",
     check_in},
    {"out", "bytes go out, of every size and alignment, and no others",
     check_out},
    {"directions", "a window grants reading, writing or both",
     check_directions},
    {"arguments", "malformed arguments are EINVAL", check_arguments},
    {"offsets", "offsets at and beyond the window's end", check_offsets},
    {"overflow", "a copy in stops exactly at the window's end", check_overflow},
    {"overflow_out", "a copy out stops exactly at the window's end",
     check_overflow_out},
    {"precedence", "of several errors the documented first one is told",
     check_precedence},
    {"own_hole", "a hole in the server's memory: EFAULT and an exact count",
     check_own_hole},
    {"peer_hole", "a hole in the client's memory: EPFAULT and an exact count",
     check_peer_hole},
    {"read_only", "the server's read-only pages stay so", check_read_only},
    {"peer_read_only", "the client's read-only pages stay so",
     check_peer_read_only},
    {"lazy", "the client's untouched pages are filled in", check_lazy},
    {"own_lazy", "the server's untouched pages are filled in", check_own_lazy},
    {"cow", "a write to the client's copy-on-write page leaves the sharers'",
     check_cow},
    {"own_cow",
     "a write to the server's copy-on-write page leaves the "
     "sharers'",
     check_own_cow},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
