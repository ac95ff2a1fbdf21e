/* SPDX-License-Identifier: MIT */
/*
 * abi/syscall.h: the system calls, their registers and their errors.
 *
 * The number goes in a7, arguments in a0 to a5 (message calls: see
 * abi/message.h), and `ecall` traps. a0 returns a result that is 0 or
 * positive, or a negative errno. Other result registers are named below; all
 * remaining registers keep their values, except that message calls change
 * a0-a7 and t0-t6.
 *
 * No call but SYS_COPY reads or writes user memory, and memory items change who
 * maps it: everything else travels in registers. "Deadline" is DEADLINE_NONE,
 * DEADLINE_POLL or an absolute time in units of the `time` CSR. Any call that
 * waits can also end in ECANCELED, seen only by the kernel: the thread is being
 * killed. An unknown number is ENOSYS.
 *
 * Each entry: NAME(arguments) -> results. What it does. Errors.
 */
#ifndef OCTAVO_ABI_SYSCALL_H
#define OCTAVO_ABI_SYSCALL_H

enum syscall {
    /* ---- Messages ---- */

    /*
     * CALL(session, message, deadline) -> reply message.
     * Sends the message and waits for the reply. Switches straight to a
     * waiting receiver. The deadline covers delivery and reply; a passed
     * deadline takes the call back wherever it is. DEADLINE_POLL is about
     * delivery: EAGAIN unless a receiver waits, and then the reply may take its
     * time.
     * EBADF EPERM ESTALE EINVAL: the handle or the message; also for a handle
     * in the message (EPERM: no PASS right, or a copy of a handle that can only
     * move). EMSGSIZE: more handles or pages than the receiver takes, or more
     * than 512 pages beside whole tables of 2 MiB. ENOSPC: the receiver's
     * handle table is full, or its window occupied. By a memory item: EINVAL
     * (also if ranges overlap), EFAULT (not mapped), EPERM (wider rights than
     * the sender's; device or DMA memory), EBUSY (lent or borrowed), ENOMEM.
     * EAGAIN ETIMEDOUT. EPIPE: the endpoint or
     * the serving thread died. EDEADLK: it would wait, by way of other calls,
     * for a thread that waits for this one (judged by the thread that received
     * on the endpoint last); or 8 calls lead to this thread already.
     */
    SYS_CALL = 1,

    /*
     * REPLY_RECV(endpoint, message, deadline) -> message, badge.
     * Answers the newest call if one is owed, then receives like RECV. A
     * caller that is gone drops the reply and the receive goes on; an error
     * in the reply's own handles or items returns with the reply still owed.
     * With nothing owed it is a RECV. Errors: as REPLY (but EPIPE, and ESTALE
     * for want of a call) and RECV.
     */
    SYS_REPLY_RECV = 0,

    /*
     * SEND(session, message, deadline) -> 0.
     * Delivers a one-way message; waits until a receiver has taken it.
     * Errors: as CALL, but for those of replies.
     */
    SYS_SEND = 3,

    /*
     * RECV(endpoint, deadline in t6) -> message, badge.
     * Waits for a message, a CLOSED notice or the bound notification.
     * Senders are served by priority, first come first served within one.
     * EBADF EPERM EAGAIN ETIMEDOUT. EBUSY: a reply is owed and neither given
     * nor saved. EPIPE: the endpoint died while waiting.
     */
    SYS_RECV = 4,

    /*
     * REPLY(HANDLE_IMPLICIT or reply handle, message) -> 0.
     * Completes the call, once. A reply handle is closed by it.
     * EBADF: not a reply handle; ESTALE: no call is open in this thread
     * (HANDLE_IMPLICIT). EPIPE: the caller is gone; the reply is too. By the
     * message, and then the reply is still owed: EINVAL (also for LEND and
     * WINDOW items, which replies do not carry), EBADF EPERM ESTALE (its
     * handles), EMSGSIZE (more handles or pages than the caller takes), ENOSPC
     * (the caller's table is full, or its window occupied), EBUSY (pages that
     * the call lent are lent on), and by a memory item as in CALL.
     */
    SYS_REPLY = 5,

    /*
     * REPLY_SAVE() -> reply handle.
     * Turns the newest call's reply into a handle, so that the thread can
     * receive again and answer later, or pass the handle on. Ends the
     * caller's priority donation. ESTALE: no call is open. ENOSPC: the handle
     * table is full; the reply is still owed.
     */
    SYS_REPLY_SAVE = 6,

