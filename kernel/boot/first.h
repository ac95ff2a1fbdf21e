/* SPDX-License-Identifier: MIT */
/*
 * boot/first.h: making the first process.
 */
#ifndef OCTAVO_BOOT_FIRST_H
#define OCTAVO_BOOT_FIRST_H

/* Makes process 1 from the program in boot/image.S. Panics when there is not
 * even memory for that. */
void first_process_start(void);

#endif
