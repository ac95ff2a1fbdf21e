/* SPDX-License-Identifier: MIT */
/*
 * proc/process.c: making processes, the pid table, fork, wait.
 */
#include "proc/process.h"

#include "abi/errno.h"
#include "abi/syscall.h"
#include "lib/string.h"
#include "proc/deadline.h"
#include "proc/fpu.h"
#include "proc/sched.h"
#include "vm/quota.h"
#include "vm/slab.h"
#include "vm/space.h"

struct spinlock tree_lock = SPINLOCK(RANK_PROCESS_TREE);

static struct process *pid_table[PROCESS_MAX] GUARDED_BY(tree_lock);
static int64_t next_pid GUARDED_BY(tree_lock) = FIRST_PID;

static void process_once(void *object) {
    struct process *process = object;
    spin_init(&process->lock, RANK_PROCESS);
    handle_table_init(&process->handles);
    wait_queue_init(&process->joiners);
    wait_queue_init(&process->waiters);
    list_init(&process->threads);
    list_init(&process->children);
    list_init(&process->siblings);
}

static struct slab processes = SLAB(struct process, process_once);

void proc_init(void) {
    deadline_init();
    work_init();
    reap_init();
    sched_init();
}

struct process *process_create(const struct process *parent) {
    const size_t kept = offsetof(struct process, life);
    struct quota *quota = quota_create();
    struct process *process = quota ? slab_alloc(&processes, NULL) : NULL;
    if (!process) {
        if (quota)
            quota_put(quota);
        return NULL;
    }
    /* What the last user of this memory left goes. */
    memset((char *)process + kept, 0, sizeof *process - kept);
    process->life = LIFE_BUILDING;
    process->quota = quota;
    process->priority_ceiling = PRIORITY_MAX;
    if (!parent)
        return process;
    quota->frames_max = parent->quota->frames_max;
    process->priority_ceiling = parent->priority_ceiling;
    memcpy(process->name, parent->name, sizeof process->name);
    process->fault_start = parent->fault_start;
    process->fault_end = parent->fault_end;
    process->fault_handler = parent->fault_handler;
    return process;
}

void process_free(struct process *process) {
    quota_put(process->quota);
    process->life = LIFE_FREE;
    slab_free(&processes, process, NULL);
}

/* ---- The pid table ---- */

/* Gives the process the next pid whose slot is free. */
static int64_t pid_assign(struct process *process) REQUIRES(tree_lock) {
    for (unsigned i = 0; i < PROCESS_MAX; i++) {
        int64_t pid = next_pid++;
        if (!pid_table[pid % PROCESS_MAX]) {
            pid_table[pid % PROCESS_MAX] = process;
            process->pid = pid;
            return pid;
        }
    }
    return -EAGAIN;
}

struct process *process_at(unsigned index) {
    return index < PROCESS_MAX ? pid_table[index] : NULL;
}

struct process *process_find(int64_t pid) {
    struct process *process =
        pid > 0 ? pid_table[(uint64_t)pid % PROCESS_MAX] : NULL;
    if (!process || process->pid != pid || process->life == LIFE_ZOMBIE)
        return NULL;
    return process;
}

/* A built process becomes the parent's child: it gets a pid and its thread is
 * ready. Returns the pid or -EAGAIN: the pid table is full. */
static int64_t process_publish(struct process *process,
                               struct process *parent) {
    spin_lock(&tree_lock);
    int64_t pid = pid_assign(process);
    if (pid > 0) {
        process->life = LIFE_LIVE;
        process->parent = parent;
        if (parent)
            list_push_back(&parent->children, &process->siblings);
    }
    spin_unlock(&tree_lock);
    if (pid > 0)
        thread_start(
            container_of(process->threads.next, struct thread, siblings));
    return pid;
}

/* ---- The first process ---- */

