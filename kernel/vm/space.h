/* SPDX-License-Identifier: MIT */
/*
 * vm/space.h: address spaces.
 *
 * A space is a list of regions (what should be mapped), a page table (what
 * is), an ASID, and the quota that pays. Typical life:
 *
 *     struct space *space = space_create(quota);
 *     space_map(space, USER_IMAGE, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, ...);
 *     space_activate(space);           pages appear by space_fault
 *     space_put(space);                the last one: space_free_step does it
 *
 * The law of copy-on-write: a private page is writable only while its frame
 * has no other reference. Whoever adds a reference takes the right to write
 * away first; whoever faults gets it back, at once if it is the last owner,
 * with a copy otherwise. Pages marked PTE_SHARED are exempt: their writers are
 * meant to be seen, so fork and COW copy them at once.
 *
 * Work that may be long is done in steps of at most SPACE_STEP pages; see
 * SPACE_MORE. Locks: each function takes space->lock (RANK_SPACE) itself,
 * unless it says otherwise. None waits. Addresses are any values a user can
 * think of, unless it says otherwise.
 */
#ifndef OCTAVO_VM_SPACE_H
#define OCTAVO_VM_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/errno.h"
#include "sync/contract.h"
#include "sync/spinlock.h"
#include "vm/asid.h"
#include "vm/pagetable.h"
#include "vm/quota.h"
#include "vm/region.h"
#include "vm/slab.h"

struct memory;

struct space {
    struct asid asid;     /* first: what a switch reads is in one line */
    struct spinlock lock; /* regions, page table, heap; outlives the space */
    /* What space_create clears: */
    uint32_t refs; /* atomic: threads' process, handles, forks */
    uint32_t region_count;
    struct list regions;    /* of struct region, by address */
    struct region *found;   /* that of the last page resolved or sent */
    struct region *landing; /* that of the last item received, or NULL */
    struct pagetable table;
    va_t heap_start, heap_end;   /* heap_end: to the byte; 0, 0: no heap */
    struct quota *quota;         /* holds a reference */
    struct list defunct;         /* for whom space_defunct told */
    va_t paged_start, paged_end; /* regions with pagers lie in between */
    bool dying;                  /* no reference is left */
};

/* The region behind this one in its space; NULL: it is the last. */
static inline struct region *region_next(const struct space *space,
                                         const struct region *region) {
    struct list *link = list_next(&space->regions, &region->link);
    return link == NULL ? NULL : container_of(link, struct region, link);
}

/* The region that contains va, if it is that of the last page that was
 * resolved, or of the last item sent; NULL: perhaps another. */
static inline struct region *region_find_last(const struct space *space,
                                              va_t va) {
    struct region *found = space->found;
    bool inside =
        found != NULL && va - found->start < found->end - found->start;
    return inside ? found : NULL;
}

/* The region that contains va; NULL: none. Mostly it is that of the last page
 * that was resolved. */
static inline struct region *region_find(const struct space *space, va_t va) {
    struct region *found = region_find_last(space, va);
    return found != NULL ? found : region_search(space, va);
}

/* Results that are no error. */
enum {
    SPACE_MORE = 1,  /* a step is done: call again with the same arguments */
    SPACE_PAGER = 2, /* the page has to come from the region's pager */
};

/* Pages that one step touches: at 230 instructions for each that fork shares,
 * or 1,500 for a quarter as many that it copies, a step stays below the 20,000
 * that the kernel allows itself between preemption points. */
enum { SPACE_STEP = 50 };

/* All spaces, and slots for others: those have no page table. A table is made
 * and destroyed under its space's lock. */
extern struct slab space_slab;

/* An empty space with one reference that charges, and holds a reference to,
 * the quota. NULL: no memory, or quota used up. */
struct space *space_create(struct quota *quota);

/* One reference more, for someone who knows of another. */
static inline struct space *space_get(struct space *space) {
    uint32_t before = __atomic_fetch_add(&space->refs, 1, __ATOMIC_RELAXED);
    debug_assert(before > 0);
    return space;
}

/*
 * One reference less. The last one hands the space to space_defunct: no thread
 * may be in it any more. A hart that has just left its last thread may still
 * have it in satp; space_free_step makes it leave. May be called with locks
 * below RANK_SPACE held.
 */
void space_put(struct space *space);

/* Told of each space whose last reference went; set once by proc, which then
 * calls space_free_step until it returns true. The caller's hart, any lock
 * of a rank below RANK_SLAB may be held. */
extern void (*space_defunct)(struct space *space);

/* Frees a bounded part of a defunct space. True: all of it is gone, with the
 * object. Only one hart may do this to one space. */
