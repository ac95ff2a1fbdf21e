/* SPDX-License-Identifier: MIT */
/*
 * lib/bytes.c: choosing between registers, copy, COW and move (lib/bytes.h).
 *
 * Idea        The client cuts the range at its page boundaries, decides by
 *             length and by what is left in the middle, and sends. The partial
 *             pages at the ends are first copied to a stage: two zero pages of
 *             the program itself, which then move with the message, one before
 *             the whole pages and one behind. The kernel lays the items of a
 *             message down one behind the other in the receiver's window, so
 *             they make one range there.
 *             The server has a place in memory for each receiving thread:
 *
 *               window                  window + most
 *               | free: pages arrive    | zero pages for copies |
 *
 * Invariants  I1 A stage holds zeros but for what this message put there.
 *             I2 The pages for copies are zero outside [used, used_end).
 * Locks       stages_taken is a bit for each stage in use, set atomically.
 */
#include "lib/bytes.h"

#include "abi/errno.h"
#include "abi/layout.h"
#include "lib/safe.h"
#include "lib/string.h"
#include "lib/syscall.h"

enum {
    STAGES = 4, /* threads that can send partial pages at the same time */
    PROT_RW = PROT_READ | PROT_WRITE,
    ITEM_RW = ITEM_READ | ITEM_WRITE,
};

/* ---- Pages ---- */

static uint64_t page_down(uint64_t address) {
    return address & ~(uint64_t)(PAGE_SIZE - 1);
}

static uint64_t page_up(uint64_t address) {
    return page_down(address + PAGE_SIZE - 1);
}

static uint64_t page_offset(uint64_t address) {
    return address & (PAGE_SIZE - 1);
}

static int64_t zeros_map(uint64_t address, uint64_t length) {
    return sys_map(HANDLE_SELF, address, length, PROT_RW | MAP_FIXED, -1, 0);
}

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

