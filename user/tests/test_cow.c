/* SPDX-License-Identifier: MIT */
/*
 * tests/test_cow.c: memory over fork, and memory that nobody has touched.
 *
 * After fork both sides have the same bytes, and from then on neither sees what
 * the other writes: whole pages are compared, to the last byte.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum { PAGES = 4, BYTES = PAGES * PAGE_SIZE };

static uint8_t data[BYTES] __attribute__((aligned(PAGE_SIZE)));
static uint8_t zeros[BYTES] __attribute__((aligned(PAGE_SIZE)));

static uint8_t pattern(unsigned seed, unsigned index) {
    return (uint8_t)(seed * 31 + index * 7 + (index >> 8));
}

static void fill(uint8_t *at, unsigned seed) {
    for (unsigned i = 0; i < BYTES; i++)
        at[i] = pattern(seed, i);
}

static void expect(const uint8_t *at, unsigned seed) {
    for (unsigned i = 0; i < BYTES; i++)
        if (at[i] != pattern(seed, i))
            check_fail("byte", at[i], pattern(seed, i));
}

static void expect_but(const uint8_t *at, unsigned seed, unsigned index,
                       uint8_t value) {
    for (unsigned i = 0; i < BYTES; i++) {
        uint8_t right = i == index ? value : pattern(seed, i);
        if (at[i] != right)
            check_fail("byte", at[i], right);
    }
}

/* ---- Zeros ---- */

static void check_lazy_zero(void) {
    for (unsigned i = 0; i < BYTES; i++)
        check_equal("byte of bss", zeros[i], 0);
    uint8_t *heap = (uint8_t *)check_ok("sbrk", sys_sbrk(BYTES));
    for (unsigned i = 0; i < BYTES; i++)
        check_equal("byte of the heap", heap[i], 0);
    uint8_t *map = (uint8_t *)check_ok(
        "map", sys_map(HANDLE_SELF, 0, BYTES, PROT_READ | PROT_WRITE, -1, 0));
    map[BYTES - 1] = 9;
    for (unsigned i = 0; i < BYTES - 1; i++)
        check_equal("byte of a mapping", map[i], 0);
}

/* Frames that were used before must not show what they held. */
static void dirty_process(uint64_t unused) {
    (void)unused;
    for (unsigned round = 0; round < 16; round++)
        fill((uint8_t *)check_ok("sbrk", sys_sbrk(BYTES)), round);
}

static void check_used_frames(void) {
    for (unsigned i = 0; i < 4; i++) {
        peer_end(peer_start(dirty_process, 0));
        uint8_t *heap = (uint8_t *)check_ok("sbrk", sys_sbrk(4 * BYTES));
        for (unsigned b = 0; b < 4 * BYTES; b++)
            check_equal("byte of fresh memory", heap[b], 0);
    }
}

static uint64_t frames_free(void) {
    return sys_system_info(INFO_MEMORY, 0).value[1];
}

static void check_lazy_costs_nothing(void) {
    enum { LARGE = 256 };
    uint64_t before = frames_free();
    uint64_t at =
        (uint64_t)check_ok("map", sys_map(HANDLE_SELF, 0, LARGE * PAGE_SIZE,
                                          PROT_READ | PROT_WRITE, -1, 0));
    check_true("mapping takes no frames for pages",
               before - frames_free() < 16);
    for (unsigned i = 0; i < LARGE; i++)
        store_at(at + i * PAGE_SIZE, 1);
    check_true("touching takes a frame a page",
               before - frames_free() >= LARGE);
    check_equal("unmap", sys_unmap(HANDLE_SELF, at, LARGE * PAGE_SIZE), 0);
    check_true("unmapping gives them back", before - frames_free() < 16);
}

/* ---- Fork ---- */

static void child_reads(uint64_t seed) {
    expect(data, (unsigned)seed);
}

static void check_same_bytes(void) {
    fill(data, 1);
    peer_end(peer_start(child_reads, 1));
    expect(data, 1);
}

static const unsigned places[] = {
    0, 1, PAGE_SIZE - 1, PAGE_SIZE, 2 * PAGE_SIZE - 1, BYTES - 1};
enum { PLACES = sizeof(places) / sizeof(places[0]) };

static void child_writes(uint64_t index) {
    data[index] = (uint8_t)~data[index];
    expect_but(data, 2, (unsigned)index, (uint8_t)~pattern(2, (unsigned)index));
}

static void check_child_writes(void) {
    for (unsigned i = 0; i < PLACES; i++) {
        fill(data, 2);
        peer_end(peer_start(child_writes, places[i]));
        expect(data, 2);
    }
}

static void child_waits(uint64_t seed) {
    pause_ms(5 * SETTLE_MS);
    expect(data, (unsigned)seed);
}

static void check_parent_writes(void) {
    for (unsigned i = 0; i < PLACES; i++) {
        fill(data, 3);
        int64_t pid = peer_start(child_waits, 3);
        data[places[i]] ^= 0xff;
        expect_but(data, 3, places[i], pattern(3, places[i]) ^ 0xff);
        peer_end(pid);
    }
}

