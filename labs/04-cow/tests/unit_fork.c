/* SPDX-License-Identifier: MIT */
/*
 * unit_fork.c: giving a child its parent's pages.
 */
#include "kit.h"

static struct space *child;

/* One fork, to its end: 0 or the error. */
static int fork_all(void) {
    va_t cursor = 0;
    int result;
    child = space_fork_begin(parent, &child_quota);
    if (child == NULL)
        return -ENOMEM;
    do {
        result = space_fork_step(parent, child, &cursor);
    } while (result == SPACE_MORE);
    return result;
}

static void fork_good(void) {
    unit_signed("fork", fork_all(), 0);
}

/* Both have the page, in one frame, and with these flags. */
static void check_both(va_t va, pa_t pa, pte_t flags, pte_t child_flags) {
    unit_equal("the frame of the parent's page", pa_of(parent, va), pa);
    unit_equal("the frame of the child's page", pa_of(child, va), pa);
    unit_equal("flags of the parent's page", flags_of(parent, va), flags);
    unit_equal("flags of the child's page", flags_of(child, va), child_flags);
}

void test_fork(void) {
    setup();
    map(PLACE, 8, RW, 0);
    map(PLACE + PAGE(600), 8, RW, 0);
    pa_t first = put(PLACE, USER_RW, 1);
    pa_t second = put(PLACE + PAGE(7), USER_RW, 2);
    pa_t far = put(PLACE + PAGE(603), USER_RW, 3);
    uint64_t charge = parent_quota.frames;
    fork_good();
    check_both(PLACE, first, USER_R, USER_R);
    check_both(PLACE + PAGE(7), second, USER_R, USER_R);
    check_both(PLACE + PAGE(603), far, USER_R, USER_R);
    refs_check("references to a page", first, 2);
    refs_check("references to a page", second, 2);
    refs_check("references to a page", far, 2);
    unit_equal("a page that nobody touched", entry(child, PLACE + PAGE(1)), 0);
    unit_equal("the child's regions", child->region_count, 2);
    unit_equal("the parent's charge", parent_quota.frames, charge);
    unit_equal("the child's charge: a root, three tables and three pages",
               child_quota.frames, 7);
    pattern_check("a word of a page", first, 1);
    unit_signed("the child's store", fault(child, PLACE, W), 0);
    unit_equal("the parent's page stays", pa_of(parent, PLACE), first);
    refs_check("references left", first, 1);
    pattern_check("a word of the child's page", pa_of(child, PLACE), 1);
    unit_signed("the parent's store, as the last owner",
                fault(parent, PLACE, W), 0);
    unit_equal("the parent's page stays", pa_of(parent, PLACE), first);
    unit_equal("with all rights", flags_of(parent, PLACE), USER_RW);
}

void test_read_only(void) {
    setup();
    map(PLACE, 2, R | X, 0);
    map(PLACE + PAGE(4), 2, R, 0);
    struct region *none = map(PLACE + PAGE(8), 2, RW, 0);
    pa_t text = put(PLACE, USER_RX, 4);
    pa_t data = put(PLACE + PAGE(4), USER_R, 5);
    pa_t hidden = put(PLACE + PAGE(8), NONE, 6);
    none->prot = PROT_NONE;
    fork_good();
    check_both(PLACE, text, USER_RX, USER_RX);
    check_both(PLACE + PAGE(4), data, USER_R, USER_R);
    check_both(PLACE + PAGE(8), hidden, NONE, NONE);
    refs_check("references to a page", text, 2);
    unit_signed("the child's store to a page that may be read",
                fault(child, PLACE + PAGE(4), W), -EFAULT);
    refs_check("references to a page", data, 2);
    refs_check("references to a page without rights", hidden, 2);
}

