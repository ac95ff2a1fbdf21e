/* SPDX-License-Identifier: MIT */
/*
 * wrong/region.c: mistakes in looking for regions and for room.
 */

/*
 * after-start: looks at where regions begin: the one that contains the address
 * is passed over.
 * File: kernel/vm/region.c
 * Caught by: search, boots
 */
struct region *region_after(const struct space *space, va_t va) {
    struct region *region = region_of(list_first(&space->regions));
    while (region != NULL && region->start < va) {
        region = region_next(space, region);
    }
    return region;
}

/*
 * after-edge: a region's end is taken for its last byte.
 * File: kernel/vm/region.c
 * Caught by: search, free
 */
struct region *region_after(const struct space *space, va_t va) {
    struct region *region = region_of(list_first(&space->regions));
    while (region != NULL && region->end < va) {
        region = region_next(space, region);
    }
    return region;
}

/*
 * search-nearest: gives the region behind a hole for an address in the hole.
 * File: kernel/vm/region.c
 * Caught by: search, rights, deaths
 */
struct region *region_search(const struct space *space, va_t va) {
    return region_after(space, va);
}

/*
 * search-guard: the guard counts as a part of the stack, so a stack that runs
 * over gets a page more.
 * File: kernel/vm/region.c
 * Caught by: search, rights, stack[guard]
 */
struct region *region_search(const struct space *space, va_t va) {
    struct region *region = region_after(space, va);
    return region != NULL && region_low(region) <= va ? region : NULL;
}

/*
 * free-guard: a range may reach into a guard.
 * File: kernel/vm/region.c
 * Caught by: guard, stacks, heap_room
 */
bool region_is_free(const struct space *space, va_t start, va_t end) {
    const struct region *region = region_after(space, start);
    return region == NULL || end <= region->start;
}

/*
 * free-start: only the first page of the range is looked at.
 * File: kernel/vm/region.c
 * Caught by: free, heap_room
 */
bool region_is_free(const struct space *space, va_t start, va_t end) {
    (void)end;
    return region_search(space, start) == NULL;
}

/*
 * free-touch: a range that ends where a region begins is taken.
 * File: kernel/vm/region.c
 * Caught by: free, guard
 */
bool region_is_free(const struct space *space, va_t start, va_t end) {
    const struct region *region = region_after(space, start);
    return region == NULL || end < region_low(region);
}

/*
 * place-guard: places a range in the guard of the next stack.
 * File: kernel/vm/region.c
 * Caught by: place
 */
va_t region_place(const struct space *space, uint64_t length, va_t align) {
    va_t place = round_up(USER_MAP_BASE, align);
    const struct region *region = region_after(space, place);
    for (; region != NULL; region = region_next(space, region)) {
        if (region->start >= place && region->start - place >= length) {
            return place;
        }
        place = round_up(region->end, align);
    }
    return place < USER_END && USER_END - place >= length ? place : 0;
}

/*
 * place-exact: a gap that fits exactly is passed over.
 * File: kernel/vm/region.c
 * Caught by: place, place_full
 */
va_t region_place(const struct space *space, uint64_t length, va_t align) {
    va_t place = round_up(USER_MAP_BASE, align);
    const struct region *region = region_after(space, place);
    for (; region != NULL; region = region_next(space, region)) {
        if (region_low(region) >= place &&
            region_low(region) - place > length) {
            return place;
        }
        place = round_up(region->end, align);
    }
    return place < USER_END && USER_END - place > length ? place : 0;
}

/*
 * place-end: does not look whether there is room behind the last region.
 * File: kernel/vm/region.c
 * Caught by: place_full
 */
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
    return place;
}

/*
 * place-wrap: adds before it compares, so that a huge length comes round.
 * File: kernel/vm/region.c
 * Caught by: place_full
 */
va_t region_place(const struct space *space, uint64_t length, va_t align) {
    va_t place = round_up(USER_MAP_BASE, align);
    const struct region *region = region_after(space, place);
    for (; region != NULL; region = region_next(space, region)) {
        if (place + length <= region_low(region)) {
            return place;
        }
        place = round_up(region->end, align);
    }
    return place + length <= USER_END ? place : 0;
}

/*
 * place-align: aligns the first place that it looks at, and no later one.
 * File: kernel/vm/region.c
 * Caught by: place
 */
