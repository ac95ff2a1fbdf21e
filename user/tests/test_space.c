/* SPDX-License-Identifier: MIT */
/*
 * tests/test_space.c: address spaces that are built and then taken on.
 *
 * This is what exec is made of. A commit that fails leaves the caller as it
 * was; one that succeeds leaves nothing of it but its handles and its pid.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum { RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXECUTE };

#define IMAGE 0x40000ull
#define STACK 0x300000000ull

static int64_t space;

/*
 * A program in machine code, at IMAGE: exit(a0 + a1), with sp and its own
 * memory put to use on the way.
 */
extern const char program_start[], program_end_of[];
__asm__(".section .rodata\n"
        ".balign 8\n"
        "program_start:\n"
        "addi sp, sp, -16\n"
        "sd a0, 0(sp)\n"
        "ld a2, 0(sp)\n"
        "add a0, a1, a2\n"
        "li a7, 31\n"
        "ecall\n"
        "program_end_of:\n"
        ".text\n");
_Static_assert(SYS_EXIT == 31, "the program above knows the number");

static struct copy_result copy_to(uint64_t address, const void *from,
                                  uint64_t length) {
    return ipc_copy(space, COPY_OUT, address, from, length);
}

static void space_map(uint64_t address, unsigned prot) {
    check_equal("map into the space",
                sys_map(space, address, PAGE_SIZE, prot | MAP_FIXED, -1, 0),
                (int64_t)address);
}

/* A space with the program above and a page of stack. */
static void space_build(void) {
    uint64_t length = (uint64_t)(program_end_of - program_start);
    space = check_ok("space_create", sys_space_create());
    space_map(IMAGE, RW);
    struct copy_result got = copy_to(IMAGE, program_start, length);
    check_equal("copy the program", got.error, 0);
    check_equal("bytes", (int64_t)got.done, (int64_t)length);
    check_equal("protect", sys_protect(space, IMAGE, PAGE_SIZE, RX), 0);
    space_map(STACK - PAGE_SIZE, RW);
}

static struct sys_start start_of(uint64_t entry) {
    return (struct sys_start){.entry = entry,
                              .stack = STACK,
                              .arg0 = 30,
                              .arg1 = 12,
                              .heap = IMAGE + PAGE_SIZE,
                              .name = {0x74736574 /* test */, 0}};
}

static void commit(uint64_t entry) {
    struct sys_start start = start_of(entry);
    check_fail("commit came back", sys_space_commit(space, &start), 0);
}

/* The child builds for itself: spaces are not inherited. */
static void build_and_commit(uint64_t entry) {
    space_build();
    commit(entry);
}

static void check_runs(void) {
    peer_end_with(peer_start(build_and_commit, IMAGE), 42);
}

static void check_bad_entry(void) {
    peer_end_with(peer_start(build_and_commit, IMAGE + PAGE_SIZE),
                  STATUS_KILLED);
}

static void not_inherited(uint64_t handle) {
    check_error("the parent's space", sys_handle_info((int64_t)handle).result,
                EBADF);
}

static void check_not_inherited(void) {
    space_build();
    peer_end(peer_start(not_inherited, (uint64_t)space));
    check_equal("close", sys_handle_close(space), 0);
}

static void check_refused(void) {
    struct sys_start start = start_of(IMAGE);
    volatile uint64_t local = 99;
    struct service service = service_make(1);
    check_error("commit nothing", sys_space_commit(99, &start), EBADF);
    check_error("commit a session", sys_space_commit(service.session, &start),
                EBADF);
    space_build();
    start.entry = 1ull << 63;
    check_error("entry in the kernel's half", sys_space_commit(space, &start),
                EINVAL);
    start = start_of(IMAGE);
    start.heap = 1ull << 63;
    check_error("heap in the kernel's half", sys_space_commit(space, &start),
                EINVAL);
    check_equal("the stack is as it was", (int64_t)local, 99);
    check_equal("the space is still there", sys_handle_info(space).result,
                HANDLE_SPACE);
    check_equal("close", sys_handle_close(space), 0);
}

