/* SPDX-License-Identifier: MIT */
/*
 * tests/test_sweep_two.c: pagers, and messages with bytes, when each of their
 * allocations fails in turn.
 *
 * Idea        As in tests/test_sweep.c. A pager's answer that fails costs the
 *             thread its access, and nobody a page; a message with bytes that
 *             fails leaves them with the client, and goes through when it is
 *             sent again.
 * Invariants  Needs a boot with debug=1.
 */
#include "lib/bytes.h"
#include "lib/safe.h"
#include "lib/server.h"
#include "tests/pager.h"

enum { TRIES = 60 };

static void fail_at(uint64_t n) {
    check_equal("debug=1 is needed", sys_debug(DEBUG_FAIL_ALLOC, n).result, 0);
}

/* Switches the failure off; whether the n-th allocation was reached. */
static bool fail_off(uint64_t n) {
    return sys_debug(DEBUG_FAIL_ALLOC, 0).value >= n;
}

/* ---- Answers of pagers ---- */

#define REGIONS 0x1200000000ull
#define GIB (1ull << 30)

/* Reads a page in a part of memory of its own until it is there. */
static void prober(uint64_t first) {
    char byte;
    uint64_t region = (uint64_t)check_ok(
        "map", sys_map(HANDLE_SELF, REGIONS, PAGE_SIZE,
                       RW | MAP_PAGER | MAP_FIXED, service.session, OFFSET));
    uint64_t failures = 0;
    while (safe_copy(&byte, (char *)region, 1) < 0)
        check_true("the sweep has an end", ++failures < TRIES);
    check_equal("byte", byte, (int64_t)first);
    check_true("failures", failures > 0);
}

/* Answers with one page from the middle of a range until that works. */
static void answer_sweep(enum item_mode mode, bool touched) {
    struct message m;
    uint8_t *pages = pages_map(3);
    if (touched)
        pages_fill(pages, 3, 7);
    int64_t client =
        peer_start(prober, touched ? (uint8_t)page_byte(7, 1, 0) : 0);
    bool reached = true;
    for (uint64_t n = 1; reached; n++) {
        fault_receive(&m, 0);
        pause_ms(SETTLE_MS);
        fail_at(n);
        int64_t result = fault_answer(pages + PAGE_SIZE, 1, mode, RW);
        reached = fail_off(n);
        check_equal("answer", result, 0);
        frames_check();
        if (reached && touched) {
            pages_expect((uint64_t)pages, 3, 7);
            store_at((uint64_t)pages + PAGE_SIZE, page_byte(7, 1, 0));
        }
    }
    peer_end(client);
    check_ok("unmap", sys_unmap(HANDLE_SELF, (uint64_t)pages, 3 * PAGE_SIZE));
}

static void check_pager(void) {
    service = service_make(1);
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++)
        for (unsigned touched = 0; touched < 2; touched++)
            answer_sweep(mode, touched);
}

/* A region that cannot be made, split or inherited holds no session. */
static void check_regions(void) {
    struct message m;
    unsigned failures = 0;
    service.endpoint = check_ok("endpoint", sys_endpoint_create());
    service.session =
        check_ok("mint", sys_session_mint(service.endpoint, 5, SESSION_RIGHTS,
                                          SESSION_NOTIFY_CLOSED));
    for (uint64_t i = 0; i < 60; i++) {
        uint64_t at = REGIONS + 4 * i * PAGE_SIZE;
        fail_at(1);
        int64_t result =
            sys_map(HANDLE_SELF, at, 3 * PAGE_SIZE, RO | MAP_PAGER | MAP_FIXED,
                    service.session, i * 16 * PAGE_SIZE);
        int64_t split = sys_unmap(HANDLE_SELF, at + PAGE_SIZE, PAGE_SIZE);
        fail_off(1);
        check_true("map", result == (int64_t)at || result == -ENOMEM);
        check_true("unmap", split == 0 || split == -ENOMEM);
        failures += result < 0 || split < 0;
        fail_at(1 + i % 20);
        int64_t child = sys_fork();
        if (child == 0)
            sys_exit(0);
        fail_off(1);
        check_true("fork", child > 0 || child == -ENOMEM);
        if (child > 0)
            check_equal("wait", sys_wait(child, DEADLINE_NONE).result, child);
    }
    check_true("there were failures", failures > 0);
    frames_check();
    check_ok("unmap", sys_unmap(HANDLE_SELF, REGIONS, 4 * 60 * PAGE_SIZE));
    service_quiet(service.endpoint);
    check_ok("close", sys_handle_close(service.session));
    service_receive(service.endpoint, &m, MESSAGE_CLOSED);
}

