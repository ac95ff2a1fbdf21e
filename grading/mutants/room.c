/* SPDX-License-Identifier: MIT */
/*
 * mutants/room.c: wrong solutions: where items go, and how many may come.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * M-47: a window that touches a mapping counts as occupied.
 * File: kernel/vm/region.c
 * Killed by: test_item_room between
 */
bool region_is_free(const struct space *space, va_t start, va_t end) {
    const struct region *region = region_after(space, start);
    return region == NULL || end < region_low(region);
}

/*
 * M-47-within: ranges of one message overlap only if they start alike: one
 * within the other passes.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_room overlap
 */
static bool items_clash(const struct transfer_item *a,
                        const struct transfer_item *b) {
    bool alike =
        a->mode == b->mode && (a->mode == ITEM_SHARE || a->mode == ITEM_COW);
    return !alike && a->from == b->from;
}

/*
 * M-47-touch: ranges of one message that touch count as overlapping.
 * File: kernel/vm/transfer.c
 * Killed by: test_fence move
 */
static bool items_clash(const struct transfer_item *a,
                        const struct transfer_item *b) {
    bool alike =
        a->mode == b->mode && (a->mode == ITEM_SHARE || a->mode == ITEM_COW);
    return !alike && a->from <= item_end(b) && b->from <= item_end(a);
}

/*
 * X-most: the receiver gets more pages than it takes.
 * File: kernel/ipc/items.c
 * Killed by: test_item_room most
 */
static int pages_collect(struct thread *from, const struct accept *accept,
                         struct transfer *transfer) {
    unsigned count = tag_items(from->frame.x[REG_A1]);
    uint64_t room = accept->pages;
    if (accept->base && accept->length / PAGE_SIZE < room)
        room = accept->length / PAGE_SIZE;
    transfer->from = from->space;
    transfer->fill = false;
    transfer->count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!moves_pages(&from->items[i]))
            continue;
        struct transfer_item *item = &transfer->item[transfer->count++];
        *item = item_transfer(&from->items[i]);
        if (item->pages > room)
            room = item->pages;
        room -= item->pages;
    }
    return 0;
}

/*
 * X-sum: each item may have as many pages as the receiver takes in all.
 * File: kernel/ipc/items.c
 * Killed by: test_item_room most
 */
static int pages_collect(struct thread *from, const struct accept *accept,
                         struct transfer *transfer) {
    unsigned count = tag_items(from->frame.x[REG_A1]);
    uint64_t room = accept->pages;
    if (accept->base && accept->length / PAGE_SIZE < room)
        room = accept->length / PAGE_SIZE;
    transfer->from = from->space;
    transfer->fill = false;
    transfer->count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!moves_pages(&from->items[i]))
            continue;
        struct transfer_item *item = &transfer->item[transfer->count++];
        *item = item_transfer(&from->items[i]);
        if (item->pages > room)
            return items_fail(from, i, -EMSGSIZE);
    }
    return 0;
}

/*
 * X-window: the next message's items go where this one's went.
 * File: kernel/ipc/items.c
 * Killed by: test_item_room window
 */
int items_deliver(struct thread *from, struct space *to,
                  struct accept *accept) {
    struct transfer transfer;
    transfer.to = to;
    transfer.window = accept->base;
    int result = pages_collect(from, accept, &transfer);
    if (!result && transfer.count > 0)
        result = pages_transfer(from, &transfer);
    for (unsigned i = 0; i < transfer.count && !result; i++) {
        const struct transfer_item *item = &transfer.item[i];
        from->items[page_item(from, i)].base = item->to;
        if (accept->base) {
            accept->length -= item->pages * PAGE_SIZE;
        }
    }
    return result;
}

/*
 * M-46: a window is used although something is mapped there.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_room occupied
 */
static int item_place(struct transfer *transfer, struct transfer_item *item) {
    uint64_t length = item->pages * PAGE_SIZE;
    if (transfer->window != 0) {
        item->to = transfer->window;
        transfer->window += length;
        bool room = transfer->fill || user_range_ok(item->to, length);
        return room ? 0 : -ENOSPC;
    }
    va_t align = item->from % LARGE_SIZE == 0 && length >= LARGE_SIZE
                     ? LARGE_SIZE
                     : PAGE_SIZE;
    item->to = region_place(transfer->to, length, align);
    return item->to != 0 ? 0 : -ENOMEM;
}
