/* SPDX-License-Identifier: MIT */
/*
 * proc/work.c: the harts' queues of long operations.
 *
 * A queue belongs to its hart, which runs with interrupts off: no lock. Work
 * is sorted by priority, first come first served within one, and goes to the
 * back after each step so that several pieces share the hart.
 */
#include "proc/work.h"

#include "arch/hart.h"
#include "lib/container.h"

static struct list queues[HART_MAX];

void work_init(void) {
    for (unsigned i = 0; i < HART_MAX; i++)
        list_init(&queues[i]);
}

static struct work *work_of(struct list *node) {
    return container_of(node, struct work, link);
}

void work_queue(struct work *work) {
    struct list *queue = &queues[hart_self()->id];
    struct list *node = queue->next;
    while (node != queue && work_of(node)->priority >= work->priority)
        node = node->next;
    list_push_back(node, &work->link);
    hart_alert(hart_self(), ATTENTION_WORK);
}

int work_priority(void) {
    struct list *queue = &queues[hart_self()->id];
    return list_empty(queue) ? -1 : (int)work_of(queue->next)->priority;
}

void work_step(void) {
    struct list *queue = &queues[hart_self()->id];
    struct work *work = work_of(queue->next);
    list_remove(&work->link);
    if (!work->step(work))
        work_queue(work);
    if (list_empty(queue))
        hart_calm(hart_self(), ATTENTION_WORK);
}
