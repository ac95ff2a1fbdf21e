/* SPDX-License-Identifier: MIT */
/*
 * posix/path.c: what is done with names of files.
 *
 * Idea        A path goes, as it is, to a directory session: the root's if it
 *             starts with '/', else the current directory's. The file server
 *             walks it. Should the file server have died and come back, the
 *             root is looked up again by name; the current directory is not,
 *             because nobody knows any more which it was: chdir gives another.
 * Invariants  A caller's path is copied before it is looked at, so it cannot
 *             change or vanish in between.
 */
#include "abi/errno.h"
#include "lib/file.h"
#include "lib/names.h"
#include "lib/proto.h"
#include "lib/safe.h"
#include "lib/syscall.h"
#include "posix/internal.h"
#include "posix/posix.h"

_Static_assert((int)MAXPATH == (int)PROTO_PATH_MAX,
               "what the file server takes");

/* A request with the bytes of its one or two paths. */
struct request {
    struct message m; /* label, words 0 to 2 */
    bool absolute;    /* every path starts with '/' */
    uint64_t length;
    char bytes[2 * MAXPATH + 1];
};

/* Appends a caller's path. Returns its length. EFAULT ENAMETOOLONG. */
static int64_t request_path(struct request *request, const char *path) {
    char *to = request->bytes + request->length;
    int64_t length = safe_string(to, path, MAXPATH + 1);
    if (length < 0)
        return length;
    request->absolute = (request->length == 0 || request->absolute) &&
                        length > 0 && to[0] == '/';
    request->length += (uint64_t)length;
    return length;
}

/* Makes the call at the file server. */
static int64_t request_start(struct request *request) {
    int64_t directory = request->absolute ? SLOT_ROOT : SLOT_CWD;
    int64_t result =
        file_path_call(directory, &request->m, request->bytes, request->length);
    if (!request->absolute || !session_dead(result) ||
        session_renew(SLOT_ROOT, NAME_FS) < 0)
        return result;
    return file_path_call(directory, &request->m, request->bytes,
                          request->length);
}

/* The server mounted at a device of that number, NULL if it is no mount point.
 */
static const char *mount_name(uint64_t major) {
    if (major == MAJOR_SYS)
        return NAME_SYS;
    return major == MAJOR_ROOT ? NAME_FS : NULL;
}

/* Makes the call again with the path from `offset` on, at that server. */
static int64_t request_continue(struct request *request, const char *name,
                                uint64_t offset) {
    if (offset > request->length)
        return -EIO;
    request->length -= offset;
    memmove(request->bytes, request->bytes + offset, request->length);
    if (request->length == 0)
        request->bytes[request->length++] = '.';
    request->m.words[0] = request->length;
    int64_t session = server_find(name);
    if (session < 0)
        return session;
    int64_t result =
        file_path_call(session, &request->m, request->bytes, request->length);
    sys_handle_close(session);
    return result;
}

/* Returns the reply's label or an error. */
static int64_t request_call(struct request *request) {
    uint64_t tag = request->m.tag,
             argument[] = {request->m.words[1], request->m.words[2]};
    int64_t result = request_start(request);
    while (result == FILE_IS_DEVICE) {
        const char *name = mount_name(request->m.words[0]);
        if (name == NULL)
            break;
        uint64_t offset = request->m.words[2];
        request->m.tag = tag;
        memcpy(&request->m.words[1], argument, sizeof(argument));
        result = request_continue(request, name, offset);
    }
    return result;
}

/* Makes a call about one path. */
static int64_t path_call(struct request *request, int32_t operation,
                         const char *path) {
    request->m.tag = tag_make(operation, 0, 0, 0);
    request->length = 0;
    int64_t length = request_path(request, path);
    request->m.words[0] = (uint64_t)length;
    return length < 0 ? length : request_call(request);
}

static int64_t reply_handle(const struct message *m) {
    return tag_handles(m->tag) == 1 ? (int64_t)handle_at(m->handles, 0) : -EIO;
}

int64_t path_open(const char *path, int flags, uint64_t *major) {
    struct request request;
    request.m.words[1] = (uint32_t)flags;
    request.m.words[2] = 0;
    int64_t result = path_call(&request, DIR_OPEN, path);
    if (result < 0)
        return result;
    *major = request.m.words[0];
    return result == FILE_IS_DEVICE ? result : reply_handle(&request.m);
}

int open(const char *path, int flags) {
    uint64_t major;
    int64_t session = path_open(path, flags, &major);
    if (session == FILE_IS_DEVICE)
        session = major == MAJOR_CONSOLE ? names_lookup(NAME_CONSOLE, false)
                                         : -ENODEV;
    return posix_result(session < 0 ? session : descriptor_install(session));
}

int chdir(const char *path) {
    struct request request;
    request.m.words[1] = request.m.words[2] = 0;
    int64_t result = path_call(&request, DIR_CHDIR, path);
    if (result < 0)
        return posix_result(result);
    int64_t session = reply_handle(&request.m);
    if (session < 0)
        return posix_result(session);
    result =
        sys_handle_dup(session, SLOT_CWD, RIGHT_ALL, DUP_MOVE | DUP_REPLACE);
    if (result < 0)
        sys_handle_close(session);
    return posix_result(result < 0 ? result : 0);
}

int mkdir(const char *path) {
    struct request request;
    request.m.words[1] = request.m.words[2] = 0;
    return posix_result(path_call(&request, DIR_MKDIR, path));
}

int mknod(const char *path, short major, short minor) {
    struct request request;
    request.m.words[1] = (uint16_t)major;
    request.m.words[2] = (uint16_t)minor;
    return posix_result(path_call(&request, DIR_MKNOD, path));
}

int unlink(const char *path) {
    struct request request;
    request.m.words[1] = request.m.words[2] = 0;
    return posix_result(path_call(&request, DIR_UNLINK, path));
}

int link(const char *existing, const char *path) {
    struct request request;
    request.length = 0;
    int64_t first = request_path(&request, existing);
    if (first < 0)
        return posix_result(first);
    int64_t second = request_path(&request, path);
    if (second < 0)
        return posix_result(second);
    request.m.tag = tag_make(DIR_LINK, 0, 0, 0);
    request.m.words[0] = (uint64_t)first;
    request.m.words[1] = (uint64_t)second;
    request.m.words[2] = 0;
    return posix_result(request_call(&request));
}

int stat(const char *path, struct stat *st) {
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return -1;
    int result = fstat(fd, st);
    int error = posix_error;
    close(fd);
    posix_error = error;
    return result;
}
