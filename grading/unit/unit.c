/* SPDX-License-Identifier: MIT */
/*
 * unit.c: runs one test of a unit kernel and says what came.
 *
 * The line of a test that passed ends with a code made of a key that the
 * grader writes over `key_text` in the kernel's file before each boot: only
 * who has the key can print it.
 */
#include "unit.h"

#include <stddef.h>

#include "arch/csr.h"
#include "dev/bootargs.h"
#include "dev/finisher.h"
#include "lib/panic.h"
#include "lib/print.h"
#include "lib/string.h"

enum { KEY_AT = 11, KEY_DIGITS = 16 };

static const volatile char key_text[] = "octavo-key:0000000000000000";

static const char *unit_name;
static uint64_t unit_spent;
static uint64_t random_state;
static uint64_t code; /* of the line that `report` prints */

static uint64_t unit_key(void) {
    uint64_t key = 0;
    for (unsigned i = KEY_AT; i < KEY_AT + KEY_DIGITS; i++) {
        char digit = key_text[i];
        key = key << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'W');
    }
    return key;
}

/* As user/tests/check.h and grading/octavo/guest.py, of what is printed. */
static void code_add(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        code = (code ^ (uint8_t)text[i]) * 0x100000001b3;
        code ^= code >> 29;
    }
}

static void report(void) {
    void (*console)(const char *, size_t) = print_write;
    uint64_t key = unit_key();
    code = key;
    print_write = code_add;
    kprintf("%s %lu", unit_name, unit_spent);
    print_write = console;
    kprintf("ok %s %lu", unit_name, unit_spent);
    if (key != 0) {
        kprintf(" %lx", code ^ key);
    }
    kprintf("\n");
}

uint64_t unit_instructions(void) {
    return csr_read(instret);
}

void unit_cost(uint64_t instructions) {
    if (instructions > unit_spent) {
        unit_spent = instructions;
    }
}

uint64_t unit_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

void unit_true(const char *what, bool holds) {
    if (!holds) {
        kprintf("FAIL %s: %s, expected true got false\n", unit_name, what);
        finisher_exit(0);
    }
}

void unit_equal(const char *what, uint64_t got, uint64_t expected) {
    if (got != expected) {
        kprintf("FAIL %s: %s, expected 0x%lx got 0x%lx\n", unit_name, what,
                expected, got);
        finisher_exit(0);
    }
}

void unit_signed(const char *what, int64_t got, int64_t expected) {
    if (got != expected) {
        kprintf("FAIL %s: %s, expected %ld got %ld\n", unit_name, what,
                expected, got);
        finisher_exit(0);
    }
}

_Noreturn void unit_run(const struct unit *units, unsigned count) {
    const char *name = "";
    size_t length = 0;
    bootarg_get("unit", &name, &length);
    random_state = bootarg_number("seed", 1) * 0x9e3779b97f4a7c15 + 1;
    for (unsigned i = 0; i < count; i++) {
        if (strlen(units[i].name) != length ||
            memcmp(units[i].name, name, length) != 0) {
            continue;
        }
        unit_name = units[i].name;
        uint64_t start = unit_instructions();
        units[i].run();
        if (unit_spent == 0) {
            unit_spent = unit_instructions() - start;
        }
        report();
        finisher_exit(0);
    }
    panic("unit=NAME names no test of this kernel");
}
