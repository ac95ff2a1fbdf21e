/* SPDX-License-Identifier: MIT */
/*
 * servers/names/main.c: the name server.
 *
 * Idea        A server registers a session under a name and gets a lease: a
 *             session of this server. When its last handle is closed, in a
 *             dying process at the latest, the CLOSED notice arrives here and
 *             the name is gone. Who looks a name up gets a copy of the
 *             registered handle and talks to the server directly from then on.
 * States      A look-up that waits is a saved reply in waiters[]: answered by
 *             the registration of its name, dropped when its caller is gone.
 * Invariants  N1  Handles: one for each name, one for each waiter, a few of
 *                 its own. All fit the table, so no request fails half-way.
 *             N2  A session is registered only if it may be handed out (PASS).
 */
#include <stdbool.h>
#include <stddef.h>

#include "abi/errno.h"
#include "lib/proto.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "servers/common/service.h"
#include "servers/names/table.h"

enum {
    BADGE_CLIENT = 0,
    BADGE_LEASE = 1, /* the first lease's; later ones count up */
    WAITERS_MAX = 32,
};

_Static_assert(NAMES_MAX + WAITERS_MAX + SLOT_GRANT + 8 <= HANDLE_MAX,
               "N1: names, waiters, a message's handle and the server's own");

struct waiter {
    struct name name;
    int64_t reply;
};

static struct {
    int64_t endpoint;
    uint64_t next_lease;
    struct table table;
    unsigned waiting;
    struct waiter waiters[WAITERS_MAX];
} names;

/* Answers a look-up with a copy of the handle. */
static void reply_service(int64_t reply, int64_t service) {
    struct message m = {.tag = tag_make(0, 0, 1, 0),
                        .handles = handle_pack(service, 0)};
    int64_t error = ipc_reply(reply, &m);
    if (error < 0 && error != -EPIPE)
        service_reply(reply, error);
}

static void waiter_remove(unsigned index) {
    names.waiters[index] = names.waiters[--names.waiting];
}

/* Answers all who wait for the entry's name. */
static void waiters_serve(const struct entry *entry) {
    for (unsigned i = 0; i < names.waiting;) {
        struct waiter *waiter = &names.waiters[i];
        if (!name_equal(&waiter->name, &entry->name)) {
            i++;
            continue;
        }
        int64_t reply = waiter->reply;
        waiter_remove(i);
        reply_service(reply, entry->service);
    }
}

static void waiters_drop_gone(void) {
    for (unsigned i = 0; i < names.waiting;) {
        if (service_waits(names.waiters[i].reply)) {
            i++;
            continue;
        }
        sys_handle_close(names.waiters[i].reply);
        waiter_remove(i);
    }
}

static int64_t waiter_add(const struct name *name) {
    if (names.waiting == WAITERS_MAX)
        waiters_drop_gone();
    if (names.waiting == WAITERS_MAX)
        return -EAGAIN;
    int64_t reply = ipc_reply_save();
    if (reply < 0)
        return reply;
    names.waiters[names.waiting++] = (struct waiter){*name, reply};
    return SERVICE_LATER;
}

static void name_drop(struct entry *entry) {
    int64_t service = entry->service;
    table_remove(&names.table, entry);
    sys_handle_close(service);
}

/* The entry of a name whose server still lives; the notice of a death may come
 * later than the first request that depends on it. */
static struct entry *name_find(const struct name *name) {
    struct entry *entry = table_find(&names.table, name);
    if (entry && sys_handle_info(entry->service).result < 0) {
        name_drop(entry);
        return NULL;
    }
    return entry;
}

static int64_t name_lookup(const struct message *m) {
    struct name name;
    if (!name_set(&name, m->words[0], &m->words[1]))
        return -EINVAL;
    struct entry *entry = name_find(&name);
    if (!entry)
        return m->words[5] == 1 ? waiter_add(&name) : -ENOENT;
    reply_service(HANDLE_IMPLICIT, entry->service);
    return SERVICE_LATER;
}

/* Answers a registration with its lease, which leaves this process: the name
 * then depends on the receiver alone. A reply that fails closes the lease, and
 * its notice removes the name. */
