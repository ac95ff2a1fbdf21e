/* SPDX-License-Identifier: MIT */
/*
 * lib/names.h: finding servers and being found, through SLOT_NAMES.
 */
#ifndef OCTAVO_LIB_NAMES_H
#define OCTAVO_LIB_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Returns a session with the server of that name. With `wait`, waits until
 * there is one. EINVAL: the name's length. ENOENT. Errors of SYS_CALL.
 */
int64_t names_lookup(const char *name, bool wait);

/* Waits for the name until the deadline (abi/message.h). Also ETIMEDOUT. */
int64_t names_lookup_until(const char *name, uint64_t deadline);

/*
 * Registers `session` (rights PASS and GRANT), which stays the caller's too,
 * under the name. Returns a handle: the name lives as long as it does.
 * EINVAL EEXIST ENOSPC. Errors of SYS_CALL.
 */
int64_t names_register(const char *name, int64_t session);

/* Copies the name at `index` and a NUL into `name`. ENOENT past the last. */
int64_t names_list(uint64_t index, char name[33]);

#endif
