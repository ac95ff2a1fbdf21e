/* SPDX-License-Identifier: MIT */
/*
 * lib/file.h: the file protocol of lib/proto.h, from the client's side.
 *
 * Idea        A descriptor is a session handle; each function is one call to
 *             whoever serves it. Short data rides in the message's registers,
 *             longer data is moved by the server through a WINDOW on the
 *             caller's buffer. Buffers are a caller's, and may be bad: EFAULT.
 * Invariants  Results are counts or negative errnos: those of SYS_CALL (EPIPE,
 *             ESTALE: the server is gone) and what the server answers.
 */
#ifndef OCTAVO_LIB_FILE_H
#define OCTAVO_LIB_FILE_H

#include <stdint.h>

#include "lib/ipc.h"

/* What FILE_STAT tells. */
struct file_info {
    uint64_t type; /* 1 directory, 2 file, 3 device */
    uint64_t inode;
    uint64_t links;
    uint64_t size;
    uint64_t device;
};

/* Reads at most `size` bytes. Returns their number, 0 at the end. */
int64_t file_read(int64_t handle, void *buffer, uint64_t size);

/* Returns the bytes written. */
int64_t file_write(int64_t handle, const void *buffer, uint64_t size);

/* Fills *info (which must be good memory). */
int64_t file_stat(int64_t handle, struct file_info *info);

/* CONTROL with one argument: enum file_control. */
int64_t file_control(int64_t handle, uint64_t what, uint64_t argument);

/*
 * Sends a directory operation with `length` bytes of path. The caller sets the
 * label and words 0 to 2 of *m; *m becomes the reply. Returns the reply's
 * label, or the call's error. `path` must be good memory.
 */
int64_t file_path_call(int64_t directory, struct message *m, const char *path,
                       uint64_t length);

#endif
