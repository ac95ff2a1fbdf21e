/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/server.h: the file protocol over a volume.
 */
#ifndef OCTAVO_FS_SERVER_H
#define OCTAVO_FS_SERVER_H

#include <stdint.h>

#include "lib/ipc.h"
#include "servers/fs/fs.h"

/*
 * Starts serving the mounted volume v: sessions are minted for this endpoint.
 * Errors of fs_root().
 */
int server_start(struct volume *v, int64_t endpoint);

/*
 * Handles one message and makes *m its reply. True: *m is to be sent; false:
 * there is nothing (more) to send.
 */
bool server_handle(struct message *m);

#endif
