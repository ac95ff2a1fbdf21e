/* SPDX-License-Identifier: MIT */
/*
 * guest/server_names.c: the name server, and init as its client.
 */
#include "lib/ipc.h"
#include "lib/names.h"
#include "lib/proto.h"
#include "tests/check.h"

enum {
    TRIES = 64,       /* more names than fit */
    CROWD = 34,       /* more waiters than fit */
    CROWD_TURNED = 2, /* of them, those that are turned away */
    FLOOD = 300,      /* more handles than a table holds */
    RIGHTS = RIGHT_SEND | RIGHT_PASS | RIGHT_GRANT | RIGHT_INHERIT,
    BADGE = 7,
};

/* A session of an endpoint that nobody serves. */
static int64_t session_make(unsigned rights) {
    int64_t endpoint = check_ok("endpoint", sys_endpoint_create());
    return check_ok("mint", sys_session_mint(endpoint, BADGE, rights, 0));
}

static int64_t name_take(const char *name) {
    return check_ok("register", names_register(name, session_make(RIGHTS)));
}

static void check_lookup(void) {
    int64_t lease = name_take("me");
    int64_t found = check_ok("look-up", names_lookup("me", false));
    struct sys_words info = sys_handle_info(found);
    check_equal("badge of what was found", (int64_t)info.value[1], BADGE);
    check_true("it can be used", info.value[0] & RIGHT_SEND);
    check_error("second owner", names_register("me", found), EEXIST);
    check_ok("close", sys_handle_close(lease));
    check_error("after the lease", names_lookup("me", false), ENOENT);
}

static void check_bad_names(void) {
    char name[42];
    memset(name, 'x', sizeof(name));
    struct message m = {.tag = tag_make(NAMES_LOOKUP, 6, 0, 0)};
    for (uint64_t length = 0; length < 80; length++) {
        m = (struct message){.tag = tag_make(NAMES_LOOKUP, 6, 0, 0)};
        m.words[0] = length;
        memcpy(&m.words[1], name, length < 32 ? length : 32);
        check_ok("call", ipc_call(SLOT_NAMES, &m, DEADLINE_NONE));
        check_equal("look-up by length", tag_label(m.tag),
                    length == 0 || length > 32 ? -EINVAL : -ENOENT);
    }
    int64_t keep = session_make(RIGHT_SEND | RIGHT_INHERIT);
    check_error("no PASS right", names_register("me", keep), EPERM);
    m = (struct message){.tag = tag_make(1234, 0, 0, 0)};
    check_ok("call", ipc_call(SLOT_NAMES, &m, DEADLINE_NONE));
    check_equal("unknown operation", tag_label(m.tag), -ENOSYS);
}

static void check_lease(void) {
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0) {
        name_take("kid");
        check_ok("while it lives", names_lookup("kid", false));
        sys_exit(0);
    }
    struct sys_pair end = sys_wait(pid, DEADLINE_NONE);
    check_equal("status", (int64_t)end.value, 0);
    check_error("after its death", names_lookup("kid", false), ENOENT);
    check_ok("the name is free", name_take("kid"));
}

static void check_full(void) {
    int64_t leases[TRIES], error = 0;
    unsigned count = 0;
    char name[16];
    int64_t session = session_make(RIGHTS);
    while (error >= 0 && count < TRIES) {
        snprintf(name, sizeof(name), "n%u", count);
        error = names_register(name, session);
        if (error >= 0)
            leases[count++] = error;
    }
    check_error("one too many", error, ENOSPC);
    check_true("some fit", count > 20);
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        int64_t found = check_ok("look-up", names_lookup(name, false));
        sys_handle_close(found);
        sys_handle_close(leases[i]);
        check_error("after the lease", names_lookup(name, false), ENOENT);
    }
    check_ok("room again", name_take("me"));
}

static void wait_for(const char *name) {
    int64_t found = names_lookup(name, true);
    sys_exit(found > 0 ? 0 : -found);
}

