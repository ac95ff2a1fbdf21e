/* SPDX-License-Identifier: MIT */
/*
 * servers/init/main.c: the first process.
 *
 * Idea        The kernel starts init with an authority handle and nothing
 *             else. init makes handles of the machine's devices, starts the
 *             servers from the boot archive and hands each what it needs, then
 *             a shell; from then on it waits for something to die.
 * States      name server missing -> (INIT_NAMES) -> servers started -> shell
 *             started. The shell's child waits for the servers it needs; init
 *             itself waits in one place only, for a message or a death.
 * Invariants  I1  init calls no server but names, and the console with a
 *                 deadline: nobody can stop it.
 *             I2  Every dead child is waited for, orphans too: processes whose
 *                 parent died are init's children.
 */
#include <stdbool.h>
#include <stddef.h>

#include "abi/errno.h"
#include "abi/info.h"
#include "lib/ipc.h"
#include "lib/names.h"
#include "lib/proto.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "servers/init/bootargs.h"
#include "servers/init/log.h"
#include "servers/init/machine.h"
#include "servers/init/services.h"
#include "servers/init/shell.h"

enum {
    BADGE_CLIENT = 0,
    BADGE_NAMES = 1,
    SIGNAL_DEATH = 1,
    STATUS_FAILED = 1,
    STATUS_MASK = 255,
    BOOTARGS_PIECE = 48, /* bytes of the line in one answer of the kernel */
};

static struct {
    int64_t endpoint;
    int64_t lease; /* of the name "init"; NO_HANDLE: not registered */
    struct bootargs args;
    struct machine machine;
    int64_t shell; /* pid; 0: it does not run */
    bool shell_off;
    struct patience shell_patience;
} init = {.lease = NO_HANDLE};

/* Ends the machine. */
static void __attribute__((noreturn)) power_off(int64_t status) {
    sys_poweroff(SLOT_AUTHORITY, (unsigned)status & STATUS_MASK);
    for (;;)
        sys_sleep(DEADLINE_NONE);
}

/* The system cannot do what it was booted for. A scripted run ends at once; at
 * a console the reason stays to be read. */
static void give_up(void) {
    if (init.args.run)
        power_off(STATUS_FAILED);
}

/* ---- The shell ---- */

/* Starts a shell if one is due. False: it could not be, try again later. */
static bool shell_check(void) {
    if (init.shell != 0 || init.shell_off || !services_have_names())
        return true;
    int64_t pid = shell_start(&init.args);
    if (pid < 0) {
        log_line("cannot start a shell (error %ld)", (long)-pid);
        return false;
    }
    init.shell = pid;
    patience_start(&init.shell_patience);
    return true;
}

/* With run= the work is done. A shell at the console is replaced, be it as
 * short-lived as it likes if only it ended well. */
static void shell_died(int64_t status) {
    init.shell = 0;
    if (init.args.run)
        power_off(status);
    bool patient = patience_death(&init.shell_patience);
    if (status == 0)
        init.shell_patience.deaths = 0;
    if (status == 0 || patient)
        return;
    init.shell_off = true;
    log_line("sh ended (status %ld) at start %d times, giving up", (long)status,
             SERVICE_TRIES);
}

/* ---- Deaths ---- */

/* Everybody's sessions with the name server are dead, the shell's too. */
static void names_lost(void) {
    sys_handle_close(SLOT_NAMES);
    if (init.lease >= 0)
        sys_handle_close(init.lease);
    init.lease = NO_HANDLE;
    if (init.shell > 0)
        sys_kill(init.shell);
}

static void child_died(int64_t pid, int64_t status) {
    if (pid == init.shell) {
        shell_died(status);
        return;
    }
    switch (services_death(pid, status)) {
    case DEATH_NAMES:
        names_lost();
        break;
    case DEATH_GAVE_UP:
        give_up();
        break;
    default:
        break;
    }
}

static void children_reap(void) {
    for (;;) {
        struct sys_pair dead = sys_wait(-1, DEADLINE_POLL);
        if (dead.result < 0)
            return;
        child_died(dead.result, (int64_t)dead.value);
    }
}

/* ---- Messages ---- */

/* The name server says where it is. Registers init there; whoever is started
 * from now on finds it in SLOT_NAMES. */
