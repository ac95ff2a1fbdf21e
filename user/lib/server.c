/* SPDX-License-Identifier: MIT */
/*
 * lib/server.c: how a server makes itself known.
 */
#include "lib/server.h"

#include "lib/names.h"
#include "lib/syscall.h"

int64_t server_open(const char *name, unsigned rights) {
    int64_t endpoint = sys_endpoint_create();
    if (endpoint < 0)
        return endpoint;
    int64_t session = sys_session_mint(endpoint, 0, rights, 0);
    int64_t result = session;
    if (session >= 0) {
        result = names_register(name, session);
        sys_handle_close(session);
    }
    if (result >= 0)
        return endpoint;
    sys_handle_close(endpoint);
    return result;
}
