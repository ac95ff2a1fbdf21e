/* SPDX-License-Identifier: MIT */
/*
 * tests/test_map.c: map, unmap, protect and sbrk, with their errors.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum { RW = PROT_READ | PROT_WRITE };

#define PLACE 0x500000000ull

static int64_t map(uint64_t address, uint64_t length, unsigned flags) {
    return sys_map(HANDLE_SELF, address, length, flags, -1, 0);
}

static int64_t map_fixed(uint64_t address, uint64_t length, unsigned prot) {
    return map(address, length, prot | MAP_FIXED);
}

static void load(uint64_t address) {
    load_at(address);
}

static void store(uint64_t address) {
    store_at(address, 1);
}

static void check_map(void) {
    int64_t any = check_ok("map anywhere", map(0, 3 * PAGE_SIZE, RW));
    check_equal("a page address", any & (PAGE_SIZE - 1), 0);
    check_true("user memory", any > 0 && (uint64_t)any < USER_END);
    store_at((uint64_t)any, 1);
    store_at((uint64_t)any + 3 * PAGE_SIZE - 1, 2);
    check_equal("map at an address", map_fixed(PLACE, PAGE_SIZE, RW),
                (int64_t)PLACE);
    store_at(PLACE, 3);
    int64_t other = check_ok("map again", map(0, PAGE_SIZE, RW));
    store_at((uint64_t)other, 4);
    check_equal("byte", load_at((uint64_t)any), 1);
    check_equal("byte", load_at(PLACE), 3);
    check_equal("byte", load_at((uint64_t)other), 4);
}

static void check_length(void) {
    check_equal("a length that is rounded up", map_fixed(PLACE, 1, RW),
                (int64_t)PLACE);
    store_at(PLACE + PAGE_SIZE - 1, 1);
    check_equal("the next page is free",
                map_fixed(PLACE + PAGE_SIZE, PAGE_SIZE + 1, RW),
                (int64_t)PLACE + PAGE_SIZE);
    store_at(PLACE + 3 * PAGE_SIZE - 1, 1);
    check_error("length 0", map_fixed(PLACE + 8 * PAGE_SIZE, 0, RW), EINVAL);
    check_error("length 0 anywhere", map(0, 0, RW), EINVAL);
}

static void check_map_errors(void) {
    check_error("unaligned", map_fixed(PLACE + 1, PAGE_SIZE, RW), EINVAL);
    check_error("wraps", map_fixed(PLACE, UINT64_MAX - PAGE_SIZE, RW), EINVAL);
    check_error("wraps after rounding", map_fixed(PLACE, UINT64_MAX, RW),
                EINVAL);
    check_error("wraps anywhere", map(0, UINT64_MAX, RW), EINVAL);
    check_error("beyond user memory",
                map_fixed(USER_END - PAGE_SIZE, 2 * PAGE_SIZE, RW), EINVAL);
    check_error("the end of user memory", map_fixed(USER_END, PAGE_SIZE, RW),
                EINVAL);
    check_error("between the halves", map_fixed(1ull << 40, PAGE_SIZE, RW),
                EINVAL);
    check_error("the kernel's half",
                map_fixed(0xffffffc000000000ull, PAGE_SIZE, RW), EINVAL);
    check_error("write without read", map_fixed(PLACE, PAGE_SIZE, PROT_WRITE),
                EINVAL);
    check_error("write and execute",
                map_fixed(PLACE, PAGE_SIZE, RW | PROT_EXECUTE), EINVAL);
    check_error("unknown flags", map_fixed(PLACE, PAGE_SIZE, RW | 0x8000),
                EINVAL);
    check_error("no such space",
                sys_map(99, PLACE, PAGE_SIZE, RW | MAP_FIXED, -1, 0), EBADF);
    check_error("no such memory",
                sys_map(HANDLE_SELF, PLACE, PAGE_SIZE, RW | MAP_FIXED, 99, 0),
                EBADF);
    check_equal("the place is still free", map_fixed(PLACE, PAGE_SIZE, RW),
                (int64_t)PLACE);
}

static void check_occupied(void) {
    check_ok("map", map_fixed(PLACE + 2 * PAGE_SIZE, 2 * PAGE_SIZE, RW));
    store_at(PLACE + 2 * PAGE_SIZE, 77);
    static const uint64_t ranges[][2] = {{2, 2}, {2, 1}, {3, 1}, {1, 2},
                                         {3, 2}, {0, 8}, {1, 3}, {2, 3}};
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        check_error("an occupied range",
                    map_fixed(PLACE + ranges[i][0] * PAGE_SIZE,
                              ranges[i][1] * PAGE_SIZE, RW),
                    EEXIST);
    check_equal("the page is as it was", load_at(PLACE + 2 * PAGE_SIZE), 77);
    check_ok("just below", map_fixed(PLACE, 2 * PAGE_SIZE, RW));
    check_ok("just above", map_fixed(PLACE + 4 * PAGE_SIZE, 2 * PAGE_SIZE, RW));
    check_error("over the program", map_fixed(USER_IMAGE, PAGE_SIZE, RW),
                EEXIST);
    check_error("over the stack",
                map_fixed(USER_STACK_TOP - PAGE_SIZE, PAGE_SIZE, RW), EEXIST);
}

/* The guard page of a stack must be free, and stays so. */
static void check_guard(void) {
    unsigned flags = RW | MAP_STACK | MAP_FIXED;
    check_ok("map", map_fixed(PLACE, PAGE_SIZE, RW));
    check_error("a stack whose guard is taken",
                map(PLACE + PAGE_SIZE, 2 * PAGE_SIZE, flags), EEXIST);
    check_equal("a stack with room for its guard",
                map(PLACE + 2 * PAGE_SIZE, 2 * PAGE_SIZE, flags),
                (int64_t)PLACE + 2 * PAGE_SIZE);
    check_error("map the guard", map_fixed(PLACE + PAGE_SIZE, PAGE_SIZE, RW),
                EEXIST);
    check_error("map over the guard", map(PLACE + PAGE_SIZE, PAGE_SIZE, flags),
                EEXIST);
    peer_dies(store, PLACE + 2 * PAGE_SIZE - 1);
    store_at(PLACE + 2 * PAGE_SIZE, 1);
}

