/* SPDX-License-Identifier: MIT */
/*
 * bench/bench_system.c: what processes, pipes and files cost.
 *
 * Idea        Calls of posix.h, as programs make them: with the library, the
 *             servers and the disk in RAM behind them.
 * Use         tools/boot -c 'bench_system pipe_rtt_1b'
 * Invariants  The directory in which it runs has no file bench.tmp; a row that
 *             makes it takes it away.
 */
#include <stddef.h>
#include <stdint.h>

#include "bench/common/bench.h"
#include "posix/posix.h"

enum {
    READ_SIZE = 4096, /* of one call of read or write */
    FILE_SIZE = 256 * 1024,
    STREAM_MOST = 64 * 1024,
};

static const char *const name = "bench.tmp";
static char buffer[STREAM_MOST];

/* ---- Processes ---- */

static uint64_t measure_fork(const struct row *row) {
    (void)row;
    uint64_t before = bench_now();
    if (fork() == 0)
        exit(0);
    wait(NULL);
    return bench_since(before);
}

static uint64_t measure_exec(const struct row *row) {
    static char program[] = "true";
    char *argv[] = {program, NULL};
    (void)row;
    uint64_t before = bench_now();
    if (fork() == 0) {
        exec(program, argv);
        exit(1);
    }
    wait(NULL);
    return bench_since(before);
}

/* ---- Pipes ---- */

static int child, there[2], back[2];

static void pass(int fd, int (*call)(int, void *, int), uint64_t size) {
    while (size > 0) {
        int most = size < READ_SIZE ? (int)size : READ_SIZE;
        size -= (uint64_t)bench_must(call(fd, buffer, most));
    }
}

static int write_some(int fd, void *bytes, int size) {
    return write(fd, bytes, size);
}

/* The child takes row->size bytes and gives one back. */
static void begin_pipe(const struct row *row) {
    bench_must(pipe(there));
    bench_must(pipe(back));
    child = (int)bench_must(fork());
    while (child == 0) {
        pass(there[0], read, row->size);
        pass(back[1], write_some, 1);
    }
}

static uint64_t measure_pipe(const struct row *row) {
    uint64_t before = bench_now();
    pass(there[1], write_some, row->size);
    pass(back[0], read, 1);
    return bench_since(before);
}

static void end_pipe(const struct row *row) {
    (void)row;
    kill(child);
    wait(NULL);
    for (unsigned i = 0; i < 2; i++) {
        close(there[i]);
        close(back[i]);
    }
}

/* ---- Files ---- */

static void remove_file(const struct row *row) {
    (void)row;
    bench_must(unlink(name));
}

static uint64_t measure_create(const struct row *row) {
    uint64_t before = bench_now();
    close(open(name, O_CREATE | O_WRONLY));
    unlink(name);
    uint64_t cost = bench_since(before);
    (void)row;
    return cost;
}

static void begin_file(const struct row *row) {
    int fd = (int)bench_must(open(name, O_CREATE | O_WRONLY));
    pass(fd, write_some, row->size);
    close(fd);
}

static uint64_t measure_open(const struct row *row) {
    (void)row;
    uint64_t before = bench_now();
    close(open(name, O_RDONLY));
    return bench_since(before);
}

/* The whole file; opening it is not counted. */
static uint64_t measure_read(const struct row *row) {
    int fd = (int)bench_must(open(name, O_RDONLY));
    uint64_t before = bench_now();
    pass(fd, read, row->size);
    uint64_t cost = bench_since(before);
    close(fd);
    return cost;
}

static const struct row rows[] = {
    {"fork_exit_wait", measure_fork, NULL, NULL, 0, 0},
    {"fork_exec_wait", measure_exec, NULL, NULL, 0, 0},
    {"pipe_rtt_1b", measure_pipe, begin_pipe, end_pipe, 1, 0},
    {"pipe/1024", measure_pipe, begin_pipe, end_pipe, 1024, 0},
    {"pipe/65536", measure_pipe, begin_pipe, end_pipe, STREAM_MOST, 0},
    {"file_create_unlink", measure_create, NULL, NULL, 0, 0},
    {"open_close", measure_open, begin_file, remove_file, 0, 0},
    {"file_read_256k", measure_read, begin_file, remove_file, FILE_SIZE, 0},
};

int main(int argc, char **argv) {
    return bench_run(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
