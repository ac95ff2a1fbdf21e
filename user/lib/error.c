/* SPDX-License-Identifier: MIT */
/*
 * lib/error.c: the table of errors in words.
 */
#include "lib/error.h"

#include <stddef.h>

#include "abi/errno.h"

static const char *const texts[] = {
    [EBADF] = "bad descriptor",
    [ESTALE] = "stale handle",
    [EPERM] = "not permitted",
    [EINVAL] = "invalid argument",
    [EFAULT] = "bad address",
    [EPFAULT] = "bad address at the peer",
    [ERANGE] = "out of range",
    [EOVERFLOW] = "too much data",
    [EMSGSIZE] = "message too large",
    [ENOSPC] = "no space left",
    [ENOMEM] = "out of memory",
    [EAGAIN] = "try again later",
    [ETIMEDOUT] = "timed out",
    [EPIPE] = "the other end is gone",
    [ECANCELED] = "canceled",
    [EBUSY] = "busy",
    [EDEADLK] = "would wait for itself",
    [ERATE] = "too often",
    [EEXIST] = "exists already",
    [ENOENT] = "not found",
    [ENOTDIR] = "not a directory",
    [EISDIR] = "is a directory",
    [ENOTEMPTY] = "directory not empty",
    [EFBIG] = "file too large",
    [EMLINK] = "too many links",
    [EIO] = "input/output error",
    [ENAMETOOLONG] = "name too long",
    [EXDEV] = "on another file system",
    [ECHILD] = "no child",
    [ENOEXEC] = "not a program",
    [ENOSYS] = "no such operation",
    [ENODEV] = "no such device",
    [E2BIG] = "too many arguments",
    [EMFILE] = "too many open files",
};

const char *error_text(long error) {
    unsigned long index = (unsigned long)(error < 0 ? -error : error);
    if (index >= sizeof(texts) / sizeof(texts[0]) || texts[index] == NULL)
        return "unknown error";
    return texts[index];
}
