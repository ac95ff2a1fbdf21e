/* SPDX-License-Identifier: MIT */
/*
 * kit.h: what unit.c works with: a way to print that is not the lab's, a serial
 * port made of memory, and an alarm.
 *
 * The alarm is a timer interrupt in the kernel, which the kernel itself never
 * has. It changes what a function waits for, or ends the test of one that would
 * wait for ever. Any other trap is a failure, too.
 */
#ifndef OCTAVO_LAB_BOOT_KIT_H
#define OCTAVO_LAB_BOOT_KIT_H

#include "unit.h"

#include <stddef.h>

#include "arch/csr.h"
#include "arch/sbi.h"
#include "arch/stack.h"
#include "dev/machine.h"
#include "lib/print.h"
#include "lib/string.h"

/* ---- Output ---- */

static void print_plainly(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        sbi_putchar(text[i]);
}

/* ---- A port made of memory ---- */

enum {
    PORT_SIZE = 32,
    PORT_UNTOUCHED = 0x85, /* not ready */
    LINE_STATUS = 5,
    READY = 1 << 5,
};

static union {
    volatile uint8_t byte[PORT_SIZE];
    volatile uint32_t word[PORT_SIZE / 4];
} port;

/* The kernel is told that its serial port is there. */
static inline void port_make(uint32_t shift, uint32_t width) {
    for (unsigned i = 0; i < PORT_SIZE; i++)
        port.byte[i] = PORT_UNTOUCHED;
    machine.uart.device.registers.base = va_to_pa((const void *)&port);
    machine.uart.device.registers.size = PORT_SIZE;
    machine.uart.shift = shift;
    machine.uart.width = width;
}

static inline void port_status(uint8_t status) {
    uint32_t at = LINE_STATUS << machine.uart.shift;
    if (machine.uart.width == 4)
        port.word[at / 4] = status;
    else
        port.byte[at] = status;
}

/* ---- The alarm ---- */

static void (*alarm_call)(void);
static bool alarm_went;

static inline void alarm_off(void) {
    csr_clear(sstatus, SSTATUS_SIE);
    csr_write(sie, SIE_SOFTWARE);
    sbi_set_timer(UINT64_MAX);
}

static void __attribute__((interrupt("supervisor"), aligned(4)))
alarm_entry(void) {
    uint64_t cause = csr_read(scause);
    if (cause == (SCAUSE_INTERRUPT | INTERRUPT_SOFTWARE)) {
        csr_clear(sip, SIE_SOFTWARE); /* spin_wait wakes itself by this */
        return;
    }
    print_write = print_plainly;
    unit_equal("scause of a trap in the test", cause,
               SCAUSE_INTERRUPT | INTERRUPT_TIMER);
    sbi_set_timer(UINT64_MAX);
    csr_clear(sie, SIE_TIMER);
    alarm_went = true;
    alarm_call();
}

/* Calls the function in `microseconds`, in the middle of whatever runs then. */
static inline void alarm_set(uint64_t microseconds, void (*call)(void)) {
    alarm_call = call;
    alarm_went = false;
    csr_write(stvec, (uint64_t)alarm_entry);
    sbi_set_timer(csr_read(time) + microseconds * machine.timebase / 1000000);
    csr_set(sie, SIE_TIMER);
    csr_set(sstatus, SSTATUS_SIE);
}

/* Spins for about so many units of the timer. */
static inline void spin_units(uint64_t units) {
    uint64_t end = csr_read(time) + units;
    while (csr_read(time) < end) {
    }
}

static inline bool timer_pending(void) {
    return csr_read(sip) & SIE_TIMER;
}

/* ---- Boot arguments and harts ---- */

static inline void arguments(const char *text) {
    memcpy(machine.bootargs, text, strlen(text) + 1);
}

/* The hart works as if it were another one. */
static inline void become(uint32_t id) {
    hart_prepare(id);
    frame_set_self(&hart_boot_frames[id]);
}

#endif
