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
    uint64_t name[2] = {self->frame.x[REG_A6], self->frame.x[REG_T0]};
    uint64_t entry = argument(self, 1);
    uint64_t stack = argument(self, 2);
    uint64_t arguments[2] = {argument(self, 3), argument(self, 4)};
    fpu_switch_out(self);
    memset(self->fpu, 0, sizeof self->fpu);
    memset(self->frame.x, 0, sizeof self->frame.x);
    self->frame.x[REG_PC] = entry;
    self->frame.x[REG_SP] = stack;
    self->frame.x[REG_A0] = arguments[0];
    self->frame.x[REG_A1] = arguments[1];
    memcpy(process->name, name, sizeof name);
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

/* The memory object to map, with a reference; NULL for anonymous memory. */
static int memory_find(struct thread *self, uint64_t handle, unsigned prot,
                       struct memory **memory) {
    struct handle_entry entry;
    unsigned rights = RIGHT_MAP;
    *memory = NULL;
    if (handle == (uint64_t)-1)
        return 0;
    if (prot & PROT_READ)
        rights |= RIGHT_READ;
    if (prot & PROT_WRITE)
        rights |= RIGHT_WRITE;
    if (prot & PROT_EXECUTE)
        rights |= RIGHT_EXECUTE;
    int error = handle_take(&self->process->handles, handle, HANDLE_MEMORY,
                            rights, &entry);
    if (!error)
        *memory = entry.object;
    return error;
}

/* SYS_MAP with MAP_PAGER. */
static int64_t map_pager(struct thread *self, struct space *space) {
    struct handle_entry entry;
    int64_t value = handle_take(&self->process->handles, argument(self, 4),
                                HANDLE_SESSION, RIGHT_SEND, &entry);
    if (value)
        return value;
    struct pager pager = {.session = entry.object, .key = entry.meta};
    value = space_map_pager(space, argument(self, 1), argument(self, 2),
                            (unsigned)argument(self, 3) & ~(unsigned)MAP_PAGER,
                            &pager, argument(self, 5));
    handle_entry_put(&entry);
    return value;
}

static int64_t map_memory(struct thread *self, struct space *space) {
    struct memory *memory;
    unsigned flags = (unsigned)argument(self, 3);
    int64_t value = memory_find(self, argument(self, 4), flags, &memory);
    if (!value)
        value = space_map(space, argument(self, 1), argument(self, 2), flags,
                          memory, argument(self, 5));
    if (memory)
        memory_put(memory);
    return value;
}

int64_t sys_map(struct thread *self) {
    struct space *space;
    uint64_t flags = argument(self, 3);
    if (flags > UINT32_MAX)
        return -EINVAL;
    int64_t value = space_find(self, argument(self, 0), &space);
    if (value)
        return value;
    value =
        flags & MAP_PAGER ? map_pager(self, space) : map_memory(self, space);
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
