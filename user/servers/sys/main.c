/* SPDX-License-Identifier: MIT */
/*
 * servers/sys/main.c: what the kernel counts, as files to be read.
 *
 * Idea        A tree of names (tree.h), served by the FILE and DIR operations
 *             of lib/proto.h. A file's text is made when it is opened and kept
 *             until it is closed, so that who reads it in pieces reads of one
 *             moment. Nothing can be written. A path that leads out of the tree
 *             is handed back: the client goes on at the file server, where an
 *             inode with major MAJOR_SYS had sent it here.
 * States      opens[i]: unused -> DIR_OPEN or DIR_CHDIR -> open -> CLOSED ->
 *             unused.
 * Invariants  S1  Badge 0 is the root directory, for paths alone; badge i + 1
 *                 is opens[i].
 *             S2  A badge is minted again only after its CLOSED.
 *             S3  Nothing is allocated to serve: a table that is full is
 *                 ENOSPC.
 */
#include <stddef.h>

#include "abi/layout.h"
#include "lib/proto.h"
#include "lib/server.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "posix/posix.h"
#include "servers/common/service.h"
#include "servers/sys/tree.h"

enum { OPENS_MAX = 16, BADGE_ROOT = 0 };

struct open {
    bool used;
    unsigned node;
    uint64_t offset;
    struct page page;
};

static struct {
    int64_t endpoint;
    struct open opens[OPENS_MAX];
    char path[PROTO_PATH_MAX];
} server;

/* The open file of a session; NULL: it is the root's. */
static struct open *open_of(uint64_t badge) {
    return badge == BADGE_ROOT ? NULL : &server.opens[badge - 1];
}

static bool node_is_dir(unsigned node) {
    return !sys_tree.nodes[node].render;
}

/* ---- Opening ---- */

static int64_t page_make(struct page *page, unsigned node) {
    page->length = 0;
    page->full = false;
    if (node_is_dir(node))
        tree_list(&sys_tree, node, page);
    else
        sys_tree.nodes[node].render(page);
    return page->full ? -EFBIG : 0;
}

/* Answers with a session for the node. Once it exists its CLOSED cleans up. */
static int64_t open_answer(struct message *m, unsigned node) {
    unsigned index = 0;
    while (index < OPENS_MAX && server.opens[index].used)
        index++;
    if (index == OPENS_MAX)
        return -ENOSPC;
    struct open *open = &server.opens[index];
    int64_t session = page_make(&open->page, node);
    if (session == 0)
        session = sys_session_mint(server.endpoint, index + 1, SERVICE_RIGHTS,
                                   SESSION_NOTIFY_CLOSED);
    if (session < 0)
        return session;
    open->used = true;
    open->node = node;
    open->offset = 0;
    message_answer_handle(m, session, 0);
    int64_t error = ipc_reply(HANDLE_IMPLICIT, m);
    if (error == 0)
        return SERVICE_LATER;
    sys_handle_close(session);
    return error == -EPIPE ? SERVICE_LATER : error;
}

/* ---- Requests ---- */

/* FILE_READ */
static int64_t file_read_request(struct open *open, struct message *m) {
    uint64_t wanted = m->words[0], left = open->page.length - open->offset;
    const char *from = open->page.bytes + open->offset;
    uint64_t count = wanted < left ? wanted : left;
    unsigned words = 0;
    if (tag_items(m->tag) > 0) {
        struct copy_result copy =
            ipc_copy(HANDLE_IMPLICIT, COPY_OUT, 0, from, count);
        if (copy.done == 0 && copy.error < 0)
            return service_copy_error(copy.error);
        count = copy.done;
    } else {
        if (wanted > PROTO_INLINE_READ)
            return -EINVAL;
        words = (unsigned)(count + 7) / 8;
        memset(m->words, 0, sizeof(m->words));
        memcpy(m->words, from, count);
    }
    open->offset += count;
    message_answer(m, (int64_t)count, words);
    return SERVICE_MESSAGE;
}

/* FILE_STAT */
static int64_t file_stat_request(const struct open *open, struct message *m) {
    unsigned node = open ? open->node : NODE_ROOT;
    m->words[0] = node_is_dir(node) ? T_DIR : T_FILE;
    m->words[1] = node + 1;
    m->words[2] = 1;
    m->words[3] = open ? open->page.length : 0;
    m->words[4] = MAJOR_SYS;
    message_answer(m, 0, 5);
    return SERVICE_MESSAGE;
}

/* Whether a DIR_ operation would change something. */
static bool request_writes(const struct message *m) {
    if (tag_label(m->tag) == DIR_OPEN)
        return m->words[1] != O_RDONLY;
    return tag_label(m->tag) != DIR_CHDIR;
}

/* DIR_OPEN and DIR_CHDIR of what is there. */
static int64_t node_request(struct message *m, unsigned node) {
    bool opens = tag_label(m->tag) == DIR_OPEN;
    if (request_writes(m))
        return opens && node_is_dir(node) ? -EISDIR : -EPERM;
    return opens || node_is_dir(node) ? open_answer(m, node) : -ENOTDIR;
}

/* The DIR_ operations. */
static int64_t dir_request(const struct open *open, struct message *m) {
    unsigned from = open ? open->node : NODE_ROOT, node;
    uint64_t length = m->words[0];
    if (tag_label(m->tag) < DIR_OPEN || tag_label(m->tag) > DIR_CHDIR)
        return -ENOSYS;
    if (!node_is_dir(from))
        return -ENOTDIR;
    if (tag_label(m->tag) == DIR_LINK)
        return -EPERM;
    int64_t result = service_path(m, length, server.path);
    if (result == 0)
        result = tree_walk(&sys_tree, from, server.path, length, &node);
    if (result == 0)
        return node_request(m, node);
    if (result < 0)
        return result == -ENOENT && request_writes(m) ? -EPERM : result;
    m->words[0] = MAJOR_ROOT;
    m->words[1] = 0;
    m->words[2] = (uint64_t)result;
    message_answer(m, FILE_IS_DEVICE, 3);
    return SERVICE_MESSAGE;
}

static int64_t call_handle(struct message *m) {
    struct open *open = open_of(m->badge);
    switch (tag_label(m->tag)) {
    case FILE_READ:
        return open ? file_read_request(open, m) : -EPERM;
    case FILE_WRITE:
        return -EPERM;
    case FILE_STAT:
        return file_stat_request(open, m);
    default:
        return dir_request(open, m);
    }
}

static int64_t message_handle(struct message *m) {
    if (tag_kind(m->tag) == MESSAGE_CALL)
        return call_handle(m);
    if (tag_kind(m->tag) == MESSAGE_CLOSED)
        open_of(m->badge)->used = false;
    return SERVICE_LATER;
}

/* Touches the tables: serving never depends on free memory (S3). */
static void memory_take(void) {
    volatile char *bytes = (volatile char *)&server;
    for (size_t at = 0; at < sizeof(server); at += PAGE_SIZE)
        bytes[at] = 0;
}

int main(void) {
    memory_take();
    server.endpoint = server_open(NAME_SYS, SERVICE_RIGHTS);
    if (server.endpoint < 0)
        service_fail(NAME_SYS, "cannot register", server.endpoint);
    struct message m;
    for (int64_t label = SERVICE_LATER;; label = message_handle(&m))
        service_next(server.endpoint, label, &m);
}
