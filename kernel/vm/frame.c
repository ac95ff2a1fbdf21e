/* SPDX-License-Identifier: MIT */
/*
 * vm/frame.c: who has which frame of physical memory.
 *
 * Idea        Free frames come from three places, tried in this order: the
 *             hart's own stock (a short list that other harts touch only when
 *             memory runs out), the pool behind all stocks, and the ranges of
 *             RAM that nobody has used yet, from which the pool takes a frame
 *             at a time. So a hart rarely meets another here, booting does not
 *             walk all of RAM, and a frame that was used last, and is still in
 *             the cache, is used next.
 *
 *                 stock[hart 0]   stock[hart 1]  ...      up to STOCK_MAX
 *                        \\ STOCK_BATCH //                  at a time
 *                 pool: list of free frames, then fresh[]
 *
 * Reserve     The last frames of the pool are for essential allocations only.
 *             What is in stocks is not counted, so the reserve is whole
 *             whatever the other harts do.
 * Invariants  I1 a frame with refs 0 is in one stock, or in the pool, or in a
 *                fresh range, or reserved; one with refs > 0 is in none;
 *             I2 kind is FRAME_POOL exactly for the frames in the pool's list,
 *                and changes to and from it under the pool's lock only.
 * Locks       A stock's lock (RANK_FRAME), then the pool's (RANK_POOL); never
 *             two stocks'.
 */
#include "vm/frame.h"

#include "arch/hart.h"
#include "dev/machine.h"
#include "lib/bits.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "sync/spinlock.h"

enum {
    STOCK_BATCH = 16,
    STOCK_MAX = 2 * STOCK_BATCH,
    RESERVE_SHARE = 32, /* 1/32 of all frames ... */
    RESERVE_MIN = 64,   /* ... and at least these */
    FRAMES_MIN = 256,   /* with less, nothing useful runs */
    FRESH_MAX = 2 * (MACHINE_MEMORY_MAX + MACHINE_RESERVED_MAX + 1),
    BLOCK_FRAMES = 512,
    BLOCK_SIZE = BLOCK_FRAMES * PAGE_SIZE,
    NO_FRAME = 0, /* frame 0, address 0, is never handed out: it ends lists */
    POISON = 0x5a,
};

struct frame *frame_records;
uint32_t frame_first;
uint32_t frame_count;
static uint64_t total;
static uint64_t reserve;

static struct stock {
    struct spinlock lock;
    uint32_t first;
    uint32_t count;
} __attribute__((aligned(64))) stocks[HART_MAX];

static struct {
    struct spinlock lock;
    uint32_t first;                /* list of free frames, linked both ways */
    uint64_t free;                 /* in the list and in fresh */
    struct range fresh[FRESH_MAX]; /* what is left of them; may be empty */
    unsigned fresh_count;
} pool;

static uint64_t fail_at;   /* the allocation that fails; 0: none */
static uint64_t fail_seen; /* allocations counted; atomic */

static pa_t number_address(uint32_t number) {
    return (pa_t)number << PAGE_SHIFT;
}

/* Debug builds fill free frames with a pattern and look for it again. */
static void poison_fill(pa_t pa) {
    if (DEBUG_BUILD) {
        memset(pa_to_va(pa), POISON, PAGE_SIZE);
    }
}

static void poison_check(pa_t pa) {
    if (!DEBUG_BUILD) {
        return;
    }
    const uint64_t *word = pa_to_va(pa);
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*word); i++) {
        if (word[i] != POISON * (UINT64_MAX / UINT8_MAX)) {
            panic("free frame %lx was written to, word %u", pa, i);
        }
    }
}

/* ---- The pool ---- */

static void pool_push(uint32_t number) REQUIRES(pool.lock) {
    struct frame *frame = &frame_records[number];
    frame->kind = FRAME_POOL;
    frame->prev = NO_FRAME;
    frame->next = pool.first;
    if (pool.first != NO_FRAME) {
        frame_records[pool.first].prev = number;
    }
    pool.first = number;
    pool.free++;
}

static void pool_unlink(uint32_t number) REQUIRES(pool.lock) {
    struct frame *frame = &frame_records[number];
    if (frame->prev != NO_FRAME) {
        frame_records[frame->prev].next = frame->next;
    } else {
        pool.first = frame->next;
    }
    if (frame->next != NO_FRAME) {
        frame_records[frame->next].prev = frame->prev;
    }
    frame->kind = FRAME_FREE;
    frame->prev = 0; /* for vm/check.c */
    pool.free--;
}

