/* SPDX-License-Identifier: MIT */
/*
 * tests/test_stress.c: everything at once, on as many harts as there are.
 *
 * Each check does many small things in an order that only the timer decides,
 * and then counts: nothing may be lost, doubled or mixed up. The boot argument
 * seed= gives other orders.
 */
#include "tests/check.h"
#include "tests/peer.h"

static struct service service;

static uint64_t random_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ---- Calls ---- */

enum { CLIENTS = 8, CALLS = 150 };

static void stress_client(uint64_t id) {
    struct message m;
    for (uint64_t i = 0; i < CALLS; i++) {
        uint64_t word = id << 32 | i;
        check_equal("call",
                    service_call(service.session, (int32_t)id, word, &m), 0);
        check_equal("answer", (int64_t)m.words[0], (int64_t)(word * 3));
    }
}

static void stress_server(uint64_t calls) {
    struct message m;
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    for (uint64_t i = 0; i < calls; i++) {
        check_equal("label and word agree", tag_label(m.tag),
                    (int64_t)(m.words[0] >> 32));
        m = (struct message){.tag = tag_make(0, 1, 0, 0),
                             .words = {m.words[0] * 3}};
        if (i + 1 == calls)
            check_equal("reply", ipc_reply(HANDLE_IMPLICIT, &m), 0);
        else
            check_equal("reply_recv",
                        ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE), 0);
    }
}

static void check_calls(void) {
    int64_t pids[CLIENTS];
    service = service_make(1);
    for (unsigned i = 0; i < CLIENTS; i++)
        pids[i] = peer_start(stress_client, i + 1);
    stress_server(CLIENTS * CALLS);
    for (unsigned i = 0; i < CLIENTS; i++)
        peer_end(pids[i]);
}

static void check_several_servers(void) {
    int64_t pids[CLIENTS], tids[4];
    service = service_make(1);
    for (unsigned i = 0; i < 4; i++)
        tids[i] = thread_start(stress_server, CLIENTS * CALLS / 4);
    for (unsigned i = 0; i < CLIENTS; i++)
        pids[i] = peer_start(stress_client, i + 1);
    for (unsigned i = 0; i < CLIENTS; i++)
        peer_end(pids[i]);
    for (unsigned i = 0; i < 4; i++)
        thread_end(tids[i]);
}

/* ---- Deadlines that race with replies ---- */

static void racing_client(uint64_t id) {
    uint64_t random = id * 7919 + 1, answered = 0, late = 0;
    for (uint64_t i = 0; i < CALLS; i++) {
        struct message m = {.tag = tag_make(1, 1, 0, 0), .words = {i}};
        uint64_t deadline = time_now() + 20 + random_next(&random) % 3000;
        int64_t error = ipc_call(service.session, &m, deadline);
        if (error == 0) {
            check_equal("whose answer", (int64_t)m.words[0], (int64_t)(i * 5));
            answered++;
        } else {
            check_error("call", error, ETIMEDOUT);
            late++;
        }
    }
    check_equal("calls", (int64_t)(answered + late), CALLS);
}

static void racing_server(uint64_t unused) {
    struct message m;
    (void)unused;
    for (;;) {
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        if (tag_label(m.tag) == 9) {
            check_equal("reply", service_answer(0, 0), 0);
            return;
        }
        int64_t error = service_answer(0, m.words[0] * 5);
        if (error != 0)
            check_error("reply", error, EPIPE);
    }
}

static void check_race(void) {
    int64_t pids[4];
    struct message m;
    service = service_make(1);
    int64_t tid = thread_start(racing_server, 0);
    for (unsigned i = 0; i < 4; i++)
        pids[i] = peer_start(racing_client, i + 1);
    for (unsigned i = 0; i < 4; i++)
        peer_end(pids[i]);
    check_equal("stop", service_call(service.session, 9, 0, &m), 0);
    thread_end(tid);
    char line[CHECK_LINE];
    snprintf(line, sizeof(line), "# %lu switches, time %lu\n",
             (unsigned long)sys_debug(DEBUG_COUNTER, COUNTER_SWITCHES).value,
             (unsigned long)time_now());
    line_write(line);
}

