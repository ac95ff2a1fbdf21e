/* SPDX-License-Identifier: MIT */
/*
 * vm/oracle.c: who may still hold what was in the tables.
 *
 * Idea        A table's frame leads to the entry that points at it (`part_of`,
 *             which nobody else uses while the frame is a table), and a root's
 *             to its space. So an entry alone tells which address it is for.
 * States      of a number on a hart, in oracle_held:
 *
 *               0 --enter--> root --an entry changed--> root, with a record
 *                             |  <--fence for the page--           |
 *                             |              no fence until settled|
 *               0 <--fence for the number or for all-- STALE <-----+
 *
 *             The hart that is in the number by itself when a record settles
 *             is the panic; one that is elsewhere panics when it comes back.
 * Bound       Each hart has records for what it wrote itself. When they are
 *             full, one stands for many, which no page's fence covers: nothing
 *             is forgotten.
 * Order       A store is told after it was done, a fence and an entry before:
 *             so whatever the oracle misses, a hart cannot hold.
 * Locks       oracle_lock (RANK_ORACLE) guards the records and notes.
 */
#include "vm/oracle.h"

#ifdef DEBUG

#include <stdbool.h>

#include "lib/panic.h"
#include "lib/string.h"
#include "lib/symbols.h"
#include "sync/spinlock.h"
#include "vm/frame.h"
#include "vm/space.h"

enum {
    RECORDS = 600,     /* more than most operations need */
    RECORDS_SPARE = 8, /* more than the spaces that one is about */
    INDEX_BITS = 9,
    LINK_SHIFT = 3, /* links count in words: 32 bits reach 32 GiB */
    LEVEL_GLOBAL = PAGETABLE_LEVELS, /* of a record for a global mapping */
};

struct record {
    const struct spinlock *lock; /* of the space; NULL: none */
    const void *writer;          /* code that wrote the entry */
    va_t va;                     /* first address that the entry covers */
    uint32_t frame, frames;      /* that the entry led to, and does no more */
    uint32_t root;               /* frame of the root */
    uint16_t number;
    uint8_t level; /* of the entry, or LEVEL_GLOBAL */
    bool table;    /* the entry led to a table, or there are others */
    uint8_t harts; /* that may hold it */
};

static struct spinlock oracle_lock = SPINLOCK(RANK_ORACLE);

/* By the hart that wrote. */
static struct {
    unsigned count;
    struct record record[RECORDS];
} written[HART_MAX];

/* Why a number is ORACLE_STALE on a hart: the latest missed record. */
static struct record notes[HART_MAX];

uint32_t *oracle_held;
static uint64_t number_last;

static uint64_t satp_number(uint64_t satp) {
    return satp >> SATP_ASID_SHIFT & SATP_ASID_MASK;
}

static uint32_t *held_by(unsigned hart, uint64_t number) {
    return &oracle_held[number * hart_count + hart];
}

/* ---- What is wrong ---- */

static _Noreturn void complain(const struct record *record, unsigned hart,
                               const char *what) {
    uint64_t offset = 0;
    const char *name = symbol_find((uint64_t)record->writer, &offset);
    panic("stale translation: va 0x%lx, ASID %u, hart %u: %s, written by "
          "%s+0x%lx",
          record->va, record->number, hart, what, name == NULL ? "?" : name,
          offset);
}

/* Time is up for the record: who may hold it now is wrong, or will be. */
static void record_settle(struct record *record) {
    for (unsigned hart = 0; record->harts != 0; hart++) {
        if ((record->harts >> hart & 1) == 0) {
            continue;
        }
        uint64_t satp = __atomic_load_n(&harts[hart].satp, __ATOMIC_ACQUIRE);
        if (record->level == LEVEL_GLOBAL ||
            (satp_number(satp) == record->number &&
             (satp & SATP_PPN_MASK) == record->root)) {
            complain(record, hart, "not fenced");
        }
        notes[hart] = *record;
        uint32_t *held = held_by(hart, record->number);
        __atomic_store_n(held, ORACLE_STALE, __ATOMIC_SEQ_CST);
        record->harts &= (uint8_t) ~(1u << hart);
    }
}

/* ---- Where an entry is ---- */

struct place {
    struct space *space;
    va_t va;
    unsigned level;
};

