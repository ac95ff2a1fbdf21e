/* SPDX-License-Identifier: MIT */
/*
 * unit_fault.c: pages that are there and lack a right, for programs and for the
 * kernel.
 */
#include "kit.h"

#include "arch/fence.h"

/* ---- Reuse and copy ---- */

void test_reuse(void) {
    setup();
    map(PLACE, 4, RW, 0);
    pa_t pa = put(PLACE, USER_R, 1);
    struct account before = account();
    uint64_t reuses = count(COUNTER_COW_REUSE);
    uint64_t copies = count(COUNTER_COW_COPY);
    unit_signed("a store of the last owner", fault(parent, PLACE + 5, W), 0);
    unit_equal("the frame stays", pa_of(parent, PLACE), pa);
    unit_equal("the flags", flags_of(parent, PLACE), USER_RW);
    refs_check("references", pa, 1);
    pattern_check("a word of the page", pa, 1);
    account_check(&before);
    unit_equal("pages that COUNTER_COW_REUSE counts",
               count(COUNTER_COW_REUSE) - reuses, 1);
    unit_equal("pages that COUNTER_COW_COPY counts",
               count(COUNTER_COW_COPY) - copies, 0);
}

static void check_copied(va_t va, pa_t old, uint64_t seed, uint32_t left) {
    pa_t pa = pa_of(parent, va);
    unit_true("another frame is there", pa != old);
    unit_equal("its flags: the region's rights", flags_of(parent, va), USER_RW);
    refs_check("references to the copy", pa, 1);
    unit_equal("the kind of its frame", frame_of(pa)->kind, FRAME_USED);
    refs_check("references to the old frame", old, left);
    pattern_check("a word of the copy", pa, seed);
    pattern_check("a word of the old page", old, seed);
}

void test_copy(void) {
    setup();
    map(PLACE, 4, RW, 0);
    pa_t pa = put(PLACE, USER_R, 2);
    pa_t next = put(PLACE + PAGE(1), USER_R, 3);
    refs_set(pa, 2);
    refs_set(next, 300);
    struct account before = account();
    uint64_t copies = count(COUNTER_COW_COPY);
    unit_signed("a store to a common page", fault(parent, PLACE + 8, W), 0);
    check_copied(PLACE, pa, 2, 1);
    unit_equal("the charge", parent_quota.frames, before.charge);
    unit_equal("free frames", frame_free_count(), before.free - 1);
    unit_equal("the next page's entry", pa_of(parent, PLACE + PAGE(1)), next);
    unit_signed("a store to one with 300 references",
                fault(parent, PLACE + PAGE(2) - 1, W), 0);
    check_copied(PLACE + PAGE(1), next, 3, 299);
    unit_equal("pages that COUNTER_COW_COPY counts",
               count(COUNTER_COW_COPY) - copies, 2);
    unit_equal("entries that the table counts",
               pte_table(pagetable_leaf(&parent->table, PLACE))->tag, 2);
    uint64_t *word = pa_to_va(pa_of(parent, PLACE));
    word[WORDS - 1] = 77;
    pattern_check("a word of the old page", pa, 2);
}

/* A page without V is a page that is there, too. */
void test_common(void) {
    setup();
    struct region *region = map(PLACE, 4, RW, 0);
    pa_t pa = put(PLACE, NONE, 4);
    refs_set(pa, 2);
    struct account before = account();
    unit_signed("a load of a common page without V", fault(parent, PLACE, R),
                0);
    unit_equal("the frame stays", pa_of(parent, PLACE), pa);
    unit_equal("its flags: the region's rights but W", flags_of(parent, PLACE),
               USER_R);
    refs_check("references", pa, 2);
    account_check(&before);
    region->prot = R | X;
    unit_signed("a fetch from a common page", fault(parent, PLACE, X), 0);
    unit_equal("its flags", flags_of(parent, PLACE), USER_RX);
    unit_equal("the frame stays", pa_of(parent, PLACE), pa);
    account_check(&before);
    region->prot = RW;
    unit_signed("a store to it", fault(parent, PLACE, W), 0);
    check_copied(PLACE, pa, 4, 1);
}