static void check_apart(void) {
    space_build();
    space_map(0x700000000ull, RW);
    check_error("nothing of it is mapped here",
                sys_protect(HANDLE_SELF, 0x700000000ull, PAGE_SIZE, RW),
                EFAULT);
    check_error("an occupied range",
                sys_map(space, IMAGE, PAGE_SIZE, RW | MAP_FIXED, -1, 0),
                EEXIST);
    check_equal("unmap", sys_unmap(space, IMAGE, PAGE_SIZE), 0);
    check_equal("map again",
                sys_map(space, IMAGE, PAGE_SIZE, RW | MAP_FIXED, -1, 0),
                (int64_t)IMAGE);
    check_equal("close", sys_handle_close(space), 0);
    check_error("closed", sys_unmap(space, IMAGE, PAGE_SIZE), EBADF);
}

static void check_copy(void) {
    static uint8_t out[3 * PAGE_SIZE], in[3 * PAGE_SIZE];
    for (unsigned i = 0; i < sizeof(out); i++)
        out[i] = (uint8_t)(i * 5 + (i >> 8));
    space = check_ok("space_create", sys_space_create());
    check_ok("map",
             sys_map(space, IMAGE, 2 * PAGE_SIZE, RW | MAP_FIXED, -1, 0));
    struct copy_result got = copy_to(IMAGE + 5, out, 5000);
    check_equal("copy out", got.error, 0);
    check_equal("bytes", (int64_t)got.done, 5000);
    got = ipc_copy(space, COPY_IN, IMAGE, in, 2 * PAGE_SIZE);
    check_equal("copy in", got.error, 0);
    check_equal("bytes", (int64_t)got.done, 2 * PAGE_SIZE);
    for (unsigned i = 0; i < 2 * PAGE_SIZE; i++)
        check_equal("byte", in[i], i >= 5 && i < 5005 ? out[i - 5] : 0);
    got = copy_to(IMAGE + PAGE_SIZE, out, 3 * PAGE_SIZE);
    check_equal("beyond what is mapped", got.error, -EPFAULT);
    check_equal("bytes", (int64_t)got.done, PAGE_SIZE);
    got = copy_to(1ull << 63, out, 8);
    check_true("the kernel's half", got.error == -ERANGE ||
                                        got.error == -EINVAL ||
                                        got.error == -EPFAULT);
    check_equal("bytes", (int64_t)got.done, 0);
    got = copy_to(UINT64_MAX - 3, out, 8);
    check_true("wraps", got.error < 0);
    check_equal("bytes", (int64_t)got.done, 0);
    check_equal("protect", sys_protect(space, IMAGE, PAGE_SIZE, PROT_READ), 0);
    got = copy_to(IMAGE, out, 8);
    check_equal("into a read-only page", got.error, -EPFAULT);
}

static uint64_t frames_free(void) {
    return sys_system_info(INFO_MEMORY, 0).value[1];
}

static void check_freed(void) {
    uint64_t before = 0;
    for (unsigned i = 0; i < 20; i++) {
        space_build();
        check_equal("close", sys_handle_close(space), 0);
        if (i == 4)
            before = frames_free();
    }
    check_true("closed spaces give their frames back",
               before <= frames_free() + 8);
}

/* ---- Threads and handles over a commit ---- */

static void thread_idle(uint64_t unused) {
    (void)unused;
    sys_sleep(DEADLINE_NONE);
}

static void commit_with_threads(uint64_t entry) {
    for (unsigned i = 0; i < 3; i++)
        thread_start(thread_idle, 0);
    pause_ms(SETTLE_MS);
    build_and_commit(entry);
}

static void check_threads_end(void) {
    peer_end_with(peer_start(commit_with_threads, IMAGE), 42);
}

static const struct check checks[] = {
    {"runs", "a space that was built runs after the commit", check_runs},
    {"bad_entry", "a space with a bad entry dies in the commit's process",
     check_bad_entry},
    {"not_inherited", "a child does not get its parent's spaces",
     check_not_inherited},
    {"refused", "a refused commit leaves the caller as it was", check_refused},
    {"apart", "what is mapped in a space is mapped nowhere else", check_apart},
    {"copy", "bytes are copied to and from a space", check_copy},
    {"freed", "a closed space gives its frames back", check_freed},
    {"threads_end", "the commit ends the process's other threads",
     check_threads_end},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
