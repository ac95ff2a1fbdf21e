/* SPDX-License-Identifier: MIT */
/*
 * lib/bytes_receive.c: the server's end of lib/bytes.h.
 *
 * Idea        A receiving thread has a place in memory:
 *
 *               window                  window + most
 *               | free: pages arrive    | pages for copies     |
 *
 *             The kernel lays the items of a message down one behind the other
 *             in the window, so they make one range there. The first page for
 *             copies is touched at once: where the window is small, its page
 *             table then stays when the pages that came are released.
 * Invariants  The pages for copies are zero outside [used, used_end).
 */
#include "abi/errno.h"
#include "lib/bytes.h"
#include "lib/pages.h"
#include "lib/safe.h"

enum { COPIES_KEEP = 64 * 1024 }; /* copies that are longer give frames back */

/* ---- Places to receive at ---- */

/* Addresses that the kernel does not choose and the heap does not reach. Each
 * place starts at a multiple of what a page table reaches: pages
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

static void copies_unmap(struct bytes *in) {
    if (in->mapped)
        sys_unmap(HANDLE_SELF, copies_at(in), copies_size(in));
    in->mapped = false;
    in->used = in->used_end = 0;
}

/* Bytes of addresses of the whole place. */
static uint64_t place_size(const struct bytes *in) {
    uint64_t size = in->most + copies_size(in) + PLACE_ALIGN - 1;
    return size - size % PLACE_ALIGN;
}

/* Deals out a place; 0: there are no more. */
static uint64_t place_start(const struct bytes *in) {
    uint64_t size = place_size(in);
    uint64_t place = __atomic_load_n(&places_used, __ATOMIC_RELAXED);
    do {
        if (size > PLACES_END - PLACES_START - place)
            return 0;
    } while (!__atomic_compare_exchange_n(&places_used, &place, place + size,
                                          true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return PLACES_START + place;
}

/* Ends the place. Its addresses are dealt out again if it was the newest. */
static void place_end(struct bytes *in) {
    uint64_t place = in->window - PLACES_START;
    uint64_t end = place + place_size(in);
    copies_unmap(in);
    in->window = 0;
    __atomic_compare_exchange_n(&places_used, &end, place, false,
                                __ATOMIC_RELAXED, __ATOMIC_RELAXED);
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
    in->window = place_start(in);
    if (in->window == 0)
        return -ENOMEM;
    int64_t result = copies_ready(in, copies_at(in), copies_at(in));
    if (result == 0 && safe_probe((void *)copies_at(in), 1) < 0)
        result = -ENOMEM;
    if (result == 0)
        result = window_open(in);
    if (result < 0)
        place_end(in);
    return result;
}

void msg_release_bytes(struct bytes *in) {
    if (in->held_bytes > 0) {
        sys_unmap(HANDLE_SELF, in->held, in->held_bytes);
        in->held_bytes = 0;
        window_open(in);
    }
    if (in->way == BYTES_COPY && in->length > COPIES_KEEP)
        copies_unmap(in);
    in->data = NULL;
    in->length = 0;
    in->way = BYTES_NONE;
}

void msg_close_bytes(struct bytes *in) {
    if (in->window == 0)
        return;
    msg_release_bytes(in);
    sys_accept(0, 0, 0, 0, 0, HANDLE_RECEIVED);
    place_end(in);
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
    in->way = BYTES_COW;
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
        if (item_mode(desc) == ITEM_MOVE)
            in->way = BYTES_MOVE;
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