static void check_wait(void) {
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0)
        wait_for("late");
    pause_ms(20);
    check_equal("it waits", sys_wait(pid, DEADLINE_POLL).result, -EAGAIN);
    name_take("late");
    check_equal("status", (int64_t)sys_wait(pid, DEADLINE_NONE).value, 0);
}

/* Turns away whom it has no room for, forgets the dead, wakes the rest. */
static void check_crowd(void) {
    int64_t pids[CROWD];
    for (unsigned i = 0; i < CROWD; i++) {
        pids[i] = check_ok("fork", sys_fork());
        if (pids[i] == 0)
            wait_for("never");
    }
    unsigned turned = 0;
    for (; turned < CROWD_TURNED; turned++)
        check_equal("turned away", (int64_t)sys_wait(-1, DEADLINE_NONE).value,
                    EAGAIN);
    check_error("the others wait", sys_wait(-1, time_after(50)).result,
                ETIMEDOUT);
    for (unsigned i = 2; i < CROWD; i++)
        sys_kill(pids[i]);
    int64_t last = check_ok("fork", sys_fork());
    if (last == 0)
        wait_for("never");
    pause_ms(50);
    name_take("never");
    unsigned woken = 0;
    struct sys_pair end;
    while ((end = sys_wait(-1, DEADLINE_NONE)).result >= 0)
        woken += end.value == 0;
    check_true("the new one is woken", woken >= 1);
    check_true("the dead are not", woken <= 3);
}

/* Handles in messages that have no use for them do not pile up. */
static void check_flood(void) {
    int64_t session = session_make(RIGHTS);
    for (unsigned i = 0; i < FLOOD; i++) {
        struct message m = {.tag = tag_make(NAMES_LIST, 6, 1, 0),
                            .handles = handle_pack(session, 0)};
        check_ok("send", ipc_send(SLOT_NAMES, &m, DEADLINE_NONE));
        check_ok("call", ipc_call(SLOT_NAMES, &m, DEADLINE_NONE));
        check_ok("the first name", tag_label(m.tag));
    }
    check_ok("it still works", name_take("me"));
}

static void check_list(void) {
    char name[33];
    unsigned count = 0, known = 0;
    for (; names_list(count, name) >= 0; count++)
        known += strcmp(name, NAME_FS) == 0 || strcmp(name, NAME_DISK) == 0;
    check_equal("fs and disk", known, 2);
    check_error("past the end", names_list(count, name), ENOENT);
    check_error("far past the end", names_list(UINT64_MAX, name), ENOENT);
}

/* init takes orders that make sense from everybody, and a name server only
 * from the name server. */
static void check_init(void) {
    int64_t init = check_ok("look-up", names_lookup(NAME_INIT, false));
    struct message m = {.tag = tag_make(INIT_POWEROFF, 1, 0, 0),
                        .words = {256}};
    check_ok("call", ipc_call(init, &m, DEADLINE_NONE));
    check_equal("status 256", tag_label(m.tag), -EINVAL);
    int64_t session = session_make(RIGHTS);
    for (unsigned i = 0; i < FLOOD; i++) {
        m = (struct message){.tag = tag_make(INIT_NAMES, 0, 1, 0),
                             .handles = handle_pack(session, 0)};
        check_ok("send", ipc_send(init, &m, DEADLINE_NONE));
    }
    m.tag = tag_make(INIT_NAMES, 0, 1, 0);
    check_ok("call", ipc_call(init, &m, DEADLINE_NONE));
    check_equal("not as a call", tag_label(m.tag), -ENOSYS);
    check_ok("names as before", names_lookup(NAME_FS, false));
}

static const struct check checks[] = {
    {"lookup", "a name leads to what was registered", check_lookup},
    {"bad_names", "what is no name is refused", check_bad_names},
    {"lease", "a name vanishes with its owner", check_lease},
    {"full", "a full table refuses, and has room again later", check_full},
    {"wait", "a look-up can wait for a name", check_wait},
    {"crowd", "waiters are bounded, and dead ones make room", check_crowd},
    {"flood", "unwanted handles do not fill the server", check_flood},
    {"list", "all names can be listed", check_list},
    {"init", "init refuses orders that are not for it", check_init},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
