/* SPDX-License-Identifier: MIT */
/*
 * vm/frame.c: who has which frame of physical memory.
 *
 * Idea        Free frames are in two places: the hart's own stock, a short
 *             stack that other harts touch only when memory runs out, and the
 *             pool behind all stocks, a bit for each frame. So a hart rarely
 *             meets another here, booting does not walk all of RAM, and a
 *             frame that was used last, and is still in the cache, is used
 *             next. The pool hands out its lowest frames first, and whole
 *             blocks from its end, so that these stay whole for long.
 *
 *                 stock[hart 0]   stock[hart 1]  ...      up to STOCK_MAX
 *                        \\ STOCK_BATCH //                  at a time
 *                 pool: used 1111 1101 0110 0000 0000 ...
 *
 * Reserve     The last frames of the pool are for essential allocations only.
 *             What is in stocks is not counted, so the reserve is whole
 *             whatever the other harts do.
 * Invariant   A frame with refs 0 is in one stock, or in the pool, or reserved;
 *             one with refs > 0 is in none.
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
    STOCK_BATCH = 14,
    STOCK_MAX = 2 * STOCK_BATCH,
    RESERVE_SHARE = 32, /* 1/32 of all frames ... */
    RESERVE_MIN = 64,   /* ... and at least these */
    FRAMES_MIN = 256,   /* with less, nothing useful runs */
    BLOCK_FRAMES = 512,
    BLOCK_SIZE = BLOCK_FRAMES * PAGE_SIZE,
    WORD_FRAMES = 64,
    BLOCK_WORDS = BLOCK_FRAMES / WORD_FRAMES,
    NO_FRAME = 0, /* frame 0, address 0, is never handed out */
    POISON = 0x5a,
};

struct frame *frame_records;
uint32_t frame_first;
uint32_t frame_count;
static uint64_t total;
static uint64_t reserve;

static struct stock {
    struct spinlock lock;
    uint32_t count;
    uint32_t frames[STOCK_MAX]; /* numbers: the last one goes first */
} __attribute__((aligned(64))) stocks[HART_MAX];

static struct {
    struct spinlock lock;
    uint64_t *used; /* by frame number, a bit: it is not in the pool */
    uint32_t low;   /* no word of them below this one has a frame */
    uint64_t free;  /* frames in the pool */
} pool;

static uint64_t fail_at;   /* the allocation that fails; 0: none */
static uint64_t fail_seen; /* allocations counted; atomic */

static pa_t number_address(uint32_t number) {
    return (pa_t)number << PAGE_SHIFT;
}

/* Debug builds fill frames that are given back with a pattern, and look for it
 * again. */
static void poison_fill(pa_t pa) {
    if (DEBUG_BUILD) {
        memset(pa_to_va(pa), POISON, PAGE_SIZE);
        frame_record(pa)->poisoned = true;
    }
}