static void fresh_add(pa_t base, pa_t end) {
    if (base < end) {
        assert(pool.fresh_count < FRESH_MAX);
        struct range range = {base, end - base};
        pool.fresh[pool.fresh_count++] = range;
    }
}

/* Frames that are in no fresh range any more become free ones. */
static uint32_t fresh_begin(uint32_t number, unsigned count) {
    for (unsigned k = 0; k < count; k++) {
        frame_records[number + k].kind = FRAME_FREE;
        poison_fill(number_address(number + k));
    }
    pool.free -= count;
    return number;
}

/* `count` adjacent frames that were never used; NO_FRAME: there are none. */
static uint32_t pool_take_fresh(unsigned count) REQUIRES(pool.lock) {
    uint64_t bytes = (uint64_t)count * PAGE_SIZE;
    for (unsigned i = 0; i < pool.fresh_count; i++) {
        struct range *range = &pool.fresh[i];
        if (range->size < bytes) {
            continue;
        }
        uint32_t number = (uint32_t)(range->base >> PAGE_SHIFT);
        range->base += bytes;
        range->size -= bytes;
        return fresh_begin(number, count);
    }
    return NO_FRAME;
}

/* A free frame; NO_FRAME: there is none. */
static uint32_t pool_pop(void) REQUIRES(pool.lock) {
    uint32_t number = pool.first;
    if (number == NO_FRAME) {
        return pool_take_fresh(1);
    }
    pool_unlink(number);
    return number;
}

/* Takes a frame back past a stock that another hart is at. */
static __attribute__((noinline)) void pool_give(uint32_t number) {
    spin_lock(&pool.lock);
    pool_push(number);
    spin_unlock(&pool.lock);
}

/* ---- Stocks ---- */

static inline struct stock *stock_self(void) {
    return &stocks[hart_self()->id];
}

static inline void stock_push(struct stock *stock, uint32_t number)
    REQUIRES(stock->lock) {
    frame_records[number].next = stock->first;
    stock->first = number;
    stock->count++;
}

/* NO_FRAME: the stock is empty. */
static inline uint32_t stock_pop(struct stock *stock) REQUIRES(stock->lock) {
    uint32_t number = stock->first;
    if (number != NO_FRAME) {
        stock->first = frame_records[number].next;
        stock->count--;
    }
    return number;
}

/* Fetches a batch from the pool, or what it has to give. */
static void stock_fill(struct stock *stock, bool essential)
    REQUIRES(stock->lock) {
    uint64_t keep = essential ? 0 : reserve;
    spin_lock(&pool.lock);
    while (stock->count < STOCK_BATCH && pool.free > keep) {
        stock_push(stock, pool_pop());
    }
    spin_unlock(&pool.lock);
}

/* Gives the pool what is more than a batch. */
static __attribute__((noinline)) void stock_spill(struct stock *stock) {
    spin_lock(&stock->lock);
    spin_lock(&pool.lock);
    while (stock->count > STOCK_BATCH) {
        pool_push(stock_pop(stock));
    }
    spin_unlock(&pool.lock);
    spin_unlock(&stock->lock);
}

/* A frame out of any hart's stock, when the pool has none to give. */
static uint32_t stocks_search(void) {
    uint32_t number = NO_FRAME;
    for (unsigned i = 0; i < hart_count && number == NO_FRAME; i++) {
        spin_lock(&stocks[i].lock);
        number = stock_pop(&stocks[i]);
        spin_unlock(&stocks[i].lock);
    }
    return number;
}

/* ---- The interface ---- */

bool frame_fail_now(void) {
    if (fail_at == 0) {
        return false;
    }
    return __atomic_add_fetch(&fail_seen, 1, __ATOMIC_RELAXED) == fail_at;
}

uint64_t frame_fail_after(uint64_t n) {
    uint64_t seen = fail_seen;
    if (n > 0) {
        fail_seen = 0;
    }
    fail_at = n;
    return seen;
}

