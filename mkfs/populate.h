/* SPDX-License-Identifier: MIT */
/*
 * populate.h: what mkfs puts into an image, and shows of one.
 */
#ifndef OCTAVO_MKFS_POPULATE_H
#define OCTAVO_MKFS_POPULATE_H

#include "session.h"

/*
 * Carries out one argument SRC[:DEST] of the command line: see the usage in
 * main.c. -1 with a message.
 */
int populate(struct session *s, const char *argument);

/* Prints every name of the image with type, links and size. -1 with message. */
int list_tree(struct session *s);

/* Copies a file of the image to standard output. -1 with a message. */
int print_file(struct session *s, const char *path);

#endif
