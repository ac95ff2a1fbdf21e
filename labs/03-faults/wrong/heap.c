/* SPDX-License-Identifier: MIT */
/*
 * wrong/heap.c: mistakes in placing regions and moving the heap's end.
 */

/*
 * map-guard: a stack without an address is placed at the start of the gap, and
 * its guard lies in what is below.
 * File: kernel/vm/map.c
 * Caught by: stacks
 */
static int64_t map_place(const struct space *space, va_t va, uint64_t length,
                         unsigned flags) {
    uint64_t guard = flags & MAP_STACK ? PAGE_SIZE : 0;
    if (va == 0) {
        va = region_place(space, length + guard,
                          flags & MAP_LARGE ? LARGE_SIZE : PAGE_SIZE);
        return va == 0 ? -ENOMEM : (int64_t)va;
    }
    return region_is_free(space, va - guard, va + length) ? (int64_t)va
                                                          : -EEXIST;
}

/*
 * map-over: an own guard is not looked at when the address is given.
 * File: kernel/vm/map.c
 * Caught by: stacks
 */
static int64_t map_place(const struct space *space, va_t va, uint64_t length,
                         unsigned flags) {
    uint64_t guard = flags & MAP_STACK ? PAGE_SIZE : 0;
    if (va == 0) {
        va = region_place(space, length + guard,
                          flags & MAP_LARGE ? LARGE_SIZE : PAGE_SIZE);
        return va == 0 ? -ENOMEM : (int64_t)(va + guard);
    }
    return region_is_free(space, va, va + length) ? (int64_t)va : -EEXIST;
}

/*
 * map-zero: no room is reported as address 0, or just above it.
 * File: kernel/vm/map.c
 * Caught by: stacks
 */
static int64_t map_place(const struct space *space, va_t va, uint64_t length,
                         unsigned flags) {
    uint64_t guard = flags & MAP_STACK ? PAGE_SIZE : 0;
    if (va == 0) {
        return (
            int64_t)(region_place(space, length + guard,
                                  flags & MAP_LARGE ? LARGE_SIZE : PAGE_SIZE) +
                     guard);
    }
    return region_is_free(space, va - guard, va + length) ? (int64_t)va
                                                          : -EEXIST;
}

/*
 * extend-over: the heap grows over whatever is there.
 * File: kernel/vm/map.c
 * Caught by: heap_room
 */
static int heap_extend(struct space *space, va_t start, va_t end) {
    struct region heap = {
        .start = start,
        .end = end,
        .stale = end,
        .prot = PROT_READ | PROT_WRITE,
        .max = PROT_ALL,
    };
    if (!quota_has_frames(space->quota, (end - start) / PAGE_SIZE) ||
        !quota_could_hold(space->quota,
                          (end - space->heap_start) / PAGE_SIZE) ||
        !region_claim(space, &heap)) {
        return -ENOMEM;
    }
    return 0;
}

/*
 * extend-quota: the heap grows to what the quota could never hold, and the
 * program dies of a store.
 * File: kernel/vm/map.c
 * Caught by: heap_room, heap_errors
 */
static int heap_extend(struct space *space, va_t start, va_t end) {
    struct region heap = {
        .start = start,
        .end = end,
        .stale = end,
        .prot = PROT_READ | PROT_WRITE,
        .max = PROT_ALL,
    };
    if (!region_is_free(space, start, end) || !region_claim(space, &heap)) {
        return -ENOMEM;
    }
    return 0;
}

/*
 * extend-add: each growth is a region of its own.
 * File: kernel/vm/map.c
 * Caught by: heap, heap_bytes
 */
static int heap_extend(struct space *space, va_t start, va_t end) {
    struct region heap = {
        .start = start,
        .end = end,
        .stale = end,
        .prot = PROT_READ | PROT_WRITE,
        .max = PROT_ALL,
    };
    if (!region_is_free(space, start, end) ||
        !quota_has_frames(space->quota, (end - start) / PAGE_SIZE) ||
        !quota_could_hold(space->quota,
                          (end - space->heap_start) / PAGE_SIZE) ||
        !region_add(space, &heap)) {
        return -ENOMEM;
    }
    return 0;
}

/*
 * extend-eager: takes the frames at once.
 * File: kernel/vm/map.c
 * Caught by: heap_lazy
 */