/* ---- Deaths that race with everything ---- */

static void doomed_client(uint64_t unused) {
    struct message m;
    (void)unused;
    for (;;)
        if (service_call(service.session, 1, 7, &m) == 0)
            check_equal("answer", (int64_t)m.words[0], 35);
}

static void check_kills(void) {
    uint64_t random = 99;
    struct message m;
    service = service_make(1);
    int64_t tid = thread_start(racing_server, 0);
    for (unsigned round = 0; round < 25; round++) {
        int64_t pids[4];
        for (unsigned i = 0; i < 4; i++)
            pids[i] = peer_start(doomed_client, 0);
        sys_sleep(time_now() + random_next(&random) % 20000);
        for (unsigned i = 0; i < 4; i++)
            peer_kill(pids[i]);
    }
    check_equal("stop", service_call(service.session, 9, 0, &m), 0);
    thread_end(tid);
}

static int64_t doomed_session;

static void orphaned_client(uint64_t unused) {
    struct message m;
    int64_t error = 0;
    (void)unused;
    while (error == 0)
        error = service_call(doomed_session, 1, 7, &m);
    check_error("call to a server that dies", error, EPIPE);
}

static void serve_on(int64_t endpoint) {
    struct message m;
    for (;;) {
        service_receive(endpoint, &m, MESSAGE_CALL);
        service_answer(0, 35);
    }
}

static void check_server_deaths(void) {
    uint64_t random = 7;
    for (unsigned round = 0; round < 15; round++) {
        int64_t pids[5];
        struct server server = server_start(serve_on);
        doomed_session = server.session;
        for (unsigned i = 0; i < 5; i++)
            pids[i] = peer_start(orphaned_client, 0);
        sys_sleep(time_now() + random_next(&random) % 20000);
        peer_kill(server.pid);
        for (unsigned i = 0; i < 5; i++)
            peer_end(pids[i]);
        check_ok("close", sys_handle_close(server.session));
    }
}

static void check_revocations(void) {
    uint64_t random = 3;
    service = service_make(1);
    int64_t tid = thread_start(racing_server, 0);
    for (unsigned round = 0; round < 30; round++) {
        int64_t pid = check_ok("fork", sys_fork());
        if (pid == 0) {
            struct message m;
            int64_t error = 0;
            while (error == 0)
                error = service_call(service.session, 1, 7, &m);
            check_error("call by a revoked session", error, ESTALE);
            sys_exit(0);
        }
        sys_sleep(time_now() + random_next(&random) % 15000);
        check_equal("revoke", sys_revoke(service.session), 0);
        peer_end(pid);
        check_ok("close", sys_handle_close(service.session));
        service.session = session_make(service.endpoint, round);
    }
    struct message m;
    check_equal("stop", service_call(service.session, 9, 0, &m), 0);
    thread_end(tid);
}

/* ---- Signals, memory, forks ---- */

static int64_t signals;

static void signaller(uint64_t bit) {
    for (unsigned i = 0; i < 60; i++) {
        check_equal("signal", sys_signal(signals, 1ull << bit), 0);
        if (i % 5 == 0)
            sys_yield();
    }
    check_equal("signal", sys_signal(signals, 1ull << (bit + 32)), 0);
}

static void check_signals(void) {
    int64_t tids[6];
    uint64_t done = 0;
    signals = check_ok("create", sys_notification_create());
    for (unsigned i = 0; i < 6; i++)
        tids[i] = thread_start(signaller, i);
    while (done != 0x3full) {
        struct sys_pair got = sys_wait_signal(signals, time_after(5000));
        check_equal("wait_signal", got.result, 0);
        check_true("a wait returns bits", got.value != 0);
        done |= got.value >> 32;
    }
    for (unsigned i = 0; i < 6; i++)
        thread_end(tids[i]);
}

