/* SPDX-License-Identifier: MIT */
/*
 * tests/test_bytes_srv.c: servers that receive bytes: messages that are wrong,
 * many, from many, for no room; what is left when all is over.
 */
#include "tests/bytes.h"

/* ---- Wrong messages ---- */

static struct form {
    int32_t label;
    uint64_t words[2];
    unsigned count; /* of words in the tag */
    unsigned items;
    struct {
        uint64_t length;
        enum item_mode mode;
    } item[3];
} forms[] = {
    {65 << BYTES_LABEL_BITS, {0}, 8, 0, {{0}}},
    {-1, {0}, 8, 0, {{0}}},
    {9 << BYTES_LABEL_BITS, {0}, 1, 0, {{0}}},
    {8 << BYTES_LABEL_BITS, {0}, 2, 0, {{0}}},
    {0, {0}, 1, 0, {{0}}},
    {8 << BYTES_LABEL_BITS, {0}, 1, 1, {{8, ITEM_WINDOW}}},
    {1, {0, 0}, 2, 1, {{4096, ITEM_MOVE}}},
    {1, {0, 4097}, 2, 1, {{4096, ITEM_MOVE}}},
    {1, {1, 4096}, 2, 1, {{4096, ITEM_COW}}},
    {1, {4096, 1}, 2, 1, {{8192, ITEM_MOVE}}},
    {1, {0, 4096}, 2, 1, {{8192, ITEM_MOVE}}},
    {1, {1, ~0ull}, 2, 1, {{4096, ITEM_COW}}},
    {1, {~0ull, 1}, 2, 1, {{4096, ITEM_COW}}},
    {1, {4095, ~0ull}, 2, 1, {{4096, ITEM_COW}}},
    {1, {0, 4096}, 2, 1, {{4096, ITEM_SHARE}}},
    {1, {0, 4096}, 2, 1, {{4096, ITEM_LEND}}},
    {1, {0, 8192}, 2, 2, {{4096, ITEM_MOVE}, {4096, ITEM_SHARE}}},
    {1, {0, 8192}, 2, 2, {{4096, ITEM_MOVE}, {4096, ITEM_WINDOW}}},
    {1, {0, 8192}, 2, 2, {{4096, ITEM_WINDOW}, {4096, ITEM_COW}}},
    {1, {0, 12288}, 2, 3, {{4096, ITEM_COW}, {4096, ITEM_COW}, {1, 5}}},
};

enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

static void forms_client(uint64_t unused) {
    (void)unused;
    for (unsigned i = 0; i < FORMS; i++) {
        struct form *f = &forms[i];
        struct message m = {.tag = tag_make(f->label, f->count, 0, f->items),
                            .words = {f->words[0], f->words[1]}};
        for (unsigned k = 0; k < f->items; k++)
            message_item(
                &m, k, (uint64_t)pages_make(2, 1),
                item_make(f->item[k].length, f->item[k].mode,
                          f->item[k].mode == ITEM_WINDOW ? ITEM_READ : RW));
        check_equal("call", ipc_call(bytes_service.session, &m, DEADLINE_NONE),
                    0);
        check_equal("answer", tag_label(m.tag), -EINVAL);
        /* The window is free again, and the place for copies clean. */
        struct point p = {16384 + 2, 0, BYTES_GIVE};
        struct source source = {.make = own_make, .remove = own_remove};
        point_send(&p, &source);
    }
}

static void check_forms(void) {
    struct message m;
    struct point p = {16384 + 2, 0, BYTES_GIVE};
    struct source source = {.make = own_make};
    bytes_start(forms_client, 0);
    for (unsigned i = 0; i < FORMS; i++) {
        service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
        int64_t error = msg_recv_bytes(&m, &bytes_in);
        if (error != -EINVAL)
            printf("form %u:\n", i);
        check_error("a wrong form", error, EINVAL);
        check_equal("bytes", (int64_t)bytes_in.length, 0);
        check_equal("data", (int64_t)bytes_in.data, 0);
        service_answer((int32_t)error, 0);
        point_serve(&p, &source);
    }
    bytes_end();
}

/* ---- Receivers that cannot take pages ---- */