/* Makes a free frame one in use, with one reference. */
static inline pa_t frame_begin(uint32_t number, enum frame_kind kind) {
    struct frame *frame = &frame_records[number];
    debug_assert(frame->refs == 0 && frame->kind == FRAME_FREE);
    poison_check(number_address(number));
    frame->kind = (uint8_t)kind;
    frame->tag = 0;
    __atomic_store_n(&frame->refs, 1, __ATOMIC_RELAXED);
    return number_address(number);
}

/* frame_alloc when the hart's stock is empty, or another hart is at it. */
static __attribute__((noinline)) pa_t frame_alloc_slow(bool essential) {
    struct stock *stock = stock_self();
    spin_lock(&stock->lock);
    stock_fill(stock, essential);
    uint32_t number = stock_pop(stock);
    spin_unlock(&stock->lock);
    if (number == NO_FRAME) {
        number = stocks_search();
    }
    return number != NO_FRAME ? frame_begin(number, FRAME_USED) : 0;
}

pa_t frame_alloc(bool essential) {
    if (frame_fail_now()) {
        return 0;
    }
    struct stock *stock = stock_self();
    uint32_t number = NO_FRAME;
    if (spin_try(&stock->lock)) {
        number = stock_pop(stock);
        spin_unlock(&stock->lock);
    }
    return number != NO_FRAME ? frame_begin(number, FRAME_USED)
                              : frame_alloc_slow(essential);
}

pa_t frame_alloc_zero(bool essential) {
    pa_t pa = frame_alloc(essential);
    if (pa != 0) {
        page_zero(pa_to_va(pa));
    }
    return pa;
}

/* `count` adjacent frames, of those never used or out of the list; NO_FRAME:
 * there are none. */
static uint32_t pool_take_run(unsigned count) REQUIRES(pool.lock) {
    uint32_t fresh = pool_take_fresh(count);
    if (fresh != NO_FRAME) {
        return fresh;
    }
    unsigned run = 0;
    uint32_t end = frame_first + frame_count;
    for (uint32_t number = frame_first; number < end; number++) {
        run = frame_records[number].kind == FRAME_POOL ? run + 1 : 0;
        if (run == count) {
            uint32_t first = number - count + 1;
            for (unsigned k = 0; k < count; k++) {
                pool_unlink(first + k);
            }
            return first;
        }
    }
    return NO_FRAME;
}

/* The last block of the range, which is cut off with what lies behind it, a
 * range of its own. NO_FRAME: it has none. */
static uint32_t range_take_block(struct range *range) REQUIRES(pool.lock) {
    pa_t end = range->base + range->size;
    pa_t block = round_down(end, BLOCK_SIZE) - BLOCK_SIZE;
    if (range->size < 2 * BLOCK_SIZE ||
        (block + BLOCK_SIZE < end && pool.fresh_count == FRESH_MAX)) {
        return NO_FRAME;
    }
    range->size = block - range->base;
    fresh_add(block + BLOCK_SIZE, end);
    return fresh_begin((uint32_t)(block >> PAGE_SHIFT), BLOCK_FRAMES);
}

/* Takes a block that was never used; NO_FRAME: there is none. */
static uint32_t pool_take_block(void) REQUIRES(pool.lock) {
    uint32_t first = NO_FRAME;
    unsigned count = pool.fresh_count;
    for (unsigned i = 0; i < count && first == NO_FRAME; i++) {
        first = range_take_block(&pool.fresh[i]);
    }
    return first;
}

/* Allocates adjacent frames; the address of the first, or 0. */
static pa_t alloc_adjacent(unsigned count, enum frame_kind kind) {
    if (frame_fail_now()) {
        return 0;
    }
    uint32_t first = NO_FRAME;
    spin_lock(&pool.lock);
    if (pool.free >= reserve + count) {
        first = kind == FRAME_DMA ? pool_take_run(count) : pool_take_block();
    }
    spin_unlock(&pool.lock);
    for (unsigned i = 0; first != NO_FRAME && i < count; i++) {
        frame_begin(first + i, kind);
    }
    return number_address(first);
}

pa_t frame_alloc_contiguous(unsigned count) {
    assert(count > 0);
    return alloc_adjacent(count, FRAME_DMA);
}

pa_t frame_alloc_block(void) {
    return alloc_adjacent(BLOCK_FRAMES, FRAME_USED);
}