static void poison_check(pa_t pa) {
    if (!DEBUG_BUILD || !frame_record(pa)->poisoned) {
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

static bool pool_has(uint32_t number) {
    return !(pool.used[number / WORD_FRAMES] >> number % WORD_FRAMES & 1);
}

/* Takes adjacent frames out. Returns the number of the first. */
static uint32_t pool_take(uint32_t first, unsigned count) {
    for (uint32_t number = first; number < first + count; number++) {
        pool.used[number / WORD_FRAMES] |= 1ull << number % WORD_FRAMES;
    }
    pool.free -= count;
    return first;
}

static void pool_push(uint32_t number) REQUIRES(pool.lock) {
    uint32_t word = number / WORD_FRAMES;
    pool.used[word] &= ~(1ull << number % WORD_FRAMES);
    pool.low = word < pool.low ? word : pool.low;
    pool.free++;
}

/* The lowest frame of those there are. */
static uint32_t pool_pop(void) REQUIRES(pool.lock) {
    while (~pool.used[pool.low] == 0) {
        pool.low++;
    }
    unsigned bit = bits_lowest(~pool.used[pool.low]);
    return pool_take(pool.low * WORD_FRAMES + bit, 1);
}

/* `count` adjacent frames; NO_FRAME: there are none. */
static uint32_t pool_take_run(unsigned count) REQUIRES(pool.lock) {
    unsigned run = 0;
    uint32_t end = frame_first + frame_count;
    for (uint32_t number = frame_first; number < end; number++) {
        run = pool_has(number) ? run + 1 : 0;
        if (run == count) {
            return pool_take(number + 1 - count, count);
        }
    }
    return NO_FRAME;
}

/* The last block of which every frame is there; NO_FRAME: there is none. */
static uint32_t pool_take_block(void) REQUIRES(pool.lock) {
    uint32_t block = round_down(frame_first + frame_count, BLOCK_FRAMES);
    while (block > frame_first) {
        block -= BLOCK_FRAMES;
        const uint64_t *used = &pool.used[block / WORD_FRAMES];
        unsigned i = 0;
        while (i < BLOCK_WORDS && used[i] == 0) {
            i++;
        }
        if (i == BLOCK_WORDS) {
            return pool_take(block, BLOCK_FRAMES);
        }
    }
    return NO_FRAME;
}

/* ---- Stocks ---- */

static inline struct stock *stock_self(void) {
    return &stocks[hart_self()->id];
}

/* NO_FRAME: the stock is empty. */
static inline uint32_t stock_pop(struct stock *stock) REQUIRES(stock->lock) {
    return stock->count > 0 ? stock->frames[--stock->count]
                            : (uint32_t)NO_FRAME;
}

/* Fetches a batch from the pool, or what it has to give. */
static void stock_fill(struct stock *stock, bool essential)
    REQUIRES(stock->lock) {
    uint64_t keep = essential ? 0 : reserve;
    spin_lock(&pool.lock);
    while (stock->count < STOCK_BATCH && pool.free > keep) {
        stock->frames[stock->count++] = pool_pop();
    }
    spin_unlock(&pool.lock);
}

/* Gives the pool what is more than a batch. */
static void stock_spill(struct stock *stock) REQUIRES(stock->lock) {
    spin_lock(&pool.lock);
    while (stock->count > STOCK_BATCH) {
        pool_push(stock->frames[--stock->count]);
    }
    spin_unlock(&pool.lock);
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

/* frame_alloc when the hart's stock is empty, or another hart is at it. What
 * the pool does not give may be in another hart's stock. */
static __attribute__((noinline)) pa_t frame_alloc_slow(bool essential) {
    uint32_t number = NO_FRAME;
    for (unsigned i = 0; i < hart_count && number == NO_FRAME; i++) {
        struct stock *stock = &stocks[(hart_self()->id + i) % hart_count];
        spin_lock(&stock->lock);
        if (i == 0) {
            stock_fill(stock, essential);
        }
        number = stock_pop(stock);
        spin_unlock(&stock->lock);
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

/* The end of frame_free when the hart's stock is full, or another hart is at
 * it. */
static __attribute__((noinline)) void frame_free_slow(uint32_t number) {
    struct stock *stock = stock_self();
    spin_lock(&stock->lock);
    stock_spill(stock);
    stock->frames[stock->count++] = number;
    spin_unlock(&stock->lock);
}

void frame_free(pa_t pa) {
    uint32_t number = (uint32_t)(pa >> PAGE_SHIFT);
    struct stock *stock = stock_self();
    poison_fill(pa);
    frame_records[number].kind = FRAME_FREE;
    if (spin_try(&stock->lock)) {
        bool room = stock->count < STOCK_MAX;
        if (room) {
            stock->frames[stock->count++] = number;
        }
        spin_unlock(&stock->lock);
        if (room) {
            return;
        }
    }
    frame_free_slow(number);
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

/* ---- Boot ---- */

/* Every frame that [base, end) touches will never be handed out. */
static void range_reserve(pa_t base, pa_t end) {
    pa_t first = number_address(frame_first);
    pa_t last = number_address(frame_first + frame_count);
    base = base > first ? round_down(base, PAGE_SIZE) : first;
    for (pa_t pa = base; pa < end && pa < last; pa += PAGE_SIZE) {
        struct frame *frame = frame_record(pa);
        if (frame->kind == FRAME_FREE) {
            frame->kind = FRAME_RESERVED;
            pool_take((uint32_t)(pa >> PAGE_SHIFT), 1);
        }
    }
}

/* The end of what is no RAM from pa on; pa: nothing. */
static pa_t gap_end(const struct machine *from, pa_t pa) {
    pa_t end = UINT64_MAX;
    for (unsigned i = 0; i < from->memory_count; i++) {
        const struct range *range = &from->memory[i];
        pa_t base = range->base > pa ? range->base : pa;
        if (range->base + range->size > pa && base < end) {
            end = base;
        }
    }
    return end;
}

/* Where there is room for the frame table; 0: not in this range of RAM. */
static pa_t room_find(const struct machine *from, struct range ram,
                      uint64_t bytes) {
    struct range room = {round_up(ram.base, PAGE_SIZE), bytes};
    for (unsigned i = 0; i < from->reserved_count;) {
        struct range other = from->reserved[i++];
        if (other.size > 0 && range_overlaps(room, other)) {
            room.base = round_up(other.base + other.size, PAGE_SIZE);
            i = 0;
        }
    }
    return range_contains(ram, room) ? room.base : 0;
}

/* Makes the table of the frames, and the pool's bits behind it: all of them
 * free. Returns its range. */
static struct range table_init(const struct machine *from) {
    uint64_t size = frame_count * sizeof(*frame_records);
    struct range table = {0, size + round_up(frame_count, WORD_FRAMES) / 8};
    for (unsigned i = 0; i < from->memory_count && table.base == 0; i++) {
        table.base = room_find(from, from->memory[i], table.size);
    }
    if (table.base == 0) {
        panic("no room for the table of %u frames", frame_count);
    }
    memset(pa_to_va(table.base), 0, table.size);
    frame_records = (struct frame *)pa_to_va(table.base) - frame_first;
    pool.low = frame_first / WORD_FRAMES;
    pool.used = (uint64_t *)pa_to_va(table.base + size) - pool.low;
    pool.free = frame_count;
    return table;
}

/* RAM begins and ends somewhere; blocks begin at multiples of their size. */
static void bounds_init(const struct machine *from) {
    pa_t low = UINT64_MAX;
    pa_t high = 0;
    for (unsigned i = 0; i < from->memory_count; i++) {
        const struct range *range = &from->memory[i];
        pa_t end = range->base + range->size;
        low = range->base < low ? range->base : low;
        high = end > high ? end : high;
    }
    assert(low < high);
    frame_first = (uint32_t)(round_down(low, BLOCK_SIZE) >> PAGE_SHIFT);
    frame_count = (uint32_t)(high >> PAGE_SHIFT) - frame_first;
}

void frame_init(const struct machine *from) {
    spin_init(&pool.lock, RANK_POOL);
    for (unsigned i = 0; i < HART_MAX; i++) {
        spin_init(&stocks[i].lock, RANK_FRAME);
    }
    bounds_init(from);
    struct range table = table_init(from);
    range_reserve(table.base, table.base + table.size);
    range_reserve(0, PAGE_SIZE); /* an address of 0 means "none" */
    range_reserve(0, gap_end(from, 0));
    for (unsigned i = 0; i < from->memory_count; i++) {
        pa_t end = from->memory[i].base + from->memory[i].size;
        range_reserve(end, gap_end(from, end));
    }
    for (unsigned i = 0; i < from->reserved_count; i++) {
        const struct range *range = &from->reserved[i];
        range_reserve(range->base, range->base + range->size);
    }
    total = pool.free;
    if (total < FRAMES_MIN)
        panic("only %lu frames of memory are free", total);
    reserve = total / RESERVE_SHARE;
    reserve = reserve < RESERVE_MIN ? RESERVE_MIN : reserve;
}
