/* SPDX-License-Identifier: MIT */
/*
 * tests/check.h: what every guest test program is made of.
 *
 * Idea        A program is a table of checks. Each check runs in a process of
 *             its own, so that one that crashes, hangs or leaves handles open
 *             does not touch the next; what it finds wrong ends it at once.
 * Use         static void check_sizes(void) {
 *                 check_equal("label", tag_label(m.tag), 7);
 *             }
 *             static const struct check checks[] = {
 *                 {"sizes", "messages of 0 to 8 words arrive", check_sizes},
 *             };
 *             int main(int argc, char **argv) {
 *                 return checks_main(argc, argv, checks,
 *                                    sizeof(checks) / sizeof(checks[0]));
 *             }
 *             PROG runs all checks, PROG NAME... some, PROG -l lists them.
 * Invariants  One line for each check: `ok NAME INSTRUCTIONS`, or
 *             `FAIL NAME: what, expected X got Y`. A check that exceeds
 *             CHECK_LIMIT is killed and fails. After each check the kernel
 *             must account for every frame (when booted with debug=1).
 *             The exit status is 0 when every check that ran was ok.
 */
#ifndef OCTAVO_TESTS_CHECK_H
#define OCTAVO_TESTS_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/errno.h"
#include "abi/info.h"
#include "abi/message.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "posix/posix.h"

struct check {
    const char *name;
    const char *title; /* what it shows, as a sentence */
    void (*run)(void);
};

enum {
    CHECK_LIMIT_MS = 20000, /* of guest time, for one check */
    CHECK_LINE = 240,
};

/* The running check; helper processes inherit it. */
static const char *check_name = "none";

/* ---- Time ---- */

/* The absolute time `ms` milliseconds from now, as a deadline. */
static inline uint64_t time_after(uint64_t ms) {
    static uint64_t units_per_ms;
    if (units_per_ms == 0)
        units_per_ms = sys_system_info(INFO_TIMEBASE, 0).value[0] / 1000;
    return time_now() + ms * units_per_ms;
}

/* Sleeps, so that what else can run gets to where it waits. */
static inline void pause_ms(uint64_t ms) {
    sys_sleep(time_after(ms));
}

/* ---- Memory that may not be there, out of the compiler's sight ---- */

