/* SPDX-License-Identifier: MIT */
/*
 * transfers.c: random transfers and loans between spaces on several harts, each
 * compared with a model.
 *
 * Idea        In the model a page is a pointer to a cell, which holds what is
 *             written there. Whoever shares or borrows a page points at the
 *             same cell; everybody else has one of his own. So the model knows
 *             nothing of frames, counts and copies on write, only what a
 *             program may see.
 */
#include "model.h"

#include "abi/errno.h"
#include "tests.h"
#include "vm/frame.h"
#include "vm/vm.h"

static struct model models[MODELS];
static struct lending lendings[LENDINGS];
static uint64_t next_value = 1;
static unsigned done[6]; /* transfers that succeeded, by mode */

/* ---- Plain operations ---- */

static struct model *any_model(void) {
    struct model *model = &models[sim_random(MODELS)];
    if (model->space == NULL) {
        model_create(model);
    }
    return model;
}

static void do_map(struct model *model) {
    unsigned count;
    unsigned first = model_range(&count);
    unsigned prot = sim_random(4) == 0 ? PROT_READ : RW;
    bool occupied = false;
    for (unsigned i = first; i < first + count; i++) {
        occupied |= model->pages[i].cell != NULL;
    }
    int64_t result = space_map(model->space, model_va(first), count * PAGE_SIZE,
                               prot, NULL, 0);
    CHECK(result == (occupied ? -EEXIST : (int64_t)model_va(first)));
    for (unsigned i = first; i < first + count && !occupied; i++) {
        model->pages[i] = (struct page){
            .cell = cell_create(0), .prot = prot, .max = RW | PROT_EXECUTE};
    }
}

static void do_unmap(struct model *model) {
    unsigned count;
    unsigned first = model_range(&count);
    bool locked = false;
    for (unsigned i = first; i < first + count; i++) {
        locked |= model->pages[i].lent != 0;
    }
    int result = unmap(model->space, model_va(first), count * PAGE_SIZE);
    CHECK(result == (locked ? -EBUSY : 0));
    for (unsigned i = first; i < first + count && !locked; i++) {
        page_clear(&model->pages[i]);
    }
}

static int protect_result(const struct page *page, unsigned count,
                          unsigned prot) {
    for (unsigned i = 0; i < count; i++) {
        if (page[i].cell == NULL) {
            return -EFAULT;
        }
        if (page[i].lent != 0) {
            return -EBUSY;
        }
        if (prot & ~page[i].max) {
            return -EPERM;
        }
    }
    return 0;
}

static void do_protect(struct model *model) {
    unsigned count;
    unsigned first = model_range(&count);
    unsigned prot = sim_random(2) == 0 ? PROT_READ : RW;
    int expect = protect_result(&model->pages[first], count, prot);
    CHECK(protect(model->space, model_va(first), count * PAGE_SIZE, prot) ==
          expect);
    for (unsigned i = first; i < first + count && expect == 0; i++) {
        model->pages[i].prot = prot;
    }
}

static void do_access(struct model *model) {
    unsigned i = (unsigned)sim_random(PAGES);
    struct page *page = &model->pages[i];
    uint64_t value;
    if (sim_random(2) == 0) {
        CHECK(sim_load(model->space, model_va(i), &value) ==
              (page_permits(page, PROT_READ) ? 0 : -EFAULT));
        CHECK(!page_permits(page, PROT_READ) || value == page->cell->value);
        return;
    }
    CHECK(sim_store(model->space, model_va(i), next_value) ==
          (page_permits(page, PROT_WRITE) ? 0 : -EFAULT));
    if (page_permits(page, PROT_WRITE)) {
        page->cell->value = next_value;
    }
    next_value++;
}

static void do_fork(struct model *parent, struct model *child) {
    if (child->space != NULL) {
        return;
    }
    child->quota = quota_create();
    child->space = fork_of(parent->space, child->quota);
    CHECK(child->space != NULL);
    for (unsigned i = 0; i < PAGES; i++) {
        page_fork(&parent->pages[i], &child->pages[i]);
    }
}

/* ---- Transfers ---- */

/* Fills in an item; prefers one that can be. */
static void item_choose(const struct model *from, struct transfer_item *item) {
    for (unsigned tries = 0; tries < 8; tries++) {
        unsigned count;
        unsigned first = model_range(&count);
        item->from = model_va(first);
        item->pages = count;
        item->mode = (uint8_t)(ITEM_MOVE + sim_random(3));
        item->prot = sim_random(3) == 0 ? PROT_READ : RW;
        if (model_item_check(from, item) == 0) {
            return;
        }
    }
}

/* Picks a place for all items within one window; drops those that do not fit.
 */
static void window_choose(struct transfer *transfer) {
    uint64_t pages = 0;
    for (unsigned k = 0; k < transfer->count; k++) {
        if (pages + transfer->item[k].pages > WINDOW) {
            transfer->count = k;
        } else {
            pages += transfer->item[k].pages;
        }
    }
    transfer->window = model_va((unsigned)(sim_random(WINDOWS) * WINDOW +
                                           sim_random(WINDOW - pages + 1)));
}

