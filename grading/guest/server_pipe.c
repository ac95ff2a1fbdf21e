/* SPDX-License-Identifier: MIT */
/*
 * guest/server_pipe.c: the pipe server under load, deaths and misuse.
 */
#include "lib/file.h"
#include "lib/ipc.h"
#include "lib/proto.h"
#include "tests/check.h"

enum {
    TOTAL = 60000, /* bytes through each chain: many times a pipe's ring */
    PIECE = 9000,  /* longest read and write: more than a ring */
    CHAINS = 6,
    FILTERS = 3,
    DEATHS = 24,
    PIPES_TRIED = 100, /* more than the server has */
    CROWD = 12,        /* more readers than may wait at one pipe */
};

static uint8_t bytes[PIECE];
static uint64_t random_state;

/* Lengths that look random and are the same in every run. */
static int piece_next(void) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (int)(1 + (random_state >> 33) % PIECE);
}

static uint8_t byte_at(unsigned chain, uint64_t offset) {
    return (uint8_t)((offset * 13 + chain) >> 3);
}

static void pipe_make(int ends[2]) {
    check_ok("pipe", pipe(ends));
}

static void wait_good(void) {
    struct sys_pair end;
    while ((end = sys_wait(-1, DEADLINE_NONE)).result >= 0)
        check_equal("status of a part", (int64_t)end.value, 0);
}

static void __attribute__((noreturn)) source_main(unsigned chain, int to) {
    random_state = chain;
    for (uint64_t at = 0; at < TOTAL;) {
        int count = piece_next();
        if (count > (int)(TOTAL - at))
            count = (int)(TOTAL - at);
        for (int i = 0; i < count; i++)
            bytes[i] = byte_at(chain, at + (uint64_t)i);
        check_equal("write", write(to, bytes, count), count);
        at += (uint64_t)count;
    }
    sys_exit(0);
}

static void __attribute__((noreturn)) filter_main(int from, int to) {
    int count;
    while ((count = read(from, bytes, piece_next())) > 0)
        check_equal("write", write(to, bytes, count), count);
    check_equal("end", count, 0);
    sys_exit(0);
}

/* Starts a part of a chain that reads `from`; returns where its output comes
 * out. from < 0: the source. */
static int part_start(unsigned chain, int from) {
    int ends[2];
    pipe_make(ends);
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0) {
        close(ends[0]);
        random_state = chain * 7;
        if (from < 0)
            source_main(chain, ends[1]);
        filter_main(from, ends[1]);
    }
    if (from >= 0)
        close(from);
    close(ends[1]);
    return ends[0];
}

static void __attribute__((noreturn)) chain_main(unsigned chain) {
    int from = part_start(chain, -1);
    for (unsigned i = 0; i < FILTERS; i++)
        from = part_start(chain, from);
    uint64_t at = 0;
    int count;
    while ((count = read(from, bytes, piece_next())) > 0) {
        for (int i = 0; i < count; i++)
            check_equal("byte", bytes[i], byte_at(chain, at + (uint64_t)i));
        at += (uint64_t)count;
    }
    check_equal("bytes in all", (int64_t)at, TOTAL);
    wait_good();
    sys_exit(0);
}

static void check_chains(void) {
    for (unsigned chain = 1; chain <= CHAINS; chain++) {
        if (check_ok("fork", sys_fork()) == 0)
            chain_main(chain);
    }
    wait_good();
}

/* One end is killed while it works or waits; the other one sees it. */
static void death(bool kill_reader, bool late) {
    int ends[2];
    pipe_make(ends);
    int64_t reader = check_ok("fork", sys_fork());
    if (reader == 0) {
        close(ends[1]);
        while (read(ends[0], bytes, 5000) > 0)
            ;
        sys_exit(3);
    }
    int64_t writer = check_ok("fork", sys_fork());
    if (writer == 0) {
        close(ends[0]);
        while (write(ends[1], bytes, 7000) >= 0)
            ;
        sys_exit(4);
    }
    close(ends[0]);
    close(ends[1]);
    if (late)
        pause_ms(3);
    sys_kill(kill_reader ? reader : writer);
    struct sys_pair end = sys_wait(reader, DEADLINE_NONE);
    check_equal("reader", (int64_t)end.value, kill_reader ? -1 : 3);
    end = sys_wait(writer, DEADLINE_NONE);
    check_equal("writer", (int64_t)end.value, kill_reader ? 4 : -1);
}

