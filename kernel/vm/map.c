/* SPDX-License-Identifier: MIT */
/*
 * vm/map.c: changing what an address space maps.
 *
 * Idea        Changing the regions is quick; changing the pages may be long.
 *             So each operation checks everything first, then does one step of
 *             pages, and says SPACE_MORE. It finds its place again from the
 *             regions: unmapping moves a region's start up, protecting moves
 *             its `stale` up. So the caller repeats the call as it was, and
 *             nothing is kept in between.
 * Invariants  I1 pages and tables exist only inside regions;
 *             I2 a page's entry has no right that its region lacks, but from
 *                `stale` on;
 *             I3 heap_start <= heap_end, both 0 if there is no heap.
 * Locks       space->lock.
 * Read        before: vm/region.c, vm/gather.c.
 */
#include "abi/errno.h"
#include "arch/fence.h"
#include "lib/bits.h"
#include "vm/fill.h"
#include "vm/gather.h"
#include "vm/large.h"
#include "vm/memory.h"
#include "vm/space.h"

enum {
    PROT_ALL = PROT_READ | PROT_WRITE | PROT_EXECUTE,
    LOCKED_REGION = REGION_LENT | REGION_BORROWED,
};

/* ---- Emptying ranges ---- */

/* Unmaps pages of the region from its start on, and moves that up to the first
 * page that is left. False: the region has no page any more. */
static bool region_empty(struct space *space, struct region *region,
                         struct gather *gather, unsigned *budget) {
    va_t va = region->start;
    va_t last = va;
    pte_t *leaf;
    while ((leaf = pagetable_next(&space->table, &va, region->end, budget))) {
        if (va / LARGE_SIZE != last / LARGE_SIZE) {
            gather_tables(gather, last);
            *budget -= *budget > 0;
        }
        pte_t old = pagetable_unmap(&space->table, leaf);
        gather_page(gather, va, old,
                    region->memory == NULL ? pte_frame(old) : 0);
        last = va;
        va += PAGE_SIZE;
    }
    gather_tables(gather, last);
    if (*budget > 0 && va < region->end) {
        large_unmap(space, large_find(space, va), va);
        va += LARGE_SIZE;
        *budget = 0;
    }
    if (va >= region->end) {
        return false;
    }
    region_trim(region, va);
    return true;
}

int space_empty_step(struct space *space, va_t start, va_t end) {
    unsigned budget = SPACE_STEP;
    struct gather gather;
    gather_init(&gather, space);
    struct region *region = region_after(space, start);
    while (region != NULL && region->start < end && budget > 0) {
        bool left = region_empty(space, region, &gather, &budget);
        gather_flush(&gather);
        if (left) {
            break;
        }
        struct region *next = region_next(space, region);
        region_remove(space, region);
        region = next;
        budget -= budget > 0;
    }
    return region != NULL && region->start < end ? SPACE_MORE : 0;
}

static int unmap_locked(struct space *space, va_t start, va_t end)
    REQUIRES(space->lock) {
    if (region_flags_any(space, start, end) & LOCKED_REGION) {
        return -EBUSY;
    }
    if (large_split_ends(space, start, end) < 0 ||
        region_split_around(space, start, end) < 0) {
        return -ENOMEM;
    }
    return space_empty_step(space, start, end);
}

int space_unmap(struct space *space, va_t va, uint64_t length) {
    if (va % PAGE_SIZE != 0 || !user_range_ok(va, length)) {
        return -EINVAL;
    }
    spin_lock(&space->lock);
    int result = unmap_locked(space, va, va + round_up(length, PAGE_SIZE));
    spin_unlock(&space->lock);
    return result;
}

/* ---- Mapping ---- */

/* Rights that may go together. */
static bool prot_ok(unsigned prot) {
    bool write = prot & PROT_WRITE;
    return (prot & ~(unsigned)PROT_ALL) == 0 &&
           !(write && !(prot & PROT_READ)) && !(write && prot & PROT_EXECUTE);
}

static bool map_args_ok(va_t va, uint64_t length, unsigned flags,
                        uint64_t offset) {
    const unsigned known = PROT_ALL | MAP_STACK | MAP_FIXED | MAP_LARGE;
    if (flags & ~known || !prot_ok(flags & PROT_ALL) || length == 0 ||
        (va | offset) % PAGE_SIZE != 0) {
        return false;
    }
    if (va == 0) {
        return !(flags & MAP_FIXED) && length <= USER_END;
    }
    return va >= USER_IMAGE + PAGE_SIZE * !!(flags & MAP_STACK) &&
           user_range_ok(va, length);
}

/* Picks or checks the address of a new region of this length. */
static int64_t map_place(const struct space *space, va_t va, uint64_t length,
                         unsigned flags) {
    uint64_t guard = flags & MAP_STACK ? PAGE_SIZE : 0;
    if (va == 0) {
        va = region_place(space, length + guard,
                          flags & MAP_LARGE ? LARGE_SIZE : PAGE_SIZE);
        return va == 0 ? -ENOMEM : (int64_t)(va + guard);
    }
    return region_is_free(space, va - guard, va + length) ? (int64_t)va
                                                          : -EEXIST;
}

/* Adds a region with what *region says of where its pages come from, at va or
 * where there is room. */
static int64_t map_region(struct space *space, va_t va, uint64_t length,
                          unsigned flags, struct region *region) {
    if (!map_args_ok(va, length, flags, region->offset)) {
        return -EINVAL;
    }
    length = round_up(length, PAGE_SIZE);
    region->prot = flags & PROT_ALL;
    region->flags |= (flags & MAP_STACK ? REGION_STACK : 0u) |
                     (flags & MAP_LARGE ? REGION_LARGE : 0u);
    spin_lock(&space->lock);
    int64_t place = map_place(space, va, length, flags);
    if (place > 0) {
        region->start = (va_t)place;
        region->end = region->stale = (va_t)place + length;
        if (region_add(space, region) == NULL) {
            place = -ENOMEM;
        } else {
            region_join_around(space, region->start, region->end);
        }
    }
    spin_unlock(&space->lock);
    return place;
}