    /*
     * COPY(reply or space handle, what, offset, local, length, done) ->
     *     a0 error, a1 bytes copied in all.
     * Copies between the caller's memory at `local` and a WINDOW item of an
     * open call, or (space handle) an address space being built, at `offset`.
     * `what` is the item's index | COPY_IN or COPY_OUT | optionally
     * COPY_NOFAULT. Pass done = 0: the kernel uses a2 to a5 to resume, and
     * leaves them changed. The bytes
     * counted are a contiguous prefix, exact even on error. Lazy and
     * copy-on-write pages on either side are resolved.
     * In this order: EBADF, ESTALE (already replied), EPIPE (caller gone),
     * EINVAL (not exactly one direction, unknown bit, no such item, range
     * wraps or leaves user memory, ranges overlap within one space), EPERM
     * (the item does not grant the direction), ERANGE (offset beyond the
     * item's end); length 0 succeeds; then with an exact count: EFAULT (own
     * side), EPFAULT (other side), EOVERFLOW (the item's end), EPIPE (the
     * caller vanished meanwhile), ENOMEM.
     */
    SYS_COPY = 7,

    /*
     * ACCEPT(kind, base, length, pages, handles, slot) -> 0.
     * States what this thread takes in its receives (kind 0) or in replies to
     * its calls (kind 1): a window for memory (base 0: the kernel chooses the
     * place of each item, and length means nothing), the most pages in one
     * message, the most handles (0..4), and the lowest slot for received
     * handles. Items go into the window one behind the other, from message to
     * message, until it is used up. A fresh thread accepts no pages; no
     * handles in receives, four in replies; from slot HANDLE_RECEIVED. A
     * sender whose message is more than that gets EMSGSIZE and the receiver
     * goes on waiting. EINVAL.
     */
    SYS_ACCEPT = 8,

    /* ---- Objects ---- */

    /* ENDPOINT_CREATE() -> endpoint handle with every right. ENOSPC ENOMEM. */
    SYS_ENDPOINT_CREATE = 9,

    /*
     * SESSION_MINT(endpoint, badge, rights, flags) -> session handle.
     * Makes a session: what the holder sends arrives with this badge. With
     * SESSION_NOTIFY_CLOSED the receiver gets exactly one CLOSED message with
     * the badge when the last handle and the last open call are gone.
     * Rights: of SEND, PASS, GRANT, INHERIT.
     * EBADF EPERM EINVAL ENOSPC ENOMEM.
     */
    SYS_SESSION_MINT = 10,

    /*
     * REVOKE(endpoint or session handle) -> 0.
     * Every session of the endpoint, or every handle of the session, is dead
     * from now on: its users get ESTALE, also those that wait. The endpoint's
     * own RECEIVE handles stay. Needs RECEIVE (endpoint) or, for a session,
     * that the caller holds RECEIVE on its endpoint. EBADF EPERM ESTALE.
     */
    SYS_REVOKE = 11,

    /*
     * HANDLE_DUP(handle, slot, rights, flags) -> slot.
     * A second handle on the same object with the rights that both the source
     * and the argument have. Flags: DUP_LOWEST DUP_MOVE DUP_REPLACE. Reply
     * and endpoint handles can be moved, not copied (EPERM).
     * EBADF EINVAL ESTALE. EEXIST: the slot is taken. ENOSPC: no slot is free.
     */
    SYS_HANDLE_DUP = 12,

    /* HANDLE_CLOSE(handle) -> 0. Closing an unanswered reply handle gives its
     * caller EPIPE. EBADF. */
    SYS_HANDLE_CLOSE = 13,

    /* HANDLE_INFO(handle) -> a0 type, a1 rights, a2 badge (0 unless the caller
     * may receive from the session's endpoint). EBADF; ESTALE if revoked;
     * EPIPE: the session's endpoint is dead. */
    SYS_HANDLE_INFO = 14,

    /* NOTIFICATION_CREATE() -> notification handle. ENOSPC ENOMEM. */
    SYS_NOTIFICATION_CREATE = 15,

    /* SIGNAL(notification, bits) -> 0. ORs the bits into the word and wakes a
     * waiter. Never waits. EBADF EPERM. */
    SYS_SIGNAL = 16,

    /* WAIT_SIGNAL(notification, deadline) -> a1 bits. Takes all bits, waiting
     * until there is one. EBADF EPERM EAGAIN ETIMEDOUT EPIPE (it died).
     * EBUSY: it is bound to an endpoint. */
    SYS_WAIT_SIGNAL = 17,

    /* NOTIFICATION_BIND(notification, endpoint) -> 0. Receives on the endpoint
     * also return the notification's bits, as MESSAGE_SIGNAL with the bits in
     * m0. One notification an endpoint (EBUSY). EBADF EPERM. */
    SYS_NOTIFICATION_BIND = 18,

    /* IRQ_CREATE(authority, interrupt) -> irq handle. EBADF EPERM EINVAL
     * EBUSY (someone has it) ENOSPC ENOMEM. */
    SYS_IRQ_CREATE = 19,

