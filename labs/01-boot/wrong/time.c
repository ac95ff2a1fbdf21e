/* SPDX-License-Identifier: MIT */
/*
 * wrong/time.c: mistakes with time and ticks.
 */

/*
 * units-overflow: multiplies first, and wraps for long times.
 * File: kernel/dev/timer.c
 * Caught by: extremes
 */
static uint64_t timer_units(uint64_t microseconds) {
    return microseconds * timer_timebase / MICROSECONDS;
}

/*
 * units-rounded: divides the timebase first, which loses what is below a
 * microsecond.
 * File: kernel/dev/timer.c
 * Caught by: units
 */
static uint64_t timer_units(uint64_t microseconds) {
    return microseconds * (timer_timebase / MICROSECONDS);
}

/*
 * units-constant: the timebase of QEMU's machine is written into the code.
 * File: kernel/dev/timer.c
 * Caught by: units
 */
static uint64_t timer_units(uint64_t microseconds) {
    return microseconds * 10;
}

/*
 * init-zero: a tick may be nothing, and then there is nothing but ticks.
 * File: kernel/dev/timer.c
 * Caught by: extremes
 */
void timer_init(void) {
    uint64_t tick = bootarg_number("tick", TICK_DEFAULT);
    uint64_t seed = bootarg_number("seed", 0);
    timer_timebase = machine.timebase;
    timer_tick_length = timer_units(tick);
    for (uint32_t id = 0; id < HART_MAX && seed != 0; id++) {
        jitter[id] = (seed * HART_MAX + id) * SEED_SPREAD;
    }
}

/*
 * init-in-step: all harts have the same generator.
 * File: kernel/dev/timer.c
 * Caught by: seeds
 */
void timer_init(void) {
    uint64_t tick = bootarg_number("tick", TICK_DEFAULT);
    uint64_t seed = bootarg_number("seed", 0);
    timer_timebase = machine.timebase;
    timer_tick_length = timer_units(tick < TICK_MIN ? TICK_MIN : tick);
    if (timer_tick_length == 0) {
        timer_tick_length = 1;
    }
    for (uint32_t id = 0; id < HART_MAX && seed != 0; id++) {
        jitter[id] = seed * SEED_SPREAD;
    }
}

/*
 * init-order: the length is computed before the timebase is known.
 * File: kernel/dev/timer.c
 * Caught by: units, extremes
 */
void timer_init(void) {
    uint64_t tick = bootarg_number("tick", TICK_DEFAULT);
    uint64_t seed = bootarg_number("seed", 0);
    timer_tick_length = timer_units(tick < TICK_MIN ? TICK_MIN : tick);
    timer_timebase = machine.timebase;
    if (timer_tick_length == 0) {
        timer_tick_length = 1;
    }
    for (uint32_t id = 0; id < HART_MAX && seed != 0; id++) {
        jitter[id] = (seed * HART_MAX + id) * SEED_SPREAD;
    }
}

/*
 * hart-unwanted: the timer is set, but its interrupt is not let in.
 * File: kernel/dev/timer.c
 * Caught by: timer_hart
 */
void timer_init_hart(void) {
    timer_set(timer_next_tick(hart_self()));
}

/*
 * hart-only: sie has the timer's bit, and has lost the others.
 * File: kernel/dev/timer.c
 * Caught by: timer_hart
 */
void timer_init_hart(void) {
    timer_set(timer_next_tick(hart_self()));
    csr_write(sie, SIE_TIMER);
}

/*
 * set-firmware: every tick goes through the firmware, Sstc or not.
 * File: kernel/dev/timer.c
 * Caught by: set
 */
void timer_set(uint64_t when) {
    sbi_set_timer(when);
}

/*
 * set-sstc: takes Sstc for granted.
 * File: kernel/dev/timer.c
 * Caught by: plain_cpu
 */
void timer_set(uint64_t when) {
    __asm__ volatile("csrw %0, %1" ::"i"(CSR_STIMECMP), "r"(when));
}

/*
 * set-relative: the comparison is given a length, not a time.
 * File: kernel/dev/timer.c
 * Caught by: set, timer_hart
 */
void timer_set(uint64_t when) {
    when -= timer_now();
    if (machine.sstc) {
        __asm__ volatile("csrw %0, %1" ::"i"(CSR_STIMECMP), "r"(when));
    } else {
        sbi_set_timer(when);
    }
}

/*
 * next-rhythm: the next tick is a tick after the last one was due: a burst when
 * the hart was held up.
 * File: kernel/dev/timer.c
 * Caught by: next_tick
 */
uint64_t timer_next_tick(struct hart *hart) {
    static uint64_t last[HART_MAX];
    uint64_t length = timer_tick_length;
    uint64_t *state = &jitter[hart->id];
    if (*state != 0) {
        uint64_t quarter = timer_tick_length / 4;
        length += jitter_next(state) % (2 * quarter + 1) - quarter;
    }
    last[hart->id] = (last[hart->id] ? last[hart->id] : timer_now()) + length;
    return last[hart->id];
}

/*
 * next-longer: ticks get longer only.
 * File: kernel/dev/timer.c
 * Caught by: jitter
 */
uint64_t timer_next_tick(struct hart *hart) {
    uint64_t length = timer_tick_length;
    uint64_t *state = &jitter[hart->id];
    if (*state != 0) {
        uint64_t quarter = timer_tick_length / 4;
        length += jitter_next(state) % (2 * quarter + 1);
    }
    return timer_now() + length;
}

/*
 * next-shared: one generator for all harts: what one gets depends on the
 * others.
 * File: kernel/dev/timer.c
 * Caught by: seeds
 */
uint64_t timer_next_tick(struct hart *hart) {
    uint64_t length = timer_tick_length;
    uint64_t *state = &jitter[0];
    (void)hart;
    if (*state != 0) {
        uint64_t quarter = timer_tick_length / 4;
        length += jitter_next(state) % (2 * quarter + 1) - quarter;
    }
    return timer_now() + length;
}
