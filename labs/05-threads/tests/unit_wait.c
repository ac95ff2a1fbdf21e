/* SPDX-License-Identifier: MIT */
/*
 * unit_wait.c: waiting, and how waits end, one by one.
 */
#include "waits.h"

#include "kit.h"

#include "abi/errno.h"

static struct wait_queue queue;

static void begin(void) {
    setup();
    wait_queue_init(&queue);
}

/* ---- Waiting ---- */

static struct thread *wait_in_queue(unsigned number, uint64_t deadline) {
    struct thread *self = run_now(thread_make(number, 8));
    spin_lock(&queue.lock);
    wait_queue_add(&queue, self, deadline);
    spin_unlock(&queue.lock);
    return self;
}

void test_wait(void) {
    begin();
    struct thread *self = thread_self();
    harts[0].handoff = NULL;
    thread_wait(self, THREAD_RECEIVING, DEADLINE_NONE);
    unit_true("the hart works for its idle thread",
              thread_self() == harts[0].idle);
    unit_equal("the state", self->state, THREAD_RECEIVING);
    unit_equal("the wait's number", self->wait_sequence, 101);
    unit_equal("flags, without a deadline", self->flags, 0);
    self = run_now(thread_make(1, 8));
    uint64_t when = timer_now() + 100000;
    thread_wait(self, THREAD_SLEEPING, when);
    unit_equal("flags, with a deadline", self->flags, THREAD_DEADLINE);
    unit_equal("the deadline", self->deadline, when);
    unit_equal("the wait that it belongs to", self->deadline_sequence, 101);
    struct thread *next = thread_make(2, 8);
    self = run_now(thread_make(3, 8));
    next->state = THREAD_READY;
    harts[0].handoff = next;
    thread_wait(self, THREAD_CALLING, DEADLINE_NONE);
    unit_true("who was handed the hart is current", thread_self() == next);
}

void test_doomed(void) {
    begin();
    struct thread *self = thread_self();
    thread_set_flag(self, THREAD_KILLED);
    spin_lock(&queue.lock);
    wait_queue_add(&queue, self, DEADLINE_NONE);
    spin_unlock(&queue.lock);
    unit_equal("the state", self->state, THREAD_QUEUED);
    unit_true("the hart looks after who was killed", harts[0].doomed == self);
    unit_equal("attention", harts[0].attention, ATTENTION_DOOMED);
}

void test_queue(void) {
    begin();
    uint64_t pc[4];
    for (unsigned i = 1; i <= 3; i++) {
        struct thread *self = wait_in_queue(i, DEADLINE_NONE);
        pc[i] = 0x1000 + 0x100 * i;
        unit_equal("the state", self->state, THREAD_QUEUED);
        unit_true("where it waits", self->wait_queue == &queue);
        unit_equal("the pc is on the ecall", self->frame.x[REG_PC], pc[i] - 4);
    }
    unit_equal("the queue, first come first", listed(&queue.waiters), 123);
    become(0);
    wait_queue_wake_all(&queue);
    unit_equal("the queue, after wake_all", listed(&queue.waiters), 0);
    unit_equal("ready[8], in the same order", queued(0, 8), 123);
    unit_equal("the pc: the call runs again", threads[1].frame.x[REG_PC],
               pc[1] - 4);
    unit_true("the lock is free", spin_try(&queue.lock));
    spin_unlock(&queue.lock);
    wait_queue_wake_all(&queue);
    unit_equal("ready[8], when nobody waits", queued(0, 8), 123);
}

void test_wake(void) {
    begin();
    struct thread *self = wait_in_queue(1, timer_now() + 1000000);
    unit_equal("flags of a wait with a deadline", self->flags, THREAD_DEADLINE);
    become(0);
    wait_queue_wake_all(&queue);
    unit_equal("flags after the wake", self->flags, 0);
    unit_true("nobody is in the list of deadlines",
              list_empty(&deadline_lists[0].threads));
    self = wait_in_queue(2, DEADLINE_NONE);
    run_now(&threads[7]);
    list_remove(&self->link);
    thread_wake(self);
    unit_equal("ready[8]", queued(0, 8), 12);
}

void test_cancel(void) {
    begin();
    struct thread *self = wait_in_queue(1, DEADLINE_NONE);
    wait_in_queue(2, DEADLINE_NONE);
    become(0);
    unit_true("an earlier wait is not cancelled",
              !wait_take_back(self, 100, -ETIMEDOUT));
    unit_equal("the queue", listed(&queue.waiters), 12);
    unit_true("this wait is", wait_take_back(self, 101, -ETIMEDOUT));
    unit_equal("the queue, without it", listed(&queue.waiters), 2);
    unit_equal("ready[8]", queued(0, 8), 1);
    unit_signed("a0", (int64_t)self->frame.x[REG_A0], -ETIMEDOUT);
    unit_equal("the pc is behind the ecall", self->frame.x[REG_PC], 0x1100);
    unit_true("it is not cancelled twice",
              !wait_take_back(self, 101, -ECANCELED));
    unit_signed("a0", (int64_t)self->frame.x[REG_A0], -ETIMEDOUT);
    unit_true("the lock is free", spin_try(&queue.lock));
    spin_unlock(&queue.lock);
    threads[2].wait_sequence++; /* it was woken, and waits anew */
    unit_true("a wait that has ended is not cancelled",
              !wait_take_back(&threads[2], 101, -ETIMEDOUT));
    uint64_t pc = threads[2].frame.x[REG_PC];
    threads[2].state = THREAD_SIGNALLED;
    unit_true("a wait for a signal is cancelled",
              wait_take_back(&threads[2], 102, -ETIMEDOUT));
    unit_equal("the queue", listed(&queue.waiters), 0);
    unit_equal("its pc was behind the ecall", threads[2].frame.x[REG_PC], pc);
}

/* ---- Sleep ---- */

void test_sleep(void) {
    begin();
    struct thread *self = thread_self();
    unit_signed("sleep until a time that is past",
                thread_sleep(self, timer_now() - 1), 0);
    unit_signed("sleep that may not wait", thread_sleep(self, DEADLINE_POLL),
                -EAGAIN);
    unit_true("no wait began", thread_self() == self);
    uint64_t when = timer_now() + 1000000;
    unit_signed("sleep", thread_sleep(self, when), RESULT_WAITING);
    unit_equal("the state", self->state, THREAD_SLEEPING);
    unit_equal("the deadline", self->deadline, when);
    unit_equal("the pc", self->frame.x[REG_PC], 0x1700);
    become(0);
    unit_true("another wait's deadline does not end it",
              !wait_take_back(self, 100, -ETIMEDOUT));
    unit_equal("the state", self->state, THREAD_SLEEPING);
    unit_true("its own does", wait_take_back(self, 101, -ETIMEDOUT));
    unit_signed("a0, when the time has come", (int64_t)self->frame.x[REG_A0],
                0);
    unit_equal("ready[8]", queued(0, 8), 7);
    unit_equal("flags", self->flags, 0);
    unit_true("it ends once", !wait_take_back(self, 101, -ETIMEDOUT));
    self = run_now(thread_make(1, 8));
    thread_sleep(self, DEADLINE_NONE);
    become(0);
    wait_take_back(self, 101, -ECANCELED);
    unit_signed("a0 of a sleep that was cancelled",
                (int64_t)self->frame.x[REG_A0], -ECANCELED);
}
