/* SPDX-License-Identifier: MIT */
/*
 * tests/test_fork.c: processes: fork, exit, wait, kill, orphans.
 */
#include "tests/check.h"
#include "tests/peer.h"

static struct service service;

static void nothing(uint64_t unused) {
    (void)unused;
}

static void exit_with(uint64_t status) {
    sys_exit((int64_t)status);
}

static void check_status(void) {
    static const int64_t statuses[] = {0,  2,         255,      256,
                                       -2, INT32_MAX, INT32_MIN};
    for (unsigned i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        peer_end_with(peer_start(exit_with, (uint64_t)statuses[i]),
                      statuses[i]);
}

static void check_pids(void) {
    int64_t own = sys_getpid();
    int64_t seen[20];
    for (unsigned i = 0; i < 20; i++) {
        seen[i] = peer_start(nothing, 0);
        check_true("a child has a pid of its own", seen[i] != own);
        for (unsigned j = 0; j < i; j++)
            check_true("no two children have one pid", seen[i] != seen[j]);
    }
    for (unsigned i = 0; i < 20; i++)
        peer_end(seen[i]);
    check_equal("getpid", sys_getpid(), own);
}

static void tell_pid(uint64_t unused) {
    struct message m;
    (void)unused;
    check_equal("call",
                service_call(service.session, 1, (uint64_t)sys_getpid(), &m),
                0);
}

static void check_getpid(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(tell_pid, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("the child's pid", (int64_t)m.words[0], pid);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(pid);
}

/* ---- Wait ---- */

static void check_wait_errors(void) {
    check_error("no children", sys_wait(-1, DEADLINE_NONE).result, ECHILD);
    check_error("not a child", sys_wait(1, DEADLINE_NONE).result, ECHILD);
    check_error("itself", sys_wait(sys_getpid(), DEADLINE_NONE).result, ECHILD);
    check_error("no such pid", sys_wait(1 << 30, DEADLINE_NONE).result, ECHILD);
    int64_t pid = peer_start(nothing, 0);
    peer_end(pid);
    check_error("waited for twice", sys_wait(pid, DEADLINE_NONE).result,
                ECHILD);
}

static void pause_and_exit(uint64_t ms) {
    pause_ms(ms);
    sys_exit((int64_t)ms);
}

static void check_wait_order(void) {
    int64_t slow = peer_start(pause_and_exit, 60);
    int64_t fast = peer_start(pause_and_exit, 10);
    struct sys_pair end = sys_wait(-1, time_after(2000));
    check_equal("the first to end", end.result, fast);
    check_equal("its status", (int64_t)end.value, 10);
    end = sys_wait(slow, time_after(2000));
    check_equal("the one asked for", end.result, slow);
}

static void check_zombie_keeps(void) {
    int64_t first = peer_start(exit_with, 11);
    int64_t second = peer_start(exit_with, 12);
    pause_ms(5 * SETTLE_MS);
    peer_end_with(second, 12);
    peer_end_with(first, 11);
}

static int64_t grandchild_of(int64_t middle_status) {
    struct message m;
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("reply", service_answer(0, 0), 0);
    (void)middle_status;
    return (int64_t)m.words[0];
}

static void middle(uint64_t unused) {
    (void)unused;
    peer_start(tell_pid, 0);
    sys_exit(3);
}

/* The child of a dead parent is no child of the grandparent, and is reaped. */
static void check_orphan(void) {
    service = service_make(1);
    int64_t pid = peer_start(middle, 0);
    int64_t grandchild = grandchild_of(3);
    check_error("a grandchild", sys_wait(grandchild, DEADLINE_POLL).result,
                ECHILD);
    peer_end_with(pid, 3);
    for (unsigned i = 0; i < 50; i++) {
        if (sys_kill(grandchild) == -ENOENT)
            return;
        pause_ms(SETTLE_MS);
    }
    check_fail("the orphan was never reaped", 0, -ENOENT);
}

static void orphan_maker(uint64_t unused) {
    (void)unused;
    for (unsigned i = 0; i < 5; i++)
        peer_start(nothing, 0);
}

static unsigned process_count(void) {
    unsigned count = 0;
    struct process_info info;
    for (uint64_t index = 0;; index++) {
        int64_t got = sys_process_info(index, &info);
        if (got == -EINVAL)
            return count;
        count += got == 0;
    }
}

static void check_orphans_reaped(void) {
    unsigned before = process_count();
    for (unsigned i = 0; i < 20; i++)
        peer_end(peer_start(orphan_maker, 0));
    pause_ms(100);
    check_equal("processes", process_count(), before);
}

/* ---- Kill, in each state that a process waits in ---- */

static void kill_running(uint64_t unused) {
    (void)unused;
    for (;;)
        continue;
}

static void kill_sleep(uint64_t unused) {
    (void)unused;
    sys_sleep(DEADLINE_NONE);
}

static void kill_receive(uint64_t unused) {
    struct message m;
    (void)unused;
    ipc_recv(service_make(1).endpoint, &m, DEADLINE_NONE);
}

static void kill_send(uint64_t unused) {
    struct message m = {.tag = 0};
    (void)unused;
    ipc_send(service.session, &m, DEADLINE_NONE);
}

static void kill_call(uint64_t unused) {
    struct message m = {.tag = 0};
    (void)unused;
    ipc_call(service.session, &m, DEADLINE_NONE);
}

static void kill_wait(uint64_t unused) {
    (void)unused;
    peer_start(pause_and_exit, 100);
    sys_wait(-1, DEADLINE_NONE);
}

static void kill_signal(uint64_t unused) {
    (void)unused;
    sys_wait_signal(sys_notification_create(), DEADLINE_NONE);
}

static void kill_join(uint64_t unused) {
    (void)unused;
    sys_thread_join(thread_start(kill_sleep, 0), DEADLINE_NONE);
}

static void kill_many_threads(uint64_t unused) {
    (void)unused;
    for (unsigned i = 0; i < 3; i++) {
        thread_start(kill_sleep, 0);
        thread_start(kill_running, 0);
    }
    kill_receive(0);
}

static void check_kill(void) {
    static void (*const states[])(uint64_t) = {
        kill_running, kill_sleep,  kill_receive, kill_send,        kill_call,
        kill_wait,    kill_signal, kill_join,    kill_many_threads};
    service = service_make(1);
    for (unsigned i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        int64_t pid = peer_start(states[i], 0);
        pause_ms(2 * SETTLE_MS);
        peer_kill(pid);
    }
    service_quiet(service.endpoint);
}

static void check_kill_at_once(void) {
    for (unsigned i = 0; i < 30; i++)
        peer_kill(peer_start(kill_running, 0));
}

static void check_kill_errors(void) {
    check_error("no such process", sys_kill(1 << 30), ENOENT);
    check_error("pid 0", sys_kill(0), ENOENT);
    check_error("pid -1", sys_kill(-1), ENOENT);
    check_error("process 1", sys_kill(1), EPERM);
    int64_t pid = peer_start(nothing, 0);
    pause_ms(5 * SETTLE_MS);
    check_true("a zombie: nothing to do, or gone",
               sys_kill(pid) == 0 || sys_kill(pid) == -ENOENT);
    peer_end(pid);
    check_error("a process that was waited for", sys_kill(pid), ENOENT);
}

static void kill_self(uint64_t unused) {
    (void)unused;
    sys_kill(sys_getpid());
    pause_ms(1000);
    sys_exit(5);
}

static void check_kill_self(void) {
    peer_end_with(peer_start(kill_self, 0), STATUS_KILLED);
}

static void exit_in_thread(uint64_t status) {
    thread_start(exit_with, status);
    sys_sleep(DEADLINE_NONE);
}

static void check_exit_ends_all(void) {
    peer_end_with(peer_start(exit_in_thread, 21), 21);
}

/* ---- What is told about processes ---- */

static bool info_of(int64_t pid, struct process_info *info) {
    for (uint64_t index = 0;; index++) {
        int64_t got = sys_process_info(index, info);
        if (got == -EINVAL)
            return false;
        if (got == 0 && info->pid == pid)
            return true;
    }
}

static void check_info(void) {
    struct process_info info;
    check_true("itself is listed", info_of(sys_getpid(), &info));
    check_true("its name", memcmp(info.name, "test_fork", 9) == 0);
    int64_t pid = peer_start(kill_sleep, 0);
    pause_ms(2 * SETTLE_MS);
    check_true("a child is listed", info_of(pid, &info));
    check_equal("its parent", info.parent, sys_getpid());
    check_equal("its state", info.state & 0xff, PROCESS_WAITING);
    check_equal("its threads", (info.state >> 8) & 0xff, 1);
    check_true("frames", info.frames > 0);
    peer_kill(pid);
    check_true("gone", !info_of(pid, &info));
    pid = peer_start(nothing, 0);
    pause_ms(5 * SETTLE_MS);
    check_true("a zombie is listed", info_of(pid, &info));
    check_equal("its state", info.state & 0xff, PROCESS_ZOMBIE);
    peer_end(pid);
    check_true("process 1 is listed", info_of(1, &info));
    check_equal("its parent", info.parent, 0);
}

static const struct check checks[] = {
    {"status", "wait returns the whole exit status", check_status},
    {"pids", "living processes have different pids", check_pids},
    {"getpid", "fork and getpid agree", check_getpid},
    {"wait_errors", "wait knows only children, each once", check_wait_errors},
    {"wait_order", "wait returns the first child to end, or the one asked",
     check_wait_order},
    {"zombie_keeps", "a zombie keeps its status until it is waited for",
     check_zombie_keeps},
    {"orphan", "an orphan is reaped when it ends", check_orphan},
    {"orphans_reaped", "a hundred orphans leave nothing", check_orphans_reaped},
    {"kill", "a process is killed whatever it waits for", check_kill},
    {"kill_at_once", "a process is killed before it first runs",
     check_kill_at_once},
    {"kill_errors", "kill refuses process 1 and who is not there",
     check_kill_errors},
    {"kill_self", "a process can kill itself", check_kill_self},
    {"exit_ends_all", "exit in any thread ends the process",
     check_exit_ends_all},
    {"info", "process_info tells pid, parent, state and name", check_info},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