/* Three generations, each of which writes and then looks. */
static void generation(uint64_t depth) {
    fill(data, (unsigned)depth);
    if (depth < 6) {
        int64_t pid = peer_start(generation, depth + 1);
        expect(data, (unsigned)depth);
        peer_end(pid);
    }
    expect(data, (unsigned)depth);
}

static void check_generations(void) {
    peer_end(peer_start(generation, 1));
}

enum { SHARERS = 40 };

static void check_many_sharers(void) {
    int64_t pids[SHARERS];
    fill(data, 4);
    for (unsigned i = 0; i < SHARERS; i++)
        pids[i] = peer_start(child_waits, 4);
    fill(data, 5);
    for (unsigned i = 0; i < SHARERS; i++)
        peer_end(pids[i]);
    expect(data, 5);
}

/* A counter of sharers kept in a byte would come round. */
static void check_300_forks(void) {
    fill(data, 6);
    for (unsigned i = 0; i < 300; i++)
        peer_end(peer_start(child_reads, 6));
    fill(data, 7);
    expect(data, 7);
}

static void child_of_lazy(uint64_t at) {
    for (unsigned i = 0; i < BYTES; i++)
        check_equal("byte", load_at(at + i), 0);
    store_at(at + 1, 5);
}

static void check_lazy_over_fork(void) {
    uint64_t at = (uint64_t)check_ok(
        "map", sys_map(HANDLE_SELF, 0, BYTES, PROT_READ | PROT_WRITE, -1, 0));
    peer_end(peer_start(child_of_lazy, at));
    check_equal("byte", load_at(at + 1), 0);
    int64_t pid = peer_start(child_of_lazy, at);
    store_at(at, 3);
    peer_end(pid);
    check_equal("byte", load_at(at), 3);
}

static void child_of_stack(uint64_t address) {
    volatile uint64_t *value = (volatile uint64_t *)address;
    check_equal("value on the stack", (int64_t)*value, 11);
    *value = 12;
}

static void check_stack(void) {
    volatile uint64_t value = 11;
    int64_t pid = peer_start(child_of_stack, (uint64_t)&value);
    peer_end(pid);
    check_equal("value on the stack", (int64_t)value, 11);
}

static void write_read_only(uint64_t at) {
    store_at(at, 1);
}

static void protect_and_write(uint64_t at) {
    check_equal("protect",
                sys_protect(HANDLE_SELF, at, PAGE_SIZE, PROT_READ | PROT_WRITE),
                0);
    store_at(at, 99);
    check_equal("byte", load_at(at), 99);
}

/* Read-only pages are shared too, but a write is no reason to copy them. */
static void check_read_only(void) {
    uint64_t at =
        (uint64_t)check_ok("map", sys_map(HANDLE_SELF, 0, PAGE_SIZE,
                                          PROT_READ | PROT_WRITE, -1, 0));
    store_at(at, 42);
    check_equal("protect", sys_protect(HANDLE_SELF, at, PAGE_SIZE, PROT_READ),
                0);
    peer_dies(write_read_only, at);
    peer_end(peer_start(protect_and_write, at));
    check_equal("byte", load_at(at), 42);
    peer_dies(write_read_only, at);
    protect_and_write(at);
}

static uint64_t counter(enum counter which) {
    return sys_debug(DEBUG_COUNTER, which).value;
}

static void check_reuse(void) {
    if (sys_debug(DEBUG_CHECK_FRAMES, 0).result == -EPERM)
        return; /* counters need debug=1 */
    fill(data, 8);
    peer_end(peer_start(child_reads, 8));
    uint64_t copies = counter(COUNTER_COW_COPY);
    uint64_t reuses = counter(COUNTER_COW_REUSE);
    fill(data, 9);
    check_true("the last owner writes in place",
               counter(COUNTER_COW_REUSE) - reuses >= PAGES);
    check_true("the last owner copies nothing of it",
               counter(COUNTER_COW_COPY) - copies < PAGES);
}

static const struct check checks[] = {
    {"lazy_zero", "memory that nobody touched is zero", check_lazy_zero},
    {"used_frames", "frames of dead processes come back as zeros",
     check_used_frames},
    {"lazy_costs_nothing", "frames are taken at the first touch",
     check_lazy_costs_nothing},
    {"same_bytes", "a child has its parent's bytes", check_same_bytes},
    {"child_writes", "the parent does not see what the child writes",
     check_child_writes},
    {"parent_writes", "the child does not see what the parent writes",
     check_parent_writes},
    {"generations", "six generations each have their own bytes",
     check_generations},
    {"many_sharers", "40 children share pages that the parent writes",
     check_many_sharers},
    {"300_forks", "300 forks in a row leave the pages right", check_300_forks},
    {"lazy_over_fork", "untouched pages are separate after fork",
     check_lazy_over_fork},
    {"stack", "the stack is copied on write as well", check_stack},
    {"read_only", "read-only pages stay read-only over fork", check_read_only},
    {"reuse", "the last sharer writes in place", check_reuse},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