/* Who may only read gets no W by the way, be the page his alone or not. */
void test_rights(void) {
    setup();
    struct region *region = map(PLACE, 4, R, 0);
    pa_t pa = put(PLACE, USER_R, 5);
    struct account before = account();
    for (unsigned refs = 1; refs <= 2; refs++) {
        refs_set(pa, refs);
        unit_signed("a store to a page that may be read",
                    fault(parent, PLACE, W), -EFAULT);
        unit_equal("the flags", flags_of(parent, PLACE), USER_R);
        *pagetable_leaf(&parent->table, PLACE) &= ~(pte_t)PTE_RIGHTS;
        unit_signed("a load of the page", fault(parent, PLACE, R), 0);
        unit_equal("the flags", flags_of(parent, PLACE), USER_R);
        unit_equal("the frame stays", pa_of(parent, PLACE), pa);
        refs_check("references", pa, refs);
    }
    region->prot = R | X; /* W went, and the table lags behind */
    *pagetable_leaf(&parent->table, PLACE) |= PTE_W;
    refs_set(pa, 1);
    uint64_t fences = count(COUNTER_FENCE_PAGE);
    unit_signed("a fetch", fault(parent, PLACE, X), 0);
    unit_equal("the flags: W has gone", flags_of(parent, PLACE), USER_RX);
    unit_equal("fences", count(COUNTER_FENCE_PAGE) - fences, 1);
    account_check(&before);
}

/* ---- Pages that others are meant to see ---- */

void test_shared(void) {
    struct memory memory = {.refs = 5, .base = 0x10000000, .pages = 8};
    setup();
    map(PLACE, 4, RW, REGION_SHARE);
    pa_t pa = put(PLACE, USER_R | PTE_SHARED, 6);
    refs_set(pa, 3);
    struct account before = account();
    unit_signed("a store to a shared page", fault(parent, PLACE, W), 0);
    unit_equal("the flags", flags_of(parent, PLACE), USER_RW | PTE_SHARED);
    unit_equal("the frame stays", pa_of(parent, PLACE), pa);
    refs_check("references", pa, 3);
    account_check(&before);
    struct region *device = map(PLACE + PAGE(8), 2, RW, 0);
    device->memory = &memory;
    pagetable_map(&parent->table, PLACE + PAGE(8), memory.base, USER_R);
    unit_signed("a store to a device's page", fault(parent, PLACE + PAGE(8), W),
                0);
    unit_equal("its entry", entry(parent, PLACE + PAGE(8)),
               memory.base >> PAGE_SHIFT << PTE_PPN_SHIFT | USER_RW);
}

void test_lent(void) {
    setup();
    map(PLACE, 4, RW, REGION_LENT);
    pa_t pa = put(PLACE, USER_R | PTE_LENT, 7);
    for (unsigned refs = 1; refs <= 2; refs++) {
        refs_set(pa, refs);
        struct account before = account();
        unit_signed("a store to a page that is lent", fault(parent, PLACE, W),
                    -EFAULT);
        unit_equal("its flags", flags_of(parent, PLACE), USER_R | PTE_LENT);
        unit_equal("its frame", pa_of(parent, PLACE), pa);
        unit_signed("a load of it", fault(parent, PLACE, R), 0);
        unit_equal("its flags", flags_of(parent, PLACE), USER_R | PTE_LENT);
        account_check(&before);
    }
}

/* Another thread was faster; this hart remembers the page as it was. */
void test_seen(void) {
    setup();
    map(PLACE, 4, RW, 0);
    pa_t pa = put(PLACE, USER_RW, 8);
    struct account before = account();
    uint64_t fences = count(COUNTER_FENCE_PAGE);
    uint64_t reuses = count(COUNTER_COW_REUSE);
    unit_signed("a store to a page with W", fault(parent, PLACE, W), 0);
    unit_equal("its flags", flags_of(parent, PLACE), USER_RW);
    unit_equal("its frame", pa_of(parent, PLACE), pa);
    unit_equal("the hart forgets the page: fences",
               count(COUNTER_FENCE_PAGE) - fences, 1);
    unit_equal("pages that COUNTER_COW_REUSE counts",
               count(COUNTER_COW_REUSE) - reuses, 0);
    pa_t common = put(PLACE + PAGE(1), USER_R, 9);
    refs_set(common, 2);
    unit_signed("a load of a common page", fault(parent, PLACE + PAGE(1), R),
                0);
    unit_equal("its flags", flags_of(parent, PLACE + PAGE(1)), USER_R);
    unit_equal("fences", count(COUNTER_FENCE_PAGE) - fences, 2);
    before.charge++;
    before.free--;
    account_check(&before);
}