va_t region_place(const struct space *space, uint64_t length, va_t align) {
    va_t place = round_up(USER_MAP_BASE, align);
    const struct region *region = region_after(space, place);
    for (; region != NULL; region = region_next(space, region)) {
        if (region_low(region) >= place &&
            region_low(region) - place >= length) {
            return place;
        }
        place = region->end;
    }
    return place < USER_END && USER_END - place >= length ? place : 0;
}

/*
 * place-under: a region that begins below the place counts as a gap without
 * end: unsigned numbers do not become negative.
 * File: kernel/vm/region.c
 * Caught by: place
 */
va_t region_place(const struct space *space, uint64_t length, va_t align) {
    va_t place = round_up(USER_MAP_BASE, align);
    const struct region *region = region_after(space, place);
    for (; region != NULL; region = region_next(space, region)) {
        if (region_low(region) - place >= length) {
            return place;
        }
        place = round_up(region->end, align);
    }
    return place < USER_END && USER_END - place >= length ? place : 0;
}

/*
 * link-back: every region goes to the end of the list.
 * File: kernel/vm/region.c
 * Caught by: link
 */
static void region_link(struct space *space, struct region *region) {
    list_push_back(&space->regions, &region->link);
    space->region_count++;
}

/*
 * link-behind: a region goes behind the one that it should stand before.
 * File: kernel/vm/region.c
 * Caught by: link
 */
static void region_link(struct space *space, struct region *region) {
    struct region *above = region_after(space, region->start);
    struct list *place = above == NULL ? space->regions.prev : &above->link;
    list_insert_after(place, &region->link);
    space->region_count++;
}

/*
 * link-uncounted: the region is not counted, so that there is no limit.
 * File: kernel/vm/region.c
 * Caught by: link
 */
static void region_link(struct space *space, struct region *region) {
    const struct region *above = region_after(space, region->start);
    struct list *place = above == NULL ? space->regions.prev : above->link.prev;
    list_insert_after(place, &region->link);
}

/*
 * split-guard: both parts of a stack keep a guard, and the upper part's lies in
 * the lower one.
 * File: kernel/vm/region.c
 * Caught by: split
 */
static int region_split(struct space *space, va_t at) {
    struct region *lower = region_find(space, at);
    if (lower == NULL || lower->start == at) {
        return 0;
    }
    struct region before = *lower;
    struct region upper = *lower;
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

/*
 * split-offset: the upper part begins with the object's first page again.
 * File: kernel/vm/region.c
 * Caught by: split_parts
 */
static int region_split(struct space *space, va_t at) {
    struct region *lower = region_find(space, at);
    if (lower == NULL || lower->start == at) {
        return 0;
    }
    struct region before = *lower;
    struct region upper = *lower;
    upper.flags &= ~(uint32_t)REGION_STACK;
    upper.start = at;
    upper.stale = upper.stale < at ? at : upper.stale;
    lower->end = at;
    lower->stale = lower->stale < at ? lower->stale : at;
    if (region_add(space, &upper) == NULL) {
        lower->end = before.end;
        lower->stale = before.stale;
        return -ENOMEM;
    }
    return 0;
}

/*
 * split-undo: the lower part stays short when the upper one cannot be had: its
 * pages are nobody's.
 * File: kernel/vm/region.c
 * Caught by: split_nothing
 */
static int region_split(struct space *space, va_t at) {
    struct region *lower = region_find(space, at);
    if (lower == NULL || lower->start == at) {
        return 0;
    }
    struct region upper = *lower;
    upper.flags &= ~(uint32_t)REGION_STACK;
    region_trim(&upper, at);
    lower->end = at;
    lower->stale = lower->stale < at ? lower->stale : at;
    return region_add(space, &upper) == NULL ? -ENOMEM : 0;
}

/*
 * split-stale: the lower part's `stale` lies behind its end.
 * File: kernel/vm/region.c
 * Caught by: split
 */
static int region_split(struct space *space, va_t at) {
    struct region *lower = region_find(space, at);
    if (lower == NULL || lower->start == at) {
        return 0;
    }
    va_t end = lower->end;
    struct region upper = *lower;
    upper.flags &= ~(uint32_t)REGION_STACK;
    region_trim(&upper, at);
    lower->end = at;
    if (region_add(space, &upper) == NULL) {
        lower->end = end;
        return -ENOMEM;
    }
    return 0;
}
