/* SPDX-License-Identifier: MIT */
/*
 * sim.c: the simulated machine, and what vm needs from the folders below it.
 */
#include "sim.h"

#include <stdarg.h>
#include <string.h>

#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/ipi.h"
#include "dev/machine.h"
#include "lib/panic.h"
#include "lib/print.h"
#include "lib/string.h"
#include "lib/symbols.h"
#include "vm/frame.h"
#include "vm/kernelmap.h"
#include "vm/oracle.h"

enum { TLB_MAX = 4096, LEVELS = 3, TRIES = 4 };

/* What a hart remembers: the entry of one level for one address. */
struct tlb_entry {
    uint64_t asid;
    va_t va; /* rounded down to what the entry covers */
    unsigned level;
    pte_t pte;
};

struct tlb {
    unsigned count;
    struct tlb_entry entries[TLB_MAX];
};

unsigned char ram[RAM_MAX] __attribute__((aligned(4096)));
struct hart harts[HART_MAX];
uint32_t hart_count;
struct trap_frame *frame_now;
pa_t kernel_root;
uint64_t kernel_satp;
struct machine machine;
uint64_t sim_fences;
uint64_t sim_code_fences;
bool sim_oracle;

static struct trap_frame frames_of_harts[HART_MAX];
static struct tlb tlbs[HART_MAX];
static uint64_t satps[HART_MAX];
static uint64_t asid_mask;
static uint64_t random_state = 1;
static struct list defunct = {&defunct, &defunct};

/* ---- What the kernel's lower folders provide ---- */

void panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "panic: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    abort();
}

void assert_failed(const char *condition, const char *file, int line) {
    fprintf(stderr, "%s:%d: assert failed: %s\n", file, line, condition);
    abort();
}

void kprintf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

void page_zero(void *page) {
    memset(page, 0, PAGE_SIZE);
}

void page_copy(void *to, const void *from) {
    memcpy(to, from, PAGE_SIZE);
}

bool machine_is_device(struct range range) {
    return range.base == 0x10000000 && range.size == PAGE_SIZE;
}

const char *symbol_find(uint64_t address, uint64_t *offset) {
    (void)address;
    (void)offset;
    return NULL;
}

/* One hart runs at a time here, so nobody ever waits for another. */
void fence_serve(void) {
    abort();
}

void hart_relax(uint32_t *turns) {
    (void)turns;
    abort();
}

/* ---- The TLB ---- */

void sim_write_satp(uint64_t value) {
    satps[hart_self()->id] =
        value & ~((SATP_ASID_MASK & ~asid_mask) << SATP_ASID_SHIFT);
}

uint64_t sim_read_satp(void) {
    return satps[hart_self()->id];
}

static va_t covered(va_t va, unsigned level) {
    uint64_t size = 1ull << (PAGE_SHIFT + 9 * level);
    return va / size * size;
}

/* Whether a fence for this page covers the entry: pointers to tables stay. */
static bool covers(va_t page, const struct tlb_entry *entry) {
    pte_t kind = entry->pte & (PTE_V | PTE_R | PTE_W | PTE_X);
    return kind != PTE_V && entry->va == covered(page, entry->level);
}

static void tlb_refill(unsigned id, const struct tlb_entry *gone);

/* Forgets entries of one ASID (NULL: of all); with a page, only for that. A
 * hart may read any entry of the space it is in at any time: so it reads those
 * that it just forgot again, as if it had run ahead. */
static void tlb_drop(unsigned id, const uint64_t *asid, const va_t *page) {
    static struct tlb_entry gone[TLB_MAX];
    struct tlb *tlb = &tlbs[id];
    unsigned kept = 0;
    unsigned lost = 0;
    for (unsigned i = 0; i < tlb->count; i++) {
        const struct tlb_entry *entry = &tlb->entries[i];
        bool drop = (asid == NULL || entry->asid == *asid) &&
                    (page == NULL || covers(*page, entry));
        if (drop) {
            gone[lost++] = *entry;
        } else {
            tlb->entries[kept++] = *entry;
        }
    }
    tlb->count = kept;
    while (lost > 0) {
        tlb_refill(id, &gone[--lost]);
    }
}

static void fence_page(unsigned id, va_t va, uint64_t asid) {
    oracle_fence(&harts[id], va, asid);
    tlb_drop(id, &asid, &va);
}

