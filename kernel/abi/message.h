/* SPDX-License-Identifier: MIT */
/*
 * abi/message.h: what a message is, in registers.
 *
 * A message is fifteen registers and no memory. SYS_CALL, SYS_SEND, SYS_RECV,
 * SYS_REPLY and SYS_REPLY_RECV use them alike:
 *
 *   register   in                                  out
 *   a7         system call number                  the sender's badge
 *   a0         handle                              0 or a negative errno
 *   a1         tag                                 tag
 *   a2-a6      words m0-m4                         words m0-m4
 *   t0-t2      words m5-m7                         words m5-m7
 *   t3         up to four handles, 16 bits each    the receiver's new handles
 *   t4, t5     memory item 0: base, descriptor     base, descriptor
 *   t6         deadline                            0
 *
 * All eight words always cross, whatever the count in the tag says: the count
 * tells the receiver how many mean something, and the library's stub clears
 * the rest before it sends. Memory items 1, 2 and 3 ride in the word pairs
 * (m6,m7), (m4,m5), (m2,m3): a message with k items carries 8-2(k-1) words.
 *
 * When the call fails (a0 < 0) a1 is the number of the memory item that the
 * error is about, if it is about one, and every other out register is zero.
 */
#ifndef OCTAVO_ABI_MESSAGE_H
#define OCTAVO_ABI_MESSAGE_H

#include <stdint.h>

enum {
    MESSAGE_WORDS = 8,
    MESSAGE_HANDLES = 4,
    MESSAGE_ITEMS = 4,
};

/*
 * The tag:
 *   bits 0-3    words that mean something, 0..8
 *   bits 4-6    handles, 0..4
 *   bits 7-9    memory items, 0..4
 *   bits 10-13  handle i is moved (the sender's is closed), else copied
 *   bits 14-15  zero
 *   bits 16-17  kind, set by the kernel on receipt; zero when sent
 *   bits 18-31  zero
 *   bits 32-63  label: an operation in a request, a status in a reply
 * A tag whose low 32 bits are at most 8 carries words alone: the fast path
 * tests just that.
 */
enum {
    TAG_HANDLES_SHIFT = 4,
    TAG_ITEMS_SHIFT = 7,
    TAG_MOVE_SHIFT = 10,
    TAG_KIND_SHIFT = 16,
    TAG_LABEL_SHIFT = 32,
    TAG_RESERVED = 0xffffc000u, /* must be zero in a tag that is sent */
};

/* What a received tag stands for. */
enum message_kind {
    MESSAGE_CALL = 0,   /* a call: a reply is owed. Also the kind of replies */
    MESSAGE_SEND = 1,   /* a one-way message: nobody waits for a reply */
    MESSAGE_CLOSED = 2, /* the badge's session has no handle any more */
    MESSAGE_SIGNAL = 3, /* m0 holds the bits of the bound notification */
};

/* Builds a tag from a label and counts; a label is a signed 32-bit number. */
static inline uint64_t tag_make(int32_t label, unsigned words, unsigned handles,
                                unsigned items) {
    return ((uint64_t)(uint32_t)label << TAG_LABEL_SHIFT) | words |
           ((uint64_t)handles << TAG_HANDLES_SHIFT) |
           ((uint64_t)items << TAG_ITEMS_SHIFT);
}

static inline int32_t tag_label(uint64_t tag) {
    return (int32_t)(tag >> TAG_LABEL_SHIFT);
}

static inline unsigned tag_words(uint64_t tag) {
    return tag & 15;
}

static inline unsigned tag_handles(uint64_t tag) {
    return (tag >> TAG_HANDLES_SHIFT) & 7;
}

static inline unsigned tag_items(uint64_t tag) {
    return (tag >> TAG_ITEMS_SHIFT) & 7;
}

/* Bit i set: handle i leaves the sender. */
static inline unsigned tag_moves(uint64_t tag) {
    return (tag >> TAG_MOVE_SHIFT) & 15;
}

static inline enum message_kind tag_kind(uint64_t tag) {
    return (enum message_kind)((tag >> TAG_KIND_SHIFT) & 3);
}

/*
 * A memory item is a base address and a descriptor:
 *   bits 0-47   length in bytes
 *   bits 48-55  zero
 *   bits 56-59  mode
 *   bits 60-62  rights the receiver gets: ITEM_READ, ITEM_WRITE, ITEM_EXECUTE
 * Base and length are multiples of the page size, and the length is not 0, but
 * for a WINDOW. The rights include READ and not both of the others, and are no
 * wider than what the sender may do there. Received, the base is where the
 * pages are now (0 for a WINDOW), and the descriptor is as it was sent.
 */
enum item_mode {
    ITEM_NONE = 0,
    ITEM_MOVE = 1,   /* the pages leave the sender */
    ITEM_SHARE = 2,  /* both map the same frames */
    ITEM_COW = 3,    /* both keep the contents; the first writer copies */
    ITEM_LEND = 4,   /* only in a call: the receiver has the pages until it
                        replies. Without WRITE the sender may read on */
    ITEM_WINDOW = 5, /* only in a call: no page moves; the server may SYS_COPY
                        within it, as READ and WRITE allow */
};

enum {
    ITEM_READ = 1,
    ITEM_WRITE = 2,
    ITEM_EXECUTE = 4,
    ITEM_MODE_SHIFT = 56,
    ITEM_RIGHTS_SHIFT = 60,
};

#define ITEM_LENGTH_MASK ((1ull << 48) - 1)

static inline uint64_t item_make(uint64_t length, enum item_mode mode,
                                 unsigned rights) {
    return (length & ITEM_LENGTH_MASK) | ((uint64_t)mode << ITEM_MODE_SHIFT) |
           ((uint64_t)rights << ITEM_RIGHTS_SHIFT);
}

static inline uint64_t item_length(uint64_t descriptor) {
    return descriptor & ITEM_LENGTH_MASK;
}

static inline enum item_mode item_mode(uint64_t descriptor) {
    return (enum item_mode)((descriptor >> ITEM_MODE_SHIFT) & 15);
}

static inline unsigned item_rights(uint64_t descriptor) {
    return (descriptor >> ITEM_RIGHTS_SHIFT) & 7;
}

/* Deadlines (t6, and the deadline arguments of other calls). */
enum {
    DEADLINE_NONE = 0, /* wait as long as it takes */
    DEADLINE_POLL = 1, /* do not wait: -EAGAIN */
    /* any other value is an absolute time, in units of the `time` CSR */
};

#endif