static inline uint8_t load_at(uint64_t address) {
    uint8_t value;
    __asm__ volatile("lbu %0, 0(%1)" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static inline void store_at(uint64_t address, uint8_t value) {
    __asm__ volatile("sb %0, 0(%1)" : : "r"(value), "r"(address) : "memory");
}

static inline void jump_to(uint64_t address) {
    __asm__ volatile("fence.i\n jalr %0" : : "r"(address) : "ra", "memory");
}

/* Keeps the hart busy until the time has come. Reading the time is slow when
 * it counts instructions, so it is read rarely. */
static inline void busy_until(uint64_t end) {
    while (time_now() < end)
        for (unsigned i = 0; i < 1000; i++)
            __asm__ volatile("");
}

/* ---- Findings ---- */

/* Writes one line in one piece, so that lines of processes do not mix. */
static inline void line_write(const char *line) {
    write(1, line, (int)strlen(line));
}

/* The name of an errno whose negative `value` is, or an empty string. */
static inline const char *error_name(int64_t value) {
    static const char *const names[] = {
        [EBADF] = "EBADF",         [ESTALE] = "ESTALE",
        [EPERM] = "EPERM",         [EINVAL] = "EINVAL",
        [EFAULT] = "EFAULT",       [EPFAULT] = "EPFAULT",
        [ERANGE] = "ERANGE",       [EOVERFLOW] = "EOVERFLOW",
        [EMSGSIZE] = "EMSGSIZE",   [ENOSPC] = "ENOSPC",
        [ENOMEM] = "ENOMEM",       [EAGAIN] = "EAGAIN",
        [ETIMEDOUT] = "ETIMEDOUT", [EPIPE] = "EPIPE",
        [ECANCELED] = "ECANCELED", [EBUSY] = "EBUSY",
        [EDEADLK] = "EDEADLK",     [ERATE] = "ERATE",
        [EEXIST] = "EEXIST",       [ENOENT] = "ENOENT",
        [ECHILD] = "ECHILD",       [ENOSYS] = "ENOSYS",
        [ENODEV] = "ENODEV",
    };
    uint64_t index = -(uint64_t)value;
    if (index >= sizeof(names) / sizeof(names[0]) || !names[index])
        return "";
    return names[index];
}

/* Reports the finding and ends the process. */
static inline void __attribute__((noreturn))
check_fail(const char *what, int64_t got, int64_t expected) {
    char line[CHECK_LINE];
    snprintf(line, sizeof(line), "FAIL %s: %s, expected %ld %s got %ld %s\n",
             check_name, what, (long)expected, error_name(expected), (long)got,
             error_name(got));
    line_write(line);
    sys_exit(1);
}

static inline void check_equal(const char *what, int64_t got,
                               int64_t expected) {
    if (got != expected)
        check_fail(what, got, expected);
}

static inline void check_true(const char *what, bool holds) {
    if (!holds)
        check_fail(what, 0, 1);
}

/* The call succeeded; returns its result. */
static inline int64_t check_ok(const char *what, int64_t result) {
    if (result < 0)
        check_fail(what, result, 0);
    return result;
}

/* The call failed with this errno. */
static inline void check_error(const char *what, int64_t result, int error) {
    check_equal(what, result, -error);
}

/* ---- The program ---- */

static inline void frames_check(void) {
    struct sys_pair frames = sys_debug(DEBUG_CHECK_FRAMES, 0);
    if (frames.result != -EPERM)
        check_equal("frames not accounted for after the check", frames.result,
                    0);
}

/* In the check's own process. */
static inline void __attribute__((noreturn))
check_child(const struct check *check) {
    check->run();
    sys_exit(0);
}

/* Waits for the check's process; false if it found something. */
static inline bool check_verdict(const struct check *check, int64_t pid) {
    char line[CHECK_LINE];
    struct sys_pair end = sys_wait(pid, time_after(CHECK_LIMIT_MS));
    if (end.result == -ETIMEDOUT) {
        sys_kill(pid);
        sys_wait(pid, DEADLINE_NONE);
        snprintf(line, sizeof(line),
                 "FAIL %s: it hangs, expected an end within %d ms got none\n",
                 check->name, CHECK_LIMIT_MS);
        line_write(line);
        return false;
    }
    if (end.result == pid && (int64_t)end.value != 0 &&
        (int64_t)end.value != 1) {
        snprintf(line, sizeof(line),
                 "FAIL %s: status of the check, expected 0 got %ld\n",
                 check->name, (long)end.value);
        line_write(line);
    }
    return end.result == pid && end.value == 0;
}

/* The grader writes a key over this text in a program's file, and then wants
 * it in every `ok` line: so no other program, nor the kernel, can print one. */
static inline uint64_t check_key(void) {
    static const volatile char text[] = "octavo-key:0000000000000000";
    uint64_t key = 0;
    for (unsigned i = sizeof("octavo-key:") - 1; text[i]; i++)
        key = key << 4 |
              (uint64_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
    return key;
}

/* The code that a line's words have under a key (grading/octavo/guest.py). */
static inline uint64_t check_code(const char *words, uint64_t key) {
    uint64_t code = key;
    for (; *words; words++) {
        code = (code ^ (uint8_t)*words) * 0x100000001b3;
        code ^= code >> 29;
    }
    return code ^ key;
}

static inline void check_report(const char *name, uint64_t spent) {
    char words[CHECK_LINE / 2];
    char line[CHECK_LINE];
    uint64_t key = check_key();
    snprintf(words, sizeof(words), "%s %lu", name, (unsigned long)spent);
    if (key)
        snprintf(line, sizeof(line), "ok %s %lx\n", words,
                 (unsigned long)check_code(words, key));
    else
        snprintf(line, sizeof(line), "ok %s\n", words);
    line_write(line);
}

static inline bool check_run(const struct check *check) {
    check_name = check->name;
    uint64_t start = instructions_now();
    int64_t pid = sys_fork();
    if (pid == 0)
        check_child(check);
    check_ok("fork for the check", pid);
    if (!check_verdict(check, pid))
        return false;
    uint64_t spent = instructions_now() - start;
    frames_check();
    check_report(check->name, spent);
    return true;
}

static inline const struct check *
check_find(const char *name, const struct check *checks, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        if (strcmp(checks[i].name, name) == 0)
            return &checks[i];
    return 0;
}

static inline int checks_named(int argc, char **argv,
                               const struct check *checks, unsigned count) {
    bool good = true;
    for (int i = 1; i < argc; i++) {
        const struct check *check = check_find(argv[i], checks, count);
        if (!check) {
            fprintf(2, "%s: no check %s; -l lists them\n", argv[0], argv[i]);
            return 2;
        }
        good &= check_run(check);
    }
    return good ? 0 : 1;
}

static inline int checks_main(int argc, char **argv, const struct check *checks,
                              unsigned count) {
    bool good = true;
    if (argc == 2 && strcmp(argv[1], "-l") == 0) {
        for (unsigned i = 0; i < count; i++)
            printf("%s: %s\n", checks[i].name, checks[i].title);
        return 0;
    }
    if (argc > 1)
        return checks_named(argc, argv, checks, count);
    for (unsigned i = 0; i < count; i++)
        good &= check_run(&checks[i]);
    return good ? 0 : 1;
}

#endif
