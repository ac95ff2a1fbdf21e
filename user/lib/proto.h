/* SPDX-License-Identifier: MIT */
/*
 * lib/proto.h: what clients and servers say to each other.
 *
 * A request's label is an operation, a reply's label is 0 or a count, or a
 * negative errno. Words are named w0..w7 here (registers m0..m7). A buffer
 * travels as memory item 0, always a WINDOW: the server moves the bytes with
 * SYS_COPY while the call is open. Short data rides in the words instead
 * ("inline"), so that a small read or write is one register-only call.
 *
 * A file descriptor is a session handle, whoever serves it: files, directories,
 * the console and pipes answer the FILE operations alike. Closing is closing
 * the handle: the server gets the CLOSED notice with the badge.
 */
#ifndef OCTAVO_LIB_PROTO_H
#define OCTAVO_LIB_PROTO_H

enum {
    PROTO_INLINE_READ = 64,  /* bytes a reply carries in w0..w7 */
    PROTO_INLINE_WRITE = 56, /* bytes a request carries in w1..w7 */
    PROTO_INLINE_PATH = 40,  /* bytes of path (no NUL) in w3..w7 */
    PROTO_PATH_MAX = 1024,   /* longest path, in a window */
    PROTO_NAME_MAX = 32,     /* longest name at the name server */
};

/* To any session that is a descriptor. */
enum file_operation {
    /*
     * READ: w0 = bytes wanted. Up to PROTO_INLINE_READ and no item: the data
     * comes in the reply's w0..w7. Else item 0 = WINDOW, WRITE. Reply label:
     * bytes read, 0 at the end of the file.
     */
    FILE_READ = 1,
    /*
     * WRITE: w0 = bytes. Up to PROTO_INLINE_WRITE and no item: the data is in
     * w1..w7. Else item 0 = WINDOW, READ. Reply label: bytes written.
     */
    FILE_WRITE = 2,
    /* STAT. Reply: w0 = type, w1 = inode, w2 = links, w3 = size, w4 = device.
     */
    FILE_STAT = 3,
    /* CONTROL: w0 = enum file_control, w1.. = arguments. */
    FILE_CONTROL = 4,

    /*
     * Operations on a directory session; the path is relative to it unless it
     * starts with '/'. w0 = path length, w1, w2 = arguments; the path is
     * inline in w3..w7 when it fits, else in item 0 = WINDOW, READ.
     */
    DIR_OPEN = 16,   /* w1 = O_ flags, w2 = 0. Reply: handle 0 */
    DIR_MKDIR = 17,  /* */
    DIR_MKNOD = 18,  /* w1 = major, w2 = minor */
    DIR_UNLINK = 19, /* */
    /*
     * w1 = length of the second path, which follows the first in the same
     * bytes (inline when both fit together, else one window).
     */
    DIR_LINK = 20,
    /* Like OPEN of a directory: the reply's handle 0 is fit for SLOT_CWD. */
    DIR_CHDIR = 21,
};

/*
 * A device inode: DIR_OPEN replies label FILE_IS_DEVICE with w0 = major, w1 =
 * minor, w2 = the offset in the path of what follows, and no handle. The
 * library then opens the device at its own server.
 *
 * A device whose server has a tree of names of its own is a mount point: the
 * other DIR_ operations (but LINK: EXDEV) are answered likewise, also when the
 * path leads on through it. The library makes the same request there, with the
 * path from w2 on, "." if nothing is left. So does a path that leads back.
 */
enum { FILE_IS_DEVICE = 1 << 20 };

enum file_major {
    MAJOR_CONSOLE = 1,
    MAJOR_SYS = 2,  /* mount point of the server sys */
    MAJOR_ROOT = 3, /* mount point of the file server's root: the way back */
};

enum file_control {
    /* console: w1 = pid: it joins those that ^C ends, with their descendants;
     * EAGAIN. w1 = 0: none any more; label 1 if ^C was typed, else 0. */
    CONTROL_FOREGROUND = 1,
    CONTROL_RAW = 2, /* console: w1 = 1: no line editing, no echo */
};

/* To the pipe server (SLOT_PIPE). CREATE: reply handle 0 = read end, handle 1
 * = write end. Errors: ENOSPC. */
enum { PIPE_CREATE = 32 };

/*
 * To the name server (SLOT_NAMES). Names are 1..PROTO_NAME_MAX bytes: w0 =
 * length, w1..w4 = the bytes, zero-filled.
 */
enum names_operation {
    /* handle 0 = a session (PASS and GRANT) that is handed to who looks the
     * name up. Reply: handle 0 = the registration: the name lives until it is
     * closed, so it vanishes with its owner. EEXIST EINVAL ENOSPC. */
    NAMES_REGISTER = 48,
    /* Reply: handle 0. ENOENT. w5 = 1: wait until the name appears. */
    NAMES_LOOKUP = 49,
    /* w5 = index. Reply: w0 = length, w1..w4 = name; ENOENT past the end. */
    NAMES_LIST = 50,
};

/* To the disk server (name "disk"); blocks are 4 KiB. */
enum disk_operation {
    /* w0 = first block, w1 = blocks; item 0 = WINDOW, WRITE. */
    DISK_READ = 64,
    /* w0 = first block, w1 = blocks; item 0 = WINDOW, READ. */
    DISK_WRITE = 65,
    /* All earlier writes are durable when it is answered. */
    DISK_FLUSH = 66,
    /* Reply: w0 = blocks on the disk. */
    DISK_SIZE = 67,
};

/* To init (name "init"). */
enum init_operation {
    /* w0 = status 0..255. No reply: the machine ends. EINVAL. */
    INIT_POWEROFF = 80,
    /*
     * One-way, and only from the name server, which finds a session for it in
     * SLOT_GRANT: handle 0 = a session of its own that becomes everybody's
     * SLOT_NAMES.
     */
    INIT_NAMES = 81,
};

/* Names servers register under. */
#define NAME_INIT "init"
#define NAME_CONSOLE "console"
#define NAME_DISK "disk"
#define NAME_FS "fs"
#define NAME_PIPE "pipe"
#define NAME_SYS "sys"

#endif