bool process_start_first(struct process *process, uint64_t entry,
                         uint64_t stack) {
    static const struct handle_entry authority = {
        .type = HANDLE_AUTHORITY,
        .rights = RIGHT_CONTROL | RIGHT_PASS | RIGHT_GRANT | RIGHT_INHERIT,
    };
    memcpy(process->name, "first", sizeof "first");
    handle_insert(&process->handles, SLOT_GRANT, &authority);
    struct thread *thread = thread_create(process);
    if (!thread)
        return false;
    thread->frame.x[REG_PC] = entry;
    thread->frame.x[REG_SP] = stack;
    return process_publish(process, NULL) == FIRST_PID;
}

/*
 * ---- Fork ----
 *
 * Sharing a large space takes long, so fork is a system call that restarts:
 * each run shares some pages, and when something more urgent waits, the call
 * gives way with its child and cursor kept in the thread. Nobody else knows
 * the child until it is published, which cannot fail half way.
 */

/* The child's thread: as this one, but the call returns 0. */
static bool copy_thread(struct thread *self, struct process *child) {
    struct thread *thread = thread_create(child);
    if (!thread)
        return false;
    fpu_switch_out(self);
    memcpy(thread->frame.x, self->frame.x, sizeof thread->frame.x);
    memcpy(thread->fpu, self->fpu, sizeof thread->fpu);
    thread_result(thread, 0);
    thread->base = self->base;
    thread->priority = self->base;
    thread->affinity = self->affinity;
    thread->accept_receive = self->accept_receive;
    thread->accept_reply = self->accept_reply;
    return true;
}

static bool fork_begin(struct thread *self) {
    struct process *child = process_create(self->process);
    if (!child)
        return false;
    self->forking = child;
    self->fork_cursor = 0;
    child->space = space_fork_begin(self->process->space, child->quota);
    return child->space && copy_thread(self, child);
}

/* Shares pages until all are, or something presses. */
static int fork_share(struct thread *self) {
    int more;
    do {
        more = space_fork_step(self->process->space, self->forking->space,
                               &self->fork_cursor);
    } while (more == SPACE_MORE && !sched_pressing());
    return more;
}

void fork_abandon(struct thread *self) {
    process_reap(self->forking);
    self->forking = NULL;
}

int64_t process_fork(struct thread *self) {
    int64_t result = -ENOMEM;
    if (self->forking || fork_begin(self))
        result = fork_share(self);
    if (result == SPACE_MORE)
        return RESULT_RESTART;
    if (result == 0) {
        handle_inherit(&self->process->handles, &self->forking->handles);
        result = process_publish(self->forking, self->process);
    }
    if (result < 0 && self->forking)
        fork_abandon(self);
    self->forking = NULL;
    return result;
}

/* ---- Wait ---- */

/* A zombie child that `pid` (-1: any) names; *any tells whether a living one
 * matches. */
static struct process *find_zombie(struct process *parent, int64_t pid,
                                   bool *any) REQUIRES(tree_lock) {
    struct list *node = list_first(&parent->children);
    *any = false;
    for (; node; node = list_next(&parent->children, node)) {
        struct process *child = container_of(node, struct process, siblings);
        if (pid != -1 && child->pid != pid)
            continue;
        *any = true;
        if (child->life == LIFE_ZOMBIE)
            return child;
    }
    return NULL;
}

static int64_t wait_locked(struct thread *self) REQUIRES(tree_lock) {
    struct process *parent = self->process;
    uint64_t deadline = self->frame.x[REG_A1];
    bool any;
    struct process *zombie =
        find_zombie(parent, (int64_t)self->frame.x[REG_A0], &any);
    if (zombie) {
        int64_t found = zombie->pid;
        self->frame.x[REG_A1] = (uint64_t)zombie->status;
        list_remove(&zombie->siblings);
        pid_table[found % PROCESS_MAX] = NULL;
        process_free(zombie);
        return found;
    }
    int error = any ? deadline_check(deadline) : -ECHILD;
    if (error)
        return error;
    spin_lock(&parent->waiters.lock);
    wait_queue_add(&parent->waiters, self, deadline);
    spin_unlock(&parent->waiters.lock);
    return RESULT_WAITING;
}

int64_t process_wait(struct thread *self) {
    spin_lock(&tree_lock);
    int64_t result = wait_locked(self);
    spin_unlock(&tree_lock);
    return result;
}
