/* SPDX-License-Identifier: MIT */
/*
 * dev/timer.c: time, ticks, and the timer interrupt of each hart.
 *
 * A hart's random numbers come from a generator of its own, seeded from
 * `seed=` and the hart's number. They must not depend on what other harts do:
 * then the order of ticks, and with it the whole run, repeats.
 */
#include "dev/timer.h"

#include "arch/sbi.h"
#include "dev/bootargs.h"
#include "dev/machine.h"

enum {
    MICROSECONDS = 1000000, /* in a second */
    TICK_DEFAULT = 10000,   /* microseconds: short enough to feel prompt, long
                               enough to cost under 0.1 % */
    TICK_MIN = 10,          /* less than this and a hart does nothing else */
};

/* An odd number that spreads small seeds over all 64 bits: 2^64 divided by
 * the golden ratio. */
#define SEED_SPREAD 0x9e3779b97f4a7c15ull

uint64_t timer_timebase;
uint64_t timer_tick_length;

/* Each hart's generator; 0: no jitter. */
static uint64_t jitter[HART_MAX];

/* Microseconds in units of the `time` register. */
static uint64_t timer_units(uint64_t microseconds) {
    return microseconds / MICROSECONDS * timer_timebase +
           microseconds % MICROSECONDS * timer_timebase / MICROSECONDS;
}

void timer_init(void) {
    uint64_t tick = bootarg_number("tick", TICK_DEFAULT);
    uint64_t seed = bootarg_number("seed", 0);
    timer_timebase = machine.timebase;
    timer_tick_length = timer_units(tick < TICK_MIN ? TICK_MIN : tick);
    if (timer_tick_length == 0) {
        timer_tick_length = 1;
    }
    for (uint32_t id = 0; id < HART_MAX && seed != 0; id++) {
        jitter[id] = (seed * HART_MAX + id) * SEED_SPREAD;
    }
}

void timer_init_hart(void) {
    timer_set(timer_next_tick(hart_self()));
    csr_set(sie, SIE_TIMER);
}

void timer_set(uint64_t when) {
    if (machine.sstc) {
        __asm__ volatile("csrw %0, %1" ::"i"(CSR_STIMECMP), "r"(when));
    } else {
        sbi_set_timer(when);
    }
}

/* The next number of a hart's generator (Marsaglia's xorshift, 64 bits). */
static uint64_t jitter_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

uint64_t timer_next_tick(struct hart *hart) {
    uint64_t length = timer_tick_length;
    uint64_t *state = &jitter[hart->id];
    if (*state != 0) {
        uint64_t quarter = timer_tick_length / 4;
        length += jitter_next(state) % (2 * quarter + 1) - quarter;
    }
    return timer_now() + length;
}
