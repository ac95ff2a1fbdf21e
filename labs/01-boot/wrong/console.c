/* SPDX-License-Identifier: MIT */
/*
 * wrong/console.c: mistakes with the serial port.
 */

/*
 * uart-shift: the distance between registers is taken for their number.
 * File: kernel/dev/console.c
 * Caught by: registers
 */
static uint8_t uart_read(uint32_t number) {
    volatile uint8_t *address = uart + number;
    if (machine.uart.width == 4) {
        return (uint8_t) * (volatile uint32_t *)address;
    }
    return *address;
}

/*
 * uart-width: a register is always written as a byte.
 * File: kernel/dev/console.c
 * Caught by: registers
 */
static void uart_write(uint32_t number, uint8_t value) {
    uart[number << machine.uart.shift] = value;
}

/*
 * put-hurry: the byte is stored without a look at the line status.
 * File: kernel/dev/console.c
 * Caught by: waits
 */
static void put_byte(char byte) {
    if (uart == NULL) {
        sbi_putchar(byte);
        return;
    }
    uart_write(UART_TRANSMIT, (uint8_t)byte);
}

/*
 * put-received: waits for the bit that says that a byte has come in.
 * File: kernel/dev/console.c
 * Caught by: waits, registers
 */
static void put_byte(char byte) {
    if (uart == NULL) {
        sbi_putchar(byte);
        return;
    }
    while ((uart_read(UART_LINE_STATUS) & 1) == 0) {
    }
    uart_write(UART_TRANSMIT, (uint8_t)byte);
}

/*
 * put-cached: the status is read once, as without volatile.
 * File: kernel/dev/console.c
 * Caught by: waits
 */
static void put_byte(char byte) {
    if (uart == NULL) {
        sbi_putchar(byte);
        return;
    }
    uint8_t status = uart_read(UART_LINE_STATUS);
    while ((status & UART_TRANSMIT_EMPTY) == 0) {
        __asm__ volatile("");
    }
    uart_write(UART_TRANSMIT, (uint8_t)byte);
}

/*
 * put-wild: writes to the port before it is known where it is.
 * File: kernel/dev/console.c
 * Caught by: early
 */
static void put_byte(char byte) {
    while ((uart_read(UART_LINE_STATUS) & UART_TRANSMIT_EMPTY) == 0) {
    }
    uart_write(UART_TRANSMIT, (uint8_t)byte);
}

/*
 * text-bare: newlines go out as they are.
 * File: kernel/dev/console.c
 * Caught by: bytes
 */
static void put_text(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        put_byte(text[i]);
    }
}

/*
 * text-after: the carriage return comes behind the newline.
 * File: kernel/dev/console.c
 * Caught by: bytes
 */
static void put_text(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        put_byte(text[i]);
        if (text[i] == '\n') {
            put_byte('\r');
        }
    }
}

/*
 * text-string: a zero ends the text, as if it were a string.
 * File: kernel/dev/console.c
 * Caught by: bytes
 */
static void put_text(const char *text, size_t len) {
    for (size_t i = 0; i < len && text[i] != '\0'; i++) {
        if (text[i] == '\n') {
            put_byte('\r');
        }
        put_byte(text[i]);
    }
}

/*
 * init-always: takes a port for granted, at address 0 if there is none.
 * File: kernel/dev/console.c
 * Caught by: no_port
 */
void console_init(void) {
    uart = pa_to_va(machine.uart.device.registers.base);
}

/*
 * init-physical: the registers' physical address is used as it is.
 * File: kernel/dev/console.c
 * Caught by: registers
 */
void console_init(void) {
    if (machine.uart.device.registers.size != 0) {
        uart =
            (volatile uint8_t *)(uintptr_t)machine.uart.device.registers.base;
    }
}

/*
 * write-unlocked: texts of two harts mix letter by letter.
 * File: kernel/dev/console.c
 * Caught by: lock
 */
void console_write(const char *text, size_t len) {
    const struct hart *seized = __atomic_load_n(&owner, __ATOMIC_RELAXED);
    if (seized == NULL || seized == hart_self()) {
        put_text(text, len);
    }
}

/*
 * write-kept: the lock is not given back.
 * File: kernel/dev/console.c
 * Caught by: lock
 */
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
}

/*
 * write-deadlock: a panic waits for the lock that the stopped hart holds.
 * File: kernel/dev/console.c
 * Caught by: seize
 */
void console_write(const char *text, size_t len) {
    spin_lock(&console_lock);
    const struct hart *seized = __atomic_load_n(&owner, __ATOMIC_RELAXED);
    if (seized == NULL || seized == hart_self()) {
        put_text(text, len);
    }
    spin_unlock(&console_lock);
}

/*
 * write-all: after a panic everybody writes, without the lock.
 * File: kernel/dev/console.c
 * Caught by: seize
 */
void console_write(const char *text, size_t len) {
    if (__atomic_load_n(&owner, __ATOMIC_RELAXED) != NULL) {
        put_text(text, len);
        return;
    }
    spin_lock(&console_lock);
    put_text(text, len);
    spin_unlock(&console_lock);
}