static void ways_client(uint64_t unused) {
    static const enum bytes_way ways[] = {BYTES_COPY, BYTES_MOVE, BYTES_COPY,
                                          BYTES_MOVE};
    (void)unused;
    for (unsigned i = 0; i < 4; i++) {
        struct bytes_result result;
        uint8_t *pages = pages_make(8, i);
        check_equal("send",
                    msg_send_bytes(bytes_service.session, 1, pages,
                                   8 * PAGE_SIZE, BYTES_GIVE, &result),
                    0);
        check_equal("way", result.way, ways[i]);
        check_equal("pages moved", (int64_t)result.pages_moved,
                    ways[i] == BYTES_MOVE ? 8 : 0);
        if (ways[i] == BYTES_COPY)
            pages_expect((uint64_t)pages, 8, i);
    }
}

static void ways_serve(unsigned pattern) {
    struct message m;
    service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
    check_ok("receive", msg_recv_bytes(&m, &bytes_in));
    check_equal("length", (int64_t)bytes_in.length, 8 * PAGE_SIZE);
    pages_expect((uint64_t)bytes_in.data, 8, pattern);
    service_answer(0, 0);
}

/* Nothing is released here: that is msg_recv_bytes' own business. */
static void check_ways(void) {
    bytes_start(ways_client, 0);
    uint64_t window = bytes_in.window;
    check_ok("occupy the window", sys_map(HANDLE_SELF, window + PAGE_SIZE,
                                          PAGE_SIZE, RW | MAP_FIXED, -1, 0));
    ways_serve(0);
    sys_unmap(HANDLE_SELF, window + PAGE_SIZE, PAGE_SIZE);
    ways_serve(1);
    check_ok("take no pages", sys_accept(0, 0, 0, 0, 0, HANDLE_RECEIVED));
    ways_serve(2);
    ways_serve(3);
    bytes_end();
}

/* ---- Lent pages ---- */

static struct service lent_service;

static void lend(uint64_t pages) {
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    item_set(&m, 0, (void *)pages, 4, ITEM_LEND, RO);
    check_equal("lend", ipc_call(lent_service.session, &m, DEADLINE_NONE), 0);
}

static void lent_client(uint64_t unused) {
    (void)unused;
    struct bytes_result result;
    struct message m;
    uint8_t *pages = pages_make(4, 3);
    int64_t lender = thread_start(lend, (uint64_t)pages);
    check_equal("they are lent",
                service_call(bytes_service.session, SECOND_LOOK, 0, &m), 0);
    check_equal("send",
                msg_send_bytes(bytes_service.session, 1, pages, 4 * PAGE_SIZE,
                               BYTES_GIVE, &result),
                0);
    check_equal("way", result.way, BYTES_COPY);
    thread_end(lender);
    pages_expect((uint64_t)pages, 4, 3);
}

