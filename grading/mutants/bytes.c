/* SPDX-License-Identifier: MIT */
/*
 * mutants/bytes.c: wrong solutions: messages with any number of bytes, in
 * user/lib.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * M-07: whole pages are sent, with what lies before and behind the bytes.
 * File: user/lib/bytes.c
 * Killed by: test_bytes middle
 */
static struct cut range_cut(uint64_t start, uint64_t length) {
    struct cut cut = {start, start + length, page_down(start),
                      page_up(start + length)};
    if (cut.first >= cut.last)
        cut.first = cut.last = cut.end;
    return cut;
}

/*
 * M-08: the pages for the ends of a message hold what they held before.
 * File: user/lib/bytes.c
 * Killed by: test_bytes middle
 */
static int64_t stage_fill(struct stage *stage, const struct cut *cut) {
    uint64_t *used = stage_used[stage - stages];
    uint64_t before = cut->first - cut->start, behind = cut->end - cut->last;
    uint64_t first_end = (uint64_t)stage->page[1];
    used[0] = before;
    used[1] = behind;
    int64_t result = copy_alike(first_end - before, cut->start, before);
    if (result == 0)
        result = copy_alike(first_end, cut->last, behind);
    return result;
}

/*
 * M-09: bytes that are given away take their neighbours along.
 * File: user/lib/bytes.c
 * Killed by: test_bytes middle
 */
static void transfer_build(struct message *m, const struct sending *s,
                           const struct stage *stage, unsigned rights) {
    const struct cut *cut = &s->cut;
    bool gives = s->result.way == BYTES_MOVE;
    uint64_t first = gives ? page_down(cut->start) : cut->first;
    uint64_t last = gives ? page_up(cut->end) : cut->last;
    uint64_t end_page = item_make(PAGE_SIZE, ITEM_COW, rights);
    unsigned items = 0;
    *m = (struct message){
        .words = {page_offset(cut->start), cut->end - cut->start}};
    if (!gives && cut->first != cut->start)
        message_item(m, items++, (uint64_t)stage->page[0], end_page);
    message_item(m, items++, first,
                 item_make(last - first, gives ? ITEM_MOVE : ITEM_COW, rights));
    if (!gives && cut->last != cut->end)
        message_item(m, items++, (uint64_t)stage->page[1], end_page);
    m->tag = tag_make(s->label, 2, 0, items);
}

/*
 * M-13: BYTES_COW_MIN bytes are copied: the edge is one byte too high.
 * File: user/lib/bytes.c
 * Killed by: test_bytes middle
 */
static enum bytes_way way_choose(const struct cut *cut, unsigned flags) {
    uint64_t length = cut->end - cut->start;
    if (length == 0)
        return BYTES_NONE;
    if (length <= BYTES_REGISTERS_MAX)
        return BYTES_REGISTERS;
    bool give = flags & BYTES_GIVE;
    uint64_t edge = (give ? BYTES_MOVE_MIN : BYTES_COW_MIN) +
                    (uint64_t)cut_ends(cut) * BYTES_END_MIN;
    if (cut->last - cut->first < edge + !give)
        return BYTES_COPY;
    return give ? BYTES_MOVE : BYTES_COW;
}

/*
 * M-13-move: BYTES_MOVE_MIN bytes that are given away are not moved: the edge
 * is one byte too high. File: user/lib/bytes.c Killed by: test_bytes middle
 */
static enum bytes_way way_choose(const struct cut *cut, unsigned flags) {
    uint64_t length = cut->end - cut->start;
    if (length == 0)
        return BYTES_NONE;
    if (length <= BYTES_REGISTERS_MAX)
        return BYTES_REGISTERS;
    bool give = flags & BYTES_GIVE;
    uint64_t edge = (give ? BYTES_MOVE_MIN : BYTES_COW_MIN) +
                    (uint64_t)cut_ends(cut) * BYTES_END_MIN;
    if (cut->last - cut->first < edge + give)
        return BYTES_COPY;
    return give ? BYTES_MOVE : BYTES_COW;
}

/*
 * M-13-page: COW starts one page too early.
 * File: user/lib/bytes.c
 * Killed by: test_bytes middle
 */
static enum bytes_way way_choose(const struct cut *cut, unsigned flags) {
    uint64_t length = cut->end - cut->start;
    if (length == 0)
        return BYTES_NONE;
    if (length <= BYTES_REGISTERS_MAX)
        return BYTES_REGISTERS;
    bool give = flags & BYTES_GIVE;
    uint64_t edge = (give ? BYTES_MOVE_MIN : BYTES_COW_MIN) +
                    (uint64_t)cut_ends(cut) * BYTES_END_MIN;
    if (cut->last - cut->first < edge - (give ? 0 : PAGE_SIZE))
        return BYTES_COPY;
    return give ? BYTES_MOVE : BYTES_COW;
}

/*
 * M-13-words: 64 bytes do not go in registers.
 * File: user/lib/bytes.c
 * Killed by: test_bytes few
 */
static enum bytes_way way_choose(const struct cut *cut, unsigned flags) {
    uint64_t length = cut->end - cut->start;
    if (length == 0)
        return BYTES_NONE;
    if (length < BYTES_REGISTERS_MAX)
        return BYTES_REGISTERS;
    bool give = flags & BYTES_GIVE;
    uint64_t edge = (give ? BYTES_MOVE_MIN : BYTES_COW_MIN) +
                    (uint64_t)cut_ends(cut) * BYTES_END_MIN;
    if (cut->last - cut->first < edge)
        return BYTES_COPY;
    return give ? BYTES_MOVE : BYTES_COW;
}

