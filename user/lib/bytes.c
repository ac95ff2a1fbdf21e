/* SPDX-License-Identifier: MIT */
/*
 * lib/bytes.c: choosing between registers, copy, COW and move (lib/bytes.h),
 * and sending.
 *
 * Idea        The client cuts the range at its page boundaries, decides by
 *             length and by what is left in the middle, and sends. The partial
 *             pages at the ends are first copied to a stage: two pages of the
 *             program itself, zero otherwise, which go with the message, one
 *             before the whole pages and one behind. The kernel lays the items
 *             of a message down one behind the other in the receiver's window,
 *             so they make one range there.
 * Invariants  A stage in use holds zeros but for what its message put there.
 * Locks       stages_taken has a bit for each stage in use, set atomically.
 */
#include "lib/bytes.h"

#include "abi/errno.h"
#include "lib/pages.h"
#include "lib/safe.h"

enum {
    STAGES = 4, /* threads that can send partial pages at the same time */
    ITEM_RW = ITEM_READ | ITEM_WRITE,
};

/* ---- Cutting ---- */

/* The range of a message, cut at its page boundaries. Without whole pages
 * first and last are both `end`. */
struct cut {
    uint64_t start, end;
    uint64_t first, last; /* of the whole pages */
};

static struct cut range_cut(uint64_t start, uint64_t length) {
    struct cut cut = {start, start + length, page_up(start),
                      page_down(start + length)};
    if (cut.first >= cut.last)
        cut.first = cut.last = cut.end;
    return cut;
}

static uint64_t cut_pages(const struct cut *cut) {
    return (cut->last - cut->first) / PAGE_SIZE;
}

/* Partial pages at the two sides of the whole ones. */
static unsigned cut_ends(const struct cut *cut) {
    return (cut->first != cut->start) + (cut->last != cut->end);
}

/* ---- Memory to give away ---- */

void *bytes_alloc(size_t length) {
    int64_t got = sys_map(HANDLE_SELF, 0, length, PROT_RW, -1, 0);
    return got < 0 ? NULL : (void *)got;
}

void bytes_free(void *data, size_t length) {
    sys_unmap(HANDLE_SELF, (uint64_t)data, page_up(length));
}

int64_t bytes_refill(void *data, size_t length) {
    struct cut cut = range_cut((uint64_t)data, length);
    int64_t result = cut_pages(&cut) > 0
                         ? zeros_map(cut.first, cut.last - cut.first)
                         : -EEXIST;
    return result < 0 && result != -EEXIST ? result : 0;
}

/* ---- Stages ---- */

/*
 * Two pages for the ends of a message: that with the bytes before the whole
 * pages, at its end, and that with those behind, at its start. They go by COW:
 * once the server has released its own, they are the program's alone again and
 * are written in place.
 */
struct stage {
    uint8_t page[2][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
};

static struct stage stages[STAGES];
static uint64_t stage_used[STAGES][2]; /* bytes that may not be zero */
static unsigned stages_taken;

/* Returns a stage, or NULL: all are in use. */
static struct stage *stage_take(void) {
    for (unsigned i = 0; i < STAGES; i++) {
        unsigned bit = 1u << i;
        if (!(__atomic_fetch_or(&stages_taken, bit, __ATOMIC_ACQUIRE) & bit))
            return &stages[i];
    }
    return NULL;
}

static void stage_give_back(struct stage *stage) {
    unsigned bit = 1u << (stage - stages);
    __atomic_fetch_and(&stages_taken, ~bit, __ATOMIC_RELEASE);
}

/* Copies bytes that lie alike within their words on both sides. */
static int64_t copy_alike(uint64_t to, uint64_t from, uint64_t length) {
    uint64_t odd = -from % sizeof(uint64_t);
    if (odd > length)
        odd = length;
    int64_t result = safe_copy((void *)to, (const void *)from, odd);
    if (result == 0)
        result = safe_copy((void *)(to + odd), (const void *)(from + odd),
                           length - odd);
    return result;
}

/* Copies the ends of the range onto the stage, between zeros. */
static int64_t stage_fill(struct stage *stage, const struct cut *cut) {
    uint64_t *used = stage_used[stage - stages];
    uint64_t before = cut->first - cut->start, behind = cut->end - cut->last;
    uint64_t first_end = (uint64_t)stage->page[1];
    /* They went by COW the last time: there may be no frames to write to. */
    if (safe_probe(stage->page[0], before + used[0] > 0) < 0 ||
        safe_probe(stage->page[1], behind + used[1] > 0) < 0)
        return -ENOMEM;
    zeros_write(first_end - used[0], first_end - before);
    zeros_write(first_end + behind, first_end + used[1]);
    used[0] = before;
    used[1] = behind;
    int64_t result = copy_alike(first_end - before, cut->start, before);
    if (result == 0)
        result = copy_alike(first_end, cut->last, behind);
    return result;
}

/* ---- Sending ---- */

/* A message on its way. */
struct sending {
    int64_t session;
    int32_t label;
    struct cut cut;
    struct bytes_result result;
};

/* How `length` bytes go that are cut like this. */
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
    return give ? BYTES_MOVE : BYTES_COW;
}