static bool cut_has_ends(const struct cut *cut) {
    return cut->first != cut->start || cut->last != cut->end;
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

/* First the page with the bytes before the whole pages, then that with those
 * behind. */
struct stage {
    uint8_t page[2][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
};

static struct stage stages[STAGES];
static unsigned stages_taken;

/* Returns a stage without memory, or NULL. */
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

/* Makes the stage zero: moved pages have left a hole, and what a failed call
 * left behind is taken away. */
static int64_t stage_clear(struct stage *stage) {
    uint64_t address = (uint64_t)stage;
    int64_t result = zeros_map(address, sizeof(*stage));
    if (result == -EEXIST) {
        sys_unmap(HANDLE_SELF, address, sizeof(*stage));
        result = zeros_map(address, sizeof(*stage));
    }
    return result < 0 ? result : 0;
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

/* Copies the ends of the range onto the stage. */
static int64_t stage_fill(struct stage *stage, const struct cut *cut) {
    int64_t result = stage_clear(stage);
    if (result == 0)
        result = copy_alike((uint64_t)stage->page[0] + page_offset(cut->start),
                            cut->start, cut->first - cut->start);
    if (result == 0)
        result = copy_alike((uint64_t)stage->page[1], cut->last,
                            cut->end - cut->last);
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
    uint64_t least = cut_has_ends(cut) ? BYTES_PAGES_MIN : 1;
    if (length == 0)
        return BYTES_NONE;
    if (length <= BYTES_REGISTERS_MAX)
        return BYTES_REGISTERS;
    if (length < BYTES_COW_MIN || cut_pages(cut) < least)
        return BYTES_COPY;
    return flags & BYTES_GIVE && length >= BYTES_MOVE_MIN ? BYTES_MOVE
                                                          : BYTES_COW;
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
    uint64_t end_page = item_make(PAGE_SIZE, ITEM_MOVE, rights);
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
    if (!cut_has_ends(&s->cut))
        return transfer_send(s, NULL);
    struct stage *stage = stage_take();
    if (stage == NULL)
        return -EBUSY;
    int64_t result = stage_fill(stage, &s->cut);
    if (result == 0)
        result = transfer_send(s, stage);
    if (result < 0)
        sys_unmap(HANDLE_SELF, (uint64_t)stage, sizeof(*stage));
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

/* ---- Places to receive at ---- */

/* Addresses that the kernel does not choose and the heap does not reach, dealt
 * out once, each place from a multiple of what a page table reaches: pages
 * that lie so at the sender, too, move by whole tables. */
#define PLACES_START 0x2000000000ull
#define PLACES_END 0x3000000000ull
#define PLACE_ALIGN 0x200000ull

static uint64_t places_used;

static uint64_t copies_at(const struct bytes *in) {
    return in->window + in->most;
}

/* Bytes of the pages for copies: a message need not start at a page's start. */
static uint64_t copies_size(const struct bytes *in) {
    return in->most + PAGE_SIZE;
}

/* States the window anew; each message with pages uses up some of it. */
static int64_t window_open(const struct bytes *in) {
    return sys_accept(0, in->window, in->most, (unsigned)(in->most / PAGE_SIZE),
                      in->handles, HANDLE_RECEIVED);
}

int64_t msg_accept_bytes(struct bytes *in, size_t most, unsigned handles) {
    if (in->window != 0 || most == 0 || most > BYTES_MOST)
        return -EINVAL;
    *in = (struct bytes){.most = page_up(most), .handles = handles};
    uint64_t size = in->most + copies_size(in) + PLACE_ALIGN - 1;
    size -= size % PLACE_ALIGN;
    uint64_t place = __atomic_fetch_add(&places_used, size, __ATOMIC_RELAXED);
    if (place + size > PLACES_END - PLACES_START)
        return -ENOMEM;
    in->window = PLACES_START + place;
    int64_t result = window_open(in);
    if (result < 0)
        in->window = 0;
    return result;
}

static void copies_unmap(struct bytes *in) {
    if (in->mapped)
        sys_unmap(HANDLE_SELF, copies_at(in), copies_size(in));
    in->mapped = false;
    in->used = in->used_end = 0;
}

void msg_release_bytes(struct bytes *in) {
    if (in->held_bytes > 0) {
        sys_unmap(HANDLE_SELF, in->held, in->held_bytes);
        in->held_bytes = 0;
        window_open(in);
    }
    if (in->way == BYTES_COPY && in->length > BYTES_COW_MIN)
        copies_unmap(in);
    in->data = NULL;
    in->length = 0;
    in->way = BYTES_NONE;
}

void msg_close_bytes(struct bytes *in) {
    if (in->window == 0)
        return;
    msg_release_bytes(in);
    copies_unmap(in);
    sys_accept(0, 0, 0, 0, 0, HANDLE_RECEIVED);
    in->window = 0;
}

/* ---- Receiving ---- */

static int64_t receive_registers(const struct message *m, struct bytes *in,
                                 uint64_t length) {
    if (length > BYTES_REGISTERS_MAX ||
        (length + sizeof(uint64_t) - 1) / sizeof(uint64_t) != tag_words(m->tag))
        return -EINVAL;
    memcpy(in->words, m->words, sizeof(in->words));
    in->data = length > 0 ? (uint8_t *)in->words : NULL;
    in->length = length;
    in->way = length > 0 ? BYTES_REGISTERS : BYTES_NONE;
    in->writable = true;
    return 0;
}

/* Nothing if `start` is not below `end`. */
static void zeros_write(uint64_t start, uint64_t end) {
    if (start < end)
        memset((void *)start, 0, end - start);
}

/* Makes [start, end) the one range of the pages for copies that is in use; the
 * rest of them is zero. */
static int64_t copies_ready(struct bytes *in, uint64_t start, uint64_t end) {
    if (!in->mapped && zeros_map(copies_at(in), copies_size(in)) < 0)
        return -ENOMEM;
    in->mapped = true;
    zeros_write(in->used, in->used_end < start ? in->used_end : start);
    zeros_write(in->used > end ? in->used : end, in->used_end);
    in->used = start;
    in->used_end = end;
    return 0;
}

static int64_t receive_window(const struct message *m, struct bytes *in) {
    uint64_t length = item_length(m->item_desc);
    uint64_t start = copies_at(in) + page_offset(m->words[0]);
    if (length > in->most)
        return -EMSGSIZE;
    int64_t result = copies_ready(in, start, start + length);
    if (result < 0)
        return result;
    struct copy_result copy =
        ipc_copy(HANDLE_IMPLICIT, COPY_IN, 0, (const void *)start, length);
    if (copy.error < 0)
        return copy.error == -EPFAULT ? -EFAULT : copy.error;
    in->data = (uint8_t *)start;
    in->length = length;
    in->way = BYTES_COPY;
    in->writable = true;
    return 0;
}

/* Item `index` of a received message. */
static uint64_t item_base(const struct message *m, unsigned index) {
    return index == 0 ? m->item_base : m->words[MESSAGE_WORDS - 2 * index];
}

static uint64_t item_descriptor(const struct message *m, unsigned index) {
    return index == 0 ? m->item_desc : m->words[MESSAGE_WORDS - 2 * index + 1];
}

/* Takes note of the items that came, all of them; whether they are MOVE and COW
 * and make one range. */
static bool items_join(const struct message *m, struct bytes *in) {
    unsigned items = tag_items(m->tag);
    bool good = true;
    in->way = BYTES_MOVE;
    in->writable = true;
    for (unsigned i = 0; i < items; i++) {
        uint64_t base = item_base(m, i), desc = item_descriptor(m, i);
        if (item_mode(desc) == ITEM_WINDOW) {
            good = false;
            continue;
        }
        if (in->held_bytes == 0)
            in->held = base;
        good &= base == in->held + in->held_bytes;
        good &= item_mode(desc) == ITEM_MOVE || item_mode(desc) == ITEM_COW;
        in->held_bytes = base + item_length(desc) - in->held;
        if (item_mode(desc) == ITEM_COW)
            in->way = BYTES_COW;
        in->writable &= (item_rights(desc) & ITEM_WRITE) != 0;
    }
    return good;
}

static int64_t receive_pages(const struct message *m, struct bytes *in) {
    uint64_t offset = m->words[0], length = m->words[1];
    if (!items_join(m, in) || offset >= PAGE_SIZE || length == 0 ||
        length > in->held_bytes || page_up(offset + length) != in->held_bytes)
        return -EINVAL;
    in->data = (uint8_t *)in->held + offset;
    in->length = length;
    return 0;
}

int64_t msg_recv_bytes(const struct message *m, struct bytes *in) {
    unsigned items = tag_items(m->tag);
    int64_t result;
    msg_release_bytes(in);
    in->label = tag_label(m->tag) & BYTES_LABEL_MAX;
    uint64_t inline_length = (uint32_t)tag_label(m->tag) >> BYTES_LABEL_BITS;
    if (items == 0)
        result = receive_registers(m, in, inline_length);
    else if (inline_length != 0)
        result = -EINVAL;
    else if (items == 1 && item_mode(m->item_desc) == ITEM_WINDOW)
        result = receive_window(m, in);
    else
        result = receive_pages(m, in);
    if (result < 0)
        msg_release_bytes(in);
    return result;
}
