/* SPDX-License-Identifier: MIT */
/*
 * sys/memory.c: calls on address spaces and memory objects.
 */
#include "vm/memory.h"
#include "abi/errno.h"
#include "abi/syscall.h"
#include "cap/handle.h"
#include "ipc/items.h"
#include "lib/string.h"
#include "proc/fpu.h"
#include "proc/process.h"
#include "proc/sched.h"
#include "sys/syscall.h"
#include "vm/fill.h"
#include "vm/space.h"

/* The space that a handle names, with a reference; HANDLE_SELF: one's own. */
static int space_find(struct thread *self, uint64_t handle,
                      struct space **space) {
    struct handle_entry entry;
    if (handle == (uint64_t)HANDLE_SELF) {
        *space = space_get(self->space);
        return 0;
    }
    int error = handle_take(&self->process->handles, handle, HANDLE_SPACE,
                            RIGHT_MAP, &entry);
    *space = error ? NULL : entry.object;
    return error;
}

/* ---- Spaces ---- */

int64_t sys_space_create(struct thread *self) {
    struct space *space = space_create(self->process->quota);
    if (!space)
        return -ENOMEM;
    return handle_give(&self->process->handles, space, 0, HANDLE_SPACE,
                       RIGHT_READ | RIGHT_WRITE | RIGHT_MAP | RIGHT_PASS |
                           RIGHT_GRANT);
}

/* The process, which has this one thread, goes on in another space. */
static void commit(struct thread *self, struct space *space) {
    struct process *process = self->process;
    struct space *old = process->space;
    struct trap_frame start = {.hart = self->frame.hart};
    start.x[REG_PC] = argument(self, 1);
    start.x[REG_SP] = argument(self, 2);
    start.x[REG_A0] = argument(self, 3);
    start.x[REG_A1] = argument(self, 4);
    memcpy(process->name, &self->frame.x[REG_A6], 8);
    memcpy(process->name + 8, &self->frame.x[REG_T0], 8);
    self->frame = start;
    fpu_switch_out(self);
    memset(self->fpu, 0, sizeof self->fpu);
    process->fault_start = process->fault_end = process->fault_handler = 0;
    process->space = space;
    self->space = space;
    thread_accept_default(self); /* its windows were in the old space */
    space_activate(space);
    space_put(old);
}

/* The caller holds a reference to the space; its own table holds another, which
 * becomes the process's. */
static int64_t commit_checked(struct thread *self,
                              const struct handle_entry *entry) {
    uint64_t handle = argument(self, 0);
    struct handle_entry removed;
    if (argument(self, 1) >= USER_END || argument(self, 1) % 2 ||
        argument(self, 2) > USER_END || argument(self, 5) >= USER_END ||
        entry->object == self->space)
        return -EINVAL;
    if (!process_single_thread(self))
        return RESULT_WAITING;
    /* One of the threads that are gone may have closed the handle. */
    struct handle_table *table = &self->process->handles;
    if (handle_peek(table, handle, &removed) || removed.object != entry->object)
        return -EBADF;
    int error = space_set_heap(entry->object, argument(self, 5));
    if (!error)
        error = handle_remove(table, handle, &removed);
    if (error)
        return error;
    commit(self, entry->object);
    return RESULT_WRITTEN;
}

int64_t sys_space_commit(struct thread *self) {
    struct handle_entry entry;
    int error = handle_take(&self->process->handles, argument(self, 0),
                            HANDLE_SPACE, RIGHT_MAP, &entry);
    if (error)
        return error;
    int64_t result = commit_checked(self, &entry);
    handle_entry_put(&entry);
    return result;
}

/* ---- Mapping ---- */

/* What a mapping with these PROT_ bits takes of a memory object's handle. */
static unsigned rights_for(uint64_t prot) {
    return RIGHT_MAP | (prot & PROT_READ ? RIGHT_READ : 0u) |
           (prot & PROT_WRITE ? RIGHT_WRITE : 0u) |
           (prot & PROT_EXECUTE ? RIGHT_EXECUTE : 0u);
}

/* The handle names a pager's session, a memory object, or nothing. */
static int64_t map_into(struct thread *self, struct space *space) {
    va_t at = argument(self, 1);
    uint64_t length = argument(self, 2), offset = argument(self, 5);
    unsigned flags = (unsigned)argument(self, 3) & ~(unsigned)MAP_PAGER;
    bool paged = argument(self, 3) & MAP_PAGER;
    struct handle_entry entry = {0};
    int64_t value = 0;
    if (paged || argument(self, 4) != (uint64_t)-1)
        value = handle_take(&self->process->handles, argument(self, 4),
                            paged ? HANDLE_SESSION : HANDLE_MEMORY,
                            paged ? RIGHT_SEND : rights_for(flags), &entry);
    if (value)
        return value;
    struct pager pager = {.session = entry.object, .key = entry.meta};
    value = paged ? space_map_pager(space, at, length, flags, &pager, offset)
                  : space_map(space, at, length, flags, entry.object, offset);
    if (entry.type != HANDLE_NONE)
        handle_entry_put(&entry);
    return value;
}

