/* SPDX-License-Identifier: MIT */
/*
 * unit_fault.c: pages that are made when they are touched.
 */
#include "kit.h"

#include "arch/hart.h"

/* ---- Zero pages ---- */

static void check_filled(va_t va, pte_t flags) {
    pte_t leaf = entry(va);
    unit_true("the page is there", leaf != 0);
    unit_equal("its flags: the region's rights", leaf & PTE_FLAGS, flags);
    pa_t pa = pte_frame(leaf);
    unit_equal("references to its frame", frame_refs(pa), 1);
    unit_equal("kind of its frame", frame_of(pa)->kind, FRAME_USED);
    unit_true("it is zero", all_zero(pa_to_va(pa)));
}

void test_fill(void) {
    setup();
    struct region *region = put(PLACE, PLACE + PAGE(4), RW, 0);
    uint64_t charge = quota.frames;
    uint64_t filled = hart_self()->counters[COUNTER_FAULT_ZERO];
    know(region);
    unit_signed("a load", fault(PLACE + PAGE(1) + 0x123, R), 0);
    check_filled(PLACE + PAGE(1), USER_RW);
    unit_equal("the page before", entry(PLACE), 0);
    unit_equal("the page behind", entry(PLACE + PAGE(2)), 0);
    unit_equal("the charge for a page and two tables", quota.frames,
               charge + 3);
    unit_signed("a store, to the last byte", fault(PLACE + PAGE(4) - 1, W), 0);
    check_filled(PLACE + PAGE(3), USER_RW);
    unit_equal("the charge for another page", quota.frames, charge + 4);
    unit_equal("entries that the table counts",
               pte_table(pagetable_leaf(&space->table, PLACE))->tag, 2);
    unit_equal("pages that COUNTER_FAULT_ZERO counts",
               hart_self()->counters[COUNTER_FAULT_ZERO] - filled, 2);
    region->prot = R | X;
    unit_signed("a fetch", fault(PLACE, X), 0);
    check_filled(PLACE, USER_RX);
    region->prot = R;
    unit_signed("a load", fault(PLACE + PAGE(2) + 8, R), 0);
    check_filled(PLACE + PAGE(2), USER_R);
}

/* Frames that have been somebody else's come first. */
void test_zero(void) {
    enum { USED = 12, PAGES = 20 };
    pa_t used[USED];
    setup();
    for (unsigned i = 0; i < USED; i++) {
        used[i] = frame_alloc(true);
        memset(pa_to_va(used[i]), 0x77, PAGE_SIZE);
    }
    for (unsigned i = 0; i < USED; i++)
        frame_unref(used[i]);
    know(put(PLACE, PLACE + PAGE(PAGES), RW, 0));
    for (unsigned i = 0; i < PAGES; i++) {
        unit_signed("a store", fault(PLACE + PAGE(i), W), 0);
        unit_true("a page of used memory is zero",
                  all_zero(page_of(PLACE + PAGE(i))));
    }
}

/* ---- What is not allowed ---- */

static void check_refused(const char *what, va_t va, unsigned access) {
    struct account before = account();
    unit_signed(what, fault(va, access), -EFAULT);
    unit_equal("no page was made", entry(PLACE), 0);
    check_account(&before);
}

void test_rights(void) {
    static const uint8_t prots[] = {PROT_NONE, R, RW, R | X, X};
    setup();
    struct region *region = put(PLACE, PLACE + PAGE(2), RW, 0);
    for (unsigned i = 0; i < sizeof(prots); i++) {
        region->prot = prots[i];
        for (unsigned access = R; access <= X; access <<= 1) {
            know(region);
            if (!(prots[i] & access))
                check_refused("an access without the right", PLACE, access);
        }
    }
    region->prot = RW;
    check_refused("below the region", PLACE - 1, R);
    check_refused("behind the region", PLACE + PAGE(2), W);
    check_refused("address 0", 0, R);
    check_refused("the end of user memory", USER_END, R);
    check_refused("the same page, 2^39 higher", PLACE + (1ull << 39), R);
    check_refused("the kernel's half", 1ull << 63, W);
    check_refused("the last address", UINT64_MAX, R);
    put(USER_END - PAGE(2), USER_END - PAGE(1), RW, REGION_STACK);
    check_refused("a stack's guard", USER_END - PAGE(2) - 8, W);
}

/* ---- Pages that are there ---- */

