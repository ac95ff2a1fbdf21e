/* SPDX-License-Identifier: MIT */
/*
 * vm/region.h: what an address space means to map, range by range.
 *
 * Page tables say what is there now; regions say what should be: a page that
 * is missing from the tables is made when it is first touched, and a right
 * that is missing is granted then if the region has it. So the tables may lag
 * behind the regions, but never grant more. Pages of a region with a pager are
 * not made here: the pager is asked for them (ipc/pager.h).
 *
 *     0x10000   0x12000        0x20000 (heap_end)            0x3fffefd000
 *     [ text RX ][ data RW ]   [ heap RW   ]        [guard][ stack RW ]
 *
 * Regions of a space are sorted by address and do not overlap, guards of
 * stacks included. Locks: all of this under the space's lock.
 */
#ifndef OCTAVO_VM_REGION_H
#define OCTAVO_VM_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/memory.h"
#include "lib/list.h"

struct memory;
struct region;
struct space;

enum region_flags {
    REGION_STACK = 1 << 0,    /* the page below is reserved: a guard */
    REGION_SHARE = 1 << 1,    /* its pages that are shared stay so over fork */
    REGION_LENT = 1 << 2,     /* its pages are lent to a server */
    REGION_BORROWED = 1 << 3, /* its pages are a client's, until the reply */
    REGION_LARGE = 1 << 4,    /* may have megapages (vm/large.h) */
};

enum { REGION_MAX = 256 }; /* regions of one space: -ENOMEM beyond */

/*
 * Who provides the missing pages of a region: a session, as ipc knows it. To vm
 * it is two words that are equal or not. `session` NULL: there is no pager.
 */
struct pager {
    void *session;
    uint64_t key;
};

/* What a pager is asked for: the last three are the words of abi/pager.h. */
struct fill_request {
    struct pager pager;
    va_t page;
    uint64_t offset; /* of the page in the object */
    uint64_t rights; /* those that the access wants, and the region's */
    uint64_t pages;  /* from this one to the end of the region */
};

/* Set by ipc at boot. Both are called with the space's lock held. */
struct pager_operations {
    /* One region more has this pager; another one has it already, or the
     * caller of space_map_pager keeps the session alive. */
    void (*get)(const struct pager *pager);
    /* One region fewer has it. */
    void (*drop)(const struct pager *pager);
};
extern const struct pager_operations *pager_operations;

struct region {
    struct list link;
    va_t start, end;       /* multiples of the page size, start < end */
    va_t stale;            /* pages from here on may have rights that prot has
                              not: space_protect is on its way; else == end */
    uint16_t prot;         /* PROT_ rights it has */
    uint16_t max;          /* rights that SYS_PROTECT may give it */
    uint32_t flags;        /* enum region_flags */
    struct memory *memory; /* NULL: zero-filled on demand. Holds a reference */
    struct pager pager;    /* of missing pages, if `memory` is NULL */
    uint64_t offset;       /* of `start` in memory, or in what is paged; see
                              vm/large.h */
};

/* Whether these are the region's rights and flags. */
static inline bool region_has(const struct region *region, unsigned prot,
                              unsigned max, uint32_t flags) {
    uint64_t traits;
    __builtin_memcpy(&traits, __builtin_assume_aligned(&region->prot, 8),
                     sizeof(traits));
    return traits == (prot | max << 16 | (uint64_t)flags << 32);
}

_Static_assert(offsetof(struct region, flags) ==
                   offsetof(struct region, prot) + 4,
               "region_has compares prot, max and flags at once");

/* Its missing pages are zero pages. */
static inline bool region_is_anonymous(const struct region *region) {
    return region->memory == NULL && region->pager.session == NULL;
}

/* Zero-filled memory about which nothing is special. */
static inline bool region_is_plain(const struct region *region) {
    return region_is_anonymous(region) && region->flags == 0;
}

/* The region that contains va; NULL: none. The long way of region_find
 * (vm/space.h). */
struct region *region_search(const struct space *space, va_t va);

/* The first region that ends above va; NULL: none. */
struct region *region_after(const struct space *space, va_t va);

/* The flags that any region in [start, end) has. */
uint32_t region_flags_any(const struct space *space, va_t start, va_t end);

/* True if no region, and no guard, touches [start, end). A stack's range has
 * to include its guard. */
bool region_is_free(const struct space *space, va_t start, va_t end);

/* The lowest free range of this length at or above USER_MAP_BASE that starts at
 * a multiple of `align`, a power of two (0: none). */
va_t region_place(const struct space *space, uint64_t length, va_t align);

/*
 * Adds a copy of *like (but its link) to the space, charges an object to the
 * space's quota and takes a reference to the memory. The range must be free.
 * NULL: no memory, quota used up, or REGION_MAX reached.
 */
struct region *region_add(struct space *space, const struct region *like);

/*
 * As region_add, but lengthens the region below instead if it is like it, and
 * returns that.
 */
struct region *region_claim(struct space *space, const struct region *like);

/*
 * Takes [start, end), whose pages are gone, out of the regions there. It cannot
 * fail, if region_cut_prepare (0 or -ENOMEM) was called before: the range is in
 * regions throughout, and may lie inside one, which has to be split.
 */
int region_cut_prepare(struct space *space, va_t start, va_t end);
void region_cut(struct space *space, va_t start, va_t end);

/* Takes a region out and frees it. Its pages must be unmapped and fenced. */
void region_remove(struct space *space, struct region *region);

/* Moves a region's start up to `start`, whose pages below it are gone. */
void region_trim(struct region *region, va_t start);

/*
 * Makes sure that no region reaches across `start` or `end`, by splitting
 * those that do. -ENOMEM: nothing happened.
 */
int region_split_around(struct space *space, va_t start, va_t end);

/* Joins regions that touch and are alike, from the one before `start` to the
 * one behind `end`. */
void region_join_around(struct space *space, va_t start, va_t end);

/* Checks that regions are sorted, apart and well-formed; panics if not. */
void region_check(const struct space *space);

#endif
