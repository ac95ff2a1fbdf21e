/* SPDX-License-Identifier: MIT */
/*
 * tests/test_dead.c: peers that die, in each state a message can be in.
 *
 * Whoever waits for a dead peer gets a definite error at once; whoever serves
 * a dead client is told when it answers, and goes on.
 */
#include "tests/check.h"
#include "tests/peer.h"

static struct service service;
static struct server server;

/* ---- Servers that die ---- */

static void expect_epipe(uint64_t unused) {
    struct message m;
    (void)unused;
    check_error("call to a server that dies",
                service_call(server.session, 1, 2, &m), EPIPE);
}

/* Takes what waits for SETTLE_MS and dies of it. */
static void serve_then_exit(int64_t endpoint) {
    struct message m;
    service_receive(endpoint, &m, MESSAGE_CALL);
    pause_ms(SETTLE_MS);
    sys_exit(0);
}

static void serve_never(int64_t endpoint) {
    (void)endpoint;
    pause_ms(SETTLE_MS);
}

static void serve_for_ever(int64_t endpoint) {
    struct message m;
    service_receive(endpoint, &m, MESSAGE_CALL);
    sys_sleep(DEADLINE_NONE);
}

static void serve_crash(int64_t endpoint) {
    struct message m;
    service_receive(endpoint, &m, MESSAGE_CALL);
    store_at(8, 1);
}

static void check_before_receive(void) {
    server = server_start(serve_never);
    expect_epipe(0);
    peer_end(server.pid);
}

static void check_after_receive(void) {
    server = server_start(serve_then_exit);
    expect_epipe(0);
    peer_end(server.pid);
}

static void check_crash(void) {
    server = server_start(serve_crash);
    expect_epipe(0);
    peer_end_with(server.pid, STATUS_KILLED);
}

static void check_killed_serving(void) {
    server = server_start(serve_for_ever);
    int64_t client = peer_start(expect_epipe, 0);
    pause_ms(SETTLE_MS);
    peer_kill(server.pid);
    peer_end(client);
}

static void check_after_death(void) {
    struct message m = {.tag = 0};
    server = server_start(serve_never);
    peer_end(server.pid);
    check_error("call", ipc_call(server.session, &m, DEADLINE_NONE), EPIPE);
    check_error("send", ipc_send(server.session, &m, DEADLINE_NONE), EPIPE);
    check_error("poll", ipc_call(server.session, &m, DEADLINE_POLL), EPIPE);
    check_equal("close", sys_handle_close(server.session), 0);
}

static void send_epipe(uint64_t unused) {
    struct message m = {.tag = 0};
    (void)unused;
    check_error("send to a server that dies",
                ipc_send(server.session, &m, DEADLINE_NONE), EPIPE);
}

static void check_crowd(void) {
    int64_t pids[8];
    server = server_start(serve_for_ever);
    int64_t first = peer_start(expect_epipe, 0);
    pause_ms(SETTLE_MS);
    for (unsigned i = 0; i < 8; i++)
        pids[i] = peer_start(i % 2 ? expect_epipe : send_epipe, 0);
    pause_ms(SETTLE_MS);
    check_ok("kill", sys_kill(server.pid));
    peer_end(first);
    for (unsigned i = 0; i < 8; i++)
        peer_end(pids[i]);
    peer_end_with(server.pid, STATUS_KILLED);
}

static void serve_saved(int64_t endpoint) {
    struct message m;
    for (unsigned i = 0; i < 3; i++) {
        service_receive(endpoint, &m, MESSAGE_CALL);
        check_ok("reply_save", ipc_reply_save());
    }
}

static void check_saved_replies(void) {
    int64_t pids[3];
    server = server_start(serve_saved);
    for (unsigned i = 0; i < 3; i++)
        pids[i] = peer_start(expect_epipe, 0);
    for (unsigned i = 0; i < 3; i++)
        peer_end(pids[i]);
    peer_end(server.pid);
}

static void call_epipe(uint64_t session) {
    struct message m;
    check_error("call", service_call((int64_t)session, 1, 2, &m), EPIPE);
}

static void check_reply_closed(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(call_epipe, (uint64_t)service.session);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    check_equal("close the reply", sys_handle_close(reply), 0);
    peer_end(pid);
    service_quiet(service.endpoint);
}

static void check_endpoint_closed(void) {
    service = service_make(1);
    int64_t pid = peer_start(call_epipe, (uint64_t)service.session);
    pause_ms(SETTLE_MS);
    check_equal("close the endpoint", sys_handle_close(service.endpoint), 0);
    peer_end(pid);
}

static void receive_epipe(uint64_t endpoint) {
    struct message m;
    check_error("recv on an endpoint that dies",
                ipc_recv((int64_t)endpoint, &m, time_after(1000)), EPIPE);
}

static void check_receiver_waits(void) {
    service = service_make(1);
    int64_t tid = thread_start(receive_epipe, (uint64_t)service.endpoint);
    pause_ms(SETTLE_MS);
    check_equal("close the endpoint", sys_handle_close(service.endpoint), 0);
    thread_end(tid);
}

static void receive_and_exit(uint64_t endpoint) {
    struct message m;
    service_receive((int64_t)endpoint, &m, MESSAGE_CALL);
}

