/* SPDX-License-Identifier: MIT */
/*
 * dev/finisher.h: the end of the machine.
 */
#ifndef OCTAVO_DEV_FINISHER_H
#define OCTAVO_DEV_FINISHER_H

/* Ends the machine; QEMU exits with status (0..255) if the machine has a test
 * device. Otherwise the firmware turns it off, and the status is lost. */
_Noreturn void finisher_exit(int status);

#endif
