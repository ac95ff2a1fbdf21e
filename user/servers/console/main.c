/* SPDX-License-Identifier: MIT */
/*
 * servers/console/main.c: the console server.
 *
 * Idea        The serial port as a file: writes go to the screen (output.h),
 *             reads come from the keyboard a line at a time (input.h). All
 *             openers share one session, as there is one screen and one
 *             keyboard.
 * Use         init hands it SLOT_GRANT: the port's registers (memory), and
 *             SLOT_GRANT + 1: its interrupt.
 * Invariants  It waits in one place only, service_next(): for a message or for
 *             the port.
 */
#include "abi/errno.h"
#include "abi/layout.h"
#include "lib/proto.h"
#include "lib/server.h"
#include "lib/syscall.h"
#include "servers/common/service.h"
#include "servers/console/input.h"
#include "servers/console/output.h"
#include "servers/console/uart.h"

enum {
    SLOT_REGISTERS = SLOT_GRANT,
    SLOT_IRQ = SLOT_GRANT + 1,
    SIGNAL_IRQ = 1,
    STAT_DEVICE = 3,   /* file type: a device */
    CONSOLE_MAJOR = 1, /* as a device inode names it */
};

static int64_t console_stat(struct message *m) {
    *m = (struct message){.tag = tag_make(0, 5, 0, 0),
                          .words = {STAT_DEVICE, 0, 1, 0, CONSOLE_MAJOR}};
    return SERVICE_MESSAGE;
}

static int64_t call_handle(struct message *m) {
    switch (tag_label(m->tag)) {
    case FILE_READ:
        return input_read(m);
    case FILE_WRITE:
        return output_write(m);
    case FILE_STAT:
        return console_stat(m);
    case FILE_CONTROL:
        return input_control(m);
    default:
        return -ENOSYS;
    }
}

static int64_t message_handle(struct message *m) {
    if (tag_kind(m->tag) == MESSAGE_CALL)
        return call_handle(m);
    if (tag_kind(m->tag) == MESSAGE_SIGNAL) {
        input_interrupt();
        output_continue();
        sys_irq_ack(SLOT_IRQ);
    }
    return SERVICE_LATER;
}

/* Maps the port and connects its interrupt to the endpoint. */
static int64_t port_start(int64_t endpoint) {
    int64_t registers = sys_map(HANDLE_SELF, 0, PAGE_SIZE,
                                PROT_READ | PROT_WRITE, SLOT_REGISTERS, 0);
    if (registers < 0)
        return registers;
    int64_t notification = sys_notification_create();
    if (notification < 0)
        return notification;
    int64_t error = sys_notification_bind(notification, endpoint);
    if (error < 0)
        return error;
    uart_start((volatile uint8_t *)registers);
    return sys_irq_bind(SLOT_IRQ, notification, SIGNAL_IRQ);
}

int main(void) {
    int64_t endpoint = server_open(NAME_CONSOLE, SERVICE_RIGHTS);
    if (endpoint < 0 || port_start(endpoint) < 0)
        return 1;
    struct message m;
    for (int64_t label = SERVICE_LATER;; label = message_handle(&m))
        service_next(endpoint, label, &m);
}