static void check_lent(void) {
    struct message m;
    lent_service = service_make(2);
    bytes_start(lent_client, 0);
    service_receive(lent_service.endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("save", ipc_reply_save());
    service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
    service_answer(0, 0);
    service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
    check_ok("receive", msg_recv_bytes(&m, &bytes_in));
    pages_expect((uint64_t)bytes_in.data, 4, 3);
    service_answer(0, 0);
    m.tag = 0;
    check_ok("return what was lent", ipc_reply(reply, &m));
    bytes_end();
}

/* ---- Handles ---- */

static void handles_client(uint64_t unused) {
    (void)unused;
    struct message m = {.tag = tag_make(OPERATION, 0, 1, 0),
                        .handles = handle_pack(bytes_service.session, 0)};
    check_equal("call", ipc_call(bytes_service.session, &m, DEADLINE_NONE), 0);
    m = (struct message){.tag = tag_make(OPERATION, 0, 2, 0),
                         .handles = handle_pack(bytes_service.session, 0) |
                                    handle_pack(bytes_service.session, 1)};
    check_error("one handle more",
                ipc_call(bytes_service.session, &m, DEADLINE_NONE), EMSGSIZE);
    check_equal("call", service_call(bytes_service.session, SECOND_LOOK, 0, &m),
                0);
}

static void check_handles(void) {
    struct message m;
    bytes_start(handles_client, 0);
    msg_close_bytes(&bytes_in);
    check_ok("accept bytes", msg_accept_bytes(&bytes_in, 1, 1));
    check_equal("whole pages", (int64_t)bytes_in.most, PAGE_SIZE);
    service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
    check_ok("receive", msg_recv_bytes(&m, &bytes_in));
    check_equal("label", bytes_in.label, OPERATION);
    check_true("handle", handle_at(m.handles, 0) >= HANDLE_RECEIVED);
    service_answer(0, 0);
    service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
    check_equal("the message after", tag_label(m.tag), SECOND_LOOK);
    service_answer(0, 0);
    bytes_end();
}

/* ---- Many messages ---- */

/* One message after the other without a release in between. */
static void stream_client(uint64_t messages) {
    for (uint64_t i = 0; i < messages; i++) {
        uint8_t *pages = pages_make(9, i);
        check_equal("send",
                    msg_send_bytes(bytes_service.session, 1, pages,
                                   9 * PAGE_SIZE - i, i % 2, NULL),
                    0);
        bytes_free(pages, 9 * PAGE_SIZE);
    }
}

static void check_stream(void) {
    struct message m;
    bytes_start(stream_client, 100);
    for (unsigned i = 0; i < 100; i++) {
        service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
        check_ok("receive", msg_recv_bytes(&m, &bytes_in));
        check_equal("length", (int64_t)bytes_in.length, 9 * PAGE_SIZE - i);
        pages_expect((uint64_t)bytes_in.data, 8, i);
        service_answer(0, 0);
    }
    bytes_end();
    check_equal("closed", (int64_t)bytes_in.window, 0);
    for (unsigned i = 0; i < 100; i++) {
        check_ok("open", msg_accept_bytes(&bytes_in, BYTES_MOST, 0));
        check_error("open twice", msg_accept_bytes(&bytes_in, 1, 0), EINVAL);
        msg_close_bytes(&bytes_in);
    }
    check_error("nothing", msg_accept_bytes(&bytes_in, 0, 0), EINVAL);
    check_error("too much", msg_accept_bytes(&bytes_in, BYTES_MOST + 1ull, 0),
                EINVAL);
}

/* ---- Several threads ---- */

enum { THREADS = 6, ROUNDS = 20 };

static void thread_send(uint64_t number) {
    static uint8_t memory[THREADS][10 * PAGE_SIZE];
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct point p = {8 * PAGE_SIZE + number * 100 + i, 0, 0};
        uint8_t *data = memory[number] + number * 64 + i;
        memset(data, (int)(number * ROUNDS + i + 1), p.length);
        check_equal("send",
                    msg_send_bytes(bytes_service.session, (int32_t)number, data,
                                   p.length, 0, NULL),
                    (int64_t)p.length);
    }
}

static void threads_client(uint64_t unused) {
    int64_t threads[THREADS];
    (void)unused;
    for (unsigned i = 0; i < THREADS; i++)
        threads[i] = thread_start(thread_send, i);
    for (unsigned i = 0; i < THREADS; i++)
        thread_end(threads[i]);
}

static void check_threads(void) {
    struct message m;
    unsigned seen[THREADS] = {0};
    bytes_start(threads_client, 0);
    for (unsigned i = 0; i < THREADS * ROUNDS; i++) {
        service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
        check_ok("receive", msg_recv_bytes(&m, &bytes_in));
        unsigned number = (unsigned)bytes_in.label, round = seen[number]++;
        check_equal("length", (int64_t)bytes_in.length,
                    8 * PAGE_SIZE + number * 100 + round);
        range_expect("byte", (uint64_t)bytes_in.data,
                     (uint64_t)bytes_in.data + bytes_in.length,
                     (uint8_t)(number * ROUNDS + round + 1));
        pause_ms(1);
        service_answer((int32_t)bytes_in.length, 0);
    }
    bytes_end();
}

/* ---- What the kernel says ---- */

static void counters_client(uint64_t unused) {
    (void)unused;
    uint8_t *pages = pages_make(8, 1);
    uint64_t moved = counter(COUNTER_PAGES_MOVED);
    uint64_t cowed = counter(COUNTER_PAGES_COWED);
    uint64_t copied = counter(COUNTER_BYTES_COPIED);
    stream_client(0);
    check_equal(
        "send",
        msg_send_bytes(bytes_service.session, 1, pages, 8 * PAGE_SIZE, 0, NULL),
        0);
    check_equal("send",
                msg_send_bytes(bytes_service.session, 1, pages, 8 * PAGE_SIZE,
                               BYTES_GIVE, NULL),
                0);
    check_equal("pages moved", (int64_t)(counter(COUNTER_PAGES_MOVED) - moved),
                8);
    check_equal("pages cowed", (int64_t)(counter(COUNTER_PAGES_COWED) - cowed),
                8);
    check_equal("bytes copied",
                (int64_t)(counter(COUNTER_BYTES_COPIED) - copied), 0);
    pages = pages_make(BYTES_COW_MIN / PAGE_SIZE, 1);
    msg_send_bytes(bytes_service.session, 1, pages + 1, BYTES_COW_MIN - 1, 0,
                   NULL);
    check_equal("bytes copied",
                (int64_t)(counter(COUNTER_BYTES_COPIED) - copied),
                BYTES_COW_MIN - 1);
}