static void check_many_regions(void) {
    enum { REGIONS = 100 };
    for (uint64_t i = 0; i < REGIONS; i++) {
        uint64_t at = PLACE + 2 * i * PAGE_SIZE;
        check_ok("map", map_fixed(at, PAGE_SIZE, RW));
        store_at(at, (uint8_t)i);
    }
    for (uint64_t i = 0; i < REGIONS; i += 2)
        check_equal(
            "unmap",
            sys_unmap(HANDLE_SELF, PLACE + 2 * i * PAGE_SIZE, PAGE_SIZE), 0);
    for (uint64_t i = 1; i < REGIONS; i += 2)
        check_equal("byte", load_at(PLACE + 2 * i * PAGE_SIZE), (int64_t)i);
    peer_dies(load, PLACE);
}

/* ---- Unmap ---- */

static void check_unmap(void) {
    check_ok("map", map_fixed(PLACE, 4 * PAGE_SIZE, RW));
    for (unsigned i = 0; i < 4; i++)
        store_at(PLACE + i * PAGE_SIZE, (uint8_t)(i + 1));
    check_equal("unmap from the middle",
                sys_unmap(HANDLE_SELF, PLACE + PAGE_SIZE, PAGE_SIZE), 0);
    check_equal("before", load_at(PLACE), 1);
    check_equal("after", load_at(PLACE + 2 * PAGE_SIZE), 3);
    peer_dies(load, PLACE + PAGE_SIZE);
    peer_dies(load, PLACE + 2 * PAGE_SIZE - 1);
    check_equal("unmap over a hole",
                sys_unmap(HANDLE_SELF, PLACE, 8 * PAGE_SIZE), 0);
    peer_dies(load, PLACE);
    peer_dies(store, PLACE + 3 * PAGE_SIZE);
    check_equal("unmap nothing", sys_unmap(HANDLE_SELF, PLACE, 8 * PAGE_SIZE),
                0);
    check_ok("map again", map_fixed(PLACE, 4 * PAGE_SIZE, RW));
    check_equal("fresh zeros", load_at(PLACE + 2 * PAGE_SIZE), 0);
}

