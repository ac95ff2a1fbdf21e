/* SPDX-License-Identifier: MIT */
/*
 * posix/internal.h: what the files of posix/ share.
 */
#ifndef OCTAVO_POSIX_INTERNAL_H
#define OCTAVO_POSIX_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/ipc.h"

/* A result for a program: a negative errno becomes -1 and posix_error. */
int posix_result(int64_t result);

/* Whether the number can be a descriptor. */
bool descriptor_valid(int fd);

/* Moves a handle to the lowest free descriptor and returns it. EMFILE: there
 * is none, and the handle is closed. */
int64_t descriptor_install(int64_t handle);

/*
 * Looks up the server that the session in `slot` was with, after it died, and
 * replaces the session. Errors of server_find().
 */
int64_t session_renew(int64_t slot, const char *name);

/* A session with the server of that name. Waits a moment for its start. ENOENT
 * ETIMEDOUT. */
int64_t server_find(const char *name);

/* Whether the error says that a session's server has died. */
bool session_dead(int64_t error);

/*
 * Opens the file and returns its session in no descriptor's place, or
 * FILE_IS_DEVICE with the device's major number in *major.
 */
int64_t path_open(const char *path, int flags, uint64_t *major);

#endif