/* False: no root leads to the entry. */
static bool place_find(const pte_t *entry, struct place *place) {
    pa_t at = va_to_pa(entry);
    place->va = 0;
    for (unsigned level = PAGETABLE_LEVELS; level-- > 0;) {
        pa_t table = at / PAGE_SIZE * PAGE_SIZE;
        place->va = place->va >> INDEX_BITS |
                    at % PAGE_SIZE / sizeof(pte_t)
                        << (PAGE_SHIFT + INDEX_BITS * (PAGETABLE_LEVELS - 1));
        place->level = level;
        at = (pa_t)frame_record(table)->part_of << LINK_SHIFT;
        const struct frame *from = frame_of(at);
        if (from != NULL && from->kind == FRAME_SLAB) {
            place->space = pa_to_va(at);
            return place->space->table.root == table;
        }
        if (from == NULL || from->kind != FRAME_TABLE) {
            return false;
        }
        pte_t up = *(const pte_t *)pa_to_va(at);
        if (!pte_is_table(up) || pte_frame(up) != table) {
            return false;
        }
    }
    return false;
}

void oracle_space(struct space *space) {
    if (oracle_held != NULL) {
        frame_record(space->table.root)->part_of =
            (uint32_t)(va_to_pa(space) >> LINK_SHIFT);
    }
}

/* ---- Records ---- */

/* When there is little room, a record that every hart has fenced makes place,
 * or one of the same space takes the new one in: it then stands for a table,
 * which no page's fence covers. */
static void record_add(const struct record *record) REQUIRES(oracle_lock) {
    unsigned self = hart_self()->id;
    struct record *list = written[self].record;
    unsigned count = written[self].count;
    struct record *like = NULL;
    for (unsigned i = 0; count >= RECORDS - RECORDS_SPARE && i < count; i++) {
        if (list[i].harts == 0) {
            list[i] = *record;
            return;
        }
        like = list[i].root == record->root ? &list[i] : like;
    }
    if (like != NULL) {
        like->table = true;
        like->harts |= record->harts;
        return;
    }
    assert(count < RECORDS);
    list[written[self].count++] = *record;
}

/* The harts that may hold translations of the root under the number. */
static uint8_t holders(uint64_t number, uint32_t root) {
    uint32_t harts_found = 0;
    for (unsigned i = 0; i < hart_count; i++) {
        uint32_t held = __atomic_load_n(held_by(i, number), __ATOMIC_SEQ_CST);
        harts_found |= (uint32_t)(held == root) << i;
    }
    return (uint8_t)harts_found;
}

/* Whether what a hart remembers of `old` permits what `value` does not. */
static bool is_lost(pte_t old, pte_t value) {
    return old & PTE_V && (pte_frame(old) != pte_frame(value) ||
                           pte_is_table(old) != pte_is_table(value) ||
                           old & ~value & (PTE_RIGHTS | PTE_U));
}

/* The record of an entry that was `old`. False: no hart can hold it. */
static bool record_make(struct record *record, const pte_t *entry, pte_t old)
    REQUIRES(oracle_lock) {
    pte_t value = *entry;
    bool gone = pte_frame(old) != pte_frame(value) ||
                pte_is_table(old) != pte_is_table(value) || !(value & PTE_V);
    record->frame = (uint32_t)(pte_frame(old) >> PAGE_SHIFT);
    record->table = pte_is_table(old);
    if (old & PTE_G) {
        record->level = LEVEL_GLOBAL;
        record->harts = (uint8_t)((1u << hart_count) - 1);
        return true;
    }
    struct place place;
    if (!place_find(entry, &place)) {
        return false;
    }
    uint64_t satp = __atomic_load_n(&place.space->asid.satp, __ATOMIC_ACQUIRE);
    unsigned span = record->table ? 0 : INDEX_BITS * place.level;
    record->lock = &place.space->lock;
    record->va = place.va;
    record->level = (uint8_t)place.level;
    record->frames = (uint32_t)gone << span;
    record->root = (uint32_t)(place.space->table.root >> PAGE_SHIFT);
    record->number = (uint16_t)satp_number(satp);
    record->harts = holders(record->number, record->root);
    return record->harts != 0;
}

