/* SPDX-License-Identifier: MIT */
/*
 * unit.c: the lab's functions in C, one by one.
 *
 * The tests take over where boot/start.S would call kernel_main: nothing is
 * initialised but what each test does itself. In a student's tree start.S is
 * the reference's here, so these tests say nothing about assembly.
 */
#include "kit.h"

#include "boot/main.h"
#include "dev/console.h"
#include "dev/finisher.h"
#include "dev/plic.h"
#include "dev/timer.h"
#include "ipc/endpoint.h"
#include "ipc/fastpath.h"
#include "lib/panic.h"
#include "proc/deadline.h"
#include "proc/process.h"
#include "proc/sched.h"
#include "sys/syscall.h"
#include "trap/trap.h"
#include "vm/vm.h"

/* ---- Console ---- */

static void test_early(void) {
    port_make(0, 1);
    port_status(READY);
    console_init_early();
    unit_true("print_write is console_write", print_write == console_write);
    kprintf("<early\nbytes>\n");
    print_write = print_plainly;
    unit_equal("the port before console_init", port.byte[0], PORT_UNTOUCHED);
}

static void test_bytes(void) {
    console_init_early();
    console_init();
    kprintf("<one\ntwo\n\nthree\r\n>");
    console_write("<a\0b>", 5);
    console_write("<no>", 0);
    print_write = print_plainly;
    print_plainly("\n", 1);
}

static void never_ready(void) {
    unit_true("the console sees that the port is ready", false);
}

/* One byte through a port with these registers. */
static void port_case(uint32_t shift, uint32_t width) {
    port_make(shift, width);
    port_status(READY);
    console_init();
    alarm_set(2000, never_ready);
    console_write("A", 1);
    alarm_off();
    unit_equal("the transmit register", port.byte[0], 'A');
    unit_equal("the three bytes behind it", port.word[0] >> 8,
               width == 4 ? 0 : 0x858585);
    for (unsigned i = 4; i < PORT_SIZE; i++)
        if (i >> shift != LINE_STATUS)
            unit_equal("another register", port.byte[i], PORT_UNTOUCHED);
}

static void test_registers(void) {
    port_case(0, 1);
    port_case(2, 1);
    port_case(2, 4);
}

static void become_ready(void) {
    unit_equal("the transmit register before the port is ready", port.byte[0],
               PORT_UNTOUCHED);
    port_status(READY);
    alarm_set(2000, never_ready);
    csr_clear(sstatus, SSTATUS_SIE); /* the sret sets it */
}

static void test_waits(void) {
    port_make(0, 1);
    port_status((uint8_t)~READY);
    console_init();
    alarm_set(1000, become_ready);
    console_write("A", 1);
    unit_true("the console waits until the port is ready",
              port.byte[LINE_STATUS] == READY);
    alarm_off();
    unit_equal("the transmit register", port.byte[0], 'A');
}

static void stuck(void) {
    unit_true("console_write gives the lock back", false);
}

static void *behind[5];
static bool blocked;

/* Has waited for the lock long enough. */
static void give_up(void) {
    blocked = true;
    __builtin_longjmp(behind, 1);
}

/* Another hart writes in the middle of this one's text. */
static __attribute__((noinline)) void write_between(void) {
    become(1);
    if (__builtin_setjmp(behind) == 0) {
        alarm_set(1000, give_up);
        console_write("B", 1);
    }
}

static void break_in(void) {
    uint64_t pc = csr_read(sepc), status = csr_read(sstatus);
    port_status(READY);
    write_between();
    alarm_off();
    become(0);
    csr_write(sepc, pc);
    csr_write(sstatus, status);
}

static void test_lock(void) {
    port_make(0, 1);
    port_status(0);
    console_init();
    alarm_set(1000, break_in);
    console_write("A", 1);
    unit_true("another hart waits while this one writes", blocked);
    alarm_set(2000, stuck);
    console_write("C", 1);
    become(1);
    console_write("D", 1);
    alarm_off();
    become(0);
    unit_equal("the transmit register", port.byte[0], 'D');
}

