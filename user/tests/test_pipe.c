/* SPDX-License-Identifier: MIT */
/*
 * tests/test_pipe.c: pipes: order, blocking, ends that close, killed readers.
 */
#include "tests/check.h"
#include "tests/peer.h"

static int fds[2];

static void start(void) {
    check_equal("pipe", pipe(fds), 0);
}

static void check_bytes(void) {
    char text[16];
    start();
    check_equal("write", write(fds[1], "hello", 5), 5);
    check_equal("write", write(fds[1], " world", 6), 6);
    check_equal("read what is there", read(fds[0], text, sizeof(text)), 11);
    check_equal("contents", memcmp(text, "hello world", 11), 0);
    check_equal("write to the read end", write(fds[0], "x", 1), -1);
    check_equal("read from the write end", read(fds[1], text, 1), -1);
}

static void check_end(void) {
    char byte;
    start();
    check_equal("write", write(fds[1], "x", 1), 1);
    check_equal("close", close(fds[1]), 0);
    check_equal("read", read(fds[0], &byte, 1), 1);
    check_equal("the end", read(fds[0], &byte, 1), 0);
    check_equal("the end again", read(fds[0], &byte, 1), 0);
}

static void check_no_reader(void) {
    start();
    check_equal("close", close(fds[0]), 0);
    check_equal("write without a reader", write(fds[1], "x", 1), -1);
}

enum { LONG = 60000 };

static uint8_t stream_byte(unsigned i) {
    return (uint8_t)(i * 7 + (i >> 9));
}

static void stream_write(uint64_t piece) {
    static uint8_t data[LONG];
    close(fds[0]);
    for (unsigned i = 0; i < LONG; i++)
        data[i] = stream_byte(i);
    for (unsigned at = 0; at < LONG; at += (unsigned)piece) {
        int size = (int)(LONG - at < piece ? LONG - at : piece);
        check_equal("write", write(fds[1], data + at, size), size);
    }
}

static void check_stream(void) {
    static const uint64_t pieces[] = {1, 13, 56, 64, 100, 4096, 5000, LONG};
    static uint8_t data[5000];
    for (unsigned p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
        start();
        int64_t pid = peer_start(stream_write, pieces[p]);
        check_equal("close", close(fds[1]), 0);
        unsigned at = 0;
        int count;
        int want = (int)(p % 2 ? sizeof(data) : 37);
        while ((count = read(fds[0], data, want)) > 0)
            for (int i = 0; i < count; i++)
                check_equal("byte", data[i], stream_byte(at++));
        check_equal("read at the end", count, 0);
        check_equal("bytes", at, LONG);
        check_equal("close", close(fds[0]), 0);
        peer_end(pid);
    }
}

static void late_writer(uint64_t unused) {
    (void)unused;
    pause_ms(3 * SETTLE_MS);
    check_equal("write", write(fds[1], "z", 1), 1);
}

static void check_blocks(void) {
    char byte;
    start();
    int64_t pid = peer_start(late_writer, 0);
    check_equal("read waits", read(fds[0], &byte, 1), 1);
    check_equal("byte", byte, 'z');
    peer_end(pid);
}

static void just_exits(uint64_t unused) {
    (void)unused;
    pause_ms(3 * SETTLE_MS);
}

static void check_last_writer(void) {
    char byte;
    start();
    int64_t pid = peer_start(just_exits, 0);
    check_equal("close", close(fds[1]), 0);
    check_equal("the end comes with the last writer's exit",
                read(fds[0], &byte, 1), 0);
    peer_end(pid);
}

static void reads_for_ever(uint64_t unused) {
    char bytes[100];
    (void)unused;
    for (;;)
        read(fds[0], bytes, sizeof(bytes));
}