void oracle_stored(const uint64_t *entry, uint64_t old) {
    if (oracle_held == NULL) {
        return;
    }
    if (pte_is_table(*entry)) {
        frame_record(pte_frame(*entry))->part_of =
            (uint32_t)(va_to_pa(entry) >> LINK_SHIFT);
    }
    if (is_lost(old, *entry)) {
        struct record record = {.writer = __builtin_return_address(0)};
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the store, then who holds */
        spin_lock(&oracle_lock);
        if (record_make(&record, entry, old)) {
            record_add(&record);
        }
        spin_unlock(&oracle_lock);
    }
}

/* ---- Fences ---- */

static bool fence_covers(const struct record *record, va_t va,
                         uint64_t number) {
    if (number == ORACLE_ANY) {
        return true;
    }
    if (record->number != number || record->level == LEVEL_GLOBAL) {
        return false;
    }
    return va == ORACLE_ANY ||
           (!record->table &&
            va >> (PAGE_SHIFT + INDEX_BITS * record->level) ==
                record->va >> (PAGE_SHIFT + INDEX_BITS * record->level));
}

/* The hart forgets what it holds; not what it is in. */
static void held_forget(const struct hart *hart, uint64_t number) {
    uint64_t first = number == ORACLE_ANY ? 0 : number;
    uint64_t last = number == ORACLE_ANY ? number_last : number;
    for (uint64_t i = first; i <= last; i++) {
        __atomic_store_n(held_by(hart->id, i), 0, __ATOMIC_RELAXED);
    }
    if (number == ORACLE_ANY || satp_number(hart->satp) == number) {
        oracle_enter(hart, hart->satp);
    }
}

void oracle_fence(const struct hart *hart, va_t va, uint64_t number) {
    if (oracle_held == NULL) {
        return;
    }
    uint8_t bit = (uint8_t)(1u << hart->id);
    spin_lock(&oracle_lock);
    for (unsigned i = 0; i < hart_count; i++) {
        for (unsigned k = 0; k < written[i].count; k++) {
            struct record *record = &written[i].record[k];
            if (!(record->harts & bit) || !fence_covers(record, va, number)) {
                continue;
            }
            if (record->lock != NULL && record->lock->holder != i + 1) {
                complain(record, hart->id, "fenced after the space's lock");
            }
            record->harts &= (uint8_t)~bit;
        }
    }
    if (va == ORACLE_ANY) {
        held_forget(hart, number);
    }
    spin_unlock(&oracle_lock);
}

/* ---- The end of an entry, a number, a space ---- */

void oracle_unref(pa_t pa) {
    unsigned self = hart_self()->id;
    if (oracle_held == NULL || written[self].count == 0) {
        return;
    }
    spin_lock(&oracle_lock);
    for (unsigned i = 0; i < written[self].count; i++) {
        struct record *record = &written[self].record[i];
        if ((pa >> PAGE_SHIFT) - record->frame < record->frames) {
            record_settle(record);
        }
    }
    spin_unlock(&oracle_lock);
}

void oracle_dead(uint64_t satp) {
    if (oracle_held == NULL) {
        return;
    }
    struct record record = {.number = (uint16_t)satp_number(satp),
                            .root = (uint32_t)(satp & SATP_PPN_MASK)};
    record.harts = holders(record.number, record.root);
    spin_lock(&oracle_lock);
    record_settle(&record);
    spin_unlock(&oracle_lock);
}

void oracle_check(void) {
    const struct hart *hart = hart_self();
    if (oracle_held == NULL) {
        return;
    }
    spin_lock(&oracle_lock);
    for (unsigned i = 0; i < written[hart->id].count; i++) {
        record_settle(&written[hart->id].record[i]);
    }
    written[hart->id].count = 0;
    if (hart->satp != kernel_satp &&
        *held_by(hart->id, satp_number(hart->satp)) !=
            (hart->satp & SATP_PPN_MASK)) {
        notes[hart->id].number = (uint16_t)satp_number(hart->satp);
        complain(&notes[hart->id], hart->id, "entered, but not fenced");
    }
    spin_unlock(&oracle_lock);
}

/* ---- The start ---- */

void oracle_init(uint32_t *held, uint64_t highest) {
    number_last = highest;
    memset(held, 0, oracle_size(highest));
    oracle_held = held;
}

#endif