bool space_free_step(struct space *space);

/* This hart switches to the space, or (leave) to the kernel's own table. */
static inline void space_activate(struct space *space) {
    asid_enter(&space->asid);
}
static inline void space_leave(void) {
    asid_leave();
}

/*
 * SYS_MAP. `flags` has PROT_ and MAP_ bits, `memory` is NULL for zero-filled
 * pages; `offset` counts in memory. Pages of memory objects are mapped when
 * they are touched, like all others. The rights of a mapped memory object can
 * be lowered by space_protect, but never raised. Returns the address, -EINVAL,
 * -EEXIST or -ENOMEM (no room, too many regions, quota).
 */
int64_t space_map(struct space *space, va_t va, uint64_t length, unsigned flags,
                  struct memory *memory, uint64_t offset);

/* True if [va, va + length) is user memory and does not wrap. */
static inline bool user_range_ok(va_t va, uint64_t length) {
    return va < USER_END && length <= USER_END - va;
}

/* SYS_UNMAP. 0, SPACE_MORE, -EINVAL, -ENOMEM (nothing happened) or -EBUSY (a
 * page is lent or borrowed; nothing happened). Lowers no part of the heap's
 * end: unmapped heap is a hole. */
int space_unmap(struct space *space, va_t va, uint64_t length);

/*
 * SYS_PROTECT. 0, SPACE_MORE, or, with nothing changed, -EINVAL, -EFAULT (a
 * hole), -EPERM (beyond what the region may have), -ENOMEM, -EBUSY (lent or
 * borrowed). Adding PROT_EXECUTE runs fence.i on every hart.
 */
int space_protect(struct space *space, va_t va, uint64_t length, unsigned prot);

/*
 * SYS_SBRK. Returns the old end of the heap, -EINVAL (below its start, or no
 * heap), or -ENOMEM (no room, quota). -EAGAIN stands for SPACE_MORE here.
 */
int64_t space_sbrk(struct space *space, int64_t delta);

/* Where the heap of a space that has none starts: usually behind the program's
 * segments. Rounded up to a page. -EINVAL: not user memory. */
int space_set_heap(struct space *space, va_t start);

/*
 * A page fault at va; `access` is one of PROT_READ, PROT_WRITE, PROT_EXECUTE.
 * 0: try again; -EFAULT: the access is not allowed; -ENOMEM: it is, but there
 * is no frame, or the quota is used up; SPACE_PAGER: ask the pager, for what
 * *request then says.
 */
int space_fault(struct space *space, va_t va, unsigned access,
                struct fill_request *request);

/*
 * Fork. _begin makes a child space that has the parent's regions (but those of
 * memory objects, and borrowed ones) and heap, and no page; NULL: no memory.
 * _step then shares the pages from *cursor on (0 at first), copy-on-write, and
 * moves the cursor: 0 done, SPACE_MORE, or -ENOMEM: the caller puts the child
 * and the parent is as it was but for faults to come.
 */
struct space *space_fork_begin(struct space *parent, struct quota *quota);
int space_fork_step(struct space *parent, struct space *child, va_t *cursor);

/* The rest of space_resolve, for a page whose entry lacks the right. */
int space_provide(struct space *space, va_t va, unsigned access, bool nofault,
                  pte_t **leaf) REQUIRES(space->lock);

/*
 * Caller holds the lock: makes the page of `va` accessible for `access` and
 * returns its leaf in *leaf, by filling or copying it if need be. Errors as
 * space_fault; with `nofault` also -EFAULT where it would have to do so. A page
 * that its pager has not provided is -EFAULT: the kernel never calls a pager.
 */
static inline int space_resolve(struct space *space, va_t va, unsigned access,
                                bool nofault, pte_t **leaf)
    REQUIRES(space->lock) {
    if (va >= USER_END) {
        return -EFAULT;
    }
    *leaf = pagetable_leaf(&space->table, va);
    return leaf_permits(*leaf, access)
               ? 0
               : space_provide(space, va, access, nofault, leaf);
}

/* Caller holds the lock: gives the page of this leaf a frame of its own with
 * the same contents, and the leaf these flags. 0 or -ENOMEM. */
int space_own(struct space *space, pte_t *leaf, va_t page, pte_t flags)
    REQUIRES(space->lock);

/*
 * Caller holds the lock: one step of unmapping [start, end), at whose ends no
 * region may reach across, and of removing its regions. 0 or SPACE_MORE.
 */
int space_empty_step(struct space *space, va_t start, va_t end)
    REQUIRES(space->lock);

#endif