static void names_report(int64_t session) {
    if (sys_handle_dup(session, SLOT_NAMES, RIGHT_ALL, DUP_MOVE | DUP_REPLACE) <
        0)
        return;
    services_set_names(true);
    int64_t own = sys_session_mint(
        init.endpoint, BADGE_CLIENT,
        RIGHT_SEND | RIGHT_PASS | RIGHT_GRANT | RIGHT_INHERIT, 0);
    if (own < 0)
        return;
    init.lease = machine_keep(names_register(NAME_INIT, own));
    sys_handle_close(own);
}

static void handles_close(const struct message *m) {
    for (unsigned i = 0; i < tag_handles(m->tag); i++)
        sys_handle_close(handle_at(m->handles, i));
}

static void call_handle(const struct message *m) {
    struct message reply = {.tag = tag_make(-ENOSYS, 0, 0, 0)};
    if (tag_label(m->tag) == INIT_POWEROFF) {
        if (m->words[0] <= STATUS_MASK)
            power_off((int64_t)m->words[0]);
        reply.tag = tag_make(-EINVAL, 0, 0, 0);
    }
    handles_close(m);
    (void)ipc_reply(HANDLE_IMPLICIT, &reply);
}

static void message_handle(const struct message *m) {
    switch (tag_kind(m->tag)) {
    case MESSAGE_CALL:
        call_handle(m);
        break;
    case MESSAGE_SEND:
        if (m->badge == BADGE_NAMES && tag_label(m->tag) == INIT_NAMES &&
            tag_handles(m->tag) == 1)
            names_report(handle_at(m->handles, 0));
        else
            handles_close(m);
        break;
    case MESSAGE_SIGNAL:
        children_reap();
        break;
    default:
        break;
    }
}

/* ---- Start ---- */

/* Reads the boot arguments from the kernel; a line that is too long is cut. */
static void bootargs_read(void) {
    static union {
        char text[BOOTARGS_MAX];
        uint64_t words[BOOTARGS_MAX / 8];
    } line;
    _Static_assert(BOOTARGS_PIECE == 6 * 8, "six registers");
    for (uint64_t at = 0; at + BOOTARGS_PIECE < BOOTARGS_MAX;
         at += BOOTARGS_PIECE) {
        struct sys_words piece = sys_system_info(INFO_BOOTARGS, at);
        if (piece.result <= 0)
            break;
        memcpy(line.text + at, piece.value, BOOTARGS_PIECE);
    }
    bootargs_parse(line.text, &init.args);
    if (init.args.problem)
        log_line("%s", init.args.problem);
}

/* The endpoint, with deaths of children arriving there too. */
static int64_t endpoint_make(void) {
    init.endpoint = machine_keep(sys_endpoint_create());
    if (init.endpoint < 0)
        return init.endpoint;
    int64_t deaths = machine_keep(sys_notification_create());
    if (deaths < 0)
        return deaths;
    int64_t error = sys_notification_bind(deaths, init.endpoint);
    if (error >= 0)
        error = sys_process_watch(deaths, SIGNAL_DEATH);
    if (error >= 0)
        error = sys_accept(0, 0, 0, 0, 1, SLOT_KEEP);
    return error;
}

static const char *plan_make(void) {
    int64_t error = endpoint_make();
    if (error < 0)
        return "there is no endpoint for init";
    machine_find(&init.machine);
    int64_t session = machine_keep(sys_session_mint(
        init.endpoint, BADGE_NAMES, RIGHT_SEND | RIGHT_INHERIT, 0));
    if (session < 0)
        return "there is no session for names";
    return services_plan(&init.machine, &init.args, session);
}

/* What could not be started, for want of memory perhaps, is tried again each
 * second. */
static void wait_once(void) {
    struct message m;
    bool servers = services_start(), shell = shell_check();
    uint64_t deadline =
        servers && shell ? DEADLINE_NONE : time_now() + machine_second();
    if (ipc_recv(init.endpoint, &m, deadline) >= 0)
        message_handle(&m);
}

int main(void) {
    sys_thread_priority(0, PRIORITY_SERVER);
    bootargs_read();
    const char *problem = plan_make();
    if (problem) {
        log_line("%s: the system cannot start", problem);
        power_off(STATUS_FAILED);
    }
    for (;;)
        wait_once();
}