static void check_unmap_errors(void) {
    check_ok("map", map_fixed(PLACE, PAGE_SIZE, RW));
    check_error("unaligned", sys_unmap(HANDLE_SELF, PLACE + 1, PAGE_SIZE),
                EINVAL);
    check_error("wraps", sys_unmap(HANDLE_SELF, PLACE, UINT64_MAX), EINVAL);
    check_error("the kernel's half",
                sys_unmap(HANDLE_SELF, 0xffffffc000000000ull, PAGE_SIZE),
                EINVAL);
    check_error("no such space", sys_unmap(99, PLACE, PAGE_SIZE), EBADF);
    store_at(PLACE, 1);
}

/* The page that was just used must be gone at once, whatever the TLB holds. */
static void touch_unmap_touch(uint64_t unused) {
    (void)unused;
    check_ok("map", map_fixed(PLACE, PAGE_SIZE, RW));
    store_at(PLACE, 1);
    check_equal("unmap", sys_unmap(HANDLE_SELF, PLACE, PAGE_SIZE), 0);
    load_at(PLACE);
}

static void touch_protect_touch(uint64_t unused) {
    (void)unused;
    check_ok("map", map_fixed(PLACE, PAGE_SIZE, RW));
    store_at(PLACE, 1);
    check_equal("protect",
                sys_protect(HANDLE_SELF, PLACE, PAGE_SIZE, PROT_READ), 0);
    check_equal("byte", load_at(PLACE), 1);
    store_at(PLACE, 2);
}

static void check_at_once(void) {
    peer_dies(touch_unmap_touch, 0);
    peer_dies(touch_protect_touch, 0);
}

/* ---- Protect ---- */

