/* SPDX-License-Identifier: MIT */
/*
 * proc/timing.c: see timing.h.
 */
#include "proc/timing.h"

#include "abi/syscall.h"
#include "arch/csr.h"
#include "arch/hart.h"
#include "lib/bits.h"
#include "proc/thread.h"

enum {
    /* Instructions of trap/entry.S:timed behind one run's last reading of
     * instret and before the next one's first; the way in has one more. */
    STUB = 47,
    ECALL_AND_SRET = 2, /* an operation's own, which are outside, too */
};

/* A hart's clock, which stands still while trap/entry.S:timed runs. */
struct timing_clock {
    uint64_t lost;       /* instructions that do not count */
    uint64_t begin, end; /* of the last run of `timed` */
    uint64_t trap;       /* when the hart came into the kernel */
    struct thread *who;  /* for this thread; NULL: it idled since */
} __attribute__((aligned(64)));

uint64_t timed_records[HART_MAX][TIMED_MAX][TIMED_FIELDS];
static struct timing_clock clocks[HART_MAX];

static uint64_t clock_read(struct timing_clock *clock, uint64_t begin,
                           uint64_t stub) {
    clock->lost += clock->end - clock->begin + stub;
    clock->begin = begin;
    return begin - clock->lost;
}

static void record(enum timed what, uint64_t value) {
    uint64_t *field = timed_records[hart_self()->id][what];
    unsigned bucket = value ? bits_highest(value) : 0;
    if (bucket >= TIMED_BUCKETS)
        bucket = TIMED_BUCKETS - 1;
    if (field[TIMED_SUM] == 0 || value < field[TIMED_LEAST])
        field[TIMED_LEAST] = value;
    if (value > field[TIMED_MOST])
        field[TIMED_MOST] = value;
    field[TIMED_SUM] += value;
    field[TIMED_BUCKET + bucket]++;
}

/* Which operation a system call is; TIMED_SWITCH: none of those timed. */
static enum timed operation(uint64_t number) {
    static const uint8_t operations[SYS_MAX] = {
        [SYS_CALL] = TIMED_CALL,     [SYS_REPLY_RECV] = TIMED_REPLY_RECV,
        [SYS_SEND] = TIMED_SEND,     [SYS_RECV] = TIMED_RECV,
        [SYS_REPLY] = TIMED_REPLY,   [SYS_COPY] = TIMED_COPY,
        [SYS_SIGNAL] = TIMED_SIGNAL, [SYS_WAIT_SIGNAL] = TIMED_WAIT_SIGNAL,
    };
    return number < SYS_MAX ? operations[number] : TIMED_SWITCH;
}

/* A call that runs again, from the same ecall, has begun the first time. */
static void operation_begin(struct thread *self, uint64_t now) {
    uint64_t pc = csr_read(sepc);
    if (self->timed && self->timed_pc == pc)
        return;
    self->timed = operation(self->frame.x[REG_A7]);
    self->timed_pc = pc;
    self->timed_hart = hart_self()->id;
    self->timed_since = now;
}

uint64_t *timing_enter(struct thread *self, uint64_t begin) {
    struct timing_clock *clock = &clocks[hart_self()->id];
    uint64_t now = clock_read(clock, begin, STUB + 1);
    clock->trap = now;
    clock->who = self;
    if (csr_read(scause) == CAUSE_USER_ECALL)
        operation_begin(self, now);
    return &clock->end;
}

uint64_t *timing_leave(struct thread *self, uint64_t begin) {
    struct timing_clock *clock = &clocks[hart_self()->id];
    uint64_t now = clock_read(clock, begin, STUB);
    if (clock->who && clock->who != self)
        record(TIMED_SWITCH, now - clock->trap + ECALL_AND_SRET);
    if (self->timed && csr_read(sepc) != self->timed_pc) {
        if (self->timed_hart == hart_self()->id)
            record(self->timed, now - self->timed_since + ECALL_AND_SRET);
        self->timed = TIMED_SWITCH;
    }
    return &clock->end;
}

void timing_idle(void) {
    clocks[hart_self()->id].who = NULL;
}