/* A panic of hart 2, while hart 0 is in the middle of its text. */
static void panic_meanwhile(void) {
    uint64_t pc = csr_read(sepc), status = csr_read(sstatus);
    port_status(READY);
    become(2);
    console_seize();
    alarm_set(2000, stuck);
    console_write("P", 1);
    alarm_off();
    unit_equal("what the hart that seized the console writes", port.byte[0],
               'P');
    become(1);
    console_write("Q", 1);
    unit_equal("nothing of another hart's", port.byte[0], 'P');
    become(0);
    csr_write(sepc, pc);
    csr_write(sstatus, status);
}

static void test_seize(void) {
    port_make(0, 1);
    port_status(0);
    console_init();
    alarm_set(1000, panic_meanwhile);
    console_write("A", 1);
    port.byte[0] = 'Z';
    console_write("B", 1);
    unit_equal("nothing of the hart that was stopped", port.byte[0], 'Z');
}

static void test_no_port(void) {
    port_make(0, 1);
    port_status(READY);
    machine.uart.device.registers.size = 0;
    console_init_early();
    console_init();
    kprintf("<through the firmware>\n");
    print_write = print_plainly;
    unit_equal("a port that the machine does not have", port.byte[0],
               PORT_UNTOUCHED);
}

/* ---- Time ---- */

static void tick_case(uint64_t timebase, const char *text, uint64_t units) {
    machine.timebase = timebase;
    arguments(text);
    timer_init();
    unit_equal("timer_timebase", timer_timebase, timebase);
    unit_equal("units of a tick", timer_tick_length, units);
}

static void test_units(void) {
    tick_case(10000000, "", 100000);
    tick_case(10000000, "tick=250", 2500);
    tick_case(1000000000, "tick=30", 30000);
    tick_case(32768, "", 327);
    tick_case(12000001, "tick=999999", 11999988);
}

static void test_extremes(void) {
    tick_case(10000000, "tick=3", 100);
    tick_case(10000000, "tick=0", 100);
    tick_case(32768, "tick=10", 1);
    tick_case(10000000, "tick=31536000000000", 315360000000000);
    tick_case(1000000000, "tick=31536000000001", 31536000000001000);
}

static void test_set(void) {
    uint64_t began = unit_instructions();
    timer_set(timer_now() + 1000000);
    unit_cost(unit_instructions() - began);
    unit_true("no interrupt before its time", !timer_pending());
    timer_set(timer_now() + 1000);
    spin_units(400);
    unit_true("no interrupt before its time", !timer_pending());
    spin_units(1200);
    unit_true("an interrupt when its time has come", timer_pending());
    timer_set(timer_now() + 1000000);
    unit_true("it is withdrawn when a later time is set", !timer_pending());
    timer_set(timer_now() - 1);
    spin_units(10);
    unit_true("an interrupt at once for a time that is past", timer_pending());
}

static void test_next_tick(void) {
    struct hart *hart = &harts[0];
    arguments("tick=500");
    timer_init();
    for (unsigned i = 0; i < 20; i++) {
        uint64_t before = timer_now();
        uint64_t next = timer_next_tick(hart);
        uint64_t after = timer_now();
        unit_true("the next tick is a tick from now",
                  next >= before + 5000 && next <= after + 5000);
        spin_units(i * 100);
    }
}

/* How long the next tick is; reading the clock costs some units. */
static uint64_t tick_of(struct hart *hart) {
    uint64_t now = timer_now();
    return timer_next_tick(hart) - now;
}

enum { DRAWS = 200, TICK = 10000000, SLACK = 100 };

static uint64_t draws[DRAWS];

