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

static int memory_create(bool owner, pa_t base, uint64_t pages,
                         struct memory **memory) {
    *memory = slab_alloc(&memories, NULL);
    if (*memory == NULL) {
        return -ENOMEM;
    }
    **memory = (struct memory){1, owner, base, pages};
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
    if (!range_contains(pages, range) && !machine_is_device(range)) {
        return -EINVAL;
    }
    return memory_create(false, base, length / PAGE_SIZE, memory);
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
    int result = memory_create(true, base, pages, memory);
    if (result < 0) {
        frames_unref(base, pages);
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
    if (memory->owner) {
        frames_unref(memory->base, memory->pages);
    }
    slab_free(&memories, memory, NULL);
}
