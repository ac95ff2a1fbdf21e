/* SPDX-License-Identifier: MIT */
/*
 * arch/sbi.c: calls of the firmware.
 */
#include "arch/sbi.h"

/* Functions within the extensions, and arguments of SRST. */
enum {
    TIME_SET = 0,
    IPI_SEND = 0,
    HSM_START = 0,
    SRST_RESET = 0,
    SRST_SHUTDOWN = 0,
};

struct sbi_result {
    int64_t error;
    uint64_t value;
};

/* The arguments of one call; those not named are zero. */
struct sbi_call {
    uint64_t extension;
    uint64_t function;
    uint64_t argument[3];
};

static struct sbi_result sbi_call(struct sbi_call call) {
    register uint64_t a0 __asm__("a0") = call.argument[0];
    register uint64_t a1 __asm__("a1") = call.argument[1];
    register uint64_t a2 __asm__("a2") = call.argument[2];
    register uint64_t a6 __asm__("a6") = call.function;
    register uint64_t a7 __asm__("a7") = call.extension;
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a2), "r"(a6), "r"(a7)
                     : "memory");
    return (struct sbi_result){.error = (int64_t)a0, .value = a1};
}

void sbi_set_timer(uint64_t when) {
    sbi_call((struct sbi_call){SBI_TIME, TIME_SET, {when}});
}

int64_t sbi_send_ipi(struct sbi_harts harts) {
    return sbi_call(
               (struct sbi_call){SBI_IPI, IPI_SEND, {harts.mask, harts.base}})
        .error;
}

int64_t sbi_hart_start(uint64_t sbi_id, pa_t start, uint64_t argument) {
    return sbi_call(
               (struct sbi_call){SBI_HSM, HSM_START, {sbi_id, start, argument}})
        .error;
}

void sbi_putchar(char byte) {
    sbi_call((struct sbi_call){.extension = SBI_LEGACY_PUTCHAR,
                               .argument = {(uint8_t)byte}});
}

void sbi_shutdown(void) {
    sbi_call((struct sbi_call){SBI_SRST, SRST_RESET, {SRST_SHUTDOWN, 0}});
}
