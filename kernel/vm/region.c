/* SPDX-License-Identifier: MIT */
/*
 * vm/region.c: the list of a space's regions.
 *
 * Idea        A program has a handful of regions, so a sorted list is searched
 *             from its front; REGION_MAX bounds what that costs at worst.
 * Invariants  I1 regions are sorted by address and do not overlap, nor does
 *                one touch the guard below a stack;
 *             I2 start <= stale <= end, start < end, all whole pages;
 *             I3 prot is within max;
 *             I4 each region is charged to the space's quota as one object.
 *             region_check checks I1 to I3.
 * Locks       Everything is guarded by the space's lock.
 */
#include "vm/region.h"

#include "abi/errno.h"
#include "abi/layout.h"
#include "lib/bits.h"
#include "lib/panic.h"
#include "vm/large.h"
#include "vm/memory.h"
#include "vm/quota.h"
#include "vm/slab.h"
#include "vm/space.h"

static struct slab regions = SLAB(struct region, NULL);
const struct pager_operations *pager_operations;

/* ---- Finding ---- */

static struct region *region_of(struct list *link) {
    return link == NULL ? NULL : container_of(link, struct region, link);
}

/* Where the region begins to keep others away. */
static va_t region_low(const struct region *region) {
    return region->flags & REGION_STACK ? region->start - PAGE_SIZE
                                        : region->start;
}

struct region *region_after(const struct space *space, va_t va) {
    struct region *region = region_of(list_first(&space->regions));
    while (region != NULL && region->end <= va) {
        region = region_next(space, region);
    }
    return region;
}

struct region *region_search(const struct space *space, va_t va) {
    struct region *region = region_after(space, va);
    return region != NULL && region->start <= va ? region : NULL;
}

uint32_t region_flags_any(const struct space *space, va_t start, va_t end) {
    uint32_t flags = 0;
    const struct region *region = region_after(space, start);
    for (; region != NULL && region->start < end;
         region = region_next(space, region)) {
        flags |= region->flags;
    }
    return flags;
}

bool region_is_free(const struct space *space, va_t start, va_t end) {
    const struct region *region = region_after(space, start);
    return region == NULL || end <= region_low(region);
}

va_t region_place(const struct space *space, uint64_t length, va_t align) {
    va_t place = round_up(USER_MAP_BASE, align);
    const struct region *region = region_after(space, place);
    for (; region != NULL; region = region_next(space, region)) {
        if (region_low(region) >= place &&
            region_low(region) - place >= length) {
            return place;
        }
        place = round_up(region->end, align);
    }
    return place < USER_END && USER_END - place >= length ? place : 0;
}

/* ---- Adding and removing ---- */

/* Links a region in before the first one that lies above it. */
static void region_link(struct space *space, struct region *region) {
    const struct region *above = region_after(space, region->start);
    struct list *place = above == NULL ? space->regions.prev : above->link.prev;
    list_insert_after(place, &region->link);
    space->region_count++;
}

struct region *region_add(struct space *space, const struct region *like) {
    assert(region_is_free(space, region_low(like), like->end));
    struct region *region = space->region_count < REGION_MAX
                                ? slab_alloc(&regions, space->quota)
                                : NULL;
    if (region == NULL) {
        return NULL;
    }
    *region = *like;
    if (region_is_anonymous(region)) {
        region->offset = 0;
    }
    if (region->memory != NULL) {
        memory_get(region->memory);
    }
    if (region->pager.session != NULL) {
        pager_operations->get(&region->pager);
        space->paged_start = region->start < space->paged_start
                                 ? region->start
                                 : space->paged_start;
        space->paged_end =
            region->end > space->paged_end ? region->end : space->paged_end;
    }
    region_link(space, region);
    return region;
}

void region_remove(struct space *space, struct region *region) {
    list_remove(&region->link);
    space->region_count--;
    space->found = NULL;
    if (space->landing == region) {
        space->landing = NULL;
    }
    if (region->memory != NULL) {
        memory_put(region->memory);
    }
    large_drop_block(space, region);
    if (region->pager.session != NULL) {
        pager_operations->drop(&region->pager);
    }
    slab_free(&regions, region, space->quota);
}