/* A second child, and a child of the child's. */
void test_again(void) {
    setup();
    map(PLACE, 4, RW, 0);
    pa_t pa = put(PLACE, USER_RW, 7);
    fork_good();
    const struct space *elder = child;
    fork_good();
    check_both(PLACE, pa, USER_R, USER_R);
    refs_check("references of three", pa, 3);
    unit_signed("the parent's store", fault(parent, PLACE, W), 0);
    refs_check("references of the other two", pa, 2);
    unit_equal("the first child's page", pa_of(elder, PLACE), pa);
    unit_equal("has not got the right to write", flags_of(elder, PLACE),
               USER_R);
    fork_good();
    pa_t own = pa_of(parent, PLACE);
    check_both(PLACE, own, USER_R, USER_R);
    refs_check("references to the parent's copy", own, 2);
    pattern_check("a word of the copy", own, 7);
}

void test_fork_shared(void) {
    setup();
    map(PLACE, 4, RW, REGION_SHARE);
    map(PLACE + PAGE(8), 4, RW, 0);
    pa_t meant = put(PLACE, USER_RW | PTE_SHARED, 8);
    pa_t other = put(PLACE + PAGE(8), USER_RW | PTE_SHARED, 9);
    pa_t last = put(PLACE + PAGE(9), USER_RW | PTE_SHARED, 10);
    refs_set(meant, 2);
    refs_set(other, 2);
    fork_good();
    check_both(PLACE, meant, USER_RW | PTE_SHARED, USER_RW | PTE_SHARED);
    refs_check("references to a page that stays shared", meant, 3);
    va_t va = PLACE + PAGE(8);
    pa_t copy = pa_of(child, va);
    unit_true("a page that others may write is copied at once", copy != other);
    unit_equal("flags of the copy", flags_of(child, va), USER_RW);
    refs_check("references to the copy", copy, 1);
    refs_check("references to what others may write", other, 2);
    unit_equal("the parent's entry", entry(parent, va),
               other >> PAGE_SHIFT << PTE_PPN_SHIFT | USER_RW | PTE_SHARED);
    pattern_check("a word of the copy", copy, 9);
    check_both(PLACE + PAGE(9), last, USER_R, USER_R);
    refs_check("references to a page that nobody shares any more", last, 2);
}

void test_fork_not(void) {
    struct memory memory = {.refs = 5, .base = 0x10000000, .pages = 8};
    setup();
    map(PLACE, 2, RW, REGION_LENT);
    map(PLACE + PAGE(4), 2, RW, REGION_BORROWED);
    struct region *device = map(PLACE + PAGE(8), 2, RW, 0);
    map(PLACE + PAGE(12), 2, RW, REGION_STACK);
    device->memory = &memory;
    pa_t lent = put(PLACE, USER_R | PTE_LENT, 11);
    pa_t borrowed = put(PLACE + PAGE(4), USER_RW | PTE_LENT, 12);
    pagetable_map(&parent->table, PLACE + PAGE(8), memory.base, USER_RW);
    pa_t pa = put(PLACE + PAGE(13), USER_RW, 13);
    fork_good();
    unit_equal("the child's regions", child->region_count, 1);
    unit_equal("a page that is lent", entry(child, PLACE), 0);
    unit_equal("a page that is borrowed", entry(child, PLACE + PAGE(4)), 0);
    unit_equal("a device's page", entry(child, PLACE + PAGE(8)), 0);
    refs_check("references to the page that is lent", lent, 1);
    refs_check("references to the page that is borrowed", borrowed, 1);
    unit_equal("flags of the page that is borrowed",
               flags_of(parent, PLACE + PAGE(4)), USER_RW | PTE_LENT);
    unit_equal("flags of the device's page", flags_of(parent, PLACE + PAGE(8)),
               USER_RW);
    check_both(PLACE + PAGE(13), pa, USER_R, USER_R);
}

void test_fork_large(void) {
    va_t place = PLACE / LARGE_SIZE * LARGE_SIZE + LARGE_SIZE;
    setup();
    map(place, 512, RW, REGION_LARGE);
    while (large_find(parent, place) == NULL)
        unit_signed("a step towards a megapage", fault(parent, place, W), 0);
    pa_t block = pte_frame(*large_find(parent, place));
    fork_good();
    for (unsigned i = 0; i < 512; i += 73) {
        check_both(place + PAGE(i), block + PAGE(i), USER_R, USER_R);
        refs_check("references to a small page", block + PAGE(i), 2);
    }
    frame_fail_after(0);
    unit_equal("the child's charge: a root, two tables and the pages",
               child_quota.frames, 515);
}