static void reply_lease(int64_t lease) {
    struct message m = {.tag = tag_make(0, 0, 1, 0) | tag_move(0),
                        .handles = handle_pack(lease, 0)};
    int64_t error = ipc_reply(HANDLE_IMPLICIT, &m);
    if (error >= 0)
        return;
    sys_handle_close(lease);
    if (error != -EPIPE)
        service_reply(HANDLE_IMPLICIT, error);
}

static int64_t service_check(int64_t service) {
    struct sys_words info = sys_handle_info(service);
    if (info.result < 0)
        return info.result;
    return info.value[0] & RIGHT_PASS ? 0 : -EPERM;
}

/* On success the handle in the message is the table's. */
static int64_t name_register(const struct message *m) {
    struct entry entry = {.lease = names.next_lease};
    if (tag_handles(m->tag) != 1 ||
        !name_set(&entry.name, m->words[0], &m->words[1]))
        return -EINVAL;
    entry.service = handle_at(m->handles, 0);
    int64_t error = service_check(entry.service);
    if (error < 0)
        return error;
    if (name_find(&entry.name))
        return -EEXIST;
    int64_t lease =
        sys_session_mint(names.endpoint, entry.lease, RIGHT_SEND | RIGHT_PASS,
                         SESSION_NOTIFY_CLOSED);
    if (lease < 0)
        return lease;
    error = table_insert(&names.table, &entry);
    if (error < 0) {
        sys_handle_close(lease);
        return error;
    }
    names.next_lease++;
    reply_lease(lease);
    waiters_serve(&entry);
    return SERVICE_LATER;
}

static int64_t name_list(struct message *m) {
    const struct name *name = table_index(&names.table, m->words[5]);
    if (!name)
        return -ENOENT;
    m->tag = tag_make(0, 1 + NAME_WORDS, 0, 0);
    m->words[0] = name->length;
    memcpy(&m->words[1], name->words, PROTO_NAME_MAX);
    return SERVICE_MESSAGE;
}

static int64_t call_handle(struct message *m) {
    if (m->badge != BADGE_CLIENT)
        return -EPERM;
    switch (tag_label(m->tag)) {
    case NAMES_REGISTER:
        return name_register(m);
    case NAMES_LOOKUP:
        return name_lookup(m);
    case NAMES_LIST:
        return name_list(m);
    default:
        return -ENOSYS;
    }
}

/* Whether the handle in the message became the table's. */
static bool handle_kept(const struct message *m, int64_t label) {
    return tag_label(m->tag) == NAMES_REGISTER && label == SERVICE_LATER;
}

static int64_t message_handle(struct message *m) {
    uint64_t handles = m->handles;
    unsigned count = tag_handles(m->tag);
    int64_t label = SERVICE_LATER;
    struct entry *entry;
    switch (tag_kind(m->tag)) {
    case MESSAGE_CALL:
        label = call_handle(m);
        if (handle_kept(m, label))
            return label;
        break;
    case MESSAGE_CLOSED:
        entry = table_find_lease(&names.table, m->badge);
        if (entry)
            name_drop(entry);
        break;
    default:
        break;
    }
    for (unsigned i = 0; i < count; i++)
        sys_handle_close(handle_at(handles, i));
    return label;
}

/* Gives init a session that it hands to everybody. */
static int64_t init_tell(void) {
    int64_t session =
        sys_session_mint(names.endpoint, BADGE_CLIENT, SERVICE_RIGHTS, 0);
    if (session < 0)
        return session;
    struct message m = {.tag = tag_make(INIT_NAMES, 0, 1, 0) | tag_move(0),
                        .handles = handle_pack(session, 0)};
    return ipc_send(SLOT_GRANT, &m, DEADLINE_NONE);
}

int main(void) {
    names.next_lease = BADGE_LEASE;
    names.endpoint = sys_endpoint_create();
    if (names.endpoint < 0 || sys_accept(0, 0, 0, 0, 1, SLOT_GRANT) < 0 ||
        init_tell() < 0)
        return 1;
    struct message m;
    for (int64_t label = SERVICE_LATER;; label = message_handle(&m))
        service_next(names.endpoint, label, &m);
}