static void fence_asid(unsigned id, uint64_t asid) {
    oracle_fence(&harts[id], ORACLE_ANY, asid);
    tlb_drop(id, &asid, NULL);
}

void fence_local_page(va_t va, uint64_t asid) {
    sim_fences++;
    fence_page(hart_self()->id, va, asid);
}

void fence_local_asid(uint64_t asid) {
    sim_fences++;
    fence_asid(hart_self()->id, asid);
}

static void fence_all(unsigned id) {
    oracle_fence(&harts[id], ORACLE_ANY, ORACLE_ANY);
    tlb_drop(id, NULL, NULL);
}

void fence_local_all(void) {
    sim_fences++;
    fence_all(hart_self()->id);
}

void fence_code(void) {
    sim_code_fences++;
}

void fence_remote_range(uint32_t mask, va_t va, uint64_t len, uint64_t asid) {
    sim_fences++;
    for (unsigned i = 0; i < hart_count; i++) {
        if (mask >> i & 1 && len == FENCE_ANY) {
            fence_asid(i, asid);
            continue;
        }
        for (va_t page = va; mask >> i & 1 && page < va + len;
             page += PAGE_SIZE) {
            fence_page(i, page, asid);
        }
    }
}

void (*fence_leave_hook)(uint64_t satp);

void fence_remote_leave(uint32_t mask, uint64_t satp) {
    struct trap_frame *before = frame_now;
    for (unsigned i = 0; i < hart_count; i++) {
        if (mask >> i & 1) {
            sim_hart(i);
            fence_leave_hook(satp);
        }
    }
    frame_now = before;
}

/* The entry of this level for va: what the hart remembers, else memory's. */
static pte_t tlb_entry(unsigned id, pa_t table, va_t va, unsigned level) {
    struct tlb *tlb = &tlbs[id];
    uint64_t asid = satps[id] >> SATP_ASID_SHIFT & SATP_ASID_MASK;
    for (unsigned i = 0; i < tlb->count; i++) {
        const struct tlb_entry *entry = &tlb->entries[i];
        if (entry->asid == asid && entry->level == level &&
            entry->va == covered(va, level)) {
            return entry->pte;
        }
    }
    const pte_t *entries = pa_to_va(table);
    pte_t pte = entries[va >> (PAGE_SHIFT + 9 * level) & 511];
    if (tlb->count == TLB_MAX) { /* forget the oldest half */
        tlb->count = TLB_MAX / 2;
        memcpy(tlb->entries, tlb->entries + TLB_MAX / 2,
               TLB_MAX / 2 * sizeof(struct tlb_entry));
    }
    struct tlb_entry fresh = {asid, covered(va, level), level, pte};
    tlb->entries[tlb->count++] = fresh;
    return pte;
}

static void tlb_refill(unsigned id, const struct tlb_entry *gone) {
    pa_t table = (satps[id] & SATP_PPN_MASK) << PAGE_SHIFT;
    if (satps[id] == kernel_satp ||
        gone->asid != (satps[id] >> SATP_ASID_SHIFT & SATP_ASID_MASK)) {
        return;
    }
    for (unsigned level = LEVELS; level-- > gone->level;) {
        pte_t pte = tlb_entry(id, table, gone->va, level);
        if ((pte & (PTE_V | PTE_R | PTE_W | PTE_X)) != PTE_V) {
            return;
        }
        table = pte_frame(pte);
    }
}

/* Where the hardware takes va for this access; 0: a page fault. */
static pa_t translate(va_t va, pte_t need) {
    unsigned id = hart_self()->id;
    pa_t table = (satps[id] & SATP_PPN_MASK) << PAGE_SHIFT;
    for (unsigned level = LEVELS; level-- > 0;) {
        pte_t pte = tlb_entry(id, table, va, level);
        if (!(pte & PTE_V)) {
            return 0;
        }
        table = pte_frame(pte);
        if (level == 0) {
            CHECK(pte & PTE_A && pte & PTE_D && pte & PTE_U);
            return (pte & need) == need ? table + va % PAGE_SIZE : 0;
        }
        CHECK((pte & (PTE_R | PTE_W | PTE_X)) == 0);
    }
    return 0;
}

/* ---- Programs ---- */

int sim_fault(struct space *space, va_t va, unsigned access) {
    struct fill_request request;
    return space_fault(space, va, access, &request);
}