/* A reader that is killed while it waits takes nothing with it. */
static void check_killed_reader(void) {
    char byte;
    start();
    for (unsigned i = 0; i < 5; i++) {
        int64_t pid = peer_start(reads_for_ever, 0);
        pause_ms(2 * SETTLE_MS);
        peer_kill(pid);
        check_equal("write", write(fds[1], "k", 1), 1);
        check_equal("read", read(fds[0], &byte, 1), 1);
        check_equal("byte", byte, 'k');
    }
}

static void writes_for_ever(uint64_t unused) {
    static char bytes[5000];
    (void)unused;
    for (;;)
        write(fds[1], bytes, sizeof(bytes));
}

static void check_killed_writer(void) {
    static char bytes[8192];
    start();
    int64_t pid = peer_start(writes_for_ever, 0);
    pause_ms(2 * SETTLE_MS);
    peer_kill(pid);
    check_equal("close", close(fds[1]), 0);
    int count;
    while ((count = read(fds[0], bytes, sizeof(bytes))) > 0)
        continue;
    check_equal("the end", count, 0);
}

static void writer_without_reader(uint64_t unused) {
    static char bytes[50000];
    (void)unused;
    check_equal("close", close(fds[0]), 0);
    check_true("the write ends when the reader goes",
               write(fds[1], bytes, sizeof(bytes)) < (int)sizeof(bytes));
}

static void check_reader_goes(void) {
    char byte;
    start();
    int64_t pid = peer_start(writer_without_reader, 0);
    check_equal("read", read(fds[0], &byte, 1), 1);
    check_equal("close", close(fds[0]), 0);
    peer_end(pid);
}

/* Pipes are few and fixed; when all are used it is an error, and closing
 * gives one back. */
static void hold_pipes(uint64_t unused) {
    (void)unused;
    for (unsigned i = 0; i < 4; i++) {
        int pair[2];
        if (pipe(pair) != 0)
            break;
    }
    sys_sleep(DEADLINE_NONE);
}

static void check_all_used(void) {
    enum { HOLDERS = 40 };
    int64_t pids[HOLDERS];
    for (unsigned i = 0; i < HOLDERS; i++)
        pids[i] = peer_start(hold_pipes, 0);
    pause_ms(20 * SETTLE_MS);
    int got = pipe(fds);
    check_equal("all pipes are in use", got, -1);
    for (unsigned i = 0; i < HOLDERS; i++)
        peer_kill(pids[i]);
    pause_ms(5 * SETTLE_MS);
    start();
    check_equal("write", write(fds[1], "x", 1), 1);
}

static void check_many_times(void) {
    for (unsigned i = 0; i < 200; i++) {
        start();
        check_equal("close", close(fds[0]), 0);
        check_equal("close", close(fds[1]), 0);
    }
}

static void check_several(void) {
    int64_t pids[4];
    char bytes[4];
    unsigned count = 0;
    start();
    for (unsigned i = 0; i < 4; i++)
        pids[i] = peer_start(late_writer, 0);
    check_equal("close", close(fds[1]), 0);
    int got;
    while ((got = read(fds[0], bytes, sizeof(bytes))) > 0)
        count += (unsigned)got;
    check_equal("bytes of four writers", count, 4);
    for (unsigned i = 0; i < 4; i++)
        peer_end(pids[i]);
}

static const struct check checks[] = {
    {"bytes", "what is written is read, in order", check_bytes},
    {"end", "after the last write end closes comes the end", check_end},
    {"no_reader", "writing without a reader is an error", check_no_reader},
    {"stream", "60,000 bytes in pieces of eight sizes", check_stream},
    {"blocks", "a reader waits for a writer", check_blocks},
    {"last_writer", "a writer's exit closes its end", check_last_writer},
    {"killed_reader", "a killed reader takes no bytes with it",
     check_killed_reader},
    {"killed_writer", "a killed writer's bytes are read up to the end",
     check_killed_writer},
    {"reader_goes", "a waiting writer learns that the reader is gone",
     check_reader_goes},
    {"all_used", "all pipes in use is an error that goes away", check_all_used},
    {"many_times", "200 pipes, one after another", check_many_times},
    {"several", "four writers share one pipe", check_several},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
