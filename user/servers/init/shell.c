/* SPDX-License-Identifier: MIT */
/*
 * servers/init/shell.c: starting the shell; see shell.h.
 */
#include "servers/init/shell.h"

#include <stdbool.h>
#include <stddef.h>

#include "abi/layout.h"
#include "lib/names.h"
#include "lib/printf.h"
#include "lib/proto.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "posix/posix.h"
#include "servers/init/machine.h"

enum { PROGRAM_PRIORITY_MAX = PRIORITY_SERVER - 1 };

static char shell_path[] = "/sh";

/* Gives up everything that only init has. */
static void authority_drop(void) {
    sys_process_limit(SLOT_AUTHORITY, sys_getpid(), LIMIT_PRIORITY,
                      PROGRAM_PRIORITY_MAX);
    sys_thread_priority(0, PRIORITY_DEFAULT);
    sys_handle_close(SLOT_AUTHORITY);
    for (int64_t slot = SLOT_KEEP; slot < machine_keep_end(); slot++)
        sys_handle_close(slot);
}

/* Puts a session with a server, once there is one, into a slot. */
static bool connect(const char *name, unsigned slot) {
    int64_t session = names_lookup(name, true);
    return session >= 0 && sys_handle_dup(session, slot, RIGHT_ALL,
                                          DUP_MOVE | DUP_REPLACE) >= 0;
}

static bool duplicate(unsigned from, unsigned to) {
    return sys_handle_dup(from, to, RIGHT_ALL, 0) >= 0;
}

/* Descriptors 0 to 2 and the sessions of abi/handle.h. */
static bool connect_all(void) {
    return connect(NAME_CONSOLE, 0) && duplicate(0, 1) && duplicate(0, 2) &&
           connect(NAME_FS, SLOT_ROOT) && duplicate(SLOT_ROOT, SLOT_CWD) &&
           connect(NAME_PIPE, SLOT_PIPE);
}

static void __attribute__((noreturn)) shell_exec(char *const argv[]) {
    exec(shell_path, (char **)argv);
    fprintf(2, "init: cannot run %s (error %d)\n", shell_path, posix_error);
    sys_exit(SHELL_NO_PROGRAM);
}

/* Prints a mark. If the console server died meanwhile, then on the new one's.
 */
static void mark_print(const char *mark) {
    uint64_t length = strlen(mark);
    if (write_all(1, mark, length) < 0 && connect(NAME_CONSOLE, 1))
        write_all(1, mark, length);
}

/* Runs the commands between their marks. Returns their status. */
static int commands_run(const struct bootargs *args) {
    static char name[] = "sh", option[] = "-c", text[BOOTARGS_MAX];
    char mark[MARK_MAX + 32];
    char *argv[] = {name, option, text, NULL};
    strlcpy(text, args->run, sizeof(text));
    snprintf(mark, sizeof(mark), "[%s begin]\n", args->mark);
    mark_print(mark);
    int pid = fork();
    if (pid == 0)
        shell_exec(argv);
    int status = SHELL_NO_PROGRAM;
    if (pid > 0)
        wait(&status);
    snprintf(mark, sizeof(mark), "[%s end %d]\n", args->mark, status);
    mark_print(mark);
    return status;
}

static void __attribute__((noreturn)) child_main(const struct bootargs *args) {
    static char name[] = "sh";
    char *argv[] = {name, NULL};
    authority_drop();
    if (!connect_all())
        sys_exit(SHELL_NO_SERVER);
    if (args->run)
        sys_exit(commands_run(args));
    printf("init: starting sh; try help\n");
    shell_exec(argv);
}

int64_t shell_start(const struct bootargs *args) {
    int64_t pid = sys_fork();
    if (pid == 0)
        child_main(args);
    return pid;
}