/* The pages arrive where each item's `to` says. */
static void transfer_take(struct transfer *transfer, struct model *from,
                          struct model *to) {
    for (unsigned k = 0; k < transfer->count; k++) {
        const struct transfer_item *item = &transfer->item[k];
        unsigned first = model_page(item->from);
        unsigned there = model_page(item->to);
        bool share = item_stays_shared(from, item);
        for (unsigned i = 0; i < item->pages; i++) {
            page_transfer(&from->pages[first + i], &to->pages[there + i], item,
                          share);
        }
        done[item->mode]++;
    }
}

static int transfer_run(struct transfer *transfer) {
    int result;
    va_t window = transfer->window;
    while ((result = space_transfer(transfer)) == TRANSFER_PREPARE) {
        for (unsigned k = 0; k < transfer->count; k++) {
            const struct transfer_item *item = &transfer->item[k];
            while (item->mode != ITEM_MOVE && item->mode != ITEM_COW &&
                   (result = space_prepare(transfer->from, item)) ==
                       SPACE_MORE) {
            }
        }
        if (result < 0) {
            return result;
        }
        transfer->window = window;
    }
    return result;
}

/* With `scarce`, an allocation may fail, and then nothing has happened. */
static void do_transfer(struct model *from, struct model *to, bool scarce) {
    struct transfer transfer = {
        .from = from->space,
        .to = to->space,
        .count = 1 + (unsigned)sim_random(MESSAGE_ITEMS),
    };
    for (unsigned k = 0; k < transfer.count; k++) {
        item_choose(from, &transfer.item[k]);
    }
    window_choose(&transfer);
    struct transfer expected = transfer;
    int expect = model_transfer_check(from, to, &expected);
    if (scarce) {
        frame_fail_after(1 + sim_random(6));
    }
    int result = transfer_run(&transfer);
    frame_fail_after(0);
    if (scarce && result == -ENOMEM) {
        return;
    }
    CHECK(result == expect);
    CHECK(expect >= 0 || transfer.failed == expected.failed);
    if (expect == 0) {
        transfer_take(&transfer, from, to);
    }
}

/* The page that arrived at va, outside all windows, is the one in the model. */
static void landed_check(struct model *to, va_t va, struct page *page) {
    uint64_t value;
    CHECK(sim_load(to->space, va, &value) == 0 && value == page->cell->value);
    CHECK(sim_store(to->space, va, next_value) ==
          (page->prot & PROT_WRITE ? 0 : -EFAULT));
    if (page->prot & PROT_WRITE) {
        page->cell->value = next_value++;
    }
}

/* Several transfers of one item to wherever there is room: each lands behind
 * the one before, if it is like it. */
static void do_land(struct model *from, struct model *to) {
    enum { MANY = 4, MOST = 6 };
    struct page landed[MANY][MOST] = {0};
    struct transfer_item items[MANY];
    unsigned count = 0;
    uint8_t mode = (uint8_t)(ITEM_MOVE + sim_random(3));
    for (unsigned i = 0; i < MANY; i++) {
        struct transfer transfer = {
            .from = from->space, .to = to->space, .count = 1};
        struct transfer_item *item = &transfer.item[0];
        item_choose(from, item);
        item->mode = mode;
        int expect = model_item_check(from, item);
        CHECK(transfer_run(&transfer) == expect);
        for (unsigned k = 0; k < item->pages && expect == 0; k++) {
            page_transfer(&from->pages[model_page(item->from) + k],
                          &landed[count][k], item,
                          item_stays_shared(from, item));
        }
        if (expect == 0) {
            items[count++] = *item;
        }
    }
    while (count-- > 0) {
        for (unsigned k = 0; k < items[count].pages; k++) {
            landed_check(to, items[count].to + k * PAGE_SIZE,
                         &landed[count][k]);
            page_clear(&landed[count][k]);
        }
        CHECK(unmap(to->space, items[count].to,
                    items[count].pages * PAGE_SIZE) == 0);
    }
}

/* ---- Loans ---- */

static struct lending *lending_free(void) {
    for (unsigned i = 0; i < LENDINGS; i++) {
        if (lendings[i].loan == NULL) {
            return &lendings[i];
        }
    }
    return NULL;
}

static void do_lend(struct model *from, struct model *to) {
    struct lending *lending = lending_free();
    struct transfer transfer = {
        .from = from->space, .to = to->space, .count = 1};
    struct transfer_item *item = &transfer.item[0];
    item_choose(from, item);
    item->mode = ITEM_LEND;
    window_choose(&transfer);
    if (lending == NULL || from == to) {
        return;
    }
    int expect = model_transfer_check(from, to, &transfer);
    struct loan *loan = loan_create(from->space, to->space);
    CHECK(loan != NULL && transfer_run(&transfer) == expect);
    if (expect != 0) {
        loan_free(loan);
        return;
    }
    loan_add(loan, item);
    *lending =
        (struct lending){.loan = loan, .from = from, .to = to, .item = *item};
    transfer_take(&transfer, from, to);
}

