/* SPDX-License-Identifier: MIT */
/*
 * servers/console/uart.c: driving a 16550; see uart.h.
 */
#include "servers/console/uart.h"

enum uart_register {
    UART_DATA = 0,             /* in: received byte; out: byte to send */
    UART_INTERRUPT_ENABLE = 1, /* INTERRUPT_ bits */
    UART_FIFO_CONTROL = 2,
    UART_LINE_CONTROL = 3,
    UART_LINE_STATUS = 5, /* STATUS_ bits */
};

enum {
    INTERRUPT_RECEIVED = 1,
    INTERRUPT_ROOM = 2,
    FIFO_ENABLE = 1,
    LINE_8_BITS = 3, /* no parity, one stop bit, data registers selected */
    STATUS_RECEIVED = 0x01,
    STATUS_ROOM = 0x20, /* the send queue is empty */
    UART_BURST = 16,    /* bytes an empty send queue takes */
    /* Status reads before giving up: a 16-byte queue at 115200 baud takes
     * 1.4 ms to empty, and that is better slept than polled. */
    UART_POLLS = 16,
};

/* Set once by uart_start(). */
static volatile uint8_t *uart;

void uart_start(volatile uint8_t *registers) {
    uart = registers;
    uart[UART_INTERRUPT_ENABLE] = 0;
    uart[UART_LINE_CONTROL] = LINE_8_BITS;
    uart[UART_FIFO_CONTROL] = FIFO_ENABLE;
    uart[UART_INTERRUPT_ENABLE] = INTERRUPT_RECEIVED;
}

static bool uart_has_room(void) {
    for (int i = 0; i < UART_POLLS; i++) {
        if (uart[UART_LINE_STATUS] & STATUS_ROOM)
            return true;
    }
    return false;
}

uint64_t uart_write(const uint8_t *bytes, uint64_t count) {
    uint64_t done = 0;
    while (done < count && uart_has_room()) {
        uint64_t end = count - done > UART_BURST ? done + UART_BURST : count;
        for (; done < end; done++)
            uart[UART_DATA] = bytes[done];
    }
    return done;
}

bool uart_read(uint8_t *byte) {
    if (!(uart[UART_LINE_STATUS] & STATUS_RECEIVED))
        return false;
    *byte = uart[UART_DATA];
    return true;
}

void uart_want_room(bool wanted) {
    uart[UART_INTERRUPT_ENABLE] =
        INTERRUPT_RECEIVED | (wanted ? INTERRUPT_ROOM : 0);
}
