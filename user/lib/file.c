/* SPDX-License-Identifier: MIT */
/*
 * lib/file.c: reading, writing and naming files by messages.
 *
 * Idea        The size picks the way: up to PROTO_INLINE_ bytes cost one call
 *             that touches no memory but the buffer; more take a WINDOW.
 * Invariants  A server's count is checked against what was asked for, so that
 *             a bad server cannot make the library write beyond the buffer.
 */
#include "lib/file.h"

#include <stddef.h>

#include "abi/errno.h"
#include "lib/proto.h"
#include "lib/safe.h"
#include "lib/string.h"

/* A longer request is cut to this: counts must fit a label. */
enum { SIZE_MAX_CALL = 0x7ffff000 };

/* To a server the caller's memory is its peer's; here it is our own. */
static int64_t label_result(uint64_t tag) {
    int64_t label = tag_label(tag);
    return label == -EPFAULT ? -EFAULT : label;
}

/* A count that a server may give for `size` bytes, or its error. */
static int64_t count_result(uint64_t tag, uint64_t size) {
    int64_t count = label_result(tag);
    return count > (int64_t)size ? -EIO : count;
}

static int64_t window_call(int64_t handle, int32_t operation,
                           const void *buffer, uint64_t size) {
    unsigned right = operation == FILE_READ ? ITEM_WRITE : ITEM_READ;
    if (size > SIZE_MAX_CALL)
        size = SIZE_MAX_CALL;
    struct message m;
    m.tag = tag_make(operation, 1, 0, 1);
    m.words[0] = size;
    m.handles = 0;
    m.item_base = (uint64_t)buffer;
    m.item_desc = item_make(size, ITEM_WINDOW, right);
    int64_t error = ipc_call(handle, &m, DEADLINE_NONE);
    if (error >= 0)
        return count_result(m.tag, size);
    /* Only the window can be malformed: it is not in user memory. */
    return error == -EINVAL ? -EFAULT : error;
}

int64_t file_read(int64_t handle, void *buffer, uint64_t size) {
    if (size > PROTO_INLINE_READ)
        return window_call(handle, FILE_READ, buffer, size);
    /* First, because what has been read is gone from a pipe. */
    int64_t error = safe_probe(buffer, size);
    if (error < 0)
        return error;
    uint64_t words[MESSAGE_WORDS] = {size};
    uint64_t tag = tag_make(FILE_READ, 1, 0, 0);
    error = ipc_call_words(handle, &tag, words);
    if (error < 0)
        return error;
    int64_t count = count_result(tag, size);
    if (count > 0)
        error = safe_copy(buffer, words, (uint64_t)count);
    return error < 0 ? error : count;
}

int64_t file_write(int64_t handle, const void *buffer, uint64_t size) {
    if (size > PROTO_INLINE_WRITE)
        return window_call(handle, FILE_WRITE, buffer, size);
    uint64_t words[MESSAGE_WORDS] = {size};
    int64_t error = safe_copy(&words[1], buffer, size);
    if (error < 0)
        return error;
    uint64_t tag = tag_make(FILE_WRITE, 1 + (unsigned)(size + 7) / 8, 0, 0);
    error = ipc_call_words(handle, &tag, words);
    return error < 0 ? error : count_result(tag, size);
}

int64_t file_stat(int64_t handle, struct file_info *info) {
    uint64_t words[MESSAGE_WORDS] = {0};
    uint64_t tag = tag_make(FILE_STAT, 0, 0, 0);
    int64_t error = ipc_call_words(handle, &tag, words);
    if (error >= 0)
        error = label_result(tag);
    if (error < 0)
        return error;
    *info =
        (struct file_info){words[0], words[1], words[2], words[3], words[4]};
    return 0;
}

int64_t file_control(int64_t handle, uint64_t what, uint64_t argument) {
    uint64_t words[MESSAGE_WORDS] = {what, argument};
    uint64_t tag = tag_make(FILE_CONTROL, 2, 0, 0);
    int64_t error = ipc_call_words(handle, &tag, words);
    return error < 0 ? error : label_result(tag);
}

int64_t file_path_call(int64_t directory, struct message *m, const char *path,
                       uint64_t length) {
    int32_t operation = tag_label(m->tag);
    m->handles = 0;
    if (length <= PROTO_INLINE_PATH) {
        memset(&m->words[3], 0, PROTO_INLINE_PATH);
        memcpy(&m->words[3], path, length);
        m->tag = tag_make(operation, MESSAGE_WORDS, 0, 0);
    } else {
        m->tag = tag_make(operation, 3, 0, 1);
        m->item_base = (uint64_t)path;
        m->item_desc = item_make(length, ITEM_WINDOW, ITEM_READ);
    }
    int64_t error = ipc_call(directory, m, DEADLINE_NONE);
    return error < 0 ? error : label_result(m->tag);
}