static int64_t send(struct sending *s, const struct message *m) {
    s->result.reply = *m;
    return ipc_call(s->session, &s->result.reply, DEADLINE_NONE);
}

static int64_t send_registers(struct sending *s) {
    uint64_t length = s->cut.end - s->cut.start;
    uint64_t words = (length + sizeof(uint64_t) - 1) / sizeof(uint64_t);
    struct message m = {
        .tag = tag_make((int32_t)length << BYTES_LABEL_BITS | s->label,
                        (unsigned)words, 0, 0)};
    int64_t result = safe_copy(m.words, (const void *)s->cut.start, length);
    s->result.bytes_copied = length;
    return result < 0 ? result : send(s, &m);
}

/* Whether each page of the range can be read. */
static int64_t range_probe(const struct cut *cut) {
    uint8_t byte;
    int64_t result = 0;
    for (uint64_t at = cut->start; result == 0 && at < cut->end;
         at = page_down(at) + PAGE_SIZE)
        result = safe_copy(&byte, (const void *)at, 1);
    return result;
}

static int64_t send_window(struct sending *s) {
    uint64_t length = s->cut.end - s->cut.start;
    struct message m = {.tag = tag_make(s->label, 1, 0, 1),
                        .words = {page_offset(s->cut.start)},
                        .item_base = s->cut.start,
                        .item_desc = item_make(length, ITEM_WINDOW, ITEM_READ)};
    int64_t result = range_probe(&s->cut);
    s->result.bytes_copied = length;
    return result < 0 ? result : send(s, &m);
}

/* Builds the message that transfers the pages with these rights. */
static void transfer_build(struct message *m, const struct sending *s,
                           const struct stage *stage, unsigned rights) {
    const struct cut *cut = &s->cut;
    enum item_mode mode = s->result.way == BYTES_MOVE ? ITEM_MOVE : ITEM_COW;
    uint64_t end_page = item_make(PAGE_SIZE, ITEM_COW, rights);
    unsigned items = 0;
    *m = (struct message){
        .words = {page_offset(cut->start), cut->end - cut->start}};
    if (cut->first != cut->start)
        message_item(m, items++, (uint64_t)stage->page[0], end_page);
    message_item(m, items++, cut->first,
                 item_make(cut->last - cut->first, mode, rights));
    if (cut->last != cut->end)
        message_item(m, items++, (uint64_t)stage->page[1], end_page);
    m->tag = tag_make(s->label, 2, 0, items);
}

/* Sends with the right to write, or, where the sender has none, without. */
static int64_t transfer_send(struct sending *s, const struct stage *stage) {
    struct message m;
    transfer_build(&m, s, stage, ITEM_RW);
    int64_t result = send(s, &m);
    uint64_t pages = cut_pages(&s->cut);
    if (result == -EPERM && s->result.way == BYTES_COW) {
        transfer_build(&m, s, stage, ITEM_READ);
        result = send(s, &m);
        s->result.pages_shared = pages;
    } else if (s->result.way == BYTES_COW) {
        s->result.pages_cowed = pages;
    } else {
        s->result.pages_moved = pages;
    }
    s->result.bytes_copied = s->cut.end - s->cut.start - pages * PAGE_SIZE;
    return result;
}

static int64_t send_pages(struct sending *s) {
    if (cut_ends(&s->cut) == 0)
        return transfer_send(s, NULL);
    struct stage *stage = stage_take();
    if (stage == NULL)
        return -EBUSY;
    int64_t result = stage_fill(stage, &s->cut);
    if (result == 0)
        result = transfer_send(s, stage);
    stage_give_back(stage);
    return result;
}

/* The kernel will not transfer these pages to this receiver, but may copy. */
static bool copy_may_do(int64_t error) {
    return error == -EPERM || error == -EBUSY || error == -EMSGSIZE ||
           error == -ENOSPC;
}

static int64_t send_by_way(struct sending *s) {
    struct message empty = {.tag = tag_make(s->label, 0, 0, 0)};
    if (s->result.way == BYTES_NONE)
        return send(s, &empty);
    if (s->result.way == BYTES_REGISTERS)
        return send_registers(s);
    if (s->result.way != BYTES_COPY) {
        int64_t result = send_pages(s);
        if (!copy_may_do(result))
            return result;
        s->result = (struct bytes_result){.way = BYTES_COPY};
    }
    return send_window(s);
}

int64_t msg_send_bytes(int64_t session, int32_t label, const void *data,
                       size_t length, unsigned flags,
                       struct bytes_result *result) {
    uint64_t start = length > 0 ? (uint64_t)data : 0;
    struct sending s = {.session = session, .label = label};
    int64_t error = -EINVAL;
    if (label >= 0 && label <= BYTES_LABEL_MAX && !(flags & ~BYTES_GIVE) &&
        start < USER_END && length <= USER_END - start) {
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