/* ---- Steps ---- */

/* Pages that the child has, of 200. */
static unsigned pages_there(void) {
    unsigned pages = 0;
    for (unsigned i = 0; i < 200; i++)
        pages += entry(child, PLACE + PAGE(i)) != 0;
    return pages;
}

static void steps(unsigned least, unsigned most) {
    va_t cursor = 0;
    unsigned before = 0;
    unsigned count_of = 1;
    child = space_fork_begin(parent, &child_quota);
    while (space_fork_step(parent, child, &cursor) == SPACE_MORE) {
        unsigned now = pages_there();
        unit_true("a step gives the child some pages",
                  now > before || now == 200);
        unit_true("a step is 50 pages at the most", now - before <= SPACE_STEP);
        before = now;
        count_of++;
    }
    unit_equal("pages that the child has in the end", pages_there(), 200);
    unit_true("200 pages take as many steps as they should",
              count_of >= least && count_of <= most);
}

void test_fork_steps(void) {
    setup();
    map(PLACE, 200, RW, 0);
    for (unsigned i = 0; i < 200; i++)
        put(PLACE + PAGE(i), USER_RW, i);
    steps(4, 7);
    for (unsigned i = 0; i < 200; i++) {
        pa_t pa = pa_of(parent, PLACE + PAGE(i));
        check_both(PLACE + PAGE(i), pa, USER_R, USER_R);
        refs_check("references to a page", pa, 2);
        refs_set(pa, 3);
        *pagetable_leaf(&parent->table, PLACE + PAGE(i)) |= PTE_SHARED | PTE_W;
    }
    steps(13, 22); /* pages that are copied take longer */
}

void test_fork_fences(void) {
    setup();
    map(PLACE, 8, RW, 0);
    for (unsigned i = 1; i < 6; i++)
        put(PLACE + PAGE(i), USER_RW, i);
    uint64_t fences = count(COUNTER_FENCE_PAGE);
    fork_good();
    unit_equal("fences for five pages that lost W",
               count(COUNTER_FENCE_PAGE) - fences, 5);
    fork_good();
    unit_equal("fences for pages that had none",
               count(COUNTER_FENCE_PAGE) - fences, 5);
    unit_signed("a store", fault(parent, PLACE + PAGE(4), W), 0);
    fences = count(COUNTER_FENCE_PAGE);
    fork_good();
    unit_equal("fences for one page that has it again",
               count(COUNTER_FENCE_PAGE) - fences, 1);
}

/* ---- Without memory ---- */

enum { FAIL_PAGES = 4, FAIL_MOST = 40 };

/* Three pages of the parent's own, far from each other, and one that somebody
 * else shares. */
static const uint16_t fail_pages[FAIL_PAGES] = {0, 1, 600, 2};

static void fail_setup(void) {
    setup();
    map(PLACE, 700, RW, 0);
    for (unsigned i = 0; i < FAIL_PAGES; i++)
        put(PLACE + PAGE(fail_pages[i]),
            i == 3 ? USER_RW | PTE_SHARED : USER_RW, i);
    refs_set(pa_of(parent, PLACE + PAGE(2)), 2);
    fork_good(); /* so that slabs have what they keep */
    space_put(child);
}

/* Nothing is left of a fork that failed, but that pages may lack W. */
static void fail_check(const struct account *before) {
    account_check(before);
    unit_equal("the child's charge", child_quota.frames, 0);
    unit_equal("the child's objects", child_quota.objects, 0);
    for (unsigned i = 0; i < FAIL_PAGES; i++) {
        va_t va = PLACE + PAGE(fail_pages[i]);
        pa_t pa = pa_of(parent, va);
        refs_check("references to a page", pa, i == 3 ? 2 : 1);
        pattern_check("a word of a page", pa, i);
        uint64_t copies = count(COUNTER_COW_COPY);
        unit_signed("a store of the parent's", fault(parent, va, W), 0);
        unit_equal("the frame stays", pa_of(parent, va), pa);
        unit_equal("nothing was copied", count(COUNTER_COW_COPY), copies);
    }
}

