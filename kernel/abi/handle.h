/* SPDX-License-Identifier: MIT */
/*
 * abi/handle.h: handles, the rights on them, and the slots that have a meaning.
 *
 * A handle is an index into its process's table of HANDLE_MAX slots. An entry
 * names an object, what may be done with it (the rights), and the generation
 * that the object had: revocation moves the object's generation on, and every
 * handle everywhere is dead at once.
 */
#ifndef OCTAVO_ABI_HANDLE_H
#define OCTAVO_ABI_HANDLE_H

enum {
    HANDLE_MAX = 128,    /* slots in a table */
    HANDLE_RECEIVED = 16 /* received handles take the lowest free slot from
                            here, unless SYS_ACCEPT set another base */
};

/* What a handle names; SYS_HANDLE_INFO tells. */
enum handle_type {
    HANDLE_NONE = 0,
    HANDLE_ENDPOINT,     /* receive on it, mint sessions for it */
    HANDLE_SESSION,      /* call and send to its endpoint, with a badge */
    HANDLE_REPLY,        /* a saved reply: answers one call, once */
    HANDLE_NOTIFICATION, /* a word of signal bits */
    HANDLE_MEMORY,       /* device, DMA or boot memory that can be mapped */
    HANDLE_SPACE,        /* an address space being built */
    HANDLE_IRQ,          /* an interrupt line */
    HANDLE_AUTHORITY,    /* the right to make memory and irq handles */
};

/* Rights. */
enum {
    RIGHT_SEND = 1 << 0,     /* session: call and send */
    RIGHT_RECEIVE = 1 << 1,  /* endpoint: receive, mint, bind */
    RIGHT_PASS = 1 << 2,     /* may travel in a message */
    RIGHT_GRANT = 1 << 3,    /* whoever receives it may pass it on again */
    RIGHT_READ = 1 << 4,     /* memory, space: map or copy from */
    RIGHT_WRITE = 1 << 5,    /* memory, space: map or copy to */
    RIGHT_EXECUTE = 1 << 6,  /* memory: map executable */
    RIGHT_MAP = 1 << 7,      /* memory, space: may be mapped, be mapped into */
    RIGHT_SIGNAL = 1 << 8,   /* notification: signal */
    RIGHT_WAIT = 1 << 9,     /* notification: wait, poll, bind */
    RIGHT_INHERIT = 1 << 10, /* fork copies the handle to the child */
    RIGHT_REPLY = 1 << 11,   /* reply: answer, and copy to or from the caller */
    RIGHT_CONTROL = 1 << 12, /* irq: bind, acknowledge; authority: use */
    RIGHT_PHYSICAL = 1 << 13, /* memory: learn the physical address */
    RIGHT_ALL = (1 << 14) - 1,
};

/* Pseudo handles. */
enum {
    HANDLE_SELF = -1,     /* SYS_MAP and kin: the caller's own space */
    HANDLE_IMPLICIT = -1, /* SYS_REPLY, SYS_COPY: the newest call's reply */
};

/* Flags of SYS_HANDLE_DUP. */
enum {
    DUP_LOWEST = 1,  /* the slot argument is a lower bound, not a slot */
    DUP_MOVE = 2,    /* the source handle is closed on success */
    DUP_REPLACE = 4, /* a handle in the target slot is closed first */
};

/* Flags of SYS_SESSION_MINT. */
enum {
    SESSION_NOTIFY_CLOSED = 1, /* the receiver wants one CLOSED notice */
};

/*
 * Slots that the user library and init agree on; the kernel knows none of
 * them. 0, 1 and 2 are standard input, output and error as everywhere.
 */
enum {
    SLOT_CWD = 12,   /* session: the current directory */
    SLOT_ROOT = 13,  /* session: the root directory */
    SLOT_PIPE = 14,  /* session: the pipe server */
    SLOT_NAMES = 15, /* session: the name server */
    SLOT_GRANT = 16, /* first of what init hands to a server it starts */
};

#endif