static void test_jitter(void) {
    uint64_t least = UINT64_MAX, most = 0;
    arguments("tick=1000000 seed=7");
    timer_init();
    for (unsigned i = 0; i < DRAWS; i++) {
        draws[i] = tick_of(&harts[0]);
        least = draws[i] < least ? draws[i] : least;
        most = draws[i] > most ? draws[i] : most;
    }
    unit_true("no tick is shorter than three quarters", least >= TICK / 4 * 3);
    unit_true("no tick is longer than five quarters",
              most <= TICK / 4 * 5 + SLACK);
    unit_true("some ticks are much shorter", least < TICK / 10 * 8);
    unit_true("some ticks are much longer", most > TICK / 10 * 12);
    arguments("tick=10 seed=7");
    timer_init();
    for (unsigned i = 0; i < DRAWS; i++) {
        uint64_t length = tick_of(&harts[0]);
        unit_true("a short tick stays within a quarter",
                  length >= 75 && length <= 125 + SLACK);
    }
}

static void test_seeds(void) {
    unsigned same = 0;
    arguments("tick=1000000 seed=7");
    timer_init();
    for (unsigned i = 0; i < DRAWS; i++)
        draws[i] = tick_of(&harts[0]);
    become(1);
    timer_init();
    for (unsigned i = 0; i < DRAWS; i++) {
        uint64_t other = tick_of(&harts[1]);
        uint64_t again = tick_of(&harts[0]);
        unit_true("a seed gives the same ticks, whatever other harts do",
                  again <= draws[i] + SLACK && draws[i] <= again + SLACK);
        same += other <= again + SLACK && again <= other + SLACK;
    }
    unit_true("harts do not tick in step", same < DRAWS / 10);
    arguments("tick=1000000 seed=8");
    timer_init();
    same = 0;
    for (unsigned i = 0; i < DRAWS; i++) {
        uint64_t other = tick_of(&harts[0]);
        same += other <= draws[i] + SLACK && draws[i] <= other + SLACK;
    }
    unit_true("another seed gives other ticks", same < DRAWS / 10);
}

static void test_timer_hart(void) {
    arguments("tick=500");
    timer_init();
    csr_clear(sie, SIE_TIMER);
    sbi_set_timer(0);
    timer_init_hart();
    unit_true("sie has the timer's bit", csr_read(sie) & SIE_TIMER);
    unit_true("sie keeps its other bits", csr_read(sie) & SIE_SOFTWARE);
    unit_true("no interrupt at once", !timer_pending());
    spin_units(4000);
    unit_true("no interrupt before a tick has passed", !timer_pending());
    spin_units(1500);
    unit_true("an interrupt when a tick has passed", timer_pending());
}

/* ---- Traps ---- */

/* All that comes before trap_init_hart in a real boot. */
static void kernel_make(const char *text) {
    arguments(text);
    timer_timebase = machine.timebase;
    timer_tick_length = machine.timebase / 100;
    plic_init();
    vm_init(&machine);
    proc_init();
    ipc_init();
    sys_init();
    trap_init();
    plic_init_hart();
}

static uint64_t ticks(void) {
    return hart_self()->counters[COUNTER_TICKS];
}

/* One interrupt of each kind is pending; sie says which are wanted. */
static void all_pending(uint64_t wanted) {
    volatile uint8_t *uart = pa_to_va(machine.uart.device.registers.base);
    csr_write(sie, wanted);
    csr_set(sip, SIE_SOFTWARE);
    sbi_set_timer(0);
    deadline_lists[hart_self()->id].next_tick = 0;
    uart[1] = 2; /* an interrupt whenever a byte has gone out */
    plic_unmask(machine.uart.device.irq);
    spin_units(20);
}

static void check_left(const char *what, uint64_t number, uint64_t left) {
    uint64_t bits = SIE_SOFTWARE | SIE_TIMER | SIE_EXTERNAL;
    unit_equal(what, csr_read(sip) & bits, left);
    unit_equal("ticks that were counted", ticks(), number);
}

