/* SPDX-License-Identifier: MIT */
/*
 * abi/errno.h: the one table of errors.
 *
 * The kernel and the servers return 0 or a count on success and the negative
 * of one of these on failure. Each has one meaning, so that a caller can act
 * on it without reading the callee. The first group is the kernel's; servers
 * use both groups.
 */
#ifndef OCTAVO_ABI_ERRNO_H
#define OCTAVO_ABI_ERRNO_H

enum {
    EBADF = 1,      /* no such handle, or a handle of the wrong kind */
    ESTALE = 2,     /* the object was revoked, or the reply already given */
    EPERM = 3,      /* the handle lacks the right, or authority is missing */
    EINVAL = 4,     /* malformed argument */
    EFAULT = 5,     /* the caller's own memory is not accessible */
    EPFAULT = 6,    /* the peer's memory is not accessible */
    ERANGE = 7,     /* offset beyond the window */
    EOVERFLOW = 8,  /* stopped at the window's end */
    EMSGSIZE = 9,   /* more than the receiver agreed to take */
    ENOSPC = 10,    /* a table, window or disk is full */
    ENOMEM = 11,    /* no frames, or the quota is used up */
    EAGAIN = 12,    /* would block, and the caller asked not to */
    ETIMEDOUT = 13, /* the deadline passed */
    EPIPE = 14,     /* the peer is dead */
    ECANCELED = 15, /* killed, or interrupted by ^C, while waiting */
    EBUSY = 16,     /* owed, lent, pinned or in use */
    EDEADLK = 17,   /* a cycle of calls, or the chain is too deep */
    ERATE = 18,     /* over the session's rate */
    EEXIST = 19,    /* the name or slot is taken */

    ENOENT = 32,       /* no such file, name, process or thread */
    ENOTDIR = 33,      /* a component of the path is not a directory */
    EISDIR = 34,       /* the operation is not for directories */
    ENOTEMPTY = 35,    /* the directory still has entries */
    EFBIG = 36,        /* beyond the largest file */
    EMLINK = 37,       /* too many links to one file */
    EIO = 38,          /* the device failed */
    ENAMETOOLONG = 39, /* a component or the path is too long */
    EXDEV = 40,        /* the two paths are on different file systems */
    ECHILD = 41,       /* no child to wait for */
    ENOEXEC = 42,      /* not a program this machine can run */
    ENOSYS = 43,       /* no such operation */
    ENODEV = 44,       /* no such device */
    E2BIG = 45,        /* too many arguments */
    EMFILE = 46,       /* too many open files */
};

#endif
