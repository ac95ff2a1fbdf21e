/* SPDX-License-Identifier: MIT */
/*
 * arch/sbi.h: what the firmware (OpenSBI, machine mode) does for the kernel.
 *
 * Idea        A call of the Supervisor Binary Interface is an ecall with the
 *             extension in a7, the function in a6 and up to five arguments; it
 *             returns an error in a0 and a value in a1. Only the extensions
 *             that every firmware since SBI 0.2 has are used.
 * Harts       Harts are named by SBI's own numbers here (hart->sbi_id).
 */
#ifndef OCTAVO_ARCH_SBI_H
#define OCTAVO_ARCH_SBI_H

#include <stdint.h>

#include "arch/memory.h"

/* Extension numbers. */
enum sbi_extension {
    SBI_LEGACY_PUTCHAR = 1,
    SBI_TIME = 0x54494D45,
    SBI_IPI = 0x735049,
    SBI_HSM = 0x48534D,
    SBI_SRST = 0x53525354,
};

/* The next timer interrupt of this hart comes at time `when`. */
void sbi_set_timer(uint64_t when);

/* Raises a software interrupt on a hart. Returns 0 or a negative error. */
int64_t sbi_send_ipi(uint64_t sbi_id);

/* Starts a stopped hart at physical address `start` in supervisor mode with
 * paging off, a0 = its number, a1 = argument. Returns 0 or a negative error. */
int64_t sbi_hart_start(uint64_t sbi_id, pa_t start, uint64_t argument);

/* Writes a byte to the firmware's console. */
void sbi_putchar(char byte);

/* Turns the machine off; returns only when the firmware cannot. */
void sbi_shutdown(void);

#endif
