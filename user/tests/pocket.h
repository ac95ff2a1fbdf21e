/* SPDX-License-Identifier: MIT */
/*
 * tests/pocket.h: ranges of tagged pages that a process holds.
 *
 * Idea        Each page carries a tag in several places: the group of its
 *             range, its number in it, and a version that grows when the
 *             holder writes. Whoever holds a range knows what must be there; a
 *             page that was lost, mixed up or seen by somebody else does not
 *             match. A range that others may write meanwhile is loose: its
 *             versions may differ, its group and numbers may not.
 * Use         struct range *r = pocket_new(&pocket);
 *             range_make(r, group, 4, 1);
 *             range_verify(r);
 *             range_write(r);
 *             range_gone(r->base, r->pages * r->step);  after a MOVE
 *             r->pages = 0;                             no longer held
 */
#ifndef OCTAVO_TESTS_POCKET_H
#define OCTAVO_TESTS_POCKET_H

#include "tests/paging.h"

enum {
    POCKET_RANGES = 12,
    RANGE_PAGES = 8,
    WIDE_STEP = 64, /* of ranges that are 2 MiB */
};

struct range {
    uint64_t base;
    uint64_t group;
    uint16_t version;
    uint8_t pages; /* that have a tag; 0: the slot is free */
    uint8_t first; /* the number of the first one */
    uint8_t step;  /* of them in pages: 1, or WIDE_STEP */
    uint8_t rights;
    bool raised; /* the rights may be raised again */
    bool loose;
    bool lazy; /* not touched: all zero */
};

struct pocket {
    struct range range[POCKET_RANGES];
};

static inline uint64_t random_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Where a page carries its tag. */
static const uint16_t tag_offset[] = {0, 2048, PAGE_SIZE - 8};
enum { TAGS = sizeof(tag_offset) / sizeof(tag_offset[0]) };

static inline uint64_t range_tag(const struct range *r, unsigned page) {
    return r->group << 20 | (uint64_t)(r->first + page) << 16 | r->version;
}

static inline uint64_t range_page(const struct range *r, unsigned page) {
    return r->base + (uint64_t)page * r->step * PAGE_SIZE;
}

/* All pages, with or without a tag. */
static inline uint64_t range_length(const struct range *r) {
    return (uint64_t)r->pages * r->step;
}

static inline volatile uint64_t *tag_at(uint64_t page, unsigned which) {
    return (volatile uint64_t *)(page + tag_offset[which]);
}

static inline void range_stamp(struct range *r) {
    for (unsigned i = 0; i < r->pages; i++)
        for (unsigned k = 0; k < TAGS; k++)
            *tag_at(range_page(r, i), k) = range_tag(r, i);
    r->lazy = false;
}

static inline void range_verify(const struct range *r) {
    for (unsigned i = 0; i < r->pages; i++)
        for (unsigned k = 0; k < TAGS; k++) {
            uint64_t got = *tag_at(range_page(r, i), k);
            uint64_t want = r->lazy ? 0 : range_tag(r, i);
            unsigned ignored = r->loose ? 16 : 0;
            check_equal("tag of a page", (int64_t)(got >> ignored),
                        (int64_t)(want >> ignored));
        }
}

/* Others may have written: what is there now is right if it is of the group. */
static inline void range_settle(struct range *r) {
    r->loose = true;
    range_verify(r);
    if (r->rights != RW)
        return;
    r->loose = false;
    r->version++;
    range_stamp(r);
}

/* Another version, seen by nobody but those who share the range. */
static inline void range_write(struct range *r, uint64_t random) {
    unsigned page = (unsigned)(random >> 20) % r->pages;
    if (r->loose) {
        *tag_at(range_page(r, page), 0) =
            range_tag(r, page) >> 16 << 16 | (random & 0xffff);
    } else {
        r->version++;
        range_stamp(r);
    }
}

static inline void range_gone(uint64_t base, uint64_t pages) {
    check_error("load from what has gone", probe_load(base), EFAULT);
    check_error("load from the end of what has gone",
                probe_load(base + pages * PAGE_SIZE - 1), EFAULT);
}

/* A free slot, or NULL. */
static inline struct range *pocket_new(struct pocket *pocket) {
    for (unsigned i = 0; i < POCKET_RANGES; i++)
        if (pocket->range[i].pages == 0)
            return &pocket->range[i];
    return 0;
}

/* One of those held, or NULL. */
static inline struct range *pocket_pick(struct pocket *pocket,
                                        uint64_t random) {
    for (unsigned i = 0; i < POCKET_RANGES; i++) {
        struct range *r = &pocket->range[(random + i) % POCKET_RANGES];
        if (r->pages != 0)
            return r;
    }
    return 0;
}

