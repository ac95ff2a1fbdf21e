/* SPDX-License-Identifier: MIT */
/*
 * servers/console/uart.h: the 16550 serial port.
 *
 * Idea        The port has a queue of 16 bytes in each direction. Writing asks
 *             once per 16 bytes whether the queue is empty, and then fills it.
 *             A port that is not ready is not waited for: the caller keeps the
 *             bytes and asks for an interrupt.
 * Locks       None: one thread drives it.
 */
#ifndef OCTAVO_CONSOLE_UART_H
#define OCTAVO_CONSOLE_UART_H

#include <stdbool.h>
#include <stdint.h>

/* Takes over the port whose registers are mapped at `registers`, with the baud
 * rate that the firmware set, and lets it interrupt for input. */
void uart_start(volatile uint8_t *registers);

/* Sends what the port takes now and returns how many bytes that was. */
uint64_t uart_write(const uint8_t *bytes, uint64_t count);

/* Takes a received byte; false if there is none. */
bool uart_read(uint8_t *byte);

/* Whether the port is to interrupt when it can take more. */
void uart_want_room(bool wanted);

#endif
