/* SPDX-License-Identifier: MIT */
/*
 * lab_race.c: calls that end in several ways at once, under schedules that the
 * boot argument seed= chooses.
 *
 * What is right does not depend on the schedule: each call ends, once, with its
 * own answer or with the error of whoever ended it.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum {
    CLIENTS = 5,
    SERVERS = 3,
    CALLS = 40,
    ROUNDS = 6,
    /* Labels. */
    PATIENT = 1, /* the answer may be saved until the thread's next call */
    IMPATIENT,
    STOP, /* the server thread ends */
};

static struct service service;

static uint64_t random_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t answer_to(uint64_t word) {
    return word * 3 + 1;
}

static int64_t answer_saved(int64_t reply, uint64_t word) {
    struct message m = {.tag = tag_make(0, 1, 0, 0), .words = {word}};
    return ipc_reply(reply, &m);
}

/* Answers at once, or later by a saved reply, or by reply_recv. */
static void serve(uint64_t id) {
    uint64_t random = id * 31 + 7, kept_word = 0;
    int64_t kept = -1;
    struct message m;
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    while (tag_label(m.tag) != STOP) {
        uint64_t word = m.words[0];
        uint64_t what = random_next(&random) % 3;
        int64_t error = 0;
        check_equal("the badge", (int64_t)m.badge, 1);
        if (kept >= 0) {
            error = answer_saved(kept, answer_to(kept_word));
            kept = -1;
        }
        check_true("a saved reply: 0 or EPIPE", error == 0 || error == -EPIPE);
        if (what == 0) {
            m = (struct message){.tag = tag_make(0, 1, 0, 0),
                                 .words = {answer_to(word)}};
            check_equal("reply_recv",
                        ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE), 0);
            continue;
        }
        if (what == 1 && tag_label(m.tag) == PATIENT) {
            kept_word = word;
            kept = ipc_reply_save();
            check_true("reply_save: a handle, or ESTALE",
                       kept >= 0 || kept == -ESTALE);
        } else {
            error = service_answer(0, answer_to(word));
            check_true("a reply: 0 or EPIPE", error == 0 || error == -EPIPE);
        }
        service_receive(service.endpoint, &m, MESSAGE_CALL);
    }
    if (kept >= 0)
        sys_handle_close(kept);
    check_equal("reply", service_answer(0, 0), 0);
}

static void servers_stop(const int64_t *tids) {
    struct message m;
    for (unsigned i = 0; i < SERVERS; i++)
        check_equal("stop", service_call(service.session, STOP, 0, &m), 0);
    for (unsigned i = 0; i < SERVERS; i++)
        thread_end(tids[i]);
}

static void servers_start(int64_t *tids) {
    service = service_make(1);
    for (unsigned i = 0; i < SERVERS; i++)
        tids[i] = thread_start(serve, i);
}

/* ---- Deadlines ---- */

static void client(uint64_t id) {
    uint64_t random = id * 7919 + 1;
    for (uint64_t i = 0; i < CALLS; i++) {
        uint64_t word = id << 32 | i;
        uint64_t wait = random_next(&random) % 4000;
        bool polls = wait < 100;
        uint64_t deadline = polls ? DEADLINE_POLL : time_now() + wait;
        struct message m = {.tag =
                                tag_make(polls ? IMPATIENT : PATIENT, 1, 0, 0),
                            .words = {word}};
        int64_t error = ipc_call(service.session, &m, deadline);
        if (error == 0)
            check_equal("the answer is that to this call", (int64_t)m.words[0],
                        (int64_t)answer_to(word));
        else if (polls)
            check_error("a call by poll", error, EAGAIN);
        else
            check_error("a call with a deadline", error, ETIMEDOUT);
    }
}

static void check_deadlines(void) {
    int64_t tids[SERVERS], pids[CLIENTS];
    servers_start(tids);
    for (unsigned i = 0; i < CLIENTS; i++)
        pids[i] = peer_start(client, i + 1);
    for (unsigned i = 0; i < CLIENTS; i++)
        peer_end(pids[i]);
    servers_stop(tids);
    service_quiet(service.endpoint);
}

/* ---- Kills ---- */

static void client_for_ever(uint64_t id) {
    struct message m;
    for (uint64_t i = 0;; i++) {
        uint64_t word = id << 32 | i;
        if (service_call(service.session, PATIENT, word, &m) == 0)
            check_equal("the answer is that to this call", (int64_t)m.words[0],
                        (int64_t)answer_to(word));
    }
}

static void check_kills(void) {
    int64_t tids[SERVERS], pids[CLIENTS];
    uint64_t random = 99;
    servers_start(tids);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < CLIENTS; i++)
            pids[i] = peer_start(client_for_ever, i + 1);
        sys_sleep(time_now() + random_next(&random) % 8000);
        for (unsigned i = 0; i < CLIENTS; i++)
            peer_kill(pids[i]);
    }
    servers_stop(tids);
    service_quiet(service.endpoint);
}

/* ---- Deaths of servers ---- */

static int64_t mortal;

static void orphan(uint64_t id) {
    struct message m;
    int64_t error = 0;
    for (uint64_t i = 0; error == 0; i++) {
        error = service_call(mortal, PATIENT, id << 32 | i, &m);
        if (error == 0)
            check_equal("the answer is that to this call", (int64_t)m.words[0],
                        (int64_t)answer_to(id << 32 | i));
    }
    check_error("a call to a server that dies", error, EPIPE);
}

static void serve_for_ever(int64_t endpoint) {
    service.endpoint = endpoint;
    for (unsigned i = 1; i < SERVERS; i++)
        thread_start(serve, i);
    serve(0);
}

static void check_deaths(void) {
    uint64_t random = 7;
    for (unsigned round = 0; round < ROUNDS; round++) {
        int64_t pids[CLIENTS];
        struct server server = server_start(serve_for_ever);
        mortal = server.session;
        for (unsigned i = 0; i < CLIENTS; i++)
            pids[i] = peer_start(orphan, i + 1);
        sys_sleep(time_now() + random_next(&random) % 8000);
        peer_kill(server.pid);
        for (unsigned i = 0; i < CLIENTS; i++)
            peer_end(pids[i]);
        check_ok("close", sys_handle_close(mortal));
    }
}

/* ---- Revocations ---- */

static void revoked(uint64_t id) {
    struct message m;
    int64_t error = 0;
    while (error == 0)
        error = service_call(service.session, PATIENT, id, &m);
    check_error("a call through a session that is revoked", error, ESTALE);
}

static void check_revocations(void) {
    int64_t tids[SERVERS], pids[CLIENTS];
    uint64_t random = 3;
    servers_start(tids);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < CLIENTS; i++)
            pids[i] = peer_start(revoked, i + 1);
        sys_sleep(time_now() + random_next(&random) % 8000);
        check_equal("revoke", sys_revoke(service.session), 0);
        for (unsigned i = 0; i < CLIENTS; i++)
            peer_end(pids[i]);
        check_ok("close", sys_handle_close(service.session));
        service.session = session_make(service.endpoint, 1);
    }
    servers_stop(tids);
    service_quiet(service.endpoint);
}

static const struct check checks[] = {
    {"deadlines", "deadlines race with replies, saved and not",
     check_deadlines},
    {"kills", "clients are killed anywhere in a call", check_kills},
    {"deaths", "servers are killed anywhere in a call", check_deaths},
    {"revocations", "sessions are revoked anywhere in a call",
     check_revocations},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