    /* IRQ_BIND(irq, notification, bits) -> 0. The interrupt is unmasked and
     * from now on signals the bits, masked after each until IRQ_ACK.
     * EBADF EPERM EINVAL (no bits). */
    SYS_IRQ_BIND = 20,

    /* IRQ_ACK(irq) -> 0. Unmasks the interrupt. EBADF EPERM. */
    SYS_IRQ_ACK = 21,

    /* ---- Memory ---- */

    /* SPACE_CREATE() -> space handle: an empty address space. ENOSPC ENOMEM. */
    SYS_SPACE_CREATE = 22,

    /*
     * SPACE_COMMIT(space, entry, stack, arg0, arg1, heap, name0, name1).
     * The process takes on the space and goes on at `entry` with this stack
     * pointer and a0, a1 = arg0, arg1; heap is where sbrk grows from; the name
     * (registers a6, t0) is up to 16 bytes. Other threads end first. Handles
     * stay, but the space handle goes; messages bring what a fresh thread
     * accepts. On error the caller is as it was.
     * EBADF EPERM EINVAL.
     */
    SYS_SPACE_COMMIT = 23,

    /*
     * MAP(space or HANDLE_SELF, address, length, prot and flags, memory or -1,
     *     offset) -> address.
     * Maps whole pages: zero-filled on demand (memory -1), or device, DMA or
     * boot memory. Address 0: the kernel chooses. Length is rounded up. With
     * MAP_PAGER `memory` is a session with SEND, which the region refers to
     * from now on: a fault on a missing page is a PAGER_FAULT call to it
     * (abi/pager.h), and `offset` is what the pager gets for the first page.
     * With MAP_LARGE whole 2 MiB of it become megapages when they are touched,
     * as long as so much adjacent memory is free.
     * EBADF EPERM. EINVAL: length 0, wraps, not user memory, address or offset
     * not a multiple of the page size, write without read, write and execute
     * together, MAP_PAGER or MAP_LARGE with MAP_STACK, MAP_LARGE with a memory
     * object or a pager. EEXIST: the range is occupied.
     * ENOMEM.
     */
    SYS_MAP = 24,

    /* UNMAP(space or HANDLE_SELF, address, length) -> 0. Whole pages; holes
     * are fine. EBADF EPERM EINVAL ENOMEM (a region had to be split). */
    SYS_UNMAP = 25,

    /* PROTECT(space or HANDLE_SELF, address, length, prot) -> 0. The whole
     * range must be mapped. EBADF EPERM EINVAL ENOMEM. EFAULT: a hole. */
    SYS_PROTECT = 26,

    /* SBRK(delta) -> the old end of the heap. Grows lazily; shrinking frees.
     * EINVAL: below its start. ENOMEM: into another region or the quota. */
    SYS_SBRK = 27,

    /*
     * MEMORY_CREATE(authority, base, length, kind) -> memory handle.
     * MEMORY_DEVICE: physical device registers or the initrd (never RAM in
     * use); MEMORY_DMA: `length` bytes of fresh contiguous zeroed frames,
     * pinned (base 0). EBADF EPERM EINVAL ENOSPC ENOMEM.
     */
    SYS_MEMORY_CREATE = 28,

    /* MEMORY_INFO(memory) -> a1 physical base (needs PHYSICAL, else 0), a2
     * length. EBADF. */
    SYS_MEMORY_INFO = 29,

    /* ---- Processes and threads ---- */

    /* FORK() -> the child's pid, and 0 in the child. The child has one thread,
     * a copy-on-write copy of memory, and the INHERIT handles in the same
     * slots. ENOMEM: frames or quota. EAGAIN: too many processes. */
    SYS_FORK = 30,

    /* EXIT(status). Ends the process and all its threads. */
    SYS_EXIT = 31,

    /* WAIT(pid or -1, deadline) -> a0 pid, a1 exit status. ECHILD: no such
     * child. EAGAIN ETIMEDOUT. */
    SYS_WAIT = 32,

    /* KILL(pid) -> 0. The process ends with STATUS_KILLED. ENOENT. EPERM:
     * process 1, or a process made essential. */
    SYS_KILL = 33,

    /* GETPID() -> pid. */
    SYS_GETPID = 34,

    /* UPTIME() -> ticks since boot (INFO_TIMEBASE tells their length). */
    SYS_UPTIME = 35,

    /* SLEEP(deadline) -> 0 at the deadline. DEADLINE_NONE: for ever. EAGAIN:
     * DEADLINE_POLL. */
    SYS_SLEEP = 36,