static void check_thread_exit(void) {
    struct message m;
    service = service_make(1);
    int64_t tid = thread_start(receive_and_exit, (uint64_t)service.endpoint);
    check_error("call to a thread that exits",
                service_call(service.session, 1, 2, &m), EPIPE);
    thread_end(tid);
    tid = thread_start(receive_and_exit, (uint64_t)service.endpoint);
    check_error("the endpoint lives on",
                service_call(service.session, 1, 2, &m), EPIPE);
    thread_end(tid);
}

/* ---- Clients that die ---- */

static void call_for_ever(uint64_t session) {
    struct message m = {.tag = tag_make(1, 1, 0, 0), .words = {9}};
    ipc_call((int64_t)session, &m, DEADLINE_NONE);
    check_fail("a call that nobody answers returned", 1, 0);
}

static void good_client(uint64_t session) {
    struct message m;
    check_equal("call", service_call((int64_t)session, 2, 2, &m), 0);
    check_equal("answer", (int64_t)m.words[0], 2);
}

/* The server is not impressed: it serves the next client. */
static void serves_on(void) {
    int64_t pid = peer_start(good_client, (uint64_t)service.session);
    service_echo(service.endpoint, 1);
    peer_end(pid);
}

static void check_client_queued(void) {
    service = service_make(1);
    int64_t pid = peer_start(call_for_ever, (uint64_t)service.session);
    pause_ms(SETTLE_MS);
    peer_kill(pid);
    service_quiet(service.endpoint);
    serves_on();
}

static void check_client_open(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(call_for_ever, (uint64_t)service.session);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    peer_kill(pid);
    check_error("reply to a dead client", service_answer(0, 1), EPIPE);
    check_error("second reply", service_answer(0, 1), ESTALE);
    serves_on();
}

static void check_reply_recv_dead(void) {
    struct message m;
    service = service_make(1);
    int64_t dead = peer_start(call_for_ever, (uint64_t)service.session);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    peer_kill(dead);
    int64_t pid = peer_start(good_client, (uint64_t)service.session);
    m.tag = tag_make(0, 1, 0, 0);
    check_equal("reply_recv past a dead client",
                ipc_reply_recv(service.endpoint, &m, time_after(1000)), 0);
    check_equal("label of the next call", tag_label(m.tag), 2);
    check_equal("reply", service_answer(0, 2), 0);
    peer_end(pid);
}

static void check_client_saved(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(call_for_ever, (uint64_t)service.session);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    peer_kill(pid);
    m = (struct message){.tag = 0};
    check_error("saved reply to a dead client", ipc_reply(reply, &m), EPIPE);
    check_error("the reply handle is gone", ipc_reply(reply, &m), EBADF);
    serves_on();
}

static void check_save_after_death(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(call_for_ever, (uint64_t)service.session);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    peer_kill(pid);
    int64_t reply = ipc_reply_save();
    if (reply >= 0) {
        m = (struct message){.tag = 0};
        check_error("reply", ipc_reply(reply, &m), EPIPE);
    } else {
        check_error("save the reply of a dead client", reply, ESTALE);
    }
    serves_on();
}

static void check_middle_dies(void) {
    int64_t pids[3];
    struct message m;
    service = service_make(1);
    for (unsigned i = 0; i < 3; i++) {
        pids[i] = peer_start(i == 1 ? call_for_ever : good_client,
                             (uint64_t)service.session);
        pause_ms(SETTLE_MS);
    }
    peer_kill(pids[1]);
    service_echo(service.endpoint, 2);
    peer_end(pids[0]);
    peer_end(pids[2]);
    check_error("nobody else waits",
                ipc_recv(service.endpoint, &m, DEADLINE_POLL), EAGAIN);
}

static const struct check checks[] = {
    {"before_receive", "a server that exits before it receives: EPIPE",
     check_before_receive},
    {"after_receive", "a server that exits owing a reply: EPIPE",
     check_after_receive},
    {"crash", "a server that faults owing a reply: EPIPE", check_crash},
    {"killed_serving", "a server that is killed owing a reply: EPIPE",
     check_killed_serving},
    {"after_death", "calls after the server's death: EPIPE", check_after_death},
    {"crowd", "every caller and sender of a dead server gets EPIPE",
     check_crowd},
    {"saved_replies", "callers whose replies were saved get EPIPE",
     check_saved_replies},
    {"reply_closed", "closing a saved reply gives its caller EPIPE",
     check_reply_closed},
    {"endpoint_closed", "closing the endpoint gives queued callers EPIPE",
     check_endpoint_closed},
    {"receiver_waits", "a receiver whose endpoint dies gets EPIPE",
     check_receiver_waits},
    {"thread_exit",
     "a thread that exits owing a reply: EPIPE, and the "
     "endpoint lives",
     check_thread_exit},
    {"client_queued", "a client killed while queued is never received",
     check_client_queued},
    {"client_open", "a reply to a killed client is EPIPE, once",
     check_client_open},
    {"reply_recv_dead", "reply_recv drops a dead client's reply and goes on",
     check_reply_recv_dead},
    {"client_saved", "a saved reply to a killed client is EPIPE, once",
     check_client_saved},
    {"save_after_death", "saving the reply of a killed client is harmless",
     check_save_after_death},
    {"middle_dies",
     "a client killed in the middle of a queue leaves the "
     "others",
     check_middle_dies},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
