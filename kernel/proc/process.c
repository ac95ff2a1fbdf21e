/* SPDX-License-Identifier: MIT */
/*
 * proc/process.c: making processes, the pid table, the first process.
 */
#include "proc/process.h"

#include "abi/errno.h"
#include "abi/syscall.h"
#include "lib/container.h"
#include "lib/string.h"
#include "proc/deadline.h"
#include "proc/reap.h"
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
    spin_init(&process->handles.lock, RANK_HANDLES);
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

static void process_reset(struct process *process) {
    handle_table_clear(&process->handles);
    process->space = NULL;
    process->life = LIFE_BUILDING;
    process->thread_count = 0;
    process->tids = 0;
    process->status = 0;
    process->priority_ceiling = PRIORITY_MAX;
    process->essential = false;
    process->time = 0;
    memset(process->name, 0, sizeof process->name);
    process->fault_start = process->fault_end = process->fault_handler = 0;
    process->pid = 0;
    process->parent = NULL;
    process->watch = (struct handle_entry){0};
    process->watch_bits = 0;
}

/* Takes over the reference to the quota, which may be NULL. */
static struct process *process_alloc(struct quota *quota) {
    if (!quota)
        return NULL;
    struct process *process = slab_alloc(&processes);
    if (!process) {
        quota_put(quota);
        return NULL;
    }
    process_reset(process);
    process->quota = quota;
    return process;
}

struct process *process_create(struct process *parent) {
    struct process *process = process_alloc(quota_create());
    if (!process)
        return NULL;
    process->quota->frames_max = parent->quota->frames_max;
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
    slab_free(&processes, process);
}

void process_discard(struct process *process) {
    struct list *node;
    unsigned h = 0;
    while ((h = handle_next(&process->handles, h)) < HANDLE_MAX)
        handle_close(&process->handles, h);
    while ((node = list_first(&process->threads)))
        thread_free(container_of(node, struct thread, siblings));
    if (process->space)
        space_put(process->space);
    process_free(process);
}

/* ---- The pid table ---- */

/* Gives the process the next pid whose slot is free. */
static bool pid_assign(struct process *process) REQUIRES(tree_lock) {
    for (unsigned i = 0; i < PROCESS_MAX; i++) {
        int64_t pid = next_pid++;
        if (!pid_table[pid % PROCESS_MAX]) {
            pid_table[pid % PROCESS_MAX] = process;
            process->pid = pid;
            return true;
        }
    }
    return false;
}

void pid_release(struct process *process) {
    pid_table[process->pid % PROCESS_MAX] = NULL;
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

int64_t process_publish(struct process *process, struct process *parent) {
    spin_lock(&tree_lock);
    bool assigned = pid_assign(process);
    if (assigned && parent) {
        process->parent = parent;
        list_push_back(&parent->children, &process->siblings);
    }
    int64_t pid = process->pid;
    if (assigned)
        process->life = LIFE_LIVE;
    spin_unlock(&tree_lock);
    if (!assigned)
        return -EAGAIN;
    thread_start(
        container_of(list_first(&process->threads), struct thread, siblings));
    return pid;
}

/* ---- The first process ---- */

static struct process *first_build(struct space *space) {
    static const struct handle_entry authority = {
        .type = HANDLE_AUTHORITY,
        .rights = RIGHT_CONTROL | RIGHT_PASS | RIGHT_GRANT | RIGHT_INHERIT,
    };
    struct process *process = process_alloc(quota_get(space->quota));
    if (!process)
        return NULL;
    process->space = space;
    process->essential = true;
    process->quota->essential = true;
    memcpy(process->name, "init", sizeof "init");
    handle_insert(&process->handles, SLOT_GRANT, &authority);
    return process;
}

struct process *process_create_first(struct space *space, uint64_t entry,
                                     uint64_t stack) {
    struct process *process = first_build(space);
    struct thread *thread = process ? thread_create(process) : NULL;
    if (!thread)
        return NULL;
    thread->frame.x[REG_PC] = entry;
    thread->frame.x[REG_SP] = stack;
    return process_publish(process, NULL) == FIRST_PID ? process : NULL;
}
