/* SPDX-License-Identifier: MIT */
/*
 * unit.h: tests of kernel functions, one by one, in the kernel itself.
 *
 * Idea        A lab's unit kernel is the kernel with the lab's tests/unit*.c in
 *             it. The boot goes its way up to the function that `wrap` in
 *             lab.toml names: there the linker calls __wrap_FUNCTION in its
 *             place, which runs one test and ends the machine. So the test has
 *             what was initialised before, and needs nothing that comes later.
 * Use         static void test_find(void) {
 *                 unit_equal("the root's entry", pagetable_find(...), ...);
 *             }
 *             static const struct unit units[] = {{"find", test_find}};
 *             void __wrap_kernel_map_init(const struct machine *from) {
 *                 unit_run(units, sizeof(units) / sizeof(units[0]));
 *             }
 *             tools/boot --unit 02-pagetable --append unit=find
 * Invariants  As of a guest program (user/tests/check.h): one line for the
 *             test, `ok NAME INSTRUCTIONS` or `FAIL NAME: what, expected X got
 *             Y`. A panic or a hang is no ok.
 */
#ifndef OCTAVO_UNIT_H
#define OCTAVO_UNIT_H

#include <stdbool.h>
#include <stdint.h>

struct unit {
    const char *name;
    void (*run)(void);
};

/* Runs the test that the boot argument unit=NAME names, and ends the machine;
 * a name that is not there is a panic. */
_Noreturn void unit_run(const struct unit *units, unsigned count);

/* Each ends the test as failed unless it holds. */
void unit_true(const char *what, bool holds);
void unit_equal(const char *what, uint64_t got, uint64_t expected);
void unit_signed(const char *what, int64_t got, int64_t expected);

/* A pseudo-random number, the same sequence for the same boot argument seed=.
 */
uint64_t unit_random(void);

/* The hart's instructions so far; and what a test took at the most, to be told
 * in place of the whole test's count. */
uint64_t unit_instructions(void);
void unit_cost(uint64_t instructions);

#endif
