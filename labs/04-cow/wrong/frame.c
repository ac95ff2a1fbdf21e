/* SPDX-License-Identifier: MIT */
/*
 * wrong/frame.c: mistakes in counting references.
 */

/*
 * ref-plain: the count is read, and written back one higher: two harts that do
 * so at once count one.
 * File: kernel/vm/frame.h
 * Caught by: atomic
 */
static inline void frame_ref_in(struct frame *records, pa_t pa) {
    uint32_t *refs = &records[pa >> PAGE_SHIFT].refs;
    uint32_t before = (*refs)++;
    debug_assert(frame_of(pa) != NULL && before > 0 && before < UINT32_MAX);
}

/*
 * unref-plain: the same on the way down: a frame is lost, or freed while it is
 * mapped.
 * File: kernel/vm/frame.h
 * Caught by: atomic
 */
static inline bool frame_unref(pa_t pa) {
    if (DEBUG_BUILD) {
        oracle_unref(pa);
    }
    uint32_t *refs = &frame_record(pa)->refs;
    /* Release: what was written through this reference comes before the next
     * use of the frame. Acquire: the last one sees what all others wrote. */
    uint32_t before = (*refs)--;
    debug_assert(before > 0);
    if (before > 1) {
        return false;
    }
    frame_free(pa);
    return true;
}

/*
 * unref-look: takes one away, and then looks what is left: two harts both find
 * 0.
 * File: kernel/vm/frame.h
 * Caught by: atomic
 */
static inline bool frame_unref(pa_t pa) {
    if (DEBUG_BUILD) {
        oracle_unref(pa);
    }
    uint32_t *refs = &frame_record(pa)->refs;
    __atomic_fetch_sub(refs, 1, __ATOMIC_ACQ_REL);
    if (__atomic_load_n(refs, __ATOMIC_ACQUIRE) > 0) {
        return false;
    }
    frame_free(pa);
    return true;
}

/*
 * unref-early: the frame is free when one reference is left.
 * File: kernel/vm/frame.h
 * Caught by: refs, free
 */
static inline bool frame_unref(pa_t pa) {
    if (DEBUG_BUILD) {
        oracle_unref(pa);
    }
    uint32_t *refs = &frame_record(pa)->refs;
    /* Release: what was written through this reference comes before the next
     * use of the frame. Acquire: the last one sees what all others wrote. */
    uint32_t before = __atomic_fetch_sub(refs, 1, __ATOMIC_ACQ_REL);
    debug_assert(before > 0);
    if (before > 2) {
        return false;
    }
    frame_free(pa);
    return true;
}