void test_again(void) {
    setup();
    struct region *region = put(PLACE, PLACE + PAGE(2), RW, 0);
    know(region);
    unit_signed("a store", fault(PLACE, W), 0);
    *(uint64_t *)page_of(PLACE) = 77;
    struct account before = account();
    pte_t leaf = entry(PLACE);
    unit_signed("a store, again", fault(PLACE, W), 0);
    unit_equal("the entry stays", entry(PLACE), leaf);
    unit_signed("a load", fault(PLACE + 8, R), 0);
    unit_equal("the entry stays", entry(PLACE), leaf);
    unit_equal("the page's first word stays", *(uint64_t *)page_of(PLACE), 77);
    check_account(&before);
    pte_t *entry_at = pagetable_leaf(&space->table, PLACE);
    *entry_at = leaf & ~(pte_t)PTE_W;
    unit_signed("a store to a page without W", fault(PLACE, W), 0);
    unit_equal("it has W again, and its frame", entry(PLACE), leaf);
    *entry_at = leaf & ~(pte_t)PTE_RIGHTS;
    unit_signed("a load of a page without V", fault(PLACE, R), 0);
    unit_equal("it has its rights again, and its frame", entry(PLACE), leaf);
    check_account(&before);
}

/* ---- Memory objects, pagers, megapages ---- */

void test_memory(void) {
    struct memory memory = {.refs = 1, .base = 0x10000000, .pages = 16};
    setup();
    struct region *region = put(PLACE, PLACE + PAGE(8), RW, 0);
    region->memory = &memory;
    region->offset = PAGE(3);
    know(region);
    uint64_t filled = hart_self()->counters[COUNTER_FAULT_ZERO];
    uint64_t charge = quota.frames;
    unit_signed("a load", fault(PLACE + PAGE(2) + 4, R), 0);
    unit_equal("the entry: the object's page 5", entry(PLACE + PAGE(2)),
               (memory.base + PAGE(5)) >> PAGE_SHIFT << PTE_PPN_SHIFT |
                   USER_RW);
    unit_signed("a store", fault(PLACE, W), 0);
    unit_equal("the entry: the object's page 3", entry(PLACE),
               (memory.base + PAGE(3)) >> PAGE_SHIFT << PTE_PPN_SHIFT |
                   USER_RW);
    unit_equal("the charge for two pages and two tables", quota.frames,
               charge + 4);
    unit_equal("zero pages that were made",
               hart_self()->counters[COUNTER_FAULT_ZERO], filled);
}

static void check_request(struct region *region, va_t va, unsigned access) {
    struct fill_request request = {.page = 1};
    struct account before = account();
    unit_signed("a missing page that a pager has",
                space_fault(space, va, access, &request), SPACE_PAGER);
    va_t page = va / PAGE_SIZE * PAGE_SIZE;
    unit_equal("the request's pager", (uintptr_t)request.pager.session,
               (uintptr_t)region->pager.session);
    unit_equal("the request's page", request.page, page);
    unit_equal("the request's offset", request.offset,
               region->offset + page - region->start);
    unit_equal("the request's pages", request.pages,
               (region->end - page) / PAGE_SIZE);
    check_account(&before);
    unit_equal("the entry", entry(va), 0);
}

void test_pager(void) {
    setup();
    struct region *region = put(PLACE, PLACE + PAGE(8), R, REGION_SHARE);
    region->pager.session = &quota;
    region->offset = PAGE(40);
    know(region);
    check_request(region, PLACE, R);
    check_request(region, PLACE + PAGE(7) + 0xff8, R);
    unit_signed("an access that the region does not allow", fault(PLACE, W),
                -EFAULT);
    pa_t pa = frame_alloc_zero(true);
    pagetable_map(&space->table, PLACE + PAGE(1), pa, PTE_U | PTE_A | PTE_D);
    unit_signed("a page that is there", fault(PLACE + PAGE(1), R), 0);
    unit_equal("its rights", entry(PLACE + PAGE(1)) & PTE_FLAGS, USER_R);
    check_request(region, PLACE + PAGE(2), R);
}

/* A megapage is filled in steps: each fault does one, and is tried again. */
void test_large(void) {
    enum { STEPS = 32 };
    va_t place = PLACE / LARGE_SIZE * LARGE_SIZE + LARGE_SIZE;
    setup();
    know(put(place - PAGE(1), place + LARGE_SIZE, RW, REGION_LARGE));
    for (unsigned i = 0; i < STEPS; i++) {
        unit_true("no megapage yet", large_find(space, place) == NULL);
        unit_signed("a step towards a megapage", fault(place + 0x5008, W), 0);
    }
    unit_true("a megapage", large_find(space, place) != NULL);
    unit_signed("a page where no megapage can be", fault(place - 1, W), 0);
    unit_equal("its flags", entry(place - 1) & PTE_FLAGS, USER_RW);
}

