/* SPDX-License-Identifier: MIT */
/*
 * tests/test_fault.c: what a program may not touch, and dies of.
 *
 * Each attempt is made in a process of its own, which must be killed by it; the
 * check goes on, which shows that nothing else was.
 */
#include "tests/check.h"
#include "tests/peer.h"

static const char constant[64] = "read only";

static void load(uint64_t address) {
    load_at(address);
}

static void store(uint64_t address) {
    store_at(address, 1);
}

static void jump(uint64_t address) {
    jump_to(address);
}

static const uint64_t forbidden[] = {
    0,
    8,
    PAGE_SIZE,
    USER_IMAGE - 1,
    0x700000000ull,
    USER_END - 1,
    USER_END,
    1ull << 39,
    1ull << 63,
    0xffffffc000000000ull,
    0xffffffff80000000ull,
    0xffffffff80200000ull,
    UINT64_MAX - 7,
    0x80200000ull,
    0x10000000ull,
    0x100000ull,
};
enum { FORBIDDEN = sizeof(forbidden) / sizeof(forbidden[0]) };

static void check_loads(void) {
    for (unsigned i = 0; i < FORBIDDEN; i++)
        peer_dies(load, forbidden[i]);
}

static void check_stores(void) {
    for (unsigned i = 0; i < FORBIDDEN; i++)
        peer_dies(store, forbidden[i]);
}

static void check_jumps(void) {
    for (unsigned i = 0; i < FORBIDDEN; i++)
        peer_dies(jump, forbidden[i] & ~1ull);
}

/* Pages of the kernel's half, in steps that hit every region of it. */
static void check_kernel_half(void) {
    for (uint64_t bit = 12; bit < 39; bit++)
        peer_dies(load, 0xffffffc000000000ull | 1ull << bit);
}

static void check_write_text(void) {
    peer_dies(store, (uint64_t)check_loads);
    peer_dies(store, (uint64_t)sys_exit);
    peer_dies(store, (uint64_t)constant);
    check_equal("the constant", constant[0], 'r');
}

static uint32_t code[4] = {0x00008067}; /* ret */

static void check_execute_data(void) {
    uint32_t local[4] = {0x00008067};
    peer_dies(jump, (uint64_t)code);
    peer_dies(jump, (uint64_t)local);
    peer_dies(jump, (uint64_t)constant);
    int64_t heap = check_ok("sbrk", sys_sbrk(PAGE_SIZE));
    memcpy((void *)heap, code, sizeof(code));
    peer_dies(jump, (uint64_t)heap);
}

static void call_code(uint64_t page) {
    memcpy((void *)page, code, sizeof(code));
    check_equal(
        "protect",
        sys_protect(HANDLE_SELF, page, PAGE_SIZE, PROT_READ | PROT_EXECUTE), 0);
    jump_to(page);
}

static void write_code(uint64_t page) {
    call_code(page);
    store_at(page, 0);
}

static void check_code_page(void) {
    int64_t page = check_ok("map", sys_map(HANDLE_SELF, 0, PAGE_SIZE,
                                           PROT_READ | PROT_WRITE, -1, 0));
    peer_end(peer_start(call_code, (uint64_t)page));
    peer_dies(write_code, (uint64_t)page);
}

/* ---- The stack ---- */

static uint64_t stack_depth(uint64_t bytes) {
    volatile uint8_t frame[4096];
    frame[0] = (uint8_t)bytes;
    if (bytes <= sizeof(frame))
        return frame[0];
    return stack_depth(bytes - sizeof(frame)) + frame[0];
}

static void deep(uint64_t bytes) {
    stack_depth(bytes);
}

static void check_stack(void) {
    peer_end(peer_start(deep, USER_STACK_SIZE * 3 / 4));
    peer_dies(deep, USER_STACK_SIZE * 2);
}

static void check_guard(void) {
    peer_dies(load, USER_STACK_TOP - USER_STACK_SIZE - 8);
    peer_dies(store, USER_STACK_TOP - USER_STACK_SIZE - PAGE_SIZE);
    peer_dies(load, USER_STACK_TOP);
}

static void guard_of_map(uint64_t offset) {
    int64_t low =
        check_ok("map", sys_map(HANDLE_SELF, 0x600000000ull, 4 * PAGE_SIZE,
                                PROT_READ | PROT_WRITE | MAP_STACK, -1, 0));
    store_at((uint64_t)low, 1);
    store_at((uint64_t)low + 4 * PAGE_SIZE - 1, 1);
    store_at((uint64_t)low - offset, 1);
}

static void check_map_guard(void) {
    peer_dies(guard_of_map, 1);
    peer_dies(guard_of_map, PAGE_SIZE);
}