static void do_return(struct lending *lending) {
    if (lending->loan == NULL) {
        return;
    }
    struct page *there = &lending->to->pages[model_page(lending->item.to)];
    struct page *here = &lending->from->pages[model_page(lending->item.from)];
    bool lent_on = false;
    for (unsigned i = 0; i < lending->item.pages; i++) {
        lent_on |= there[i].lent & LENT;
    }
    CHECK(loan_return(lending->loan) == (lent_on ? -EBUSY : 0));
    for (unsigned i = 0; i < lending->item.pages && !lent_on; i++) {
        page_clear(&there[i]);
        here[i].lent &= BORROWED;
    }
    lending->loan = lent_on ? lending->loan : NULL;
}

static void return_all(void) {
    for (unsigned round = 0; round < LENDINGS; round++) {
        for (unsigned i = 0; i < LENDINGS; i++) {
            do_return(&lendings[i]);
        }
    }
    for (unsigned i = 0; i < LENDINGS; i++) {
        CHECK(lendings[i].loan == NULL);
    }
}

/* ---- The play ---- */

static void do_end(struct model *model) {
    for (unsigned i = 0; i < LENDINGS; i++) {
        if (lendings[i].loan != NULL &&
            (lendings[i].from == model || lendings[i].to == model)) {
            return;
        }
    }
    model_end(model);
}

static void do_something(bool scarce) {
    struct model *model = any_model();
    switch (sim_random(32)) {
    case 0:
        do_end(model);
        break;
    case 1:
        do_fork(model, &models[sim_random(MODELS)]);
        break;
    case 2:
    case 3:
        do_unmap(model);
        break;
    case 4:
    case 5:
        do_protect(model);
        break;
    case 6:
    case 7:
    case 8:
        do_map(model);
        break;
    case 9:
    case 10:
    case 11:
    case 12:
        do_transfer(model, any_model(), scarce);
        break;
    case 13:
    case 14:
        do_lend(model, any_model());
        break;
    case 15:
    case 16:
        do_land(model, any_model());
        break;
    case 17:
        do_return(&lendings[sim_random(LENDINGS)]);
        break;
    default:
        do_access(model);
    }
}

static void play(unsigned harts_used, unsigned asid_bits, bool scarce) {
    enum { STEPS = 100000 };
    sim_boot(4000, harts_used, asid_bits);
    sim_seed(harts_used * 100 + asid_bits + scarce);
    for (unsigned step = 1; step <= STEPS; step++) {
        sim_hart((unsigned)sim_random(harts_used));
        do_something(scarce);
        if (step % 100 == 0) {
            CHECK(vm_check_frames() == 0);
        }
        if (step % 1000 == 0) {
            for (unsigned i = 0; i < MODELS; i++) {
                model_compare(&models[i]);
            }
        }
    }
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_LEND; mode++) {
        CHECK(done[mode] > 100);
    }
    return_all();
    for (unsigned i = 0; i < MODELS; i++) {
        model_end(&models[i]);
    }
    CHECK(vm_check_frames() == 0);
}

/* Items that touch each other, and a region that is like them, are one region:
 * when a later item fails, each is taken out of it again. */
static void test_undo(void) {
    const va_t window = BASE + 100 * PAGE_SIZE;
    struct space *from = start();
    struct space *to = space_create(quota);
    map(from, BASE, 4, RW);
    map(to, window + 3 * PAGE_SIZE, 1, RW);
    struct transfer transfer = {
        .from = from, .to = to, .count = 1, .window = window};
    for (unsigned i = 0; i < MESSAGE_ITEMS; i++) {
        transfer.item[i] = (struct transfer_item){.from = BASE + i * PAGE_SIZE,
                                                  .pages = 1,
                                                  .mode = ITEM_COW,
                                                  .prot = RW};
    }
    CHECK(space_transfer(&transfer) == 0 && load(to, window) == 0);
    transfer.count = 3;
    transfer.window = window + PAGE_SIZE;
    CHECK(space_transfer(&transfer) == -ENOSPC && transfer.failed == 2);
    uint64_t value;
    CHECK(sim_load(to, window + PAGE_SIZE, &value) == -EFAULT);
    CHECK(load(to, window) == 0 && load(to, window + 3 * PAGE_SIZE) == 0);
    sim_end(to);
    finish(from);
}

static void test_one_hart(void) {
    play(1, 16, false);
}
static void test_four_harts(void) {
    play(4, 16, false);
}
static void test_few_numbers(void) {
    play(4, 6, false);
}
static void test_no_numbers(void) {
    play(3, 0, false);
}
static void test_failures(void) {
    play(4, 6, true);
}

const struct test transfer_tests[] = {
    {"transfer_undo", "Items that touch are taken back one by one", test_undo},
    {"transfer_one_hart", "Random transfers agree with a model", test_one_hart},
    {"transfer_four_harts", "... on four harts", test_four_harts},
    {"transfer_few_numbers", "... with sixty-four address-space numbers",
     test_few_numbers},
    {"transfer_no_numbers", "... with none", test_no_numbers},
    {"transfer_failures", "... when allocations fail", test_failures},
    {0},
};
