/* SPDX-License-Identifier: MIT */
/*
 * dev/bootargs.h: the boot arguments, `name=value` words from the boot loader.
 *
 *   seed=N       jitters the ticks of each hart, reproducibly (0: no jitter)
 *   tick=N       length of a tick in microseconds (10000)
 *   harts=N      use at most N harts
 *   sstc=0       the timer goes through the firmware even if harts have Sstc
 *   initrd=A,N   the initrd lies at physical address A and is N bytes long;
 *                for boot loaders that cannot say so in the device tree
 *   oracle=1     debug builds: panic when a stale translation could be used
 *                (vm/oracle.h)
 *   stats=1      times message operations and switches (proc/timing.h)
 *   run=COMMAND  everything to the end of the line: for init
 * Servers and init read others for themselves.
 */
#ifndef OCTAVO_DEV_BOOTARGS_H
#define OCTAVO_DEV_BOOTARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Finds `name=value` and returns true with the value, which is not ended by a
 * zero. A word `name` alone has an empty value. The first one counts. Words
 * are separated by blanks; the value of `run` is the rest of the line. */
bool bootarg_get(const char *name, const char **value, size_t *len);

/* The value as a number, decimal or 0x hexadecimal; `otherwise` when it is
 * missing or no number. */
uint64_t bootarg_number(const char *name, uint64_t otherwise);

/* Reads a number at *text, which it moves on, and before `end`; false when
 * there is none or it does not fit in 64 bits. */
bool bootarg_parse(const char **text, const char *end, uint64_t *number);

#endif
