/* SPDX-License-Identifier: MIT */
/*
 * shim/lib/ipc.h: on the host, what the tested sources need of lib/ipc.h; the
 * test program plays the kernel and defines the functions.
 */
#ifndef OCTAVO_LIB_IPC_H
#define OCTAVO_LIB_IPC_H

#include <stdint.h>

#include "abi/handle.h"
#include "abi/message.h"
#include "abi/syscall.h"

struct message {
    uint64_t tag;
    uint64_t badge;
    uint64_t words[MESSAGE_WORDS];
    uint64_t handles;
    uint64_t item_base;
    uint64_t item_desc;
};

struct copy_result {
    int64_t error;
    uint64_t done;
};

int64_t ipc_reply(int64_t reply, const struct message *m);
int64_t ipc_reply_save(void);
struct copy_result ipc_copy(int64_t handle, unsigned what, uint64_t offset,
                            const void *local, uint64_t length);

#endif
