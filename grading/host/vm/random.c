/* SPDX-License-Identifier: MIT */
/*
 * random.c: random operations on several spaces and harts, each compared with
 * a model that is nothing but an array of pages.
 */
#include <string.h>

#include "abi/errno.h"
#include "sim.h"
#include "tests.h"
#include "vm/copy.h"
#include "vm/frame.h"
#include "vm/vm.h"

enum {
    SPACES = 6,
    WINDOW = 24, /* pages in a window of addresses */
    WINDOWS = 3,
    PAGES = WINDOW * WINDOWS,
    RW = PROT_READ | PROT_WRITE,
    WORDS = 2, /* looked at in each page: the first and the last */
};

/* Windows across the borders of tables of both levels. */
static const va_t windows[WINDOWS] = {USER_IMAGE,
                                      0x200000 - WINDOW / 2 * PAGE_SIZE,
                                      0x40000000 - WINDOW / 2 * PAGE_SIZE};

struct page {
    bool mapped;
    unsigned prot;
    uint64_t words[WORDS];
};

static struct model {
    struct space *space;
    struct quota *quota;
    struct page pages[PAGES];
} models[SPACES];

static unsigned failures; /* operations that found no memory */
static uint64_t next_value = 1;

static va_t page_va(unsigned page) {
    return windows[page / WINDOW] + page % WINDOW * PAGE_SIZE;
}

static va_t word_va(unsigned page, unsigned word) {
    return page_va(page) + (word == 0 ? 0 : PAGE_SIZE - 8);
}

/* A range of pages within one window. */
static unsigned random_range(unsigned *count) {
    unsigned first = (unsigned)sim_random(PAGES);
    unsigned most = WINDOW - first % WINDOW;
    *count = 1 + (unsigned)sim_random(most < 9 ? most : 9);
    return first;
}

static unsigned random_prot(void) {
    static const unsigned prots[] = {
        PROT_NONE,   PROT_READ, RW, RW, RW, PROT_READ | PROT_EXECUTE,
        PROT_EXECUTE};
    return prots[sim_random(sizeof(prots) / sizeof(prots[0]))];
}

/* True if the operation did not find the memory it needs. */
static bool failed(int64_t result) {
    failures += result == -ENOMEM;
    return result == -ENOMEM;
}

static void do_map(struct model *model) {
    unsigned count;
    unsigned first = random_range(&count);
    unsigned prot = random_prot();
    bool occupied = false;
    for (unsigned i = first; i < first + count; i++) {
        occupied |= model->pages[i].mapped;
    }
    int64_t result = space_map(model->space, page_va(first), count * PAGE_SIZE,
                               prot, NULL, 0);
    if (failed(result)) {
        return;
    }
    CHECK(result == (occupied ? -EEXIST : (int64_t)page_va(first)));
    for (unsigned i = first; i < first + count && !occupied; i++) {
        model->pages[i] = (struct page){true, prot, {0, 0}};
    }
}

static void do_unmap(struct model *model) {
    unsigned count;
    unsigned first = random_range(&count);
    int result;
    do {
        result = space_unmap(model->space, page_va(first), count * PAGE_SIZE);
    } while (result == SPACE_MORE);
    if (failed(result)) {
        return;
    }
    CHECK(result == 0);
    for (unsigned i = first; i < first + count; i++) {
        model->pages[i].mapped = false;
    }
}

static void do_protect(struct model *model) {
    unsigned count;
    unsigned first = random_range(&count);
    unsigned prot = random_prot();
    bool hole = false;
    for (unsigned i = first; i < first + count; i++) {
        hole |= !model->pages[i].mapped;
    }
    int result;
    do {
        result = space_protect(model->space, page_va(first), count * PAGE_SIZE,
                               prot);
    } while (result == SPACE_MORE);
    if (failed(result)) {
        return;
    }
    CHECK(result == (hole ? -EFAULT : 0));
    for (unsigned i = first; i < first + count && !hole; i++) {
        model->pages[i].prot = prot;
    }
}

static void do_access(struct model *model) {
    unsigned i = (unsigned)sim_random(PAGES);
    unsigned word = (unsigned)sim_random(WORDS);
    struct page *page = &model->pages[i];
    unsigned access = 1u << sim_random(3);
    bool permitted = page->mapped && page->prot & access;
    uint64_t value = next_value++;
    int result;
    if (access == PROT_READ) {
        result = sim_load(model->space, word_va(i, word), &value);
    } else if (access == PROT_WRITE) {
        result = sim_store(model->space, word_va(i, word), value);
    } else {
        result = sim_run(model->space, word_va(i, word));
    }
    if (failed(result)) {
        CHECK(permitted);
        return;
    }
    CHECK(result == (permitted ? 0 : -EFAULT));
    if (permitted && access == PROT_READ) {
        CHECK(value == page->words[word]);
    }
    if (permitted && access == PROT_WRITE) {
        page->words[word] = value;
    }
}

static void do_end(struct model *model) {
    sim_end(model->space);
    CHECK(model->quota->frames == 0 && model->quota->objects == 0);
    quota_put(model->quota);
    memset(model, 0, sizeof(*model));
}

static void do_create(struct model *model) {
    model->quota = quota_create();
    if (model->quota == NULL) {
        failures++;
        return;
    }
    model->space = space_create(model->quota);
    if (model->space == NULL) {
        failures++;
        quota_put(model->quota);
    }
}