static int heap_extend(struct space *space, va_t start, va_t end) {
    struct region heap = {
        .start = start,
        .end = end,
        .stale = end,
        .prot = PROT_READ | PROT_WRITE,
        .max = PROT_ALL,
    };
    if (!region_is_free(space, start, end) ||
        !quota_has_frames(space->quota, (end - start) / PAGE_SIZE) ||
        !quota_could_hold(space->quota,
                          (end - space->heap_start) / PAGE_SIZE) ||
        !region_claim(space, &heap)) {
        return -ENOMEM;
    }
    for (va_t va = start; va < end; va += PAGE_SIZE) {
        pte_t *leaf = pagetable_leaf(&space->table, va);
        if (space_provide(space, va, PROT_WRITE, false, &leaf) < 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

/*
 * sbrk-floor: the pages end where the heap's last whole page ends.
 * File: kernel/vm/map.c
 * Caught by: heap_bytes, heap_shrink
 */
static int64_t sbrk_locked(struct space *space, int64_t delta)
    REQUIRES(space->lock) {
    va_t old = space->heap_end;
    if (space->heap_start == 0 ||
        (delta < 0 && 0 - (uint64_t)delta > old - space->heap_start)) {
        return -EINVAL;
    }
    if (delta > 0 && (uint64_t)delta > USER_END - old) {
        return -ENOMEM;
    }
    va_t end = old + (uint64_t)delta;
    va_t old_page = round_down(old, PAGE_SIZE);
    va_t end_page = round_down(end, PAGE_SIZE);
    int result = 0;
    if (end_page > old_page) {
        result = heap_extend(space, old_page, end_page);
    } else if (end_page < old_page) {
        result = unmap_locked(space, end_page, old_page);
    }
    if (result != 0) {
        return result == SPACE_MORE ? -EAGAIN : result;
    }
    space->heap_end = end;
    return (int64_t)old;
}

/*
 * sbrk-round: growing and shrinking round differently: a page too many goes.
 * File: kernel/vm/map.c
 * Caught by: heap_bytes, heap_shrink
 */
static int64_t sbrk_locked(struct space *space, int64_t delta)
    REQUIRES(space->lock) {
    va_t old = space->heap_end;
    if (space->heap_start == 0 ||
        (delta < 0 && 0 - (uint64_t)delta > old - space->heap_start)) {
        return -EINVAL;
    }
    if (delta > 0 && (uint64_t)delta > USER_END - old) {
        return -ENOMEM;
    }
    va_t end = old + (uint64_t)delta;
    va_t old_page = round_up(old, PAGE_SIZE);
    int result = 0;
    if (delta > 0 && round_up(end, PAGE_SIZE) > old_page) {
        result = heap_extend(space, old_page, round_up(end, PAGE_SIZE));
    } else if (delta < 0 && round_down(end, PAGE_SIZE) < old_page) {
        result = unmap_locked(space, round_down(end, PAGE_SIZE), old_page);
    }
    if (result != 0) {
        return result == SPACE_MORE ? -EAGAIN : result;
    }
    space->heap_end = end;
    return (int64_t)old;
}

/*
 * sbrk-keep: shrinking moves the number, and leaves the pages.
 * File: kernel/vm/map.c
 * Caught by: heap, heap_shrink
 */
static int64_t sbrk_locked(struct space *space, int64_t delta)
    REQUIRES(space->lock) {
    va_t old = space->heap_end;
    if (space->heap_start == 0 ||
        (delta < 0 && 0 - (uint64_t)delta > old - space->heap_start)) {
        return -EINVAL;
    }
    if (delta > 0 && (uint64_t)delta > USER_END - old) {
        return -ENOMEM;
    }
    va_t end = old + (uint64_t)delta;
    const struct region *region = region_after(space, space->heap_start);
    va_t have = round_up(old, PAGE_SIZE);
    if (region != NULL && region->start == space->heap_start) {
        have = region->end;
    }
    if (round_up(end, PAGE_SIZE) > have) {
        int result = heap_extend(space, have, round_up(end, PAGE_SIZE));
        if (result != 0) {
            return result;
        }
    }
    space->heap_end = end;
    return (int64_t)old;
}

/*
 * sbrk-early: the heap's end moves with the first step of a shrink: when the
 * call is repeated, it shrinks twice.
 * File: kernel/vm/map.c
 * Caught by: heap_steps
 */
static int64_t sbrk_locked(struct space *space, int64_t delta)
    REQUIRES(space->lock) {
    va_t old = space->heap_end;
    if (space->heap_start == 0 ||
        (delta < 0 && 0 - (uint64_t)delta > old - space->heap_start)) {
        return -EINVAL;
    }
    if (delta > 0 && (uint64_t)delta > USER_END - old) {
        return -ENOMEM;
    }
    va_t end = old + (uint64_t)delta;
    va_t old_page = round_up(old, PAGE_SIZE);
    va_t end_page = round_up(end, PAGE_SIZE);
    int result = 0;
    if (end_page > old_page) {
        result = heap_extend(space, old_page, end_page);
    } else if (end_page < old_page) {
        result = unmap_locked(space, end_page, old_page);
    }
    if (result < 0) {
        return result;
    }
    space->heap_end = end;
    return result == SPACE_MORE ? -EAGAIN : (int64_t)old;
}

/*
 * sbrk-once: one step of a shrink is taken for all of it.
 * File: kernel/vm/map.c
 * Caught by: heap_steps
 */
static int64_t sbrk_locked(struct space *space, int64_t delta)
    REQUIRES(space->lock) {
    va_t old = space->heap_end;
    if (space->heap_start == 0 ||
        (delta < 0 && 0 - (uint64_t)delta > old - space->heap_start)) {
        return -EINVAL;
    }
    if (delta > 0 && (uint64_t)delta > USER_END - old) {
        return -ENOMEM;
    }
    va_t end = old + (uint64_t)delta;
    va_t old_page = round_up(old, PAGE_SIZE);
    va_t end_page = round_up(end, PAGE_SIZE);
    int result = 0;
    if (end_page > old_page) {
        result = heap_extend(space, old_page, end_page);
    } else if (end_page < old_page) {
        result = unmap_locked(space, end_page, old_page);
    }
    if (result < 0) {
        return result;
    }
    space->heap_end = end;
    return (int64_t)old;
}

/*
 * sbrk-negative: negates the amount as a signed number, which the most negative
 * one does not survive, and compares addresses as such.
 * File: kernel/vm/map.c
 * Caught by: heap_errors
 */
static int64_t sbrk_locked(struct space *space, int64_t delta)
    REQUIRES(space->lock) {
    va_t old = space->heap_end;
    int64_t less = (int64_t)(0 - (uint64_t)delta);
    if (space->heap_start == 0 ||
        (delta < 0 && less > (int64_t)(old - space->heap_start))) {
        return -EINVAL;
    }
    if (delta > 0 && (uint64_t)delta > USER_END - old) {
        return -ENOMEM;
    }
    va_t end = old + (uint64_t)delta;
    va_t old_page = round_up(old, PAGE_SIZE);
    va_t end_page = round_up(end, PAGE_SIZE);
    int result = 0;
    if (end_page > old_page) {
        result = heap_extend(space, old_page, end_page);
    } else if (end_page < old_page) {
        result = unmap_locked(space, end_page, old_page);
    }
    if (result != 0) {
        return result == SPACE_MORE ? -EAGAIN : result;
    }
    space->heap_end = end;
    return (int64_t)old;
}

/*
 * sbrk-below: the heap may shrink to below where it began.
 * File: kernel/vm/map.c
 * Caught by: heap_errors
 */
static int64_t sbrk_locked(struct space *space, int64_t delta)
    REQUIRES(space->lock) {
    va_t old = space->heap_end;
    if (space->heap_start == 0 || (delta < 0 && 0 - (uint64_t)delta > old)) {
        return -EINVAL;
    }
    if (delta > 0 && (uint64_t)delta > USER_END - old) {
        return -ENOMEM;
    }
    va_t end = old + (uint64_t)delta;
    va_t old_page = round_up(old, PAGE_SIZE);
    va_t end_page = round_up(end, PAGE_SIZE);
    int result = 0;
    if (end_page > old_page) {
        result = heap_extend(space, old_page, end_page);
    } else if (end_page < old_page) {
        result = unmap_locked(space, end_page, old_page);
    }
    if (result != 0) {
        return result == SPACE_MORE ? -EAGAIN : result;
    }
    space->heap_end = end;
    return (int64_t)old;
}

/*
 * sbrk-new: gives the end where the heap is now, not where it was.
 * File: kernel/vm/map.c
 * Caught by: heap, boots
 */
static int64_t sbrk_locked(struct space *space, int64_t delta)
    REQUIRES(space->lock) {
    va_t old = space->heap_end;
    if (space->heap_start == 0 ||
        (delta < 0 && 0 - (uint64_t)delta > old - space->heap_start)) {
        return -EINVAL;
    }
    if (delta > 0 && (uint64_t)delta > USER_END - old) {
        return -ENOMEM;
    }
    va_t end = old + (uint64_t)delta;
    va_t old_page = round_up(old, PAGE_SIZE);
    va_t end_page = round_up(end, PAGE_SIZE);
    int result = 0;
    if (end_page > old_page) {
        result = heap_extend(space, old_page, end_page);
    } else if (end_page < old_page) {
        result = unmap_locked(space, end_page, old_page);
    }
    if (result != 0) {
        return result == SPACE_MORE ? -EAGAIN : result;
    }
    space->heap_end = end;
    return (int64_t)end;
}
