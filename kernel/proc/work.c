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

static struct list queues[HART_MAX];

void work_init(void) {
    for (unsigned i = 0; i < HART_MAX; i++) {
        list_init(&queues[i]);
        harts[i].work = -1;
    }
}

static struct work *work_of(struct list *node) {
    return container_of(node, struct work, link);
}

static void note_first(struct list *queue) {
    hart_self()->work =
        list_empty(queue) ? -1 : (int32_t)work_of(queue->next)->priority;
}

void work_queue(struct work *work) {
    struct list *queue = &queues[hart_self()->id];
    struct list *node = queue->next;
    while (node != queue && work_of(node)->priority >= work->priority)
        node = node->next;
    list_push_back(node, &work->link);
    note_first(queue);
    hart_alert(hart_self(), ATTENTION_WORK);
}

void work_step(void) {
    struct list *queue = &queues[hart_self()->id];
    struct work *work = work_of(queue->next);
    list_remove(&work->link);
    note_first(queue);
    if (!work->step(work))
        work_queue(work);
    if (list_empty(queue))
        hart_calm(hart_self(), ATTENTION_WORK);
}