static void do_fork(struct model *parent, struct model *child) {
    child->quota = quota_create();
    if (child->quota == NULL) {
        failures++;
        return;
    }
    child->space = space_fork_begin(parent->space, child->quota);
    va_t cursor = 0;
    int result = child->space == NULL ? -ENOMEM : SPACE_MORE;
    while (result == SPACE_MORE) {
        result = space_fork_step(parent->space, child->space, &cursor);
    }
    if (!failed(result)) {
        memcpy(child->pages, parent->pages, sizeof(child->pages));
    } else if (child->space != NULL) {
        do_end(child);
    } else {
        sim_reap();
        quota_put(child->quota);
    }
}

/* Copies whole pages, up to the first that does not permit it. */
static void do_copy(struct model *to, struct model *from) {
    unsigned count;
    unsigned source = random_range(&count);
    unsigned target = random_range(&count);
    unsigned room = WINDOW - source % WINDOW;
    count = count < room ? count : room;
    for (unsigned i = 0; i < count; i++) {
        struct page *here = &from->pages[source + i];
        struct page *there = &to->pages[target + i];
        int expect = !(here->mapped && here->prot & PROT_READ) ? COPY_FAULT_FROM
                     : !(there->mapped && there->prot & PROT_WRITE)
                         ? COPY_FAULT_TO
                         : PAGE_SIZE;
        int result =
            (int)space_copy_step(to->space, page_va(target + i), from->space,
                                 page_va(source + i), PAGE_SIZE, false);
        if (failed(result)) {
            return;
        }
        CHECK(result == expect);
        if (result < 0) {
            return;
        }
        memmove(there->words, here->words, sizeof(here->words));
    }
}

static void do_something(void) {
    struct model *model = &models[sim_random(SPACES)];
    struct model *other = &models[sim_random(SPACES)];
    if (model->space == NULL) {
        do_create(model);
        return;
    }
    switch (sim_random(40)) {
    case 0:
        if (model->space != NULL) {
            do_end(model);
        }
        break;
    case 1:
    case 2:
        if (other->space == NULL) {
            do_fork(model, other);
        }
        break;
    case 3:
    case 4:
        do_unmap(model);
        break;
    case 5:
    case 6:
    case 7:
        do_protect(model);
        break;
    case 8:
    case 9:
    case 10:
        if (other->space != NULL) {
            do_copy(other, model);
        }
        break;
    case 11:
    case 12:
    case 13:
    case 14:
        do_map(model);
        break;
    default:
        do_access(model);
    }
}

/* Reads everything that can be read, and compares. */
static void compare_all(void) {
    for (unsigned m = 0; m < SPACES; m++) {
        for (unsigned i = 0; i < PAGES && models[m].space != NULL; i++) {
            const struct page *page = &models[m].pages[i];
            for (unsigned word = 0; word < WORDS; word++) {
                uint64_t value = 0;
                int result =
                    sim_load(models[m].space, word_va(i, word), &value);
                bool readable = page->mapped && page->prot & PROT_READ;
                if (!failed(result)) {
                    CHECK(result == (readable ? 0 : -EFAULT));
                    CHECK(!readable || value == page->words[word]);
                }
            }
        }
    }
}

static unsigned frames_used(void) {
    unsigned used = 0;
    for (uint32_t i = frame_first; i < frame_first + frame_count; i++) {
        uint8_t kind = frame_records[i].kind;
        used += kind == FRAME_USED || kind == FRAME_TABLE;
    }
    return used;
}

/* `scarce` fails an allocation now and then. */
static void play(unsigned harts_used, unsigned asid_bits, unsigned frames,
                 bool scarce) {
    enum { STEPS = 30000 };
    sim_boot(frames, harts_used, asid_bits);
    sim_seed(harts_used * 100 + asid_bits + scarce);
    for (unsigned step = 1; step <= STEPS; step++) {
        sim_hart((unsigned)sim_random(harts_used));
        if (scarce && sim_random(3) == 0) {
            frame_fail_after(1 + sim_random(4));
        }
        do_something();
        frame_fail_after(0);
        if (step % 200 == 0) {
            CHECK(vm_check_frames() == 0);
        }
        if (step % 5000 == 0) {
            compare_all();
        }
    }
    CHECK(scarce ? failures > 100 : failures < STEPS / 5);
    for (unsigned m = 0; m < SPACES; m++) {
        if (models[m].space != NULL) {
            do_end(&models[m]);
        }
    }
    CHECK(frames_used() == 1); /* the kernel's root */
    CHECK(vm_check_frames() == 0);
}

static void test_one_hart(void) {
    play(1, 16, 4000, false);
}
static void test_four_harts(void) {
    play(4, 16, 4000, false);
}
static void test_few_numbers(void) {
    play(4, 6, 4000, false);
}
static void test_no_numbers(void) {
    play(3, 0, 4000, false);
}
static void test_little_memory(void) {
    play(2, 16, 420, false);
}
static void test_failures(void) {
    play(4, 6, 4000, true);
}

const struct test random_tests[] = {
    {"random_one_hart", "Random operations agree with a model", test_one_hart},
    {"random_four_harts", "... on four harts", test_four_harts},
    {"random_few_numbers", "... with sixty-four address-space numbers",
     test_few_numbers},
    {"random_no_numbers", "... with none", test_no_numbers},
    {"random_little_memory", "... when memory runs out", test_little_memory},
    {"random_failures", "... when allocations fail", test_failures},
    {0},
};
