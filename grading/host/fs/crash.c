/* SPDX-License-Identifier: MIT */
/*
 * host/fs/crash.c: a crash at every point of a workload.
 *
 * Idea        A run of operations is recorded, write by write. Then the disk is
 *             rebuilt as it was after each write, mounted and compared: it must
 *             show the tree as it was after the last operation that had
 *             returned, or after the one that was under way, and nothing in
 *             between. A disk may also do the writes since the last flush in
 *             any order; so some of them are left out at random.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "kit.h"

enum { OPERATIONS_MAX = 64, SUBSETS = 6 };

/* The recorded run. */
struct run {
    struct kit *k;
    uint8_t *start; /* the disk before it */
    size_t count;
    size_t end[OPERATIONS_MAX]; /* steps of the journal when each returned */
    char *tree[OPERATIONS_MAX + 1]; /* before the first, after each */
    uint32_t crashes;
};

static uint8_t big[64 * BLOCK_SIZE];

static struct run run_new(struct kit_plan plan) {
    struct run run = {.k = kit_open(plan)};
    run.start = malloc(run.k->ram.size);
    require(run.start);
    memcpy(run.start, run.k->ram.bytes, run.k->ram.size);
    run.tree[0] = kit_dump(run.k, "big");
    run.k->ram.journal.on = true;
    return run;
}

/* An operation has returned. */
static void step(struct run *run, long result) {
    require(result >= 0);
    require(run->count < OPERATIONS_MAX);
    run->end[run->count] = run->k->ram.journal.count;
    run->tree[++run->count] = kit_dump(run->k, "big");
}

static void run_free(struct run *run) {
    for (size_t i = 0; i <= run->count; i++)
        free(run->tree[i]);
    free(run->start);
    kit_drop(run->k);
}

/* /big, if it is there, has the beginning of what was written to it. */
static void check_big(struct kit *k) {
    static uint8_t found[sizeof(big)];
    struct inode *ip;
    if (fs_open(k->volume, k->root, "big", FS_RDONLY, &ip) < 0)
        return;
    long n = kit_read(k, ip, found, 0, sizeof(found));
    require(n >= 0 && memcmp(found, big, (size_t)n) == 0);
    fs_close(k->volume, ip);
}

/* Mounts a crashed disk; done operations had returned. */
static void check_crash(struct run *run, const uint8_t *bytes, size_t done) {
    unsigned problems;
    char *text = kit_checker(bytes, run->k->ram.size, &problems);
    if (problems > 0)
        fputs(text, stderr);
    require(problems == 0);
    free(text);
    struct kit *k = kit_on(bytes, run->k->ram.size, 0);
    require(kit_mount(k) == 0);
    kit_check(k);
    char *tree = kit_dump(k, "big");
    bool before = strcmp(tree, run->tree[done]) == 0;
    bool after = done < run->count && strcmp(tree, run->tree[done + 1]) == 0;
    if (!before && !after)
        fprintf(stderr, "after operation %zu the tree is\n%sand not\n%s", done,
                tree, run->tree[done]);
    require(before || after);
    check_big(k);
    require(kit_put(k, "after", "x", 1) == 1);
    kit_check(k);
    free(tree);
    kit_close(k);
    run->crashes++;
}

static void write_step(uint8_t *bytes, const struct step *step) {
    if (step->data)
        memcpy(bytes + (size_t)step->block * BLOCK_SIZE, step->data,
               BLOCK_SIZE);
}

/*
 * Crashes before step `at`: everything up to the last flush is on the disk
 * (flushed); of the steps since, the first, or with random those it picks.
 */
static void crash_at(struct run *run, const uint8_t *flushed, size_t since,
                     size_t at, uint64_t *random) {
    size_t done = 0;
    while (done < run->count && run->end[done] <= at)
        done++;
    uint8_t *bytes = malloc(run->k->ram.size);
    require(bytes);
    memcpy(bytes, flushed, run->k->ram.size);
    for (size_t i = since; i < at; i++)
        if (!random || kit_random(random, 2))
            write_step(bytes, &run->k->ram.journal.steps[i]);
    check_crash(run, bytes, done);
    free(bytes);
}

/* Crashes at every point of the run. */
static void crash_everywhere(struct run *run) {
    const struct journal *j = &run->k->ram.journal;
    uint8_t *flushed = run->start;
    size_t since = 0;
    uint64_t random = 99;
    run->k->ram.journal.on = false;
    for (size_t at = 0; at <= j->count; at++) {
        crash_at(run, flushed, since, at, NULL);
        bool flush = at < j->count && !j->steps[at].data;
        for (int i = 0; flush && i < SUBSETS; i++)
            crash_at(run, flushed, since, at, &random);
        for (; flush && since <= at; since++)
            write_step(flushed, &j->steps[since]);
    }
    require(run->crashes > j->count);
}