/* ---- Without memory ---- */

static void check_nothing(va_t va) {
    struct account before = account();
    unit_signed("a store without memory", fault(va, W), -ENOMEM);
    unit_equal("the entry", entry(va), 0);
    check_account(&before);
}

/* The n-th allocation fails, for each n; the page wants `most` of them. */
static void sweep(va_t va, unsigned most) {
    for (unsigned n = 1; n <= most; n++) {
        frame_fail_after(n);
        check_nothing(va);
        frame_fail_after(0);
    }
    unit_signed("a store with memory", fault(va, W), 0);
    unit_true("the page", all_zero(page_of(va)));
}

void test_nothing(void) {
    setup();
    know(put(PLACE, PLACE + PAGE(8), RW, 0));
    sweep(PLACE, 3);
    sweep(PLACE + PAGE(1), 1);
}

void test_quota(void) {
    setup();
    know(put(PLACE, PLACE + PAGE(8), RW, 0));
    for (unsigned room = 0; room < 3; room++) {
        quota.frames_max = quota.frames + room;
        check_nothing(PLACE);
    }
    quota.frames_max = quota.frames + 3;
    unit_signed("a store with just enough", fault(PLACE, W), 0);
    check_nothing(PLACE + PAGE(1));
    quota.frames_max++;
    unit_signed("a store with just enough", fault(PLACE + PAGE(1), W), 0);
}

/* ---- For the kernel ---- */

static int provide(va_t va, unsigned access, bool nofault, pte_t **leaf) {
    spin_lock(&space->lock);
    *leaf = pagetable_leaf(&space->table, va);
    int result = space_provide(space, va, access, nofault, leaf);
    unit_true("the space's lock is held when space_provide returns",
              spin_held(&space->lock));
    spin_unlock(&space->lock);
    return result;
}

static void check_provided(va_t va, unsigned access) {
    pte_t *leaf;
    unit_signed("provide", provide(va, access, false, &leaf), 0);
    unit_true("the page is there", entry(va) != 0);
    unit_equal("the leaf that it gives", (uintptr_t)leaf,
               (uintptr_t)pagetable_leaf(&space->table, va));
    unit_equal("its flags", *leaf & PTE_FLAGS, USER_RW);
}

void test_provide(void) {
    va_t place = PLACE / LARGE_SIZE * LARGE_SIZE + LARGE_SIZE;
    setup();
    struct region *region = put(PLACE, place + LARGE_SIZE, RW, REGION_LARGE);
    know(region);
    check_provided(PLACE + 0x123, R);
    check_provided(PLACE + PAGE(1) + 0xfff, W);
    *pagetable_leaf(&space->table, PLACE) &= ~(pte_t)PTE_W;
    check_provided(PLACE + 8, W);
    while (large_find(space, place) == NULL)
        unit_signed("a step towards a megapage", fault(place, W), 0);
    check_provided(place + PAGE(3) + 16, W);
    unit_true("the megapage is small pages now",
              large_find(space, place) == NULL);
}

static void check_not(const char *what, va_t va, unsigned access, bool nofault,
                      int error) {
    pte_t *leaf;
    struct account before = account();
    unit_signed(what, provide(va, access, nofault, &leaf), error);
    unit_equal("the entry", entry(va), 0);
    check_account(&before);
}

void test_provide_not(void) {
    setup();
    struct region *region = put(PLACE, PLACE + PAGE(8), R, 0);
    know(region);
    check_not("to write what may be read", PLACE, W, false, -EFAULT);
    check_not("outside of the region", PLACE + PAGE(8), R, false, -EFAULT);
    check_not("a missing page, with nofault", PLACE, R, true, -EFAULT);
    know(region);
    frame_fail_after(1);
    check_not("without memory", PLACE, R, false, -ENOMEM);
    frame_fail_after(0);
    region->pager.session = &quota;
    know(region);
    check_not("a page that only a pager has", PLACE, R, false, -EFAULT);
}

/* ---- The cost ---- */

void test_cost(void) {
    setup();
    know(put(PLACE, PLACE + PAGE(64), RW, 0));
    for (unsigned i = 0; i < 64; i++) {
        struct fill_request request;
        uint64_t start = unit_instructions();
        int result = space_fault(space, PLACE + PAGE(i), W, &request);
        uint64_t spent = unit_instructions() - start;
        unit_signed("a store", result, 0);
        if (i % 20 == 19)
            unit_cost(spent);
    }
}
