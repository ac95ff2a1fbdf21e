/* SPDX-License-Identifier: MIT */
/*
 * arch/sbi.c: calls of the firmware.
 */
#include "arch/sbi.h"

/* Function 0 of the extension, which is what the kernel uses of each: set the
 * timer, send interrupts, start a hart, reset. Returns the error. */
static int64_t sbi_call(uint64_t extension, uint64_t first, uint64_t second,
                        uint64_t third) {
    register uint64_t a0 __asm__("a0") = first;
    register uint64_t a1 __asm__("a1") = second;
    register uint64_t a2 __asm__("a2") = third;
    register uint64_t a6 __asm__("a6") = 0;
    register uint64_t a7 __asm__("a7") = extension;
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a2), "r"(a6), "r"(a7)
                     : "memory");
    return (int64_t)a0;
}

void sbi_set_timer(uint64_t when) {
    sbi_call(SBI_TIME, when, 0, 0);
}

int64_t sbi_send_ipi(uint64_t sbi_id) {
    return sbi_call(SBI_IPI, 1, sbi_id, 0); /* a mask, and where it begins */
}

int64_t sbi_hart_start(uint64_t sbi_id, pa_t start, uint64_t argument) {
    return sbi_call(SBI_HSM, sbi_id, start, argument);
}

void sbi_putchar(char byte) {
    sbi_call(SBI_LEGACY_PUTCHAR, (uint8_t)byte, 0, 0);
}

void sbi_shutdown(void) {
    sbi_call(SBI_SRST, 0, 0, 0); /* type: shut down, for no reason */
}
