/* SPDX-License-Identifier: MIT */
/*
 * posix/posix.h: the system as programs see it: files, processes, memory.
 *
 * Idea        The interface of xv6 over messages. A descriptor is a handle
 *             slot, 0 to 11, and the server behind it keeps the offset, so
 *             there is no table here to keep in step: fork, exec and the death
 *             of a process need no help from the library.
 * Use         int fd = open("f", O_CREATE | O_WRONLY);
 *             if (fd < 0 || write(fd, text, size) != size)
 *                 complain("prog", "f");
 * Invariants  Calls return -1 (sbrk: (char *)-1) on an error, and posix_error
 *             says which. A pointer to memory that is not there is an error,
 *             EFAULT, as it would be with a kernel that checks it.
 */
#ifndef OCTAVO_POSIX_POSIX_H
#define OCTAVO_POSIX_POSIX_H

#include <stdint.h>

#include "abi/errno.h"
#include "abi/layout.h"
#include "lib/malloc.h"
#include "lib/printf.h"
#include "lib/string.h"

/* Flags of open. */
enum {
    O_RDONLY = 0,
    O_WRONLY = 1,
    O_RDWR = 2,
    O_CREATE = 0x200,
    O_TRUNC = 0x400,
    O_APPEND = 0x800, /* beyond xv6: each write goes to the end */
};

enum {
    DESCRIPTORS = 12, /* descriptors are 0 to 11 */
    MAXARG = 32,      /* most arguments of exec */
    MAXPATH = 1024,   /* longest path */
    DIRSIZ = 14,      /* longest name in a directory */
};

/* Types of files. */
enum { T_DIR = 1, T_FILE = 2, T_DEVICE = 3 };

struct stat {
    int dev;
    uint32_t ino;
    short type;  /* T_ */
    short nlink; /* names it has */
    uint64_t size;
};

/* What reading a directory gives; inum 0 is an empty place. The name has a
 * NUL only if it is shorter than DIRSIZ. */
struct dirent {
    uint16_t inum;
    char name[DIRSIZ];
};

/* The error (abi/errno.h, positive) of the last call that returned -1. One for
 * the process: a program with threads looks at results only. */
extern int posix_error;

/* ---- Processes ---- */

/* Returns the child's pid, and 0 in the child. ENOMEM EAGAIN. */
int fork(void);

void exit(int status) __attribute__((noreturn));

/* Waits for a child's end; `status` may be NULL. Returns its pid. ECHILD
 * EFAULT. A child that was killed has status -1. */
int wait(int *status);

int kill(int pid);

/*
 * Becomes the program in the file. argv ends with NULL and has at most MAXARG
 * strings, of less than a page together. Returns only on an error, and then
 * nothing has changed. ENOENT ENOEXEC E2BIG EFAULT ENOMEM, errors of open.
 */
int exec(const char *path, char **argv);

int getpid(void);

/* Grows or shrinks the heap. Returns its old end. ENOMEM EINVAL. */
char *sbrk(int delta);

/* For that many ticks. */
int sleep(int ticks);

/* Ticks since boot. */
int uptime(void);

/* ---- Files ---- */

/* Returns the lowest free descriptor. ENOENT EISDIR ENOTDIR EMFILE and what
 * the server says. */
int open(const char *path, int flags);
int close(int fd);

/* Returns the bytes read, 0 at the end. */
int read(int fd, void *buffer, int size);

/* Returns the bytes written, fewer than `size` only if the disk is full. */
int write(int fd, const void *buffer, int size);

/* fds[0]: to read from; fds[1]: to write to. */
int pipe(int *fds);

/* Returns the lowest free descriptor, which is the same open file. */
int dup(int fd);

int fstat(int fd, struct stat *st);
int stat(const char *path, struct stat *st);
int mkdir(const char *path);
int mknod(const char *path, short major, short minor);
int link(const char *existing, const char *path);
int unlink(const char *path);
int chdir(const char *path);

/* ---- Memory ---- */

/* Flags of mmap, beside MAP_FIXED of abi/layout.h. */
enum {
    MAP_SHARED = 0x1000,
    MAP_PRIVATE = 0x2000,
    MAP_ANONYMOUS = 0x4000,
};

#define MAP_FAILED ((void *)-1)

/*
 * Maps `length` bytes of a file from `offset` on, or (MAP_ANONYMOUS, private)
 * zeros; both are multiples of the page size, but for the length. `prot` is of
 * abi/layout.h. A page is read when it is first touched. MAP_SHARED, for
 * reading: what is written to the file meanwhile is seen. MAP_PRIVATE: stores
 * are this process's alone (and, copied, its children's). Behind the file's end
 * its last page is zero; to touch a page behind that one ends the process.
 * Stays when the descriptor is closed; fork inherits it. `address` means
 * something with MAP_FIXED only.
 * MAP_FAILED: EBADF; ENODEV: not a file; EPERM: it is not open for reading, or
 * stores would be shared; EEXIST: the address is taken; EINVAL ENOMEM.
 */
void *mmap(void *address, uint64_t length, int prot, int flags, int fd,
           uint64_t offset);

/* Unmaps whole pages, of any mapping. */
int munmap(void *address, uint64_t length);

/* ---- Beyond xv6 ---- */

/* Makes `to` the same open file as `fd`; what `to` was is closed. Returns
 * `to`. */
int dup2(int fd, int to);

/* Waits for this child (-1: any). */
int waitpid(int pid, int *status);

/* Returns the pid of a child that has ended, 0 if none has. ECHILD. */
int wait_poll(int *status);

/* Reads a line with its '\n', at most max - 1 bytes, from standard input, and
 * ends it with a NUL. Returns `buffer`; it is empty at the end. */
char *gets(char *buffer, int max);

/* Writes all bytes. 0, or -1. */
int write_all(int fd, const void *buffer, size_t size);

/* Prints "program: what: the error in words" on standard error. */
void complain(const char *program, const char *what);

/* The same for a write to standard output that failed; says nothing if it was
 * a pipe that nobody reads any more, which is how many a pipeline ends. */
void complain_write(const char *program);

#endif
