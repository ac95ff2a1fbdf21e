/* SPDX-License-Identifier: MIT */
/*
 * ipc/init.c: ties ipc to the folders below it, through their hooks.
 */
#include "ipc/call.h"
#include "ipc/endpoint.h"
#include "ipc/fastpath.h"
#include "ipc/irq.h"
#include "ipc/notification.h"
#include "ipc/pager.h"
#include "proc/process.h"

void ipc_init(void) {
    endpoint_init();
    reply_init();
    pager_init();
    notification_init();
    irq_init();
    fastpath_init();
    thread_death_hook = reply_thread_died;
    wait_cancel_endpoint = endpoint_cancel;
    wait_cancel_signal = notification_cancel;
}