static void map_in_guard(uint64_t unused) {
    (void)unused;
    int64_t low =
        check_ok("map", sys_map(HANDLE_SELF, 0x600000000ull, 4 * PAGE_SIZE,
                                PROT_READ | PROT_WRITE | MAP_STACK, -1, 0));
    check_error("map into the guard",
                sys_map(HANDLE_SELF, (uint64_t)low - PAGE_SIZE, PAGE_SIZE,
                        PROT_READ | MAP_FIXED, -1, 0),
                EEXIST);
}

static void check_guard_kept(void) {
    peer_end(peer_start(map_in_guard, 0));
}

/* ---- Other traps ---- */

static void illegal(uint64_t unused) {
    (void)unused;
    __asm__ volatile(".word 0");
}

static void privileged(uint64_t which) {
    if (which == 0)
        __asm__ volatile("csrr t0, sstatus" ::: "t0");
    if (which == 1)
        __asm__ volatile("csrw satp, zero");
    if (which == 2)
        __asm__ volatile("sret");
    if (which == 3)
        __asm__ volatile("sfence.vma");
}

static void breakpoint(uint64_t unused) {
    (void)unused;
    __asm__ volatile("ebreak");
}

static void check_instructions(void) {
    peer_dies(illegal, 0);
    peer_dies(breakpoint, 0);
    for (uint64_t which = 0; which < 4; which++)
        peer_dies(privileged, which);
}

static void bad_stack_pointer(uint64_t sp) {
    __asm__ volatile("mv sp, %0\n li a7, %1\n ecall\n j ."
                     :
                     : "r"(sp), "i"(SYS_EXIT)
                     : "a7", "memory");
}

/* The kernel does not use the program's stack, however bad. */
static void check_stack_pointer(void) {
    static const uint64_t pointers[] = {0, 1, 1ull << 63, 0xffffffff80200000ull,
                                        UINT64_MAX};
    for (unsigned i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
        int64_t pid = peer_start(bad_stack_pointer, pointers[i]);
        struct sys_pair end = sys_wait(pid, time_after(2000));
        check_equal("wait", end.result, pid);
    }
}

/* ---- Recovery ---- */

uint64_t range_probe(uint64_t address);
extern char range_start[], range_end[], range_handler[];
__asm__(".text\n"
        "range_probe: mv a1, a0\n"
        "range_start: lbu a0, 0(a1)\n"
        "range_end: ret\n"
        "range_handler: ret\n");

static void range_set(uint64_t end) {
    check_equal(
        "fault_range",
        sys_fault_range((uint64_t)range_start, end, (uint64_t)range_handler),
        0);
}

static void probe_bad(uint64_t address) {
    range_set((uint64_t)range_end);
    check_error("probe", (int64_t)range_probe(address), EFAULT);
    check_equal("probe of good memory",
                (int64_t)range_probe((uint64_t)constant), 'r');
    check_error("probe again", (int64_t)range_probe(address), EFAULT);
}

static void probe_elsewhere(uint64_t address) {
    range_set((uint64_t)range_end);
    load_at(address);
}

static void probe_taken_back(uint64_t address) {
    range_set((uint64_t)range_end);
    range_set(0);
    range_probe(address);
}

static void check_recovery(void) {
    for (unsigned i = 0; i < FORBIDDEN; i++)
        peer_end(peer_start(probe_bad, forbidden[i]));
    peer_dies(probe_elsewhere, 8);
    peer_dies(probe_taken_back, 8);
}

static void check_recovery_errors(void) {
    check_error("end before start", sys_fault_range(0x20000, 0x10000, 0x30000),
                EINVAL);
    check_error("handler in the kernel's half",
                sys_fault_range(0x10000, 0x20000, 1ull << 63), EINVAL);
    check_error("range in the kernel's half",
                sys_fault_range(1ull << 63, UINT64_MAX, 0x10000), EINVAL);
}

static const struct check checks[] = {
    {"loads", "loads outside of the program's memory kill it", check_loads},
    {"stores", "stores outside of the program's memory kill it", check_stores},
    {"jumps", "jumps outside of the program's memory kill it", check_jumps},
    {"kernel_half", "no page of the kernel's half can be read",
     check_kernel_half},
    {"write_text", "text and constants cannot be written", check_write_text},
    {"execute_data", "data, stack and heap cannot be executed",
     check_execute_data},
    {"code_page", "a page is written or executed, never both", check_code_page},
    {"stack", "the stack grows on demand up to its size", check_stack},
    {"guard", "the pages around the stack are not there", check_guard},
    {"map_guard", "a mapped stack has a guard page below", check_map_guard},
    {"guard_kept", "nothing can be mapped into a guard page", check_guard_kept},
    {"instructions", "illegal and privileged instructions kill",
     check_instructions},
    {"stack_pointer", "a bad stack pointer harms only its program",
     check_stack_pointer},
    {"recovery", "a fault in the registered range goes on at its handler",
     check_recovery},
    {"recovery_errors", "a range that makes no sense is EINVAL",
     check_recovery_errors},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
