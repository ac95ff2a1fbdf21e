/* SPDX-License-Identifier: MIT */
/*
 * wrong/copy.c: mistakes in making a copy of a page.
 */

/*
 * own-short: the last word of the page is not copied.
 * File: kernel/vm/fault.c
 * Caught by: copy, kernel_write, apart[store_child], apart[kernel_parent],
 * apart[kernel_child]
 */
int space_own(struct space *space, pte_t *leaf, va_t page, pte_t flags) {
    pa_t old = pte_frame(*leaf);
    pa_t pa = frame_alloc(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    pte_t value = pte_make(pa, flags);
    memcpy(pa_to_va(pa), pa_to_va(old), PAGE_SIZE - 8);
    pte_publish();
    pte_store(leaf, value);
    asid_fence(&space->asid, page, 1);
    frame_unref(old);
    hart_count_event(COUNTER_COW_COPY);
    return 0;
}

/*
 * own-leak: the reference to the old frame is kept: it is never free.
 * File: kernel/vm/fault.c
 * Caught by: copy, fork_end
 */
int space_own(struct space *space, pte_t *leaf, va_t page, pte_t flags) {
    pa_t old = pte_frame(*leaf);
    pa_t pa = frame_alloc(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    pte_t value = pte_make(pa, flags);
    page_copy(pa_to_va(pa), pa_to_va(old));
    pte_publish();
    pte_store(leaf, value);
    asid_fence(&space->asid, page, 1);
    hart_count_event(COUNTER_COW_COPY);
    return 0;
}

/*
 * own-first: the old frame goes before the fence: it may be somebody else's
 * while a hart still reads it here.
 * File: kernel/vm/fault.c
 * Caught by: order
 */
int space_own(struct space *space, pte_t *leaf, va_t page, pte_t flags) {
    pa_t old = pte_frame(*leaf);
    pa_t pa = frame_alloc(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    pte_t value = pte_make(pa, flags);
    page_copy(pa_to_va(pa), pa_to_va(old));
    pte_publish();
    pte_store(leaf, value);
    frame_unref(old);
    asid_fence(&space->asid, page, 1);
    hart_count_event(COUNTER_COW_COPY);
    return 0;
}

/*
 * own-early-fence: fences before the entry is changed: a hart may read the old
 * entry again in between.
 * File: kernel/vm/fault.c
 * Caught by: order
 */
int space_own(struct space *space, pte_t *leaf, va_t page, pte_t flags) {
    pa_t old = pte_frame(*leaf);
    pa_t pa = frame_alloc(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    pte_t value = pte_make(pa, flags);
    page_copy(pa_to_va(pa), pa_to_va(old));
    pte_publish();
    asid_fence(&space->asid, page, 1);
    pte_store(leaf, value);
    frame_unref(old);
    hart_count_event(COUNTER_COW_COPY);
    return 0;
}

/*
 * own-no-fence: no fence: other threads go on reading the old page.
 * File: kernel/vm/fault.c
 * Caught by: fences, order, threads
 */
int space_own(struct space *space, pte_t *leaf, va_t page, pte_t flags) {
    (void)page;
    pa_t old = pte_frame(*leaf);
    pa_t pa = frame_alloc(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    pte_t value = pte_make(pa, flags);
    page_copy(pa_to_va(pa), pa_to_va(old));
    pte_publish();
    pte_store(leaf, value);
    frame_unref(old);
    hart_count_event(COUNTER_COW_COPY);
    return 0;
}

/*
 * own-here: only the own hart forgets the old page.
 * File: kernel/vm/fault.c
 * Caught by: threads
 */
int space_own(struct space *space, pte_t *leaf, va_t page, pte_t flags) {
    pa_t old = pte_frame(*leaf);
    pa_t pa = frame_alloc(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    pte_t value = pte_make(pa, flags);
    page_copy(pa_to_va(pa), pa_to_va(old));
    pte_publish();
    pte_store(leaf, value);
    asid_fence_here(&space->asid, page);
    frame_unref(old);
    hart_count_event(COUNTER_COW_COPY);
    return 0;
}

/*
 * own-unchecked: does not look whether there was memory: the page is lost, and
 * frame 0 is mapped.
 * File: kernel/vm/fault.c
 * Caught by: nothing, no_memory
 */
int space_own(struct space *space, pte_t *leaf, va_t page, pte_t flags) {
    pa_t old = pte_frame(*leaf);
    pa_t pa = frame_alloc(quota_essential(space->quota));
    pte_t value = pte_make(pa, flags);
    page_copy(pa_to_va(pa), pa_to_va(old));
    pte_publish();
    pte_store(leaf, value);
    asid_fence(&space->asid, page, 1);
    frame_unref(old);
    hart_count_event(COUNTER_COW_COPY);
    return 0;
}

/*
 * own-flags: the copy has the flags of the page it came from, without W: each
 * page takes a second fault.
 * File: kernel/vm/fault.c
 * Caught by: copy, resolve
 */
int space_own(struct space *space, pte_t *leaf, va_t page, pte_t flags) {
    pa_t old = pte_frame(*leaf);
    pa_t pa = frame_alloc(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    (void)flags;
    pte_t value = pte_make(pa, *leaf & PTE_FLAGS);
    page_copy(pa_to_va(pa), pa_to_va(old));
    pte_publish();
    pte_store(leaf, value);
    asid_fence(&space->asid, page, 1);
    frame_unref(old);
    hart_count_event(COUNTER_COW_COPY);
    return 0;
}

/*
 * own-charge: the copy is charged as one page more.
 * File: kernel/vm/fault.c
 * Caught by: copy, fork_end
 */
int space_own(struct space *space, pte_t *leaf, va_t page, pte_t flags) {
    pa_t old = pte_frame(*leaf);
    pa_t pa = frame_alloc(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    quota_charge_frames(space->quota, 1);
    pte_t value = pte_make(pa, flags);
    page_copy(pa_to_va(pa), pa_to_va(old));
    pte_publish();
    pte_store(leaf, value);
    asid_fence(&space->asid, page, 1);
    frame_unref(old);
    hart_count_event(COUNTER_COW_COPY);
    return 0;
}

/*
 * own-zero: the copy is a page of zeros.
 * File: kernel/vm/fault.c
 * Caught by: copy
 */
int space_own(struct space *space, pte_t *leaf, va_t page, pte_t flags) {
    pa_t old = pte_frame(*leaf);
    pa_t pa = frame_alloc(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    pte_t value = pte_make(pa, flags);
    page_zero(pa_to_va(pa));
    pte_publish();
    pte_store(leaf, value);
    asid_fence(&space->asid, page, 1);
    frame_unref(old);
    hart_count_event(COUNTER_COW_COPY);
    return 0;
}