static void check_deaths(void) {
    for (unsigned i = 0; i < DEATHS; i++)
        death(i & 1, i % 3 == 0);
}

static void check_no_leak(void) {
    for (unsigned i = 0; i < PIPES_TRIED; i++) {
        int ends[2];
        pipe_make(ends);
        check_equal("write", write(ends[1], "x", 1), 1);
        close(ends[0]);
        close(ends[1]);
    }
}

/* All pipes of the server in one process's hands: a definite error, and all
 * are free again when it dies. */
static void __attribute__((noreturn)) hoarder_main(void) {
    unsigned taken = 0;
    int64_t label = 0;
    while (taken < PIPES_TRIED) {
        struct message m = {.tag = tag_make(PIPE_CREATE, 0, 0, 0)};
        label = ipc_call(SLOT_PIPE, &m, DEADLINE_NONE);
        if (label >= 0)
            label = tag_label(m.tag);
        if (label < 0)
            break;
        taken++;
    }
    check_true("the error", label == -ENOSPC);
    check_true("some were there", taken > 30);
    sys_exit(0);
}

static void check_exhaustion(void) {
    for (unsigned i = 0; i < 3; i++) {
        if (check_ok("fork", sys_fork()) == 0)
            hoarder_main();
        wait_good();
    }
    int ends[2];
    pipe_make(ends);
}

static void check_crowd(void) {
    int ends[2];
    pipe_make(ends);
    for (unsigned i = 0; i < CROWD; i++) {
        if (check_ok("fork", sys_fork()) == 0) {
            char byte;
            sys_exit(file_read(ends[0], &byte, 1) == -EAGAIN ? 5 : 0);
        }
    }
    pause_ms(50);
    unsigned turned = 0;
    struct sys_pair end;
    while ((end = sys_wait(-1, DEADLINE_POLL)).result >= 0)
        turned += end.value == 5;
    check_true("some are turned away", turned > 0 && turned < CROWD);
    check_equal("write", write(ends[1], bytes, CROWD), CROWD);
    unsigned woken = 0;
    while ((end = sys_wait(-1, DEADLINE_NONE)).result >= 0)
        woken += end.value == 0;
    check_equal("the others read", woken, CROWD - turned);
}

static void check_misuse(void) {
    int ends[2];
    struct file_info info;
    pipe_make(ends);
    check_error("read of the write end", file_read(ends[1], bytes, 1), EPERM);
    check_error("write to the read end", file_write(ends[0], bytes, 1), EPERM);
    check_error("stat", file_stat(ends[0], &info), EINVAL);
    check_error("write of bad memory",
                file_write(ends[1], (void *)0x5000, 1000), EFAULT);
    check_equal("write", write(ends[1], bytes, 1000), 1000);
    check_error("read to bad memory", file_read(ends[0], (void *)0x5000, 1000),
                EFAULT);
    check_equal("nothing is lost by it", read(ends[0], bytes, PIECE), 1000);
    struct message m = {.tag = tag_make(FILE_READ, 1, 0, 0), .words = {65}};
    check_ok("call", ipc_call(ends[0], &m, DEADLINE_NONE));
    check_equal("inline read that is too long", tag_label(m.tag), -EINVAL);
    m = (struct message){.tag = tag_make(99, 0, 0, 0)};
    check_ok("call", ipc_call(ends[0], &m, DEADLINE_NONE));
    check_equal("unknown", tag_label(m.tag), -ENOSYS);
}

static const struct check checks[] = {
    {"chains", "bytes pass through many pipes in order", check_chains},
    {"deaths", "an end that is killed ends the other", check_deaths},
    {"no_leak", "pipes that are closed can be had again", check_no_leak},
    {"exhaustion", "when all pipes are taken there is an error",
     check_exhaustion},
    {"crowd", "waiters at one pipe are bounded", check_crowd},
    {"misuse", "wrong ends, bad memory and bad requests are errors",
     check_misuse},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