static int sim_access(struct space *space, va_t va, unsigned access,
                      uint64_t **word) {
    static const pte_t need[] = {
        [PROT_READ] = PTE_R, [PROT_WRITE] = PTE_W, [PROT_EXECUTE] = PTE_X};
    for (unsigned i = 0; i < TRIES; i++) {
        space_activate(space);
        pa_t pa = translate(va, need[access]);
        if (pa != 0) {
            *word = pa_to_va(pa);
            return 0;
        }
        int result = sim_fault(space, va, access);
        if (result < 0) {
            return result;
        }
    }
    fprintf(stderr, "the fault at %lx does not end\n", va);
    for (unsigned level = 0; level < LEVELS; level++) {
        const pte_t *entry = pagetable_find(&space->table, va, level);
        fprintf(stderr, "level %u: %lx, remembered %lx\n", level,
                entry == NULL ? 0 : *entry,
                tlb_entry(hart_self()->id, RAM_BASE, va, level));
    }
    exit(1);
}

int sim_load(struct space *space, va_t va, uint64_t *value) {
    uint64_t *word;
    int result = sim_access(space, va, PROT_READ, &word);
    if (result == 0) {
        *value = *word;
    }
    return result;
}

int sim_store(struct space *space, va_t va, uint64_t value) {
    uint64_t *word;
    int result = sim_access(space, va, PROT_WRITE, &word);
    if (result == 0) {
        *word = value;
    }
    return result;
}

int sim_run(struct space *space, va_t va) {
    uint64_t *word;
    return sim_access(space, va, PROT_EXECUTE, &word);
}

bool sim_reload(va_t va, uint64_t *value) {
    pa_t pa = translate(va, PTE_R);
    if (pa != 0) {
        *value = *(uint64_t *)pa_to_va(pa);
    }
    return pa != 0;
}

static void sim_defunct(struct space *space) {
    list_push_back(&defunct, &space->defunct);
}

unsigned sim_reap(void) {
    unsigned steps = 0;
    struct list *node;
    while ((node = list_pop_front(&defunct)) != NULL) {
        struct space *space = container_of(node, struct space, defunct);
        do {
            steps++;
        } while (!space_free_step(space));
    }
    return steps;
}

unsigned sim_end(struct space *space) {
    struct trap_frame *before = frame_now;
    for (unsigned i = 0; i < hart_count; i++) {
        sim_hart(i);
        space_leave();
    }
    frame_now = before;
    space_put(space);
    return sim_reap();
}

/* ---- The machine ---- */

void sim_hart(unsigned id) {
    frame_now = &frames_of_harts[id];
}

void sim_boot(unsigned count, unsigned hart_number, unsigned asid_bits) {
    hart_count = hart_number;
    asid_mask = (1ull << asid_bits) - 1;
    for (unsigned i = 0; i < HART_MAX; i++) {
        harts[i].id = i;
        frames_of_harts[i].hart = &harts[i];
    }
    sim_hart(0);
    machine.memory_count = 1;
    machine.memory[0].base = RAM_BASE;
    machine.memory[0].size = (uint64_t)count * PAGE_SIZE;
    machine.reserved_count = 2;
    machine.reserved[0].base = RAM_BASE;
    machine.reserved[0].size = 3 * PAGE_SIZE;
    machine.reserved[1].base = RAM_BASE + 40 * PAGE_SIZE + 100;
    machine.reserved[1].size = PAGE_SIZE;
    machine.initrd.base = RAM_BASE + PAGE_SIZE;
    machine.initrd.size = 2 * PAGE_SIZE - 17;
    memset(ram, 0xa5, sizeof(ram));
    frame_init(&machine);
    struct pagetable kernel;
    CHECK(pagetable_create(&kernel, &kernel_quota) == 0);
    kernel_root = kernel.root;
    kernel_satp = SATP_SV39 | kernel_root >> PAGE_SHIFT;
    for (unsigned i = 0; i < hart_count; i++) {
        satps[i] = harts[i].satp = kernel_satp;
    }
    uint64_t highest = asid_init();
    if (sim_oracle) {
        oracle_init(malloc(oracle_size(highest)), highest);
    }
    space_defunct = sim_defunct;
}

uint64_t sim_counter(enum counter counter) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < hart_count; i++) {
        sum += harts[i].counters[counter];
    }
    return sum;
}

void sim_seed(uint64_t seed) {
    random_state = seed * 2 + 1;
}

uint64_t sim_random(uint64_t below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}