    /* THREAD_CREATE(entry, stack, arg0, arg1) -> tid, unique in the process.
     * EAGAIN: too many threads. ENOMEM. */
    SYS_THREAD_CREATE = 37,

    /* THREAD_EXIT(status). The last thread's exit is EXIT(status). */
    SYS_THREAD_EXIT = 38,

    /* THREAD_JOIN(tid, deadline) -> a1 status. One joiner a thread. ENOENT
     * EBUSY (someone else joins) EDEADLK (self) EAGAIN ETIMEDOUT. */
    SYS_THREAD_JOIN = 39,

    /* THREAD_PRIORITY(tid or 0 for self, priority 0..31 or -1) -> the base
     * priority it had. Higher runs first; -1 only asks. ENOENT EINVAL.
     * EPERM: above the process's ceiling. */
    SYS_THREAD_PRIORITY = 40,

    /* THREAD_AFFINITY(tid or 0, mask of harts or 0) -> the mask it had; 0 only
     * asks. ENOENT. EINVAL: no running hart in the mask. */
    SYS_THREAD_AFFINITY = 41,

    /* YIELD() -> 0. To the next thread of the same priority. */
    SYS_YIELD = 42,

    /* FAULT_RANGE(start, end, handler) -> 0. A bad memory access by an
     * instruction in [start, end) goes on at `handler` with a0 = -EFAULT, and
     * does not kill. end = 0 takes it back. EINVAL. */
    SYS_FAULT_RANGE = 43,

    /* PROCESS_WATCH(notification, bits) -> 0. Signals the bits each time a
     * child of this process dies. bits 0: no more. EBADF EPERM. */
    SYS_PROCESS_WATCH = 44,

    /* PROCESS_LIMIT(authority, pid, what, value) -> 0. LIMIT_PRIORITY: ceiling
     * of priorities; LIMIT_FRAMES: quota; LIMIT_ESSENTIAL: may use the
     * reserve, cannot be killed by KILL. Inherited by fork but for ESSENTIAL.
     * EBADF EPERM ENOENT EINVAL. */
    SYS_PROCESS_LIMIT = 45,

    /* PROCESS_INFO(index) -> a0 pid, a1-a6 the rest of struct process_info in
     * order. EINVAL: no process at this index or any above; ENOENT: none at
     * this one. */
    SYS_PROCESS_INFO = 46,

    /* SYSTEM_INFO(enum system_info, index) -> a0 0, a1... by kind. EINVAL.
     * ENODEV: the machine has none. */
    SYS_SYSTEM_INFO = 47,

    /* ---- Bottom line ---- */

    /*
     * KERNEL_LOG(authority, length 1..40, five words a2-a6) -> 0.
     * Writes bytes to the kernel's polled console: for programs that run
     * before there is a console server. EBADF EPERM EINVAL.
     */
    SYS_KERNEL_LOG = 48,

    /* POWEROFF(authority, status 0..255). Ends the machine; QEMU exits with
     * the status. EBADF EPERM EINVAL. */
    SYS_POWEROFF = 49,

    /* DEBUG(enum debug_operation, a1, a2) -> by operation (abi/info.h). EPERM
     * unless booted with debug=1. EINVAL. */
    SYS_DEBUG = 50,

    /*
     * TRANSFER(space or HANDLE_SELF, tag, m0 = address) -> a1 tag, the items.
     * The memory items of the tag (MOVE, SHARE, COW), as in a message, go into
     * an address space that is being built: one behind the other from the
     * address, or (0) wherever there is room. Their bases come back as they
     * are there. EBADF EPERM, and by an item, whose number is then in a1, as
     * in CALL. ENOSPC: the range is occupied.
     */
    SYS_TRANSFER = 51,

    SYS_MAX = 52,
};

/* `what` of SYS_COPY, beside the item's index (0..3). */
enum {
    COPY_IN = 0x10,     /* from the window to the caller of SYS_COPY */
    COPY_OUT = 0x20,    /* from the caller of SYS_COPY to the window */
    COPY_NOFAULT = 0x40 /* fail on a lazy page or one copied on write */
};

/* kind of SYS_MEMORY_CREATE. */
enum { MEMORY_DEVICE = 1, MEMORY_DMA = 2 };

/* `what` of SYS_PROCESS_LIMIT. */
enum { LIMIT_PRIORITY = 1, LIMIT_FRAMES = 2, LIMIT_ESSENTIAL = 3 };

/* Priorities: higher runs first. */
enum {
    PRIORITY_COUNT = 32,
    PRIORITY_DEFAULT = 8, /* ordinary programs */
    PRIORITY_SERVER = 16, /* servers, as init starts them */
    PRIORITY_DRIVER = 20, /* drivers */
    PRIORITY_MAX = 31,
};

#endif