/* ---- Without memory; fences; the cost ---- */

void test_nothing(void) {
    setup();
    map(PLACE, 4, RW, 0);
    pa_t pa = put(PLACE, USER_R, 10);
    refs_set(pa, 2);
    struct account before = account();
    frame_fail_after(1);
    unit_signed("a store without memory", fault(parent, PLACE, W), -ENOMEM);
    frame_fail_after(0);
    unit_equal("the entry", entry(parent, PLACE),
               pa >> PAGE_SHIFT << PTE_PPN_SHIFT | USER_R);
    refs_check("references", pa, 2);
    pattern_check("a word of the page", pa, 10);
    account_check(&before);
    unit_signed("a store with memory", fault(parent, PLACE, W), 0);
    check_copied(PLACE, pa, 10, 1);
}

void test_fences(void) {
    setup();
    map(PLACE, 4, RW, 0);
    pa_t pa = put(PLACE, USER_R, 11);
    put(PLACE + PAGE(1), USER_R, 12);
    refs_set(pa, 2);
    uint64_t fences = count(COUNTER_FENCE_PAGE);
    unit_signed("a store to a common page", fault(parent, PLACE, W), 0);
    unit_equal("fences for a copy", count(COUNTER_FENCE_PAGE) - fences, 1);
    unit_signed("a store of the last owner", fault(parent, PLACE + PAGE(1), W),
                0);
    unit_equal("fences for a right that is added",
               count(COUNTER_FENCE_PAGE) - fences, 1);
    unit_equal("fences of the whole space", count(COUNTER_FENCE_SPACE), 0);
}

static pa_t order_old;
static unsigned order_fences;

/* Called at each fence of a debug build. */
static void order_look(const struct hart *hart, va_t va, uint64_t asid) {
    (void)hart;
    (void)asid;
    if (va != PLACE)
        return;
    order_fences++;
    refs_check("references to the old frame at the fence", order_old, 2);
    pa_t pa = pa_of(parent, PLACE);
    unit_true("the entry at the fence leads to the copy", pa != order_old);
    pattern_check("a word of the copy at the fence", pa, 13);
}

void test_order(void) {
    setup();
    map(PLACE, 4, RW, 0);
    order_old = put(PLACE, USER_R, 13);
    refs_set(order_old, 2);
    fence_hook = order_look;
    unit_signed("a store to a common page", fault(parent, PLACE, W), 0);
    fence_hook = NULL;
    unit_equal("fences of the page", order_fences, 1);
    check_copied(PLACE, order_old, 13, 1);
}

/* The cheapest of many: now and then the stock of frames is filled up. */
void test_cost(void) {
    uint64_t least = UINT64_MAX;
    setup();
    map(PLACE, 64, RW, 0);
    for (unsigned i = 0; i < 64; i++) {
        pa_t pa = put(PLACE + PAGE(i), USER_R, i);
        refs_set(pa, 2);
        struct fill_request request;
        uint64_t start = unit_instructions();
        int result = space_fault(parent, PLACE + PAGE(i), W, &request);
        uint64_t spent = unit_instructions() - start;
        unit_signed("a store", result, 0);
        least = spent < least ? spent : least;
    }
    unit_cost(least);
}

/* ---- For the kernel ---- */

static int resolve(va_t va, unsigned access, bool nofault, pte_t **leaf) {
    spin_lock(&parent->lock);
    int result = space_resolve(parent, va, access, nofault, leaf);
    unit_true("the space's lock is held when space_resolve returns",
              spin_held(&parent->lock));
    spin_unlock(&parent->lock);
    return result;
}

static void check_resolved(va_t va, unsigned access) {
    pte_t *leaf = NULL;
    unit_signed("resolve", resolve(va, access, false, &leaf), 0);
    unit_equal("the leaf that it gives", (uintptr_t)leaf,
               (uintptr_t)pagetable_leaf(&parent->table, va));
}