static void check_protect(void) {
    check_ok("map", map_fixed(PLACE, 3 * PAGE_SIZE, RW));
    for (unsigned i = 0; i < 3; i++)
        store_at(PLACE + i * PAGE_SIZE, (uint8_t)(i + 1));
    check_equal(
        "protect the middle",
        sys_protect(HANDLE_SELF, PLACE + PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
    peer_dies(store, PLACE + PAGE_SIZE);
    store_at(PLACE + PAGE_SIZE - 1, 9);
    store_at(PLACE + 2 * PAGE_SIZE, 9);
    check_equal("byte", load_at(PLACE + PAGE_SIZE), 2);
    check_equal(
        "no rights at all",
        sys_protect(HANDLE_SELF, PLACE + PAGE_SIZE, PAGE_SIZE, PROT_NONE), 0);
    peer_dies(load, PLACE + PAGE_SIZE);
    check_equal("all again", sys_protect(HANDLE_SELF, PLACE, 3 * PAGE_SIZE, RW),
                0);
    check_equal("the byte is still there", load_at(PLACE + PAGE_SIZE), 2);
    store_at(PLACE + PAGE_SIZE, 8);
}

static void check_protect_errors(void) {
    check_ok("map", map_fixed(PLACE, PAGE_SIZE, RW));
    check_ok("map", map_fixed(PLACE + 2 * PAGE_SIZE, PAGE_SIZE, RW));
    store_at(PLACE, 5);
    check_error("a hole",
                sys_protect(HANDLE_SELF, PLACE, 3 * PAGE_SIZE, PROT_READ),
                EFAULT);
    store_at(PLACE, 6);
    check_error("unaligned",
                sys_protect(HANDLE_SELF, PLACE + 8, PAGE_SIZE, PROT_READ),
                EINVAL);
    check_error("write without read",
                sys_protect(HANDLE_SELF, PLACE, PAGE_SIZE, PROT_WRITE), EINVAL);
    check_error("write and execute",
                sys_protect(HANDLE_SELF, PLACE, PAGE_SIZE, RW | PROT_EXECUTE),
                EINVAL);
    check_error("unknown rights",
                sys_protect(HANDLE_SELF, PLACE, PAGE_SIZE, 64), EINVAL);
    check_error("wraps", sys_protect(HANDLE_SELF, PLACE, UINT64_MAX, PROT_READ),
                EINVAL);
    check_error("the kernel's half",
                sys_protect(HANDLE_SELF, 1ull << 63, PAGE_SIZE, PROT_READ),
                EINVAL);
    check_error("no such space", sys_protect(99, PLACE, PAGE_SIZE, PROT_READ),
                EBADF);
    store_at(PLACE, 7);
}

/* ---- The heap ---- */

static void check_sbrk(void) {
    uint64_t old = (uint64_t)check_ok("ask", sys_sbrk(0));
    check_equal("grow", sys_sbrk(3 * PAGE_SIZE), (int64_t)old);
    check_equal("the new end", sys_sbrk(0), (int64_t)old + 3 * PAGE_SIZE);
    store_at(old, 1);
    store_at(old + 3 * PAGE_SIZE - 1, 2);
    check_equal("shrink", sys_sbrk(-2 * PAGE_SIZE),
                (int64_t)old + 3 * PAGE_SIZE);
    check_equal("what is left", load_at(old), 1);
    peer_dies(load, old + 3 * PAGE_SIZE - 1);
    check_ok("grow again", sys_sbrk(2 * PAGE_SIZE));
    check_equal("what comes back is zero", load_at(old + 3 * PAGE_SIZE - 1), 0);
    check_equal("grow by one byte", sys_sbrk(1), (int64_t)old + 3 * PAGE_SIZE);
    store_at(old + 3 * PAGE_SIZE, 3);
    check_equal("end within a page", sys_sbrk(0),
                (int64_t)old + 3 * PAGE_SIZE + 1);
}

static void check_sbrk_errors(void) {
    uint64_t old = (uint64_t)check_ok("ask", sys_sbrk(0));
    check_error("below its start", sys_sbrk(-(1ll << 40)), EINVAL);
    check_error("far below", sys_sbrk(INT64_MIN), EINVAL);
    check_error("more than there is", sys_sbrk(1ll << 40), ENOMEM);
    check_error("far more", sys_sbrk(INT64_MAX), ENOMEM);
    check_equal("the end is where it was", sys_sbrk(0), (int64_t)old);
    uint64_t next = (old + 16 * PAGE_SIZE) & ~(uint64_t)(PAGE_SIZE - 1);
    check_ok("map in its way", map_fixed(next, PAGE_SIZE, RW));
    check_error("into another region", sys_sbrk(32 * PAGE_SIZE), ENOMEM);
    check_equal("the end is where it was", sys_sbrk(0), (int64_t)old);
    check_ok("up to the other region", sys_sbrk((int64_t)(next - old)));
    store_at(next - 1, 1);
}

static const struct check checks[] = {
    {"map", "mapped memory is there, each mapping its own", check_map},
    {"length", "lengths are rounded up to pages; 0 is refused", check_length},
    {"map_errors", "map refuses what is not user memory or breaks W^X",
     check_map_errors},
    {"occupied", "map never covers what is there", check_occupied},
    {"guard", "a stack needs a free page below, which stays free", check_guard},
    {"many_regions", "a hundred regions, every other one taken away",
     check_many_regions},
    {"unmap", "unmapped memory is gone, and its neighbours are not",
     check_unmap},
    {"unmap_errors", "unmap refuses what makes no sense", check_unmap_errors},
    {"at_once", "a right that is taken is gone at once", check_at_once},
    {"protect", "rights can be taken and given back; bytes stay",
     check_protect},
    {"protect_errors", "protect changes all of a range or nothing",
     check_protect_errors},
    {"sbrk", "the heap grows with zeros and shrinks", check_sbrk},
    {"sbrk_errors", "the heap stays where it is when it cannot grow",
     check_sbrk_errors},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
