/* SPDX-License-Identifier: MIT */
/*
 * ipc/irq.c: the table of interrupt lines.
 */
#include "ipc/irq.h"

#include "abi/errno.h"
#include "cap/handle.h"
#include "dev/plic.h"
#include "ipc/notification.h"
#include "proc/process.h"
#include "sync/spinlock.h"

struct irq_line {
    uint32_t handles;          /* 0: unused */
    struct handle_entry bound; /* the notification, with a reference */
    uint64_t bits;
};

static struct spinlock irq_lock = SPINLOCK(RANK_IRQ);
static struct irq_line lines[PLIC_IRQ_MAX + 1] GUARDED_BY(irq_lock);

static uint32_t line_number(const struct handle_entry *entry) {
    return (uint32_t)((const struct irq_line *)entry->object - lines);
}

int64_t irq_create(struct thread *self, uint64_t irq) {
    if (irq > PLIC_IRQ_MAX || !plic_valid((uint32_t)irq))
        return -EINVAL;
    spin_lock(&irq_lock);
    bool taken = lines[irq].handles > 0;
    if (!taken)
        lines[irq].handles = 1;
    spin_unlock(&irq_lock);
    if (taken)
        return -EBUSY;
    return handle_give(&self->process->handles, &lines[irq], 0, HANDLE_IRQ,
                       RIGHT_CONTROL | RIGHT_PASS | RIGHT_GRANT |
                           RIGHT_INHERIT);
}

int64_t irq_bind(struct thread *self) {
    struct handle_table *table = &self->process->handles;
    uint64_t bits = self->frame.x[REG_A2];
    struct handle_entry irq, bound;
    int error = handle_take(table, self->frame.x[REG_A0], HANDLE_IRQ,
                            RIGHT_CONTROL, &irq);
    if (error)
        return error;
    error = bits == 0 ? -EINVAL
                      : handle_take(table, self->frame.x[REG_A1],
                                    HANDLE_NOTIFICATION, RIGHT_SIGNAL, &bound);
    if (!error) {
        spin_lock(&irq_lock);
        struct irq_line *line = &lines[line_number(&irq)];
        struct handle_entry before = line->bound;
        line->bound = bound;
        line->bits = bits;
        plic_unmask(line_number(&irq));
        spin_unlock(&irq_lock);
        handle_entry_put(&before);
    }
    handle_entry_put(&irq);
    return error;
}

int64_t irq_acknowledge(struct thread *self) {
    struct handle_entry irq;
    int error = handle_lookup(&self->process->handles, self->frame.x[REG_A0],
                              HANDLE_IRQ, RIGHT_CONTROL, &irq);
    if (error)
        return error;
    spin_lock(&irq_lock);
    if (lines[line_number(&irq)].bound.type != HANDLE_NONE)
        plic_unmask(line_number(&irq));
    spin_unlock(&irq_lock);
    return 0;
}

/* Others that are pending interrupt again. */
void irq_interrupt(void) {
    uint32_t irq = plic_take();
    if (irq == 0)
        return;
    spin_lock(&irq_lock);
    const struct irq_line *line = &lines[irq];
    if (line->bound.type != HANDLE_NONE)
        notification_signal(line->bound.object, line->bits);
    spin_unlock(&irq_lock);
}

static void irq_get(const struct handle_entry *entry) {
    __atomic_fetch_add(&lines[line_number(entry)].handles, 1, __ATOMIC_RELAXED);
}

static void irq_put(const struct handle_entry *entry) {
    struct irq_line *line = &lines[line_number(entry)];
    struct handle_entry before = {0};
    spin_lock(&irq_lock);
    if (__atomic_fetch_sub(&line->handles, 1, __ATOMIC_ACQ_REL) == 1) {
        plic_mask(line_number(entry));
        before = line->bound;
        line->bound = (struct handle_entry){0};
    }
    spin_unlock(&irq_lock);
    handle_entry_put(&before);
}

const struct object_operations irq_operations = {.get = irq_get,
                                                 .put = irq_put};
