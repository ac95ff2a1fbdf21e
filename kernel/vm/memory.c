/* SPDX-License-Identifier: MIT */
/*
 * vm/memory.c: memory objects.
 *
 * Invariants  I1 a DMA object's frames have kind FRAME_DMA and one reference,
 *                which is the object's; entries that map them hold none,
 *                because their region holds the object;
 *             I2 no object covers RAM that frame_init took over, but those.
 * Locks       None: only the count of references changes.
 */
#include "vm/memory.h"

#include "abi/errno.h"
#include "abi/layout.h"
#include "dev/machine.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vm/frame.h"
#include "vm/slab.h"

enum { DMA_PAGES_MAX = 1024 };

static struct slab memories = SLAB(struct memory, NULL);
static int memory_create(enum memory_kind kind, pa_t base, uint64_t pages,
                         struct memory **memory) {
    *memory = slab_alloc(&memories, NULL);
    if (*memory == NULL) {
        return -ENOMEM;
    }
    **memory = (struct memory){1, kind, base, pages};
    return 0;
}

int memory_create_device(pa_t base, uint64_t length, struct memory **memory) {
    if (length == 0 || (base | length) % PAGE_SIZE != 0 ||
        base + length < base) {
        return -EINVAL;
    }
    const struct range *initrd = &machine.initrd;
    struct range range = {base, length};
    struct range pages = {round_down(initrd->base, PAGE_SIZE), 0};
    pages.size = round_up(initrd->base + initrd->size, PAGE_SIZE) - pages.base;
    bool boot = range_contains(pages, range);
    if (!boot && !machine_is_device(range)) {
        return -EINVAL;
    }
    return memory_create(boot ? MEMORY_KIND_BOOT : MEMORY_KIND_DEVICE, base,
                         length / PAGE_SIZE, memory);
}

static void dma_free(pa_t base, uint64_t pages) {
    for (uint64_t i = 0; i < pages; i++) {
        frame_unref(base + i * PAGE_SIZE);
    }
}

int memory_create_dma(uint64_t pages, struct memory **memory) {
    if (pages == 0 || pages > DMA_PAGES_MAX) {
        return -EINVAL;
    }
    pa_t base = frame_alloc_contiguous((unsigned)pages);
    if (base == 0) {
        return -ENOMEM;
    }
    for (uint64_t i = 0; i < pages; i++) {
        page_zero(pa_to_va(base + i * PAGE_SIZE));
    }
    int result = memory_create(MEMORY_KIND_DMA, base, pages, memory);
    if (result < 0) {
        dma_free(base, pages);
    }
    return result;
}

struct memory *memory_get(struct memory *memory) {
    __atomic_fetch_add(&memory->refs, 1, __ATOMIC_RELAXED);
    return memory;
}

void memory_put(struct memory *memory) {
    if (__atomic_fetch_sub(&memory->refs, 1, __ATOMIC_ACQ_REL) > 1) {
        return;
    }
    if (memory->kind == MEMORY_KIND_DMA) {
        dma_free(memory->base, memory->pages);
    }
    slab_free(&memories, memory, NULL);
}
