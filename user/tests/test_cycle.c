/* SPDX-License-Identifier: MIT */
/*
 * tests/test_cycle.c: calls that would wait for themselves.
 */
#include "tests/check.h"
#include "tests/peer.h"

static struct service service;
static struct service second;

static void client(uint64_t unused) {
    struct message m;
    (void)unused;
    check_equal("call", service_call(service.session, 1, 0, &m), 0);
    check_equal("answer", (int64_t)m.words[0], 5);
}

static void check_self(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(client, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_error("a server calls itself",
                service_call(service.session, 1, 0, &m), EDEADLK);
    check_equal("the reply is still owed", service_answer(0, 5), 0);
    peer_end(pid);
}

static void call_back(uint64_t unused) {
    struct message m;
    (void)unused;
    service_receive(second.endpoint, &m, MESSAGE_CALL);
    check_error("call back to a caller",
                service_call(service.session, 1, 0, &m), EDEADLK);
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_pair(void) {
    struct message m;
    service = service_make(1);
    second = service_make(2);
    int64_t tid = thread_start(call_back, 0);
    int64_t pid = peer_start(client, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("call", service_call(second.session, 1, 0, &m), 0);
    check_equal("reply", service_answer(0, 5), 0);
    thread_end(tid);
    peer_end(pid);
}

/* ---- Chains ---- */

enum { CHAIN_MAX = 14 };

static struct service chain[CHAIN_MAX];
static unsigned chain_length;

/* Link `index` asks the next and adds one to its answer; an error of a call
 * goes back as the answer's label. */
static void chain_link(uint64_t index) {
    struct message m;
    service_receive(chain[index].endpoint, &m, MESSAGE_CALL);
    if (index + 1 == chain_length) {
        check_equal("reply", service_answer(0, 1), 0);
        return;
    }
    int64_t error = service_call(chain[index + 1].session, 1, 0, &m);
    if (error == 0)
        error = tag_label(m.tag);
    check_equal("reply", service_answer((int32_t)error, m.words[0] + 1), 0);
}

/* What comes back through a chain of servers. */
static int64_t chain_run(unsigned length) {
    int64_t tids[CHAIN_MAX];
    struct message m;
    chain_length = length;
    for (unsigned i = 0; i < length; i++) {
        chain[i] = service_make(i);
        tids[i] = thread_start(chain_link, i);
    }
    pause_ms(2 * SETTLE_MS);
    check_equal("call", service_call(chain[0].session, 1, 0, &m), 0);
    int64_t result = tag_label(m.tag);
    if (result == 0)
        result = (int64_t)m.words[0];
    for (unsigned i = 0; i < length; i++) {
        int64_t error = sys_thread_join(tids[i], DEADLINE_POLL).result;
        if (error == 0)
            continue;
        struct message end = {.tag = 0};
        check_error("join", error, EAGAIN);
        check_equal("a server that was not reached",
                    service_call(chain[i].session, 1, 0, &end), 0);
    }
    return result;
}

static void check_chain(void) {
    for (unsigned length = 1; length <= 7; length++)
        check_equal("answer through the chain", chain_run(length), length);
}

static void check_too_deep(void) {
    check_error("answer through a chain of 12", chain_run(12), EDEADLK);
}

/* A cycle that is only a queue: the server called back is not waited for. */
static void forward(uint64_t unused) {
    struct message m = {.tag = tag_make(2, 0, 0, 0)};
    (void)unused;
    service_receive(second.endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    m = (struct message){.tag = tag_make(2, 0, 0, 0)};
    check_equal("reply", ipc_reply(reply, &m), 0);
    check_equal("call back after the reply",
                service_call(service.session, 2, 0, &m), 0);
}

static void check_no_cycle(void) {
    struct message m;
    service = service_make(1);
    second = service_make(2);
    int64_t tid = thread_start(forward, 0);
    check_equal("call", service_call(second.session, 1, 0, &m), 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("reply", service_answer(0, 0), 0);
    thread_end(tid);
}

/* A thread that once received at an endpoint may call it when another serves
 * it now. */
static void second_receiver(uint64_t unused) {
    (void)unused;
    pause_ms(2 * SETTLE_MS);
    service_echo(service.endpoint, 1);
}

static void check_other_receiver(void) {
    struct message m;
    service = service_make(1);
    service_quiet(service.endpoint);
    int64_t tid = thread_start(second_receiver, 0);
    pause_ms(4 * SETTLE_MS);
    check_equal("call what another thread serves",
                service_call(service.session, 1, 0, &m), 0);
    thread_end(tid);
}

static const struct check checks[] = {
    {"self", "a server that calls itself gets EDEADLK", check_self},
    {"pair", "a server that calls its caller gets EDEADLK", check_pair},
    {"chain", "chains of up to 7 servers answer", check_chain},
    {"too_deep", "a chain of 12 servers ends in EDEADLK", check_too_deep},
    {"no_cycle", "calling back after the reply is no cycle", check_no_cycle},
    {"other_receiver", "a thread may call an endpoint that another serves",
     check_other_receiver},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