int64_t sys_map(struct thread *self) {
    struct space *space;
    if (argument(self, 3) > UINT32_MAX)
        return -EINVAL;
    int64_t value = space_find(self, argument(self, 0), &space);
    if (value)
        return value;
    value = map_into(self, space);
    space_put(space);
    return value;
}

int64_t sys_transfer(struct thread *self) {
    struct space *space;
    int64_t value = space_find(self, argument(self, 0), &space);
    if (value)
        return value;
    va_t to = argument(self, 2);
    bool place = to % PAGE_SIZE == 0 && (to == 0 || to >= USER_IMAGE);
    value = place ? items_transfer(self, space) : -EINVAL;
    space_put(space);
    return value;
}

/* Steps of unmap and protect: on while nothing presses. */
static int64_t range_steps(struct thread *self, bool protect) {
    struct space *space;
    int value = space_find(self, argument(self, 0), &space);
    if (value)
        return value;
    do {
        value = protect
                    ? space_protect(space, argument(self, 1), argument(self, 2),
                                    (unsigned)argument(self, 3))
                    : space_unmap(space, argument(self, 1), argument(self, 2));
    } while (value == SPACE_MORE && !sched_pressing());
    space_put(space);
    return value == SPACE_MORE ? (int64_t)RESULT_RESTART : value;
}

int64_t sys_unmap(struct thread *self) {
    return range_steps(self, false);
}

int64_t sys_protect(struct thread *self) {
    if (argument(self, 3) > UINT32_MAX)
        return -EINVAL;
    return range_steps(self, true);
}

int64_t sys_sbrk(struct thread *self) {
    int64_t value;
    do {
        value = space_sbrk(self->space, (int64_t)argument(self, 0));
    } while (value == -EAGAIN && !sched_pressing());
    return value == -EAGAIN ? (int64_t)RESULT_RESTART : value;
}

/* ---- Memory objects ---- */

int64_t sys_memory_create(struct thread *self) {
    struct memory *memory;
    uint64_t kind = argument(self, 3);
    uint64_t length = argument(self, 2);
    int error = authority_check(self, argument(self, 0));
    if (error)
        return error;
    if (kind == MEMORY_DEVICE)
        error = memory_create_device(argument(self, 1), length, &memory);
    else if (kind == MEMORY_DMA && argument(self, 1) == 0 &&
             length % PAGE_SIZE == 0)
        error = memory_create_dma(length / PAGE_SIZE, &memory);
    else
        error = -EINVAL;
    if (error)
        return error;
    return handle_give(&self->process->handles, memory, 0, HANDLE_MEMORY,
                       RIGHT_READ | RIGHT_WRITE | RIGHT_MAP | RIGHT_PASS |
                           RIGHT_GRANT | RIGHT_INHERIT | RIGHT_PHYSICAL);
}

int64_t sys_memory_info(struct thread *self) {
    struct handle_entry entry;
    int error = handle_take(&self->process->handles, argument(self, 0),
                            HANDLE_MEMORY, 0, &entry);
    if (error)
        return error;
    const struct memory *memory = entry.object;
    bool physical = entry.rights & RIGHT_PHYSICAL;
    result(self, 1, physical ? memory->base : 0);
    result(self, 2, memory->pages * PAGE_SIZE);
    handle_entry_put(&entry);
    return 0;
}

/* ---- Handles ---- */

static void space_handle_get(const struct handle_entry *entry) {
    space_get(entry->object);
}

static void space_handle_put(const struct handle_entry *entry) {
    space_put(entry->object);
}

static void memory_handle_get(const struct handle_entry *entry) {
    memory_get(entry->object);
}

static void memory_handle_put(const struct handle_entry *entry) {
    memory_put(entry->object);
}

/* There is one authority, and it is no object. */
static void authority_reference(const struct handle_entry *entry) {
    (void)entry;
}

void sys_init(void) {
    static const struct object_operations space_operations = {
        .get = space_handle_get, .put = space_handle_put};
    static const struct object_operations memory_operations = {
        .get = memory_handle_get, .put = memory_handle_put};
    static const struct object_operations authority_operations = {
        .get = authority_reference, .put = authority_reference};
    object_register(HANDLE_SPACE, &space_operations);
    object_register(HANDLE_MEMORY, &memory_operations);
    object_register(HANDLE_AUTHORITY, &authority_operations);
}
