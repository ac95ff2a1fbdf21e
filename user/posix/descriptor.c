/* SPDX-License-Identifier: MIT */
/*
 * posix/descriptor.c: what is done with an open descriptor.
 *
 * Idea        The descriptor is the handle, so most calls check its range and
 *             hand it to lib/file.h. Handles that arrive in messages land at
 *             slot 16 or above and are moved down to become descriptors.
 * Invariants  The slots from 12 up are the library's own and can be neither
 *             read nor closed as descriptors.
 */
#include "posix/posix.h"

#include "lib/error.h"
#include "lib/file.h"
#include "lib/names.h"
#include "lib/proto.h"
#include "lib/safe.h"
#include "lib/syscall.h"
#include "posix/internal.h"

int posix_error;

int posix_result(int64_t result) {
    if (result >= 0)
        return (int)result;
    posix_error = (int)-result;
    return -1;
}

bool descriptor_valid(int fd) {
    return fd >= 0 && fd < DESCRIPTORS;
}

int64_t descriptor_install(int64_t handle) {
    int64_t fd = sys_handle_dup(handle, 0, RIGHT_ALL, DUP_LOWEST | DUP_MOVE);
    if (fd >= 0 && fd < DESCRIPTORS)
        return fd;
    sys_handle_close(fd < 0 ? handle : fd);
    return -EMFILE;
}

bool session_dead(int64_t error) {
    return error == -EPIPE || error == -ESTALE;
}

int64_t server_find(const char *name) {
    uint64_t second = sys_system_info(INFO_TIMEBASE, 0).value[0];
    return names_lookup_until(name, time_now() + 2 * second);
}

int64_t session_renew(int64_t slot, const char *name) {
    int64_t session = server_find(name);
    if (session < 0)
        return session;
    int64_t error = sys_handle_dup(session, (uint64_t)slot, RIGHT_ALL,
                                   DUP_MOVE | DUP_REPLACE);
    if (error < 0)
        sys_handle_close(session);
    return error;
}

int close(int fd) {
    return posix_result(descriptor_valid(fd) ? sys_handle_close(fd) : -EBADF);
}

int read(int fd, void *buffer, int size) {
    if (!descriptor_valid(fd))
        return posix_result(-EBADF);
    if (size < 0)
        return posix_result(-EINVAL);
    return posix_result(file_read(fd, buffer, (uint64_t)size));
}

int write(int fd, const void *buffer, int size) {
    if (!descriptor_valid(fd))
        return posix_result(-EBADF);
    if (size < 0)
        return posix_result(-EINVAL);
    return posix_result(file_write(fd, buffer, (uint64_t)size));
}

int dup(int fd) {
    if (!descriptor_valid(fd))
        return posix_result(-EBADF);
    int64_t copy = sys_handle_dup(fd, 0, RIGHT_ALL, DUP_LOWEST);
    if (copy >= DESCRIPTORS) {
        sys_handle_close(copy);
        copy = -EMFILE;
    }
    return posix_result(copy == -ENOSPC ? -EMFILE : copy);
}

int dup2(int fd, int to) {
    if (!descriptor_valid(fd) || !descriptor_valid(to))
        return posix_result(-EBADF);
    if (fd == to)
        return posix_result(sys_handle_info(fd).result > HANDLE_NONE ? to
                                                                     : -EBADF);
    return posix_result(
        sys_handle_dup(fd, (uint64_t)to, RIGHT_ALL, DUP_REPLACE));
}

int fstat(int fd, struct stat *st) {
    if (!descriptor_valid(fd))
        return posix_result(-EBADF);
    struct file_info info;
    int64_t error = file_stat(fd, &info);
    if (error < 0)
        return posix_result(error);
    struct stat result = {.dev = (int)info.device,
                          .ino = (uint32_t)info.inode,
                          .type = (short)info.type,
                          .nlink = (short)info.links,
                          .size = info.size};
    return posix_result(safe_copy(st, &result, sizeof(result)));
}

/* Asks the pipe server, which may have been restarted, for a pipe. */
static int64_t pipe_create(struct message *m) {
    for (int attempt = 0;; attempt++) {
        *m = (struct message){.tag = tag_make(PIPE_CREATE, 0, 0, 0)};
        int64_t error = ipc_call(SLOT_PIPE, m, DEADLINE_NONE);
        if (error >= 0)
            error = tag_label(m->tag);
        if (error >= 0)
            return tag_handles(m->tag) == 2 ? 0 : -EIO;
        if (attempt > 0 || !session_dead(error) ||
            session_renew(SLOT_PIPE, NAME_PIPE) < 0)
            return error;
    }
}

int pipe(int *fds) {
    struct message m;
    int64_t error = safe_probe(fds, 2 * sizeof(*fds));
    if (error >= 0)
        error = pipe_create(&m);
    if (error < 0)
        return posix_result(error);
    int64_t reader = descriptor_install(handle_at(m.handles, 0));
    int64_t writer = descriptor_install(handle_at(m.handles, 1));
    int pair[2] = {(int)reader, (int)writer};
    error =
        reader < 0 || writer < 0 ? -EMFILE : safe_copy(fds, pair, sizeof(pair));
    if (error >= 0)
        return 0;
    if (reader >= 0)
        sys_handle_close(reader);
    if (writer >= 0)
        sys_handle_close(writer);
    return posix_result(error);
}

char *gets(char *buffer, int max) {
    int used = 0;
    while (used + 1 < max) {
        char byte;
        if (read(0, &byte, 1) != 1)
            break;
        buffer[used++] = byte;
        if (byte == '\n' || byte == '\r')
            break;
    }
    buffer[used] = 0;
    return buffer;
}

int write_all(int fd, const void *buffer, size_t size) {
    const char *from = buffer;
    while (size > 0) {
        int count = write(fd, from, size < 0x10000000 ? (int)size : 0x10000000);
        if (count < 0)
            return -1;
        if (count == 0)
            return posix_result(-ENOSPC);
        from += count;
        size -= (size_t)count;
    }
    return 0;
}

void complain(const char *program, const char *what) {
    fprintf(2, "%s: %s: %s\n", program, what, error_text(posix_error));
}

void complain_write(const char *program) {
    if (posix_error != EPIPE)
        complain(program, "write");
}
