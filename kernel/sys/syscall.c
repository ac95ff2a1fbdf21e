/* SPDX-License-Identifier: MIT */
/*
 * sys/syscall.c: number to function.
 */
#include "sys/syscall.h"

#include "abi/syscall.h"
#include "ipc/call.h"
#include "ipc/endpoint.h"
#include "ipc/fastpath.h"
#include "ipc/irq.h"
#include "ipc/notification.h"
#include "proc/process.h"

syscall_function *const syscall_light[SYSCALL_SLOTS] = {
    [SYS_REPLY_SAVE] = ipc_reply_save,
    [SYS_COPY] = ipc_copy_light,
    [SYS_ACCEPT] = sys_accept,
    [SYS_ENDPOINT_CREATE] = endpoint_create,
    [SYS_SESSION_MINT] = sys_session_mint,
    [SYS_HANDLE_DUP] = sys_handle_dup,
    [SYS_HANDLE_CLOSE] = sys_handle_close,
    [SYS_HANDLE_INFO] = sys_handle_info,
    [SYS_NOTIFICATION_CREATE] = notification_create,
    [SYS_IRQ_ACK] = irq_acknowledge,
    [SYS_MEMORY_INFO] = sys_memory_info,
    [SYS_GETPID] = sys_getpid,
    [SYS_UPTIME] = sys_uptime,
    [SYS_THREAD_PRIORITY] = sys_thread_priority,
    [SYS_PROCESS_INFO] = sys_process_info,
    [SYS_SYSTEM_INFO] = sys_system_info,
    [SYS_DEBUG] = sys_debug,
};

_Static_assert((int)SYS_MAX <= SYSCALL_SLOTS, "trap/entry.S looks no further");

/* The others: the thread's whole frame is written. */
syscall_function *const syscall_full[SYSCALL_SLOTS] = {
    [SYS_CALL] = ipc_call,
    [SYS_REPLY_RECV] = ipc_reply_recv,
    [SYS_SEND] = ipc_send,
    [SYS_RECV] = ipc_recv,
    [SYS_REPLY] = ipc_reply,
    [SYS_COPY] = ipc_copy,
    [SYS_REVOKE] = endpoint_revoke,
    [SYS_SIGNAL] = ipc_signal,
    [SYS_WAIT_SIGNAL] = fastpath_wait,
    [SYS_NOTIFICATION_BIND] = ipc_notification_bind,
    [SYS_IRQ_CREATE] = sys_irq_create,
    [SYS_IRQ_BIND] = irq_bind,
    [SYS_SPACE_CREATE] = sys_space_create,
    [SYS_SPACE_COMMIT] = sys_space_commit,
    [SYS_MAP] = sys_map,
    [SYS_UNMAP] = sys_unmap,
    [SYS_PROTECT] = sys_protect,
    [SYS_SBRK] = sys_sbrk,
    [SYS_MEMORY_CREATE] = sys_memory_create,
    [SYS_FORK] = process_fork,
    [SYS_EXIT] = sys_exit,
    [SYS_WAIT] = process_wait,
    [SYS_KILL] = process_kill_pid,
    [SYS_SLEEP] = sys_sleep,
    [SYS_THREAD_CREATE] = sys_thread_create,
    [SYS_THREAD_EXIT] = sys_thread_exit,
    [SYS_THREAD_JOIN] = thread_join,
    [SYS_THREAD_AFFINITY] = sys_thread_affinity,
    [SYS_YIELD] = sys_yield,
    [SYS_FAULT_RANGE] = sys_fault_range,
    [SYS_PROCESS_WATCH] = notification_watch,
    [SYS_PROCESS_LIMIT] = sys_process_limit,
    [SYS_KERNEL_LOG] = sys_kernel_log,
    [SYS_POWEROFF] = sys_poweroff,
    [SYS_TRANSFER] = sys_transfer,
};
