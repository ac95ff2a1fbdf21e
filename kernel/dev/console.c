/* SPDX-License-Identifier: MIT */
/*
 * dev/console.c: the kernel's own output, polled.
 *
 * The port is a 16550, which the firmware has already set up. Two registers
 * matter: bytes go into the first, and bit 5 of the sixth says that it is
 * empty. The console server drives the same port by interrupts; a byte of the
 * kernel's between two of its own does no harm.
 *
 * Locks       console_lock (RANK_CONSOLE) for one call of console_write.
 */
#include "dev/console.h"

#include <stdint.h>

#include "arch/hart.h"
#include "arch/memory.h"
#include "arch/sbi.h"
#include "dev/machine.h"
#include "lib/print.h"
#include "sync/spinlock.h"

enum {
    UART_TRANSMIT = 0,
    UART_LINE_STATUS = 5,
    UART_TRANSMIT_EMPTY = 1 << 5,
};

static struct spinlock console_lock = SPINLOCK(RANK_CONSOLE);

/* The registers; NULL: use the firmware. Constant after console_init. */
static volatile uint8_t *uart;

/* The hart that panicked; NULL: none. */
static const struct hart *owner;

static uint8_t uart_read(uint32_t number) {
    volatile uint8_t *address = uart + (number << machine.uart.shift);
    if (machine.uart.width == 4) {
        return (uint8_t) * (volatile uint32_t *)address;
    }
    return *address;
}

static void uart_write(uint32_t number, uint8_t value) {
    volatile uint8_t *address = uart + (number << machine.uart.shift);
    if (machine.uart.width == 4) {
        *(volatile uint32_t *)address = value;
    } else {
        *address = value;
    }
}

static void put_byte(char byte) {
    if (uart == NULL) {
        sbi_putchar(byte);
        return;
    }
    while ((uart_read(UART_LINE_STATUS) & UART_TRANSMIT_EMPTY) == 0) {
    }
    uart_write(UART_TRANSMIT, (uint8_t)byte);
}

static void put_text(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n') {
            put_byte('\r');
        }
        put_byte(text[i]);
    }
}

void console_init_early(void) {
    print_write = console_write;
}

void console_init(void) {
    if (machine.uart.device.registers.size != 0) {
        uart = pa_to_va(machine.uart.device.registers.base);
    }
}

void console_write(const char *text, size_t len) {
    const struct hart *seized = __atomic_load_n(&owner, __ATOMIC_RELAXED);
    if (seized != NULL) {
        if (seized == hart_self()) {
            put_text(text, len);
        }
        return;
    }
    spin_lock(&console_lock);
    put_text(text, len);
    spin_unlock(&console_lock);
}

void console_seize(void) {
    __atomic_store_n(&owner, hart_self(), __ATOMIC_RELAXED);
}
