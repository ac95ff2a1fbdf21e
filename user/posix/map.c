/* SPDX-License-Identifier: MIT */
/*
 * posix/map.c: files and zeros as memory.
 *
 * Idea        The server of a file is the pager of its mappings: it shares the
 *             pages of its cache with who only reads them, and gives those who
 *             may write pages of their own. The mapping refers to the session,
 *             so the descriptor may be closed.
 */
#include "lib/file.h"
#include "lib/syscall.h"
#include "posix/internal.h"
#include "posix/posix.h"

/* Whether the descriptor is a file that may be read. */
static int64_t file_check(int fd) {
    struct file_info info;
    if (!descriptor_valid(fd))
        return -EBADF;
    int64_t error = file_stat(fd, &info);
    if (error == -EINVAL || (error >= 0 && info.type != T_FILE))
        error = -ENODEV; /* a pipe has no type */
    return error < 0 ? error : file_read(fd, NULL, 0);
}

/* What the flags ask for. EINVAL; EPERM: stores into the file. */
static int64_t flags_check(uint64_t length, int prot, int flags) {
    int sharing = flags & (MAP_SHARED | MAP_PRIVATE);
    bool writes = prot & PROT_WRITE;
    if (length == 0 || prot & ~(PROT_READ | PROT_WRITE | PROT_EXECUTE) ||
        flags & ~(MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED) ||
        (sharing != MAP_SHARED && sharing != MAP_PRIVATE))
        return -EINVAL;
    if (sharing == MAP_SHARED && writes)
        return flags & MAP_ANONYMOUS ? -EINVAL : -EPERM;
    return 0;
}

void *mmap(void *address, uint64_t length, int prot, int flags, int fd,
           uint64_t offset) {
    int64_t result = flags_check(length, prot, flags);
    uint64_t how = (uint64_t)(prot | (flags & MAP_FIXED));
    if (flags & MAP_ANONYMOUS)
        fd = -1;
    else if (result >= 0)
        result = file_check(fd);
    if (result >= 0 && !(flags & MAP_FIXED))
        address = NULL;
    if (result >= 0)
        result =
            sys_map(HANDLE_SELF, (uint64_t)address, length,
                    fd < 0 ? how : how | MAP_PAGER, fd, fd < 0 ? 0 : offset);
    return result < 0 ? (posix_result(result), MAP_FAILED) : (void *)result;
}

int munmap(void *address, uint64_t length) {
    return posix_result(sys_unmap(HANDLE_SELF, (uint64_t)address, length));
}
