/* SPDX-License-Identifier: MIT */
/*
 * bench/bench_irq.c: from an interrupt to the driver that waits for it.
 *
 * Idea        Two processes have the serial port's registers and a page. One,
 *             of low priority, stores instret in the page and then has the
 *             port ask for an interrupt; it stands for the program that an
 *             interrupt finds at work. The other waits for the interrupt as
 *             drivers do, by a receive on an endpoint, and reads instret as
 *             its first instruction.
 * Exactness   Under -icount QEMU ends a translated block behind an access to a
 *             device, and looks for interrupts between blocks: the trap comes
 *             right behind the store that causes it. The instruction after
 *             that removes the time; if it ever ran first, the program fails.
 * Use         It needs the authority handle, and so to be in init's place:
 *             tools/measure/special.py boots it with nothing else, and reads
 *             `costs` when it comes to bench_mark().
 */
#include <stdint.h>

#include "abi/errno.h"
#include "abi/info.h"
#include "abi/layout.h"
#include "abi/message.h"
#include "bench/common/bench.h"
#include "lib/syscall.h"

enum {
    SLOT_AUTHORITY = SLOT_GRANT, /* where the kernel puts it */
    SIGNAL_IRQ = 1,
    UART_INTERRUPT_ENABLE = 1, /* a register of the port */
    INTERRUPT_ROOM = 2,        /* in it: when nothing waits to be sent */
    COUNTED = 3, /* read, store, store: between the time and the trap */
};

static int64_t port, page, irq, endpoint; /* handles */

/* Where a process has the two; fork does not give them to the child. */
static volatile uint8_t *uart;
static volatile uint64_t *stamp;

/* Instructions of each round. */
uint64_t costs[BENCH_ROUNDS];

static int64_t memory_make(uint64_t base, unsigned kind) {
    return bench_must(sys_memory_create(SLOT_AUTHORITY, base, PAGE_SIZE, kind));
}

static uint64_t memory_map(int64_t memory) {
    return (uint64_t)bench_must(
        sys_map(HANDLE_SELF, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, memory, 0));
}

static void memories_map(void) {
    uart = (volatile uint8_t *)memory_map(port);
    stamp = (volatile uint64_t *)memory_map(page);
}

static void devices_make(void) {
    struct sys_words info = sys_system_info(INFO_UART, 0);
    bench_must(info.result);
    port = memory_make(info.value[0], MEMORY_DEVICE);
    page = memory_make(0, MEMORY_DMA);
    irq = bench_must(sys_irq_create(SLOT_AUTHORITY, info.value[2]));
}

static void driver_start(void) {
    memories_map();
    endpoint = bench_must(sys_endpoint_create());
    int64_t notification = bench_must(sys_notification_create());
    bench_must(sys_notification_bind(notification, endpoint));
    bench_must(sys_irq_bind(irq, notification, SIGNAL_IRQ));
    bench_must(sys_thread_priority(0, PRIORITY_DRIVER));
}

/* The interrupted program. */
static void interrupt_forever(void) {
    memories_map();
    __asm__ volatile("1: rdinstret t0\n"
                     "sd t0, 0(%0)\n"
                     "sb %1, 0(%2)\n"
                     "sd zero, 0(%0)\n"
                     "j 1b\n"
                     :
                     : "r"(stamp), "r"(INTERRUPT_ROOM),
                       "r"(uart + UART_INTERRUPT_ENABLE)
                     : "t0", "memory");
}

/* One interrupt. The reader of instret is the first instruction that runs. */
static uint64_t measure_interrupt(void) {
    register uint64_t a7 __asm__("a7") = SYS_RECV;
    register int64_t a0 __asm__("a0") = endpoint;
    register uint64_t a1 __asm__("a1");
    register uint64_t t6 __asm__("t6") = DEADLINE_NONE;
    register uint64_t s3 __asm__("s3");
    __asm__ volatile("ecall\n"
                     "rdinstret s3\n"
                     : "=r"(s3), "+r"(a7), "+r"(a0), "=r"(a1), "+r"(t6)
                     :
                     : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "t2", "t3",
                       "t4", "t5", "memory");
    bench_must(a0);
    uint64_t before = *stamp;
    bench_must(before == 0 ? -EIO : 0);
    uart[UART_INTERRUPT_ENABLE] = 0;
    bench_must(sys_irq_ack(irq));
    return s3 - before - COUNTED;
}

int main(void) {
    devices_make();
    if (bench_must(sys_fork()) == 0)
        interrupt_forever();
    driver_start();
    for (unsigned i = 0; i < BENCH_WARM; i++)
        measure_interrupt();
    for (unsigned i = 0; i < BENCH_ROUNDS; i++)
        costs[i] = measure_interrupt();
    bench_mark();
    return 0;
}