static void test_kinds(void) {
    kernel_make("");
    all_pending(SIE_SOFTWARE | SIE_TIMER | SIE_EXTERNAL);
    check_left("sip, with all three pending", 0,
               SIE_SOFTWARE | SIE_TIMER | SIE_EXTERNAL);
    interrupt_handle(SCAUSE_INTERRUPT | INTERRUPT_TIMER);
    check_left("sip after a timer interrupt", 1, SIE_SOFTWARE | SIE_EXTERNAL);
    interrupt_handle(SCAUSE_INTERRUPT | INTERRUPT_EXTERNAL);
    check_left("sip after an external interrupt", 1, SIE_SOFTWARE);
    interrupt_handle(SCAUSE_INTERRUPT | INTERRUPT_SOFTWARE);
    check_left("sip after a software interrupt", 1, 0);
}

static void test_poll(void) {
    kernel_make("");
    all_pending(SIE_SOFTWARE | SIE_TIMER | SIE_EXTERNAL);
    interrupt_poll_hook();
    check_left("sip after a look at all", 1, 0);
    interrupt_poll_hook();
    check_left("sip after a look when nothing is pending", 1, 0);
}

static void test_poll_some(void) {
    kernel_make("");
    all_pending(SIE_SOFTWARE);
    interrupt_poll_hook();
    check_left("sip: what sie does not want stays", 0,
               SIE_TIMER | SIE_EXTERNAL);
    all_pending(SIE_TIMER);
    interrupt_poll_hook();
    check_left("sip: what sie does not want stays", 1,
               SIE_SOFTWARE | SIE_EXTERNAL);
    all_pending(SIE_EXTERNAL);
    interrupt_poll_hook();
    check_left("sip: what sie does not want stays", 1,
               SIE_SOFTWARE | SIE_TIMER);
}

static void test_trap_hart(void) {
    const uint64_t unwanted =
        SSTATUS_SIE | SSTATUS_SPP | SSTATUS_FS | SSTATUS_SUM | SSTATUS_MXR;
    kernel_make("");
    csr_write(sie, 0);
    csr_write(sscratch, 0x1234);
    csr_set(sstatus, unwanted & ~(uint64_t)SSTATUS_SIE);
    trap_init_hart();
    unit_equal("sscratch", csr_read(sscratch), (uint64_t)frame_self());
    unit_equal("stvec", csr_read(stvec),
               fastpath_on ? (uint64_t)trap_entry : (uint64_t)trap_entry_plain);
    unit_equal("bits of sstatus that are to be off",
               csr_read(sstatus) & unwanted, 0);
    unit_equal("sie", csr_read(sie), SIE_SOFTWARE | SIE_TIMER | SIE_EXTERNAL);
    uint64_t next = deadline_lists[hart_self()->id].next_tick;
    unit_true("the clock runs",
              next > timer_now() && next <= timer_now() + timer_tick_length);
}

static void test_boot_trap(void) {
    boot_trap(13, (uint64_t)test_boot_trap, 0xdead1234,
              harts[0].stack_top - 64);
}

static const struct unit units[] = {
    {"early", test_early},         {"bytes", test_bytes},
    {"registers", test_registers}, {"waits", test_waits},
    {"lock", test_lock},           {"seize", test_seize},
    {"no_port", test_no_port},     {"units", test_units},
    {"extremes", test_extremes},   {"set", test_set},
    {"next_tick", test_next_tick}, {"jitter", test_jitter},
    {"seeds", test_seeds},         {"timer_hart", test_timer_hart},
    {"kinds", test_kinds},         {"poll", test_poll},
    {"poll_some", test_poll_some}, {"trap_hart", test_trap_hart},
    {"boot_trap", test_boot_trap},
};

_Noreturn void __wrap_kernel_main(uint64_t sbi_id, pa_t dtb);

void __wrap_kernel_main(uint64_t sbi_id, pa_t dtb) {
    print_write = print_plainly;
    panic_hooks.exit = finisher_exit;
    machine_init(sbi_id, pa_to_va(dtb));
    unit_run(units, sizeof(units) / sizeof(units[0]));
}