void test_resolve(void) {
    setup();
    map(PLACE, 8, RW, 0);
    pa_t own = put(PLACE, USER_RW, 14);
    pa_t common = put(PLACE + PAGE(1), USER_R, 15);
    pa_t last = put(PLACE + PAGE(2), USER_R, 16);
    refs_set(common, 2);
    check_resolved(PLACE + 9, R);
    check_resolved(PLACE + 9, W);
    unit_equal("the frame of a page with all rights", pa_of(parent, PLACE),
               own);
    check_resolved(PLACE + PAGE(1), R);
    unit_equal("the frame of a common page that is read",
               pa_of(parent, PLACE + PAGE(1)), common);
    refs_check("references", common, 2);
    check_resolved(PLACE + PAGE(1) + 4088, W);
    check_copied(PLACE + PAGE(1), common, 15, 1);
    check_resolved(PLACE + PAGE(2), W);
    unit_equal("the frame of the last owner", pa_of(parent, PLACE + PAGE(2)),
               last);
    check_resolved(PLACE + PAGE(4), R);
    unit_equal("flags of a page that was missing",
               flags_of(parent, PLACE + PAGE(4)), USER_RW);
}

static void check_not(const char *what, va_t va, unsigned access, bool nofault,
                      int error) {
    pte_t *leaf;
    struct account before = account();
    pte_t old = entry(parent, PLACE);
    unit_signed(what, resolve(va, access, nofault, &leaf), error);
    unit_equal("the page's entry", entry(parent, PLACE), old);
    account_check(&before);
}

void test_resolve_not(void) {
    setup();
    struct region *region = map(PLACE, 2, RW, 0);
    pa_t pa = put(PLACE, USER_R, 17);
    refs_set(pa, 2);
    check_not("to write a common page, with nofault", PLACE, W, true, -EFAULT);
    check_not("a missing page, with nofault", PLACE + PAGE(1), R, true,
              -EFAULT);
    frame_fail_after(1);
    check_not("to write without memory", PLACE, W, false, -ENOMEM);
    frame_fail_after(0);
    check_not("outside of the region", PLACE + PAGE(2), R, false, -EFAULT);
    check_not("the same page, 2^39 higher", PLACE + (1ull << 39), R, false,
              -EFAULT);
    check_not("the end of user memory", USER_END, R, false, -EFAULT);
    check_not("the kernel's half", (uintptr_t)pa_to_va(pa), R, false, -EFAULT);
    check_not("the last address", UINT64_MAX, W, false, -EFAULT);
    region->prot = R;
    check_not("to write what may be read", PLACE, W, false, -EFAULT);
    *pagetable_leaf(&parent->table, PLACE) &= ~(pte_t)PTE_V;
    region->prot = PROT_NONE;
    check_not("a page without rights", PLACE, R, false, -EFAULT);
}

/* The kernel writes into a page that somebody else has, too. */
void test_kernel_write(void) {
    static const uint16_t places[] = {0, 8, 2040, 4080, 4088};
    setup();
    map(PLACE, 8, RW, 0);
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        va_t va = PLACE + PAGE(i);
        uint64_t value = 0x1234567800 + i;
        pa_t pa = put(va, USER_R, 20 + i);
        refs_set(pa, 2);
        unit_signed("a write of the kernel's",
                    kernel_store(parent, va + places[i], &value, 8), 0);
        pattern_check("a word of the other's page", pa, 20 + i);
        uint64_t *word = pa_to_va(pa_of(parent, va));
        unit_equal("the word that was written", word[places[i] / 8], value);
        word[places[i] / 8] = word_value(20 + i, places[i] / 8);
        check_copied(va, pa, 20 + i, 1);
    }
    pa_t pa = put(PLACE + PAGE(6), USER_R, 30);
    uint64_t value = 1;
    refs_set(pa, 2);
    frame_fail_after(1);
    int error = kernel_store(parent, PLACE + PAGE(6) + 16, &value, 8);
    frame_fail_after(0);
    unit_signed("a write of the kernel's, without memory", error, -ENOMEM);
    pattern_check("a word of the page that could not be copied", pa, 30);
}
