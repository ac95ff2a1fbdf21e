/* SPDX-License-Identifier: MIT */
/*
 * bench/bench_bytes.c: what it costs to send bytes by the library.
 *
 * Idea        lib/bytes.h picks registers, copy, COW or move by the length. A
 *             round of the rows send/ is a message from a buffer that the
 *             client then writes to again, a word in each page; one of the rows
 *             give/ allocates pages, writes to them, and gives them away. The
 *             server does what a server has to do for each message, and reads
 *             nothing. So the figures stand beside bench_items' call/, rewrite/
 *             and refill/: what the library adds, and where it changes its way.
 * Use         tools/boot -c 'bench_bytes send/8192'
 */
#include <stddef.h>
#include <stdint.h>

#include "abi/layout.h"
#include "bench/common/bench.h"
#include "bench/common/server.h"
#include "lib/bytes.h"
#include "lib/server.h"

enum { MOST = 1 << 20, ROUNDS = 200, OPERATION = 1 };

static struct server server;
static uint8_t buffer[MOST] __attribute__((aligned(PAGE_SIZE)));

static void serve_bytes(int64_t endpoint) {
    static struct bytes in;
    struct message m;
    bench_must(msg_accept_bytes(&in, MOST, 0));
    bench_must(ipc_recv(endpoint, &m, DEADLINE_NONE));
    for (;;) {
        int64_t error = msg_recv_bytes(&m, &in);
        msg_release_bytes(&in);
        message_answer(&m, error, 0);
        bench_must(ipc_reply_recv(endpoint, &m, DEADLINE_NONE));
    }
}

static const struct server_kind bytes_kind = {.serve = serve_bytes};

static void touch(uint8_t *bytes, uint64_t length) {
    for (uint64_t i = 0; i < length; i += PAGE_SIZE)
        *(volatile uint8_t *)&bytes[i] = 1;
}

static void begin(const struct row *row) {
    server = server_start(&bytes_kind);
    touch(buffer, row->size);
}

static uint64_t measure_send(const struct row *row) {
    uint64_t before = bench_now();
    bench_must(
        msg_send_bytes(server.session, OPERATION, buffer, row->size, 0, NULL));
    touch(buffer, row->size);
    return bench_since(before);
}

static uint64_t measure_give(const struct row *row) {
    uint64_t before = bench_now();
    uint8_t *bytes = bytes_alloc(row->size);
    bench_must(bytes != NULL ? 0 : -1);
    touch(bytes, row->size);
    bench_must(msg_send_bytes(server.session, OPERATION, bytes, row->size,
                              BYTES_GIVE, NULL));
    bytes_free(bytes, row->size);
    return bench_since(before);
}

static void end(const struct row *row) {
    (void)row;
    server_end(&server);
}

static const struct row rows[] = {
    {"send/64", measure_send, begin, end, 64, ROUNDS},
    {"send/512", measure_send, begin, end, 512, ROUNDS},
    {"send/4096", measure_send, begin, end, 4096, ROUNDS},
    {"send/8192", measure_send, begin, end, 8192, ROUNDS},
    {"send/12288", measure_send, begin, end, 12288, ROUNDS},
    {"send/16384", measure_send, begin, end, 16384, ROUNDS},
    {"send/65536", measure_send, begin, end, 65536, ROUNDS},
    {"send/262144", measure_send, begin, end, 262144, ROUNDS},
    {"send/1048576", measure_send, begin, end, MOST, ROUNDS},
    {"give/4096", measure_give, begin, end, 4096, ROUNDS},
    {"give/8192", measure_give, begin, end, 8192, ROUNDS},
    {"give/12288", measure_give, begin, end, 12288, ROUNDS},
    {"give/16384", measure_give, begin, end, 16384, ROUNDS},
    {"give/65536", measure_give, begin, end, 65536, ROUNDS},
    {"give/262144", measure_give, begin, end, 262144, ROUNDS},
    {"give/1048576", measure_give, begin, end, MOST, ROUNDS},
};

int main(int argc, char **argv) {
    return bench_run(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
