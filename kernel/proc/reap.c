/* SPDX-License-Identifier: MIT */
/*
 * proc/reap.c: kill, and the way of a process from DYING to ZOMBIE.
 *
 * Idea        Killing only marks: each thread dies by itself on its way out
 *             of the kernel. When the last is dead, a struct work on that hart
 *             closes the handles and frees the memory step by step. Only then
 *             is the process a zombie, so whoever waits for it finds its
 *             memory free again.
 * Read        process_kill, thread_die (proc/thread.c), process_reap, and
 *             reap_step from top to bottom.
 */
#include "abi/errno.h"
#include "arch/event.h"
#include "arch/hart.h"
#include "dev/finisher.h"
#include "dev/timer.h"
#include "lib/panic.h"
#include "lib/print.h"
#include "proc/process.h"
#include "vm/quota.h"
#include "vm/space.h"
#include "vm/vm.h"

enum { CLOSES_A_STEP = 4 };

void (*process_watch_hook)(struct notification *watch, uint64_t bits);

/* ---- Address spaces ---- */

/* Spaces without a reference, freed where the last one was dropped. */
struct space_reaper {
    struct work work; /* queued while there are spaces */
    struct list spaces;
};

static struct space_reaper space_reapers[HART_MAX];

static bool space_reaper_step(struct work *work) {
    struct list *spaces =
        &container_of(work, struct space_reaper, work)->spaces;
    struct list *first = list_pop_front(spaces);
    if (!space_free_step(container_of(first, struct space, defunct)))
        list_push_back(spaces, first);
    return list_empty(spaces);
}

static void space_reap(struct space *space) {
    struct space_reaper *reaper = &space_reapers[hart_self()->id];
    bool queued = !list_empty(&reaper->spaces);
    list_push_back(&reaper->spaces, &space->defunct);
    if (queued)
        return;
    reaper->work.priority = thread_self()->priority;
    work_queue(&reaper->work);
}

void reap_init(void) {
    for (unsigned i = 0; i < HART_MAX; i++) {
        list_init(&space_reapers[i].spaces);
        space_reapers[i].work.step = space_reaper_step;
    }
    space_defunct = space_reap;
}

/* ---- Kill ---- */

bool process_kill(struct process *process, int64_t status) {
    event_note(EVENT_EXIT, thread_self(), (uintptr_t)process, (uint64_t)status);
    spin_lock(&process->lock);
    bool alive = process->life == LIFE_LIVE;
    if (alive) {
        process->life = LIFE_DYING;
        process->status = status;
        thread_end_all(process, NULL);
    }
    spin_unlock(&process->lock);
    return alive;
}

int64_t process_kill_pid(struct thread *self) {
    int64_t pid = (int64_t)self->frame.x[REG_A0];
    spin_lock(&tree_lock);
    struct process *process = process_find(pid);
    int64_t result = 0;
    if (!process)
        result = -ENOENT;
    else if (quota_essential(process->quota) || pid == FIRST_PID)
        result = -EPERM;
    else
        process_kill(process, STATUS_KILLED);
    spin_unlock(&tree_lock);
    return result;
}

/* ---- Taking apart ---- */

/* Closes the next few handles; true when none is left. */
static bool reap_handles(struct process *process) {
    struct handle_table *table = &process->handles;
    for (unsigned n = 0; n < CLOSES_A_STEP; n++) {
        process->reap_slot = handle_next(table, process->reap_slot);
        if (process->reap_slot == HANDLE_MAX)
            return true;
        handle_close(table, process->reap_slot);
    }
    return false;
}

static void reap_threads(struct process *process) {
    struct thread *thread;
    spin_lock(&process->lock);
    while ((thread = thread_next(process, NULL)))
        thread_free(process, thread);
    spin_unlock(&process->lock);
}

static void adopt_children(struct process *process, struct process *by)
    REQUIRES(tree_lock) {
    struct list *node;
    while ((node = list_pop_front(&process->children))) {
        container_of(node, struct process, siblings)->parent = by;
        list_push_back(&by->children, node);
    }
}

static void tell_parent(struct process *parent) REQUIRES(tree_lock) {
    wait_queue_wake_all(&parent->waiters);
    if (parent->watch.type != HANDLE_NONE)
        process_watch_hook(parent->watch.object, parent->watch_bits);
}

/* The first process is the root of all authority: without it nothing can be
 * restarted, so the machine ends. */
static void first_died(const struct process *process) {
    kprintf("octavo: init ended with status %ld\n", process->status);
    finisher_exit(PANIC_STATUS);
}

/*
 * In debug builds, an exit that left a frame behind, or freed one too many,
 * panics there and then. Counting takes millions of instructions when much
 * memory is in use, so exits that come soon after a count are not counted: it
 * takes a tenth of the time at most.
 */
static void check_frames(void) {
    static uint64_t next; /* time of the next count; atomic */
    uint64_t start = timer_now();
    if (start < __atomic_load_n(&next, __ATOMIC_RELAXED))
        return;
    uint64_t wrong = vm_check_frames();
    if (wrong)
        panic("%lu frames are not accounted for after an exit", wrong);
    start += 10 * (timer_now() - start);
    __atomic_store_n(&next, start, __ATOMIC_RELAXED);
}

static void process_zombie(struct process *process) {
    struct handle_entry watch = process->watch;
    if (process->pid == FIRST_PID)
        first_died(process);
    if (DEBUG_BUILD)
        check_frames();
    spin_lock(&tree_lock);
    struct process *first = process_at(FIRST_PID);
    bool orphans = !list_empty(&process->children);
    adopt_children(process, first);
    process->watch = (struct handle_entry){0};
    process->life = LIFE_ZOMBIE;
    tell_parent(process->parent);
    if (orphans && process->parent != first)
        tell_parent(first);
    spin_unlock(&tree_lock);
    if (watch.type != HANDLE_NONE)
        handle_entry_put(&watch);
}

/* One step: handles, then threads and memory, then the announcement, which
 * waits until this hart has freed all spaces that are due. */
static bool reap_step(struct work *work) {
    struct process *process = container_of(work, struct process, reaper);
    if (!reap_handles(process))
        return false;
    reap_threads(process);
    if (process->space) {
        space_put(process->space);
        process->space = NULL;
    }
    if (!list_empty(&space_reapers[hart_self()->id].spaces))
        return false;
    if (process->pid)
        process_zombie(process);
    else
        process_free(process);
    return true;
}

void process_reap(struct process *process) {
    process->reaper.step = reap_step;
    process->reaper.priority = thread_self()->priority;
    work_queue(&process->reaper);
}