static void fail_end(void) {
    if (child != NULL)
        space_put(child);
}

void test_fork_nothing(void) {
    fail_setup();
    struct account before = account();
    unsigned n = 1;
    for (; n < FAIL_MOST; n++) {
        frame_fail_after(n);
        int result = fork_all();
        uint64_t tried = frame_fail_after(0);
        fail_end();
        fail_check(&before);
        if (tried < n) {
            unit_signed("fork, when nothing fails", result, 0);
            break;
        }
        unit_signed("fork, when an allocation fails", result, -ENOMEM);
    }
    unit_true("fork allocates a space, a region, four tables and a page",
              n > 7 && n < FAIL_MOST);
}

void test_fork_quota(void) {
    fail_setup();
    struct account before = account();
    for (uint64_t room = 0; room < 8; room++) {
        child_quota.frames_max = room;
        unit_signed("fork, over the child's quota", fork_all(), -ENOMEM);
        fail_end();
        fail_check(&before);
    }
    child_quota.frames_max = 8;
    fork_good();
    fail_end();
    fail_check(&before);
}

/* The child ends: what it had goes back, and the parent is the last owner. */
void test_fork_end(void) {
    fail_setup();
    struct account before = account();
    for (unsigned i = 0; i < 20; i++) {
        fork_good();
        if (i % 2)
            unit_signed("the child's store", fault(child, PLACE, W), 0);
        if (i % 3)
            unit_signed("its store to a missing page",
                        fault(child, PLACE + PAGE(9), W), 0);
        space_put(child);
        fail_check(&before);
    }
}

/* ---- Beside a model ---- */

enum { FAMILY = 5, PAGES = 6, STEPS = 1500 };

static struct space *family[FAMILY];
static uint8_t model[FAMILY][PAGES];

static uint8_t *first_byte(const struct space *space, unsigned page) {
    return pa_to_va(pa_of(space, PLACE + PAGE(page)));
}

/* Some member writes a page: itself, or the kernel for it. */
static void random_store(unsigned who, unsigned page) {
    uint8_t value = (uint8_t)unit_random();
    va_t va = PLACE + PAGE(page);
    if (unit_random() % 2) {
        unit_signed("a store", fault(family[who], va, W), 0);
        unit_equal("the right to write", flags_of(family[who], va) & PTE_RIGHTS,
                   USER_RW & PTE_RIGHTS);
        *first_byte(family[who], page) = value;
    } else {
        unit_signed("a write of the kernel's",
                    kernel_store(family[who], va, &value, 1), 0);
    }
    model[who][page] = value;
}

static void random_fork(unsigned who, unsigned to) {
    parent = family[who];
    space_put(family[to]);
    fork_good();
    family[to] = child;
    for (unsigned page = 0; page < PAGES; page++)
        model[to][page] = model[who][page];
}

static void random_look(void) {
    for (unsigned who = 0; who < FAMILY; who++) {
        for (unsigned page = 0; page < PAGES; page++) {
            va_t va = PLACE + PAGE(page);
            unit_signed("a load", fault(family[who], va, R), 0);
            unit_equal("a byte of a page", *first_byte(family[who], page),
                       model[who][page]);
            unit_true("who may write is alone",
                      !(flags_of(family[who], va) & PTE_W) ||
                          frame_of(pa_of(family[who], va))->refs == 1);
        }
    }
}

void test_random(void) {
    setup();
    child_quota.objects_max = 1000;
    map(PLACE, PAGES, RW, 0);
    family[0] = parent;
    for (unsigned who = 1; who < FAMILY; who++) {
        fork_good();
        family[who] = child;
    }
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned who = (unsigned)(unit_random() % FAMILY);
        unsigned to = (unsigned)(unit_random() % FAMILY);
        if (unit_random() % 5 == 0 && who != to)
            random_fork(who, to);
        else
            random_store(who, (unsigned)(unit_random() % PAGES));
        random_look();
    }
    for (unsigned who = 0; who < FAMILY; who++)
        space_put(family[who]);
    unit_equal("charges at the end", parent_quota.frames + child_quota.frames,
               0);
}