/*
 * M-13-ends: the way is chosen by the length alone, whatever of it is whole
 * pages.
 * File: user/lib/bytes.c
 * Killed by: test_bytes large
 */
static enum bytes_way way_choose(const struct cut *cut, unsigned flags) {
    uint64_t length = cut->end - cut->start;
    if (length == 0)
        return BYTES_NONE;
    if (length <= BYTES_REGISTERS_MAX)
        return BYTES_REGISTERS;
    bool give = flags & BYTES_GIVE;
    if (length < (give ? BYTES_MOVE_MIN : BYTES_COW_MIN))
        return BYTES_COPY;
    return give ? BYTES_MOVE : BYTES_COW;
}

/*
 * M-13-end: both ends count as one.
 * File: user/lib/bytes.c
 * Killed by: test_bytes large
 */
static enum bytes_way way_choose(const struct cut *cut, unsigned flags) {
    uint64_t length = cut->end - cut->start;
    if (length == 0)
        return BYTES_NONE;
    if (length <= BYTES_REGISTERS_MAX)
        return BYTES_REGISTERS;
    bool give = flags & BYTES_GIVE;
    uint64_t edge = (give ? BYTES_MOVE_MIN : BYTES_COW_MIN) +
                    (uint64_t)(cut_ends(cut) > 0) * BYTES_END_MIN;
    if (cut->last - cut->first < edge)
        return BYTES_COPY;
    return give ? BYTES_MOVE : BYTES_COW;
}

/*
 * M-13-give: what is given away goes by COW.
 * File: user/lib/bytes.c
 * Killed by: test_bytes middle
 */
static enum bytes_way way_choose(const struct cut *cut, unsigned flags) {
    uint64_t length = cut->end - cut->start;
    if (length == 0)
        return BYTES_NONE;
    if (length <= BYTES_REGISTERS_MAX)
        return BYTES_REGISTERS;
    bool give = flags & BYTES_GIVE;
    uint64_t edge = (give ? BYTES_MOVE_MIN : BYTES_COW_MIN) +
                    (uint64_t)cut_ends(cut) * BYTES_END_MIN;
    if (cut->last - cut->first < edge)
        return BYTES_COPY;
    return BYTES_COW;
}

/*
 * M-43-bytes: a length that wraps is not noticed.
 * File: user/lib/bytes.c
 * Killed by: test_bytes_src ranges
 */
int64_t msg_send_bytes(int64_t session, int32_t label, const void *data,
                       size_t length, unsigned flags,
                       struct bytes_result *result) {
    uint64_t start = length > 0 ? (uint64_t)data : 0;
    struct sending s = {.session = session, .label = label};
    int64_t error = -EINVAL;
    if (label >= 0 && label <= BYTES_LABEL_MAX && !(flags & ~BYTES_GIVE) &&
        start + length <= USER_END) {
        s.cut = range_cut(start, length);
        s.result.way = way_choose(&s.cut, flags);
        error = send_by_way(&s);
    }
    if (error < 0)
        s.result = (struct bytes_result){.way = BYTES_NONE};
    if (result != NULL)
        *result = s.result;
    return error < 0 ? error : tag_label(s.result.reply.tag);
}

/*
 * X-bytes-hole: a copy that meets a hole is sent all the same.
 * File: user/lib/bytes.c
 * Killed by: test_bytes_src holes
 */
static int64_t range_probe(const struct cut *cut) {
    uint8_t byte;
    int64_t result = 0;
    for (uint64_t at = cut->start; result == 0 && at < cut->start;
         at = page_down(at) + PAGE_SIZE)
        result = safe_copy(&byte, (const void *)at, 1);
    return result;
}

/*
 * X-bytes-refused: what cannot be moved is an error, not a copy.
 * File: user/lib/bytes.c
 * Killed by: test_bytes_srv ways
 */
static bool copy_may_do(int64_t error) {
    return error == -EPERM && error == -EBUSY;
}

/*
 * X-bytes-stage: two threads use one stage for the ends of their messages.
 * File: user/lib/bytes.c
 * Killed by: test_bytes_srv threads
 */
static struct stage *stage_take(void) {
    __atomic_fetch_or(&stages_taken, 1u, __ATOMIC_ACQUIRE);
    return &stages[0];
}

/*
 * X-bytes-memory: without a frame for an end the error names the bytes.
 * File: user/lib/bytes.c
 * Killed by: test_sweep_two bytes (debug)
 */
static int64_t stage_fill(struct stage *stage, const struct cut *cut) {
    uint64_t *used = stage_used[stage - stages];
    uint64_t before = cut->first - cut->start, behind = cut->end - cut->last;
    uint64_t first_end = (uint64_t)stage->page[1];
    zeros_write(first_end - used[0], first_end - before);
    zeros_write(first_end + behind, first_end + used[1]);
    used[0] = before;
    used[1] = behind;
    int64_t result = copy_alike(first_end - before, cut->start, before);
    if (result == 0)
        result = copy_alike(first_end, cut->last, behind);
    return result;
}