int64_t space_map(struct space *space, va_t va, uint64_t length, unsigned flags,
                  struct memory *memory, uint64_t offset) {
    bool stack = flags & MAP_STACK;
    bool large = flags & MAP_LARGE;
    uint64_t size = memory == NULL ? 0 : memory->pages * PAGE_SIZE;
    if (memory == NULL ? (large && stack) || offset != 0
                       : large || offset > size || length > size - offset) {
        return -EINVAL;
    }
    struct region region = {
        .max = memory == NULL ? PROT_ALL : flags & PROT_ALL,
        .memory = memory,
        .offset = offset,
    };
    return map_region(space, va, length, flags, &region);
}

int64_t space_map_pager(struct space *space, va_t va, uint64_t length,
                        unsigned flags, const struct pager *pager,
                        uint64_t offset) {
    if (flags & (MAP_STACK | MAP_LARGE) || offset + length < offset) {
        return -EINVAL;
    }
    struct region region = {
        .max = flags & PROT_ALL,
        .flags = REGION_SHARE,
        .pager = *pager,
        .offset = offset,
    };
    return map_region(space, va, length, flags, &region);
}

/* ---- Protecting ---- */

/* 0 if every page of [start, end) may have these rights. */
static int protect_check(const struct space *space, va_t start, va_t end,
                         unsigned prot) {
    const struct region *region = region_find(space, start);
    for (va_t va = start;; region = region_next(space, region)) {
        if (region == NULL || region->start > va) {
            return -EFAULT;
        }
        if (region->flags & LOCKED_REGION) {
            return -EBUSY;
        }
        if (prot & ~(unsigned)region->max) {
            return -EPERM;
        }
        va = region->end;
        if (va >= end) {
            return 0;
        }
    }
}

/* Gives the regions of [start, end) their new rights. */
static void protect_regions(struct space *space, va_t start, va_t end,
                            unsigned prot) {
    bool executable = false;
    struct region *region = region_after(space, start);
    for (; region != NULL && region->start < end;
         region = region_next(space, region)) {
        if (region->prot & ~prot) {
            region->stale = region->start;
        }
        executable |= prot & ~(unsigned)region->prot & PROT_EXECUTE;
        region->prot = (uint16_t)prot;
    }
    if (executable) {
        fence_code();
    }
}

/* Takes from an entry the rights that prot lacks. */
static void leaf_lower(struct gather *gather, va_t va, pte_t *leaf,
                       unsigned prot) {
    pte_t old = *leaf;
    pte_t flags = old & PTE_FLAGS & (pte_flags(prot) | ~(pte_t)PTE_RIGHTS);
    if (!(flags & (PTE_R | PTE_X))) {
        flags &= ~(pte_t)PTE_V; /* V alone would be a pointer to a table */
    }
    if (pagetable_protect(leaf, flags)) {
        gather_page(gather, va, old, 0);
    }
}

/* One step of making the pages of [start, end) follow their regions. */
static int protect_step(struct space *space, va_t start, va_t end) {
    unsigned budget = SPACE_STEP;
    bool more = false;
    struct gather gather;
    gather_init(&gather, space);
    struct region *region = region_after(space, start);
    for (; region != NULL && region->start < end;
         region = region_next(space, region)) {
        pte_t *leaf;
        while ((leaf = pagetable_next(&space->table, &region->stale,
                                      region->end, &budget))) {
            leaf_lower(&gather, region->stale, leaf, region->prot);
            region->stale += PAGE_SIZE;
        }
        more |= region->stale < region->end;
    }
    gather_flush(&gather);
    if (!more) {
        region_join_around(space, start, end);
    }
    return more ? SPACE_MORE : 0;
}

static int protect_locked(struct space *space, va_t start, va_t end,
                          unsigned prot) REQUIRES(space->lock) {
    int result = protect_check(space, start, end, prot);
    if (result < 0) {
        return result;
    }
    result = large_split_range(space, start, end);
    if (result != 0) {
        return result;
    }
    if (region_split_around(space, start, end) < 0) {
        return -ENOMEM;
    }
    protect_regions(space, start, end, prot);
    return protect_step(space, start, end);
}

int space_protect(struct space *space, va_t va, uint64_t length,
                  unsigned prot) {
    if (va % PAGE_SIZE != 0 || !user_range_ok(va, length) || !prot_ok(prot)) {
        return -EINVAL;
    }
    if (length == 0) {
        return 0;
    }
    spin_lock(&space->lock);
    int result =
        protect_locked(space, va, va + round_up(length, PAGE_SIZE), prot);
    spin_unlock(&space->lock);
    return result;
}

/* ---- The heap ---- */

int space_set_heap(struct space *space, va_t start) {
    if (start < USER_IMAGE || start > USER_MAP_BASE) {
        return -EINVAL;
    }
    spin_lock(&space->lock);
    space->heap_start = space->heap_end = round_up(start, PAGE_SIZE);
    spin_unlock(&space->lock);
    return 0;
}

/* Makes [start, end) part of the heap: lengthens the region that ends there if
 * it is like the heap, else adds one. */
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
    return 0;
}

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
    return (int64_t)old;
}

int64_t space_sbrk(struct space *space, int64_t delta) {
    spin_lock(&space->lock);
    int64_t result = sbrk_locked(space, delta);
    spin_unlock(&space->lock);
    return result;
}
