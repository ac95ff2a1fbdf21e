/* SPDX-License-Identifier: MIT */
/*
 * sys/system.c: the machine: what it is, its end, and hooks for tests.
 */
#include "abi/errno.h"
#include "abi/info.h"
#include "arch/fence.h"
#include "arch/hart.h"
#include "arch/ipi.h"
#include "dev/bootargs.h"
#include "dev/console.h"
#include "dev/finisher.h"
#include "dev/machine.h"
#include "dev/timer.h"
#include "ipc/fastpath.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "proc/timing.h"
#include "sys/syscall.h"
#include "vm/frame.h"
#include "vm/vm.h"

static int64_t info_device(struct thread *self, const struct device *device) {
    if (device->registers.size == 0)
        return -ENODEV;
    result(self, 1, device->registers.base);
    result(self, 2, device->registers.size);
    result(self, 3, device->irq);
    return 0;
}

/* 48 bytes of the boot arguments in a1 to a6. */
static int64_t info_bootargs(struct thread *self, uint64_t offset) {
    char text[48] = {0};
    size_t length = strlen(machine.bootargs);
    if (offset > length)
        return -EINVAL;
    size_t left = length - offset;
    memcpy(text, machine.bootargs + offset,
           left < sizeof text ? left : sizeof text);
    memcpy(&self->frame.x[REG_A1], text, sizeof text);
    return (int64_t)left;
}

/* Six of a hart's `count` fields from `first`, in a1 to a6; 0 behind the end.
 */
static int64_t info_fields(struct thread *self, const uint64_t *field,
                           uint64_t count, uint64_t first) {
    if (first >= count)
        return -EINVAL;
    for (unsigned i = 0; i < 6; i++)
        result(self, 1 + i, first + i < count ? field[first + i] : 0);
    return 0;
}

static int64_t info_counters(struct thread *self, uint64_t hart,
                             uint64_t first) {
    if (hart >= hart_count)
        return -ENODEV;
    return info_fields(self, harts[hart].counters, COUNTER_MAX, first);
}

/* The hart that adds may have been stopped in the middle of it. */
static int64_t info_remap(struct thread *self, uint64_t hart) {
    struct statistic stat;
    uint32_t turns = 0;
    if (hart >= hart_count)
        return -ENODEV;
    while (!stat_read(&harts[hart].remap, &stat)) {
        fence_serve();
        hart_relax(&turns);
    }
    result(self, 1, stat.count);
    result(self, 2, stat.min);
    result(self, 3, stat.max);
    result(self, 4, stat.sum);
    return 0;
}

static int64_t info_timed(struct thread *self, uint64_t hart, uint64_t what,
                          uint64_t first) {
    if (hart >= hart_count)
        return -ENODEV;
    if (what >= TIMED_MAX)
        return -EINVAL;
    return info_fields(self, timed_records[hart][what], TIMED_FIELDS, first);
}

static uint64_t features(void) {
    return (machine.sstc ? FEATURE_SSTC : 0u) |
           (fastpath_on ? FEATURE_FASTPATH : 0u) |
           (DEBUG_BUILD ? FEATURE_DEBUG : 0u) |
           (bootarg_number("debug", 0) ? FEATURE_TESTS : 0u) |
           (bootarg_number("stats", 0) ? FEATURE_STATS : 0u);
}

int64_t sys_system_info(struct thread *self) {
    uint64_t index = argument(self, 1);
    switch (argument(self, 0)) {
    case INFO_HARTS:
        result(self, 1, hart_count);
        return 0;
    case INFO_MEMORY:
        result(self, 1, frame_total());
        result(self, 2, frame_free_count());
        return 0;
    case INFO_TIMEBASE:
        result(self, 1, timer_timebase);
        result(self, 2, timer_tick_length);
        return 0;
    case INFO_INITRD:
        if (machine.initrd.size == 0)
            return -ENODEV;
        result(self, 1, machine.initrd.base);
        result(self, 2, machine.initrd.size);
        return 0;
    case INFO_BOOTARGS:
        return info_bootargs(self, index);
    case INFO_UART:
        return info_device(self, &machine.uart.device);
    case INFO_VIRTIO:
        if (index >= machine.virtio_count)
            return -ENODEV;
        return info_device(self, &machine.virtio[index]);
    case INFO_FEATURES:
        result(self, 1, features());
        return 0;
    case INFO_COUNTERS:
        return info_counters(self, index >> 16, index & UINT16_MAX);
    case INFO_REMAP:
        return info_remap(self, index);
    case INFO_TIMED:
        return info_timed(self, index >> 32, index >> 16 & UINT16_MAX,
                          index & UINT16_MAX);
    default:
        return -EINVAL;
    }
}

int64_t sys_kernel_log(struct thread *self) {
    uint64_t length = argument(self, 1);
    int error = authority_check(self, argument(self, 0));
    if (error)
        return error;
    if (length < 1 || length > 40)
        return -EINVAL;
    console_write((const char *)&self->frame.x[REG_A2], length);
    return 0;
}

int64_t sys_poweroff(struct thread *self) {
    uint64_t status = argument(self, 1);
    int error = authority_check(self, argument(self, 0));
    if (error)
        return error;
    if (status > 255)
        return -EINVAL;
    finisher_exit((int)status);
}

static uint64_t counter_sum(uint64_t counter) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < hart_count; i++)
        sum += harts[i].counters[counter];
    return sum;
}

int64_t sys_debug(struct thread *self) {
    uint64_t value = argument(self, 1);
    if (!bootarg_number("debug", 0))
        return -EPERM;
    switch (argument(self, 0)) {
    case DEBUG_CHECK_FRAMES:
        return (int64_t)vm_check_frames();
    case DEBUG_FAIL_ALLOC:
        result(self, 1, frame_fail_after(value));
        return 0;
    case DEBUG_COUNTER:
        if (value >= COUNTER_MAX)
            return -EINVAL;
        result(self, 1, counter_sum(value));
        return 0;
    default:
        return -EINVAL;
    }
}