static void check_counters(void) {
    struct message m;
    bytes_start(counters_client, 0);
    for (unsigned i = 0; i < 3; i++) {
        service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
        check_ok("receive", msg_recv_bytes(&m, &bytes_in));
        service_answer(0, 0);
    }
    bytes_end();
}

static void frames_round(uint64_t unused) {
    (void)unused;
    struct message m;
    bytes_start(stream_client, 6);
    for (unsigned i = 0; i < 6; i++) {
        service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
        check_ok("receive", msg_recv_bytes(&m, &bytes_in));
        bytes_in.data[PAGE_SIZE] = 1;
        service_answer(0, 0);
    }
    peer_end(bytes_client);
}

static void check_frames(void) {
    peer_end(peer_start(frames_round, 0));
    int64_t before = frames_free();
    for (unsigned i = 0; i < 5; i++)
        peer_end(peer_start(frames_round, 0));
    check_equal("free frames after both have ended", frames_free(), before);
}

static void long_client(uint64_t unused) {
    (void)unused;
    uint8_t *pages = pages_make(MOST / PAGE_SIZE + 1, 1);
    struct bytes_result result;
    check_equal(
        "send",
        msg_send_bytes(bytes_service.session, 1, pages + 1, MOST, 0, &result),
        0);
    check_equal("way", result.way, BYTES_COPY);
}

/* A server does not keep the memory of the longest message it ever got. */
static void check_long(void) {
    struct message m;
    bytes_start(long_client, 0);
    service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
    check_ok("receive", msg_recv_bytes(&m, &bytes_in));
    int64_t before = frames_free();
    msg_release_bytes(&bytes_in);
    check_true("the copy's frames are free",
               frames_free() - before >= MOST / PAGE_SIZE);
    service_answer(0, 0);
    bytes_end();
}

/* ---- Servers that die ---- */

static void dying_serve(int64_t endpoint) {
    struct message m;
    struct bytes in = {0};
    check_ok("accept bytes", msg_accept_bytes(&in, MOST, 0));
    service_receive(endpoint, &m, MESSAGE_CALL);
    check_ok("receive", msg_recv_bytes(&m, &in));
}

static void check_dead(void) {
    static const uint64_t lengths[] = {0, 10, 100, 8192, 16384, 16385 + 4096};
    for (unsigned i = 0; i < 12; i++) {
        struct server server = server_start(dying_serve);
        struct bytes_result result;
        uint8_t *pages = pages_make(8, i);
        check_error("call of a server that dies",
                    msg_send_bytes(server.session, 1, pages, lengths[i / 2],
                                   i % 2, &result),
                    EPIPE);
        check_equal("way", result.way, BYTES_NONE);
        peer_end(server.pid);
        if (i % 2 == 0)
            pages_expect((uint64_t)pages, 8, i);
        pages = pages_make(8, i);
        check_error("call of a dead server",
                    msg_send_bytes(server.session, 1, pages, lengths[i / 2],
                                   i % 2, &result),
                    EPIPE);
    }
}

static const struct check checks[] = {
    {"forms", "a server refuses what is not a message with bytes", check_forms},
    {"ways", "what cannot be moved to a receiver is copied", check_ways},
    {"lent", "pages that are lent are copied", check_lent},
    {"handles", "a server can take handles beside bytes", check_handles},
    {"stream", "messages follow each other without a release", check_stream},
    {"threads", "six threads send partial pages", check_threads},
    {"counters", "the kernel counts the same pages and bytes", check_counters},
    {"frames", "every frame is free again when both sides have ended",
     check_frames},
    {"long", "the frames of a long copy are given back", check_long},
    {"dead", "a server's death is EPIPE, whatever the way", check_dead},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
