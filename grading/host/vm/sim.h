/* SPDX-License-Identifier: MIT */
/*
 * sim.h: a machine for the virtual-memory code to run on.
 *
 * Idea        Physical memory is an array; a hart is a number, a satp and a
 *             TLB. The TLB is as unhelpful as the privileged architecture
 *             allows: it keeps every entry and every pointer to a table it has
 *             ever seen, invalid ones too, tagged with the ASID, until a fence
 *             that covers them, and then reads them again at once. So a missing
 *             or early fence, a fence for the wrong page, or a number given out
 *             twice gives a program somebody else's bytes, and a test fails.
 * Use         sim_boot(frames, harts, asid_bits);  sim_hart(1);
 *             sim_store(space, va, value);
 */
#ifndef OCTAVO_HOST_VM_SIM_H
#define OCTAVO_HOST_VM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "vm/space.h"

/* The next machine has the kernel's own oracle (vm/oracle.h) on. */
extern bool sim_oracle;

/* Starts the machine and all of vm but the kernel's own map. */
void sim_boot(unsigned frames, unsigned harts, unsigned asid_bits);

/* The code under test runs on this hart from now on. */
void sim_hart(unsigned id);

/* A program in this space on the current hart loads, stores, or runs the word
 * at va, with page faults handled as the kernel does. Returns the result of the
 * fault that could not be handled, or 0. */
int sim_load(struct space *space, va_t va, uint64_t *value);
int sim_store(struct space *space, va_t va, uint64_t value);
int sim_run(struct space *space, va_t va);

/* The program that the current hart is in loads again, without having been in
 * the kernel meanwhile. False: a page fault. */
bool sim_reload(va_t va, uint64_t *value);

/* Puts a space and takes it apart; the number of steps that took. */
unsigned sim_end(struct space *space);

/* Takes all spaces apart that have no reference; the number of steps. */
unsigned sim_reap(void);

/* A fault on memory that has no pager: as space_fault. */
int sim_fault(struct space *space, va_t va, unsigned access);

/* Fences of all harts since the start: local and remote calls. */
extern uint64_t sim_fences;
extern uint64_t sim_code_fences;

/* Runs in a process of its own, on a copy of everything; what it printed as an
 * error, until the next call. */
const char *sim_last_words(void (*run)(void));

/* A counter, over all harts. */
uint64_t sim_counter(enum counter counter);

/* Ends the test as failed unless the condition holds. */
#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__,         \
                    #condition);                                               \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

/* Reproducible random numbers. */
uint64_t sim_random(uint64_t below);
void sim_seed(uint64_t seed);

#endif