static inline void pocket_verify(const struct pocket *pocket) {
    for (unsigned i = 0; i < POCKET_RANGES; i++)
        range_verify(&pocket->range[i]);
}

/* ---- A thread beside ---- */

/* Where it has its ranges: nobody else is there. */
#define BESIDE 0x2800000000ull

/* Maps a range, transfers it to a space, and unmaps both. */
static inline void beside_round(int64_t space, uint64_t random) {
    enum item_mode mode = (enum item_mode)(ITEM_MOVE + random % 3);
    struct range r = {.base = BESIDE + (random >> 8) % 64 * PAGE_SIZE,
                      .group = random >> 30,
                      .pages = (uint8_t)(1 + (random >> 16) % RANGE_PAGES),
                      .step = 1};
    uint64_t length = range_length(&r) * PAGE_SIZE, tag = 0;
    check_ok("map beside",
             sys_map(HANDLE_SELF, r.base, length, RW | MAP_FIXED, -1, 0));
    range_stamp(&r);
    check_equal("transfer beside",
                item_transfer(space, BESIDE, (void *)r.base, r.pages, mode, RW),
                BESIDE);
    check_equal("look into the space",
                ipc_copy(space, COPY_IN, BESIDE, &tag, sizeof(tag)).error, 0);
    check_equal("tag of a page", (int64_t)tag, (int64_t)range_tag(&r, 0));
    if (mode == ITEM_MOVE) {
        range_gone(r.base, r.pages);
    } else {
        range_write(&r, random);
        range_verify(&r);
        check_equal("unmap beside", sys_unmap(HANDLE_SELF, r.base, length), 0);
    }
    check_equal("unmap in the space", sys_unmap(space, BESIDE, length), 0);
}

/* A thread that goes on like this until its process ends. */
static inline void beside_run(uint64_t random) {
    int64_t space = check_ok("space_create", sys_space_create());
    for (;;) {
        beside_round(space, random_next(&random));
        sys_sleep(time_now() + random % 4096);
    }
}

/* ---- Ranges in messages ---- */

/* What the receiver of a range must know of it, in a word. */
static inline uint64_t range_pack(const struct range *r) {
    return r->group << 22 | (uint64_t)r->first << 19 |
           (uint64_t)r->loose << 18 | (uint64_t)r->lazy << 17 |
           (uint64_t)(r->step == WIDE_STEP) << 16 | r->version;
}

/* The range that an item and its word tell of. Versions have 16 bits. */
static inline struct range range_unpack(uint64_t word, uint64_t base,
                                        uint64_t desc) {
    uint8_t step = word >> 16 & 1 ? WIDE_STEP : 1;
    return (struct range){
        .base = base,
        .group = word >> 22,
        .first = word >> 19 & 7,
        .version = (uint16_t)word,
        .pages = (uint8_t)(item_length(desc) / PAGE_SIZE / step),
        .step = step,
        .rights = (uint8_t)item_rights(desc),
        .loose = word >> 18 & 1,
        .lazy = word >> 17 & 1,
    };
}

/* Untouched memory; a wide range starts at a multiple of 2 MiB. */
static inline void range_make(struct range *r, uint64_t group, uint8_t pages,
                              uint8_t step) {
    *r = (struct range){.group = group,
                        .version = 1,
                        .pages = pages,
                        .step = step,
                        .rights = RW,
                        .raised = true,
                        .lazy = true};
    uint64_t length = range_length(r) * PAGE_SIZE;
    uint64_t spare = step == WIDE_STEP ? length : 0;
    uint64_t base = (uint64_t)pages_map((length + spare) / PAGE_SIZE);
    r->base = spare ? (base + spare - 1) / spare * spare : base;
    if (r->base > base)
        check_ok("unmap", sys_unmap(HANDLE_SELF, base, r->base - base));
    if (base + spare > r->base)
        check_ok("unmap", sys_unmap(HANDLE_SELF, r->base + length,
                                    base + spare - r->base));
}

/* Makes two of a range, if it has two pages and the pocket room. */
static inline void range_split(struct pocket *pocket, struct range *r) {
    struct range *upper = pocket_new(pocket);
    if (!upper || r->pages < 2 || r->step != 1)
        return;
    *upper = *r;
    upper->pages = r->pages / 2;
    r->pages -= upper->pages;
    upper->first += r->pages;
    upper->base += r->pages * PAGE_SIZE;
}

#endif