void frame_free(pa_t pa) {
    uint32_t number = (uint32_t)(pa >> PAGE_SHIFT);
    struct stock *stock = stock_self();
    poison_fill(pa);
    frame_records[number].kind = FRAME_FREE;
    if (!spin_try(&stock->lock)) {
        pool_give(number);
        return;
    }
    stock_push(stock, number);
    bool full = stock->count > STOCK_MAX;
    spin_unlock(&stock->lock);
    if (full) {
        stock_spill(stock);
    }
}

uint64_t frame_total(void) {
    return total;
}

uint64_t frame_free_count(void) {
    uint64_t count = __atomic_load_n(&pool.free, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < HART_MAX; i++) {
        count += __atomic_load_n(&stocks[i].count, __ATOMIC_RELAXED);
    }
    return count;
}

void frame_each(void (*visit)(pa_t pa, struct frame *frame, void *arg),
                void *arg) {
    uint32_t end = frame_first + frame_count;
    for (uint32_t number = frame_first; number < end; number++) {
        if (frame_records[number].kind != FRAME_RESERVED) {
            visit(number_address(number), &frame_records[number], arg);
        }
    }
}

uint64_t frame_untouched(void) {
    uint64_t bytes = 0;
    for (unsigned i = 0; i < pool.fresh_count; i++) {
        bytes += pool.fresh[i].size;
    }
    return bytes / PAGE_SIZE;
}

/* ---- Boot ---- */

/* Takes [base, end) out of every fresh range, splitting those around it. */
static void fresh_cut(pa_t base, pa_t end) {
    unsigned count = pool.fresh_count;
    for (unsigned i = 0; i < count; i++) {
        struct range *range = &pool.fresh[i];
        pa_t range_end = range->base + range->size;
        if (range_end <= base || end <= range->base) {
            continue;
        }
        if (range->base < base) {
            fresh_add(end, range_end);
            range->size = base - range->base;
        } else {
            range->base = end < range_end ? end : range_end;
            range->size = range_end - range->base;
        }
    }
}

/* Whole frames of RAM, without page 0 (an address of 0 means "none") and
 * without any frame that a reserved range touches. */
static void fresh_init(const struct machine *from) {
    for (unsigned i = 0; i < from->memory_count; i++) {
        const struct range *range = &from->memory[i];
        fresh_add(round_up(range->base, PAGE_SIZE),
                  round_down(range->base + range->size, PAGE_SIZE));
    }
    fresh_cut(0, PAGE_SIZE);
    for (unsigned i = 0; i < from->reserved_count; i++) {
        const struct range *range = &from->reserved[i];
        if (range->size > 0) {
            fresh_cut(round_down(range->base, PAGE_SIZE),
                      round_up(range->base + range->size, PAGE_SIZE));
        }
    }
}

/* Cuts room for the frame table out of the first range that has it. */
static void table_init(void) {
    pa_t low = UINT64_MAX;
    pa_t high = 0;
    for (unsigned i = 0; i < pool.fresh_count; i++) {
        const struct range *range = &pool.fresh[i];
        if (range->size > 0) {
            low = range->base < low ? range->base : low;
            high = range->base + range->size > high ? range->base + range->size
                                                    : high;
        }
    }
    assert(low < high);
    frame_first = (uint32_t)(low >> PAGE_SHIFT);
    frame_count = (uint32_t)((high - low) >> PAGE_SHIFT);
    uint64_t bytes = round_up(frame_count * sizeof(*frame_records), PAGE_SIZE);
    for (unsigned i = 0; i < pool.fresh_count; i++) {
        struct range *range = &pool.fresh[i];
        if (range->size >= bytes) {
            struct frame *first = pa_to_va(range->base);
            memset(first, 0, bytes);
            frame_records = first - frame_first;
            range->base += bytes;
            range->size -= bytes;
            return;
        }
    }
    panic("no room for the table of %u frames", frame_count);
}

void frame_init(const struct machine *from) {
    spin_init(&pool.lock, RANK_POOL);
    for (unsigned i = 0; i < HART_MAX; i++) {
        spin_init(&stocks[i].lock, RANK_FRAME);
    }
    fresh_init(from);
    table_init();
    total = frame_untouched();
    if (total < FRAMES_MIN)
        panic("only %lu frames of memory are free", total);
    pool.free = total;
    reserve = total / RESERVE_SHARE;
    reserve = reserve < RESERVE_MIN ? RESERVE_MIN : reserve;
}
