/* SPDX-License-Identifier: MIT */
/*
 * lib/list.h: doubly linked lists whose links live inside the elements.
 *
 * Idea        A list is a ring through its head, so that inserting and
 *             removing need no special case and no allocation, and an element
 *             can be removed without knowing which list it is on.
 * Use         struct list ready;            list_init(&ready);
 *             list_push_back(&ready, &thread->link);
 *             thread = container_of(list_first(&ready), struct thread, link);
 * Invariants  A node is on one list or linked to itself; list_remove leaves
 *             it linked to itself, so removing twice is harmless and
 *             list_empty(node) tells whether it is on a list.
 * Locks       None: the owner of the list guards it and its nodes' links.
 */
#ifndef OCTAVO_LIB_LIST_H
#define OCTAVO_LIB_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* The `type` whose field `member` is at `pointer`. A macro, because C has no
 * function that takes a type. */
#define container_of(pointer, type, member)                                    \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* A list's head, or the link inside an element. */
struct list {
    struct list *next;
    struct list *prev;
};

/* Makes an empty list, or a node that is on none. */
static inline void list_init(struct list *list) {
    list->next = list;
    list->prev = list;
}

/* Whether the list has no element; for a node: whether it is on no list. */
static inline bool list_empty(const struct list *list) {
    return list->next == list;
}

/* Inserts `node`, which is on no list, just behind `place`. */
static inline void list_insert_after(struct list *place, struct list *node) {
    node->next = place->next;
    node->prev = place;
    place->next->prev = node;
    place->next = node;
}

static inline void list_push_front(struct list *list, struct list *node) {
    list_insert_after(list, node);
}

static inline void list_push_back(struct list *list, struct list *node) {
    struct list *last = list->prev;
    node->next = list;
    node->prev = last;
    last->next = node;
    list->prev = node;
}

/* Takes the node off its list, for it to be put on another at once. */
static inline void list_unlink(struct list *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
}

/* Takes the node off its list, if it is on one. */
static inline void list_remove(struct list *node) {
    list_unlink(node);
    list_init(node);
}

/* The first node, or NULL when the list is empty. */
static inline struct list *list_first(const struct list *list) {
    return list_empty(list) ? NULL : list->next;
}

/* The node behind `node` on `list`, or NULL at the end. */
static inline struct list *list_next(const struct list *list,
                                     const struct list *node) {
    return node->next == list ? NULL : node->next;
}

/* Takes the first node off the list; NULL when the list is empty. */
static inline struct list *list_pop_front(struct list *list) {
    struct list *node = list_first(list);
    if (node != NULL)
        list_remove(node);
    return node;
}

#endif