void region_trim(struct region *region, va_t start) {
    assert(region->start <= start && start < region->end);
    if (!region_is_anonymous(region)) {
        region->offset += start - region->start;
    }
    region->start = start;
    region->stale = region->stale < start ? start : region->stale;
}

/* ---- Splitting and joining ---- */

/* Cuts the region that reaches across `at` in two there, if there is one. */
static int region_split(struct space *space, va_t at) {
    struct region *lower = region_find(space, at);
    if (lower == NULL || lower->start == at) {
        return 0;
    }
    struct region before = *lower;
    struct region upper = *lower;
    upper.flags &= ~(uint32_t)REGION_STACK; /* the guard is the lower part's */
    region_trim(&upper, at);
    lower->end = at;
    lower->stale = lower->stale < at ? lower->stale : at;
    if (region_add(space, &upper) == NULL) {
        lower->end = before.end;
        lower->stale = before.stale;
        return -ENOMEM;
    }
    return 0;
}

/* Whether two regions could as well be one. */
static bool regions_alike(const struct region *lower,
                          const struct region *upper) {
    uint64_t length = lower->end - lower->start;
    const uint32_t apart = REGION_LENT | REGION_BORROWED; /* vm/loan.h */
    return lower->end == upper->start && !(lower->flags & apart) &&
           lower->prot == upper->prot && lower->max == upper->max &&
           (lower->flags & ~(uint32_t)REGION_STACK) == upper->flags &&
           lower->memory == upper->memory &&
           lower->pager.session == upper->pager.session &&
           lower->pager.key == upper->pager.key &&
           (region_is_anonymous(lower) ||
            lower->offset + length == upper->offset) &&
           lower->stale == lower->end && upper->stale == upper->end;
}

void region_join_around(struct space *space, va_t start, va_t end) {
    struct region *region = region_after(space, start - 1);
    while (region != NULL && region->end <= end) {
        struct region *next = region_next(space, region);
        if (next != NULL && regions_alike(region, next)) {
            region->end = region->stale = next->end;
            region_remove(space, next);
        } else {
            region = next;
        }
    }
}

struct region *region_claim(struct space *space, const struct region *like) {
    struct region *below = region_after(space, like->start - 1);
    if (below != NULL && regions_alike(below, like)) {
        below->end = below->stale = like->end;
        return below;
    }
    return region_add(space, like);
}

int region_cut_prepare(struct space *space, va_t start, va_t end) {
    const struct region *region = region_find(space, start);
    bool inside = region->start < start && end < region->end;
    return inside ? region_split(space, end) : 0;
}

void region_cut(struct space *space, va_t start, va_t end) {
    struct region *region = region_after(space, start);
    while (region != NULL && region->start < end) {
        struct region *next = region_next(space, region);
        if (region->start < start) {
            assert(region->end <= end);
            region->end = start;
            region->stale = region->stale < start ? region->stale : start;
        } else if (region->end > end) {
            region_trim(region, end);
        } else {
            region_remove(space, region);
        }
        region = next;
    }
}

int region_split_around(struct space *space, va_t start, va_t end) {
    if (region_split(space, start) < 0) {
        return -ENOMEM;
    }
    if (region_split(space, end) < 0) {
        region_join_around(space, start, start);
        return -ENOMEM;
    }
    return 0;
}

void region_check(const struct space *space) {
    va_t floor = USER_IMAGE;
    uint32_t count = 0;
    const struct region *region = region_after(space, 0);
    for (; region != NULL; region = region_next(space, region)) {
        assert(region_low(region) >= floor);
        assert(region->start < region->end && region->end <= USER_END);
        assert((region->start | region->end | region->offset) % PAGE_SIZE == 0);
        assert(region->start <= region->stale && region->stale <= region->end);
        assert((region->prot & ~region->max) == 0);
        floor = region->end;
        count++;
    }
    assert(count == space->region_count);
}
