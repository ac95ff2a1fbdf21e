/* SPDX-License-Identifier: MIT */
/*
 * lib/symbols.h: names for kernel addresses, in backtraces.
 *
 * The table is made from the linked kernel by tools/ksyms and linked into it
 * in a second step; without it, addresses have no names.
 */
#ifndef OCTAVO_LIB_SYMBOLS_H
#define OCTAVO_LIB_SYMBOLS_H

#include <stdint.h>

/* The function that holds `address`, or NULL; *offset is set to the distance
 * from its start. */
const char *symbol_find(uint64_t address, uint64_t *offset);

#endif