static void test_names(void) {
    struct run run = run_new((struct kit_plan){.kib = 512});
    struct kit *k = run.k;
    struct volume *v = k->volume;
    step(&run, fs_mkdir(v, k->root, "a"));
    step(&run, kit_try_open(k, "a/f", FS_WRONLY | FS_CREATE));
    step(&run, fs_mkdir(v, k->root, "a/b"));
    step(&run, fs_link(v, k->root, "a/f", "a/b/g"));
    step(&run, fs_unlink(v, k->root, "a/f"));
    step(&run, fs_mknod(v, k->root, "tty", 1, 0));
    step(&run, fs_link(v, k->root, "a/b/g", "moved"));
    step(&run, fs_unlink(v, k->root, "a/b/g"));
    step(&run, fs_unlink(v, k->root, "a/b"));
    step(&run, fs_unlink(v, k->root, "a"));
    step(&run, fs_unlink(v, k->root, "tty"));
    crash_everywhere(&run);
    run_free(&run);
}

static void test_contents(void) {
    struct run run = run_new((struct kit_plan){.kib = 768});
    struct kit *k = run.k;
    kit_pattern(big, sizeof(big), 5);
    struct inode *f = kit_open_file(k, "f", FS_RDWR | FS_CREATE);
    step(&run, 0);
    step(&run, kit_write(k, f, big, 0, 100));
    step(&run, kit_write(k, f, big, 50, 9 * BLOCK_SIZE));
    step(&run, kit_write(k, f, big, 4000, 3 * BLOCK_SIZE));
    step(&run, kit_write(k, f, big, 9 * BLOCK_SIZE, 3 * BLOCK_SIZE));
    step(&run, kit_try_open(k, "f", FS_WRONLY | FS_TRUNC));
    step(&run, kit_write(k, f, "again", 0, 5));
    step(&run, fs_unlink(k->volume, k->root, "f"));
    step(&run, kit_write(k, f, big, 5, 4 * BLOCK_SIZE));
    fs_close(k->volume, f);
    step(&run, 0);
    crash_everywhere(&run);
    run_free(&run);
}

/* A write of several transactions: at every point a beginning is there. */
static void test_large_write(void) {
    struct run run = run_new((struct kit_plan){.kib = 1024, .log = 26});
    struct kit *k = run.k;
    kit_pattern(big, sizeof(big), 6);
    step(&run, kit_try_open(k, "big", FS_WRONLY | FS_CREATE));
    struct inode *ip = kit_open_file(k, "big", FS_RDWR);
    step(&run, kit_write(k, ip, big, 0, sizeof(big)));
    fs_close(k->volume, ip);
    step(&run, kit_try_open(k, "g", FS_WRONLY | FS_CREATE));
    step(&run, fs_unlink(k->volume, k->root, "big"));
    crash_everywhere(&run);
    run_free(&run);
}

/* A crash while a crash is being repaired: repairs can be repeated. */
static void test_repair(void) {
    struct run run = run_new((struct kit_plan){.kib = 512});
    step(&run, fs_mkdir(run.k->volume, run.k->root, "a"));
    step(&run, fs_mkdir(run.k->volume, run.k->root, "a/b"));
    const struct journal *j = &run.k->ram.journal;
    run.k->ram.journal.on = false;
    for (size_t at = 0; at <= j->count; at++) {
        for (size_t i = 0; i < at; i++)
            write_step(run.start, &j->steps[i]);
        struct kit *k = kit_on(run.start, run.k->ram.size, 0);
        k->ram.journal.on = true;
        require(kit_mount(k) == 0);
        uint8_t *bytes = malloc(k->ram.size);
        require(bytes);
        memcpy(bytes, run.start, k->ram.size);
        size_t done = (run.end[0] <= at) + (size_t)(run.end[1] <= at);
        for (size_t i = 0; i < k->ram.journal.count; i++) {
            write_step(bytes, &k->ram.journal.steps[i]);
            check_crash(&run, bytes, done);
        }
        free(bytes);
        kit_drop(k);
    }
    require(run.crashes > 0);
    run_free(&run);
}

/*
 * The header of /big's transaction has reached the disk, but the flush after it
 * failed. That was told to be an error, so it must not happen later.
 */
static void test_doubt(void) {
    struct run run = run_new((struct kit_plan){.kib = 512});
    struct kit *k = run.k;
    k->ram.flushes_left = 1;
    require(kit_try_open(k, "big", FS_WRONLY | FS_CREATE) == -EIO);
    require(kit_try_open(k, "big", FS_RDONLY) == -ENOENT);
    step(&run, fs_mkdir(k->volume, k->root, "a"));
    step(&run, fs_mkdir(k->volume, k->root, "a/b"));
    require(kit_try_open(k, "big", FS_RDONLY) == -ENOENT);
    crash_everywhere(&run);
    run_free(&run);
}

int main(int argc, char **argv) {
    static const struct kit_case cases[] = {
        {"names", test_names},
        {"contents", test_contents},
        {"large_write", test_large_write},
        {"repair", test_repair},
        {"doubt", test_doubt},
        {NULL, NULL},
    };
    return kit_main(argc, argv, cases);
}
