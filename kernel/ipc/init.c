/* SPDX-License-Identifier: MIT */
/*
 * ipc/init.c: ties ipc to the folders below it, through their hooks.
 */
#include "dev/bootargs.h"
#include "ipc/call.h"
#include "ipc/endpoint.h"
#include "ipc/fastpath.h"
#include "ipc/irq.h"
#include "ipc/notification.h"
#include "ipc/pager.h"
#include "proc/process.h"
#include "vm/asid.h"

/* Not in ipc/fastpath.c, which is compiled without half of the registers. */
bool fastpath_on;

void ipc_init(void) {
    object_register(HANDLE_ENDPOINT, &endpoint_operations);
    object_register(HANDLE_SESSION, &session_operations);
    object_register(HANDLE_REPLY, &reply_operations);
    object_register(HANDLE_NOTIFICATION, &notification_operations);
    object_register(HANDLE_IRQ, &irq_operations);
    pager_init();
    process_watch_hook = notification_signal;
    thread_death_hook = reply_thread_died;
    wait_cancel_endpoint = endpoint_cancel;
    fastpath_on = bootarg_number("fastpath", 1) != 0 && asid_is_plenty();
}