static uint8_t shared_page[2 * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static void cow_storm(uint64_t seed) {
    for (unsigned i = 0; i < sizeof(shared_page); i += 64)
        shared_page[i] = (uint8_t)(seed + i / 64);
    for (unsigned i = 0; i < sizeof(shared_page); i += 64)
        check_equal("byte", shared_page[i], (uint8_t)(seed + i / 64));
}

static void check_forks(void) {
    for (unsigned round = 0; round < 15; round++) {
        int64_t pids[6];
        for (unsigned i = 0; i < 6; i++)
            pids[i] = peer_start(cow_storm, round * 16 + i);
        cow_storm(round);
        for (unsigned i = 0; i < 6; i++)
            peer_end(pids[i]);
    }
}

/* A right that is taken away on one hart is gone on the others at once. */
static volatile uint64_t probe_page, probe_stop, probe_sum;

static void prober(uint64_t unused) {
    (void)unused;
    while (!probe_stop)
        probe_sum += load_at(probe_page);
}

static void shoot_down(uint64_t unused) {
    (void)unused;
    probe_page =
        (uint64_t)check_ok("map", sys_map(HANDLE_SELF, 0, PAGE_SIZE,
                                          PROT_READ | PROT_WRITE, -1, 0));
    for (unsigned i = 0; i < 3; i++)
        thread_start(prober, 0);
    pause_ms(SETTLE_MS);
    check_equal("unmap", sys_unmap(HANDLE_SELF, probe_page, PAGE_SIZE), 0);
    pause_ms(100);
    sys_exit(3);
}

static void check_shootdown(void) {
    for (unsigned i = 0; i < 5; i++)
        peer_dies(shoot_down, 0);
}

static void map_storm(uint64_t seed) {
    uint64_t random = seed + 1;
    for (unsigned i = 0; i < 60; i++) {
        uint64_t pages = 1 + random_next(&random) % 6;
        uint64_t at =
            (uint64_t)check_ok("map", sys_map(HANDLE_SELF, 0, pages * PAGE_SIZE,
                                              PROT_READ | PROT_WRITE, -1, 0));
        for (uint64_t p = 0; p < pages; p++) {
            check_equal("fresh byte", load_at(at + p * PAGE_SIZE), 0);
            store_at(at + p * PAGE_SIZE, (uint8_t)seed);
        }
        for (uint64_t p = 0; p < pages; p++)
            check_equal("byte", load_at(at + p * PAGE_SIZE), (uint8_t)seed);
        check_equal("unmap", sys_unmap(HANDLE_SELF, at, pages * PAGE_SIZE), 0);
    }
}

static void check_maps(void) {
    int64_t tids[6], pids[3];
    for (unsigned i = 0; i < 6; i++)
        tids[i] = thread_start(map_storm, i + 1);
    for (unsigned i = 0; i < 3; i++)
        pids[i] = peer_start(map_storm, 50 + i);
    for (unsigned i = 0; i < 6; i++)
        thread_end(tids[i]);
    for (unsigned i = 0; i < 3; i++)
        peer_end(pids[i]);
}

static const struct check checks[] = {
    {"calls", "8 clients of one server: every call answered, by its answer",
     check_calls},
    {"several_servers", "8 clients of four server threads",
     check_several_servers},
    {"race", "deadlines race with replies: one or the other, never both",
     check_race},
    {"kills", "clients are killed anywhere in a call", check_kills},
    {"server_deaths", "servers are killed anywhere in a call",
     check_server_deaths},
    {"revocations", "sessions are revoked anywhere in a call",
     check_revocations},
    {"signals", "six threads signal one", check_signals},
    {"forks", "forks and copy-on-write faults on every hart", check_forks},
    {"shootdown", "an unmapped page is gone on every hart", check_shootdown},
    {"maps", "threads and processes map and unmap at once", check_maps},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
