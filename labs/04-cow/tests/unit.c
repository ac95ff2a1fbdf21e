/* SPDX-License-Identifier: MIT */
/*
 * unit.c: counting references to frames.
 *
 * The kernel has frames, page tables and spaces, and no process yet. All tests
 * of this lab are listed at the end.
 */
#include "kit.h"

enum { MANY = 70000 };

static void test_refs(void) {
    pa_t pa = frame_alloc(true);
    pa_t other = frame_alloc(true);
    unit_equal("references to a fresh frame", frame_refs(pa), 1);
    unit_true("a fresh frame has one reference", frame_sole(pa));
    frame_ref(pa);
    refs_check("references after frame_ref", pa, 2);
    unit_equal("what frame_refs says of two", frame_refs(pa), 2);
    unit_true("two are not one", !frame_sole(pa));
    refs_check("another frame's", other, 1);
    unit_equal("frame_unref of one of two", frame_unref(pa), false);
    refs_check("references after frame_unref", pa, 1);
    unit_true("one again", frame_sole(pa));
    for (unsigned i = 0; i < MANY; i++)
        frame_ref(pa);
    refs_check("70,001 references", pa, MANY + 1);
    unit_equal("what frame_refs says of them", frame_refs(pa), MANY + 1);
    unit_true("they are not one", !frame_sole(pa));
    for (unsigned i = 0; i < MANY; i++)
        unit_equal("frame_unref of one of many", frame_unref(pa), false);
    refs_check("references after all of that", pa, 1);
    unit_equal("references where no RAM is", frame_refs(0x10000000), 0);
    unit_equal("references beyond all RAM", frame_refs(1ull << 55), 0);
}

static void test_free(void) {
    pa_t pa = frame_alloc(true);
    frame_ref(pa);
    uint64_t before = frame_free_count();
    unit_equal("frame_unref of the first of two", frame_unref(pa), false);
    unit_equal("free frames", frame_free_count(), before);
    unit_equal("frame_unref of the last", frame_unref(pa), true);
    unit_equal("free frames", frame_free_count(), before + 1);
    unit_equal("references to a free frame", frame_refs(pa), 0);
    unit_equal("kind of a free frame", frame_of(pa)->kind, FRAME_FREE);
    unit_equal("the frame that was freed last is used next", frame_alloc(true),
               pa);
    refs_check("its references", pa, 1);
}

/* ---- Whether a count changes as one ---- */

enum {
    OPCODE = 0x7f,
    OPCODE_ATOMIC = 0x2f,
    OPCODE_FENCE = 0x0f,
    RET = 0x8082,
    LOOK_AT = 60,
};

static __attribute__((noinline)) void count_up(pa_t pa) {
    frame_ref(pa);
}

static __attribute__((noinline)) bool count_down(pa_t pa) {
    return frame_unref(pa);
}

/* What a function's instructions, up to its first ret, do to memory. */
struct seen {
    bool atomic;  /* one reads and writes as one */
    bool ordered; /* and it is ordered with what is before and after */
    bool result;  /* and what it has read is used */
};

static struct seen look(const void *code) {
    struct seen seen = {false, false, false};
    const uint16_t *half = code;
    for (unsigned i = 0; i < LOOK_AT && *half != RET; i++) {
        uint32_t word = half[0] | (uint32_t)half[1] << 16;
        bool is_long = (word & 3) == 3;
        if (is_long && (word & OPCODE) == OPCODE_ATOMIC) {
            seen.atomic = true;
            seen.ordered |= (word >> 25 & 3) != 0;
            seen.result |= (word >> 7 & 31) != 0;
        }
        seen.ordered |= is_long && (word & OPCODE) == OPCODE_FENCE;
        half += is_long ? 2 : 1;
    }
    return seen;
}

/* Harts of an emulator take turns too rarely to meet here: so the instructions
 * themselves are looked at. */
static void test_atomic(void) {
    pa_t pa = frame_alloc(true);
    count_up(pa);
    unit_equal("frame_unref", count_down(pa), false);
    unit_true("an atomic instruction counts a reference",
              look((const void *)(uintptr_t)count_up).atomic);
    struct seen down = look((const void *)(uintptr_t)count_down);
    unit_true("an atomic instruction takes a reference back", down.atomic);
    unit_true("what was there before is what that instruction read",
              down.result);
    unit_true("it is ordered with the page's contents", down.ordered);
}

static const struct unit units[] = {
    {"refs", test_refs},
    {"free", test_free},
    {"atomic", test_atomic},
    {"reuse", test_reuse},
    {"copy", test_copy},
    {"common", test_common},
    {"rights", test_rights},
    {"shared", test_shared},
    {"lent", test_lent},
    {"seen", test_seen},
    {"nothing", test_nothing},
    {"fences", test_fences},
    {"order", test_order},
    {"cost", test_cost},
    {"resolve", test_resolve},
    {"resolve_not", test_resolve_not},
    {"kernel_write", test_kernel_write},
    {"fork", test_fork},
    {"read_only", test_read_only},
    {"again", test_again},
    {"fork_shared", test_fork_shared},
    {"fork_not", test_fork_not},
    {"fork_large", test_fork_large},
    {"fork_steps", test_fork_steps},
    {"fork_fences", test_fork_fences},
    {"fork_nothing", test_fork_nothing},
    {"fork_quota", test_fork_quota},
    {"fork_end", test_fork_end},
    {"random", test_random},
};

void __wrap_proc_init(void);

void __wrap_proc_init(void) {
    unit_run(units, sizeof(units) / sizeof(units[0]));
}