/* ---- Bytes ---- */

enum { MOST = 1 << 18 };

static uint64_t sum_of(const uint8_t *data, uint64_t length) {
    uint64_t sum = length;
    for (uint64_t i = 0; i < length; i += 61)
        sum = sum * 31 + data[i];
    return sum;
}

/* Answers with the sum of what came; a failure is the answer, too. It keeps
 * what came until the next message, so that a client's stage stays common. */
static void sum_serve(int64_t endpoint) {
    static struct bytes in;
    struct message m;
    check_ok("accept bytes", msg_accept_bytes(&in, MOST, 0));
    check_equal("recv", ipc_recv(endpoint, &m, DEADLINE_NONE), 0);
    for (;;) {
        int64_t error = msg_recv_bytes(&m, &in);
        uint64_t sum = error < 0 ? 0 : sum_of(in.data, in.length);
        message_answer(&m, error, 1);
        m.words[0] = sum;
        check_equal("reply", ipc_reply_recv(endpoint, &m, DEADLINE_NONE), 0);
    }
}

static struct server server;

struct load {
    uint64_t length, offset;
    unsigned flags;
};

static void load_fill(uint8_t *data, const struct load *load) {
    for (uint64_t i = 0; i < load->length; i++)
        data[i] = (uint8_t)(i * 7 + i / 251 + load->length);
}

/* One message whose n-th allocation fails; whether it got so far. */
static bool bytes_try(const struct load *load, uint64_t n) {
    uint64_t room = load->offset + load->length;
    uint8_t *pages = bytes_alloc(room), *data = pages + load->offset;
    struct bytes_result result;
    check_true("memory", pages != NULL);
    load_fill(data, load);
    uint64_t sum = sum_of(data, load->length);
    fail_at(n);
    int64_t error = msg_send_bytes(server.session, 1, data, load->length,
                                   load->flags, &result);
    bool reached = fail_off(n);
    frames_check();
    if (error < 0) {
        check_error("send", error, ENOMEM);
        check_true("because an allocation failed", reached);
        bool gone = result.pages_moved > 0; /* the server could not answer */
        if (!gone)
            check_equal("sum of what was not sent",
                        (int64_t)sum_of(data, load->length), (int64_t)sum);
        if (gone)
            check_ok("refill", bytes_refill(data, load->length));
        load_fill(data, load);
        error = msg_send_bytes(server.session, 1, data, load->length,
                               load->flags, &result);
    }
    check_equal("sent", error, 0);
    check_equal("sum", (int64_t)result.reply.words[0], (int64_t)sum);
    bytes_free(pages, room);
    return reached;
}

static void check_bytes(void) {
    static const struct load loads[] = {
        {64, 0, 0},
        {700, 0, 0},
        {BYTES_COW_MIN - 1, 9, 0},
        {BYTES_COW_MIN, 0, 0},
        {BYTES_MOVE_MIN, 0, BYTES_GIVE},
        {40000, 100, 0},
        {40000, 100, BYTES_GIVE},
        {MOST - PAGE_SIZE - 5, 5, BYTES_GIVE},
    };
    for (unsigned i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        server = server_start(sum_serve);
        uint64_t n = 1;
        bytes_try(&loads[i], TRIES * 1000); /* both have their own variables */
        while (bytes_try(&loads[i], n))
            check_true("the sweep has an end", ++n < TRIES);
        peer_kill(server.pid);
        check_ok("close", sys_handle_close(server.session));
    }
}

static const struct check checks[] = {
    {"pager", "a pager's answer, at each of its allocations", check_pager},
    {"regions", "regions with a pager that cannot be made", check_regions},
    {"bytes", "messages with bytes, at each of their allocations", check_bytes},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
