/* SPDX-License-Identifier: MIT */
/*
 * lib/names.c: the client's side of the name server's protocol.
 */
#include "lib/names.h"

#include "abi/errno.h"
#include "lib/ipc.h"
#include "lib/proto.h"
#include "lib/string.h"

/* Puts the name into words 0 to 4. EINVAL: its length. */
static int64_t name_pack(struct message *m, const char *name) {
    uint64_t length = strnlen(name, PROTO_NAME_MAX + 1);
    if (length == 0 || length > PROTO_NAME_MAX)
        return -EINVAL;
    m->words[0] = length;
    memcpy(&m->words[1], name, length);
    return 0;
}

/* Makes the call. Returns the handle that came back. */
static int64_t names_call(struct message *m, uint64_t deadline) {
    int64_t error = ipc_call(SLOT_NAMES, m, deadline);
    if (error < 0)
        return error;
    if (tag_label(m->tag) < 0)
        return tag_label(m->tag);
    return tag_handles(m->tag) == 1 ? (int64_t)handle_at(m->handles, 0) : -EIO;
}

static int64_t lookup(const char *name, bool wait, uint64_t deadline) {
    struct message m = {.tag = tag_make(NAMES_LOOKUP, 6, 0, 0)};
    m.words[5] = wait;
    int64_t error = name_pack(&m, name);
    return error < 0 ? error : names_call(&m, deadline);
}

int64_t names_lookup(const char *name, bool wait) {
    return lookup(name, wait, DEADLINE_NONE);
}

int64_t names_lookup_until(const char *name, uint64_t deadline) {
    return lookup(name, true, deadline);
}

int64_t names_register(const char *name, int64_t session) {
    struct message m = {.tag = tag_make(NAMES_REGISTER, 5, 1, 0),
                        .handles = handle_pack(session, 0)};
    int64_t error = name_pack(&m, name);
    return error < 0 ? error : names_call(&m, DEADLINE_NONE);
}

int64_t names_list(uint64_t index, char name[33]) {
    struct message m = {.tag = tag_make(NAMES_LIST, 6, 0, 0)};
    m.words[5] = index;
    int64_t error = ipc_call(SLOT_NAMES, &m, DEADLINE_NONE);
    if (error >= 0)
        error = tag_label(m.tag);
    if (error < 0)
        return error;
    if (m.words[0] > PROTO_NAME_MAX)
        return -EIO;
    memcpy(name, &m.words[1], m.words[0]);
    name[m.words[0]] = 0;
    return 0;
}
