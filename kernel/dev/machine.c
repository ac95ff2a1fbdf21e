/* SPDX-License-Identifier: MIT */
/*
 * dev/machine.c: what this machine consists of.
 *
 * Idea        One pass over the device tree. What the PLIC's contexts are can
 *             be said only after it, because they name harts, which may come
 *             later in the tree. Then what is found is completed and checked.
 * Invariants  After machine_init `machine` is constant.
 */
#include "dev/machine.h"

#include <stddef.h>

#include "abi/layout.h"
#include "arch/csr.h"
#include "arch/stack.h"
#include "dev/bootargs.h"
#include "dev/fdt.h"
#include "lib/bits.h"
#include "lib/panic.h"
#include "lib/print.h"
#include "lib/string.h"

struct machine machine;

/* What is needed only while the tree is read. */
struct survey {
    uint32_t controllers[HART_MAX]; /* phandles of the harts' own interrupt
                                       controllers, which the PLIC names */
    struct fdt_value contexts;      /* of the PLIC */
};

/* The part of the range that the direct map can hold; maybe nothing. */
static struct range clip(struct range range) {
    if (range.base >= DIRECT_SIZE) {
        return (struct range){0};
    }
    if (range.size > DIRECT_SIZE - range.base) {
        range.size = DIRECT_SIZE - range.base;
    }
    return range;
}

/* Reads the index-th range of `reg`, as much of it as the direct map can hold:
 * maybe nothing. */
static bool node_range(const struct fdt_node *node, uint32_t index,
                       struct range *range) {
    if (!fdt_reg(node, index, range)) {
        return false;
    }
    *range = clip(*range);
    return true;
}

static void reserve(struct range range) {
    range = clip(range);
    if (range.size == 0) {
        return;
    }
    if (machine.reserved_count == MACHINE_RESERVED_MAX) {
        panic("more than %d reserved memory ranges", MACHINE_RESERVED_MAX);
    }
    machine.reserved[machine.reserved_count++] = range;
}

/* ---- Reading the tree ---- */

/* One too many is lost: the machine then has less memory than it could. */
static void survey_memory(const struct fdt_node *node) {
    struct range range;
    for (uint32_t i = 0; node_range(node, i, &range); i++) {
        if (machine.memory_count == MACHINE_MEMORY_MAX) {
            kprintf("machine: range 0x%lx+0x%lx is one too many\n", range.base,
                    range.size);
        } else if (range.size != 0) {
            machine.memory[machine.memory_count++] = range;
        }
    }
}

static void survey_reserved(const struct fdt_node *node) {
    struct range range;
    for (uint32_t i = 0; fdt_reg(node, i, &range); i++) {
        reserve(range);
    }
}

static void survey_chosen(const struct fdt_node *node) {
    struct fdt_value arguments;
    if (fdt_property(node, "bootargs", &arguments) && arguments.len > 0) {
        if (arguments.len > MACHINE_BOOTARGS_MAX) {
            panic("boot arguments: %u bytes, at most %d", arguments.len - 1,
                  MACHINE_BOOTARGS_MAX - 1);
        }
        memcpy(machine.bootargs, arguments.data, arguments.len - 1);
    }
    uint64_t start = fdt_number(node, "linux,initrd-start", 0);
    uint64_t end = fdt_number(node, "linux,initrd-end", 0);
    if (end > start) {
        machine.initrd = (struct range){start, end - start};
    }
}

static bool hart_has_sstc(const struct fdt_node *node) {
    return fdt_has_string(node, "riscv,isa-extensions", "sstc") ||
           fdt_has_word(node, "riscv,isa", "sstc", '_');
}

/* The hart that booted has index 0, each other one the next. */
static void survey_hart(const struct fdt_node *node) {
    struct range reg;
    uint32_t index = 0;
    if (!fdt_reg(node, 0, &reg)) {
        return;
    }
    if (reg.base != harts[0].sbi_id) {
        if (hart_count == HART_MAX) {
            kprintf("machine: hart %lu is one too many\n", reg.base);
            return;
        }
        index = hart_count++;
    }
    hart_prepare(index);
    harts[index].sbi_id = reg.base;
    machine.sstc = machine.sstc && hart_has_sstc(node);
}

/* The node inside a hart's that stands for its own interrupt inputs. */
static void survey_controller(const struct fdt_node *node,
                              struct survey *survey) {
    struct range reg;
    if (!fdt_reg(node->parent, 0, &reg)) {
        return;
    }
    for (uint32_t i = 0; i < hart_count; i++) {
        if (harts[i].sbi_id == reg.base) {
            survey->controllers[i] = fdt_word(node, "phandle", 0, 0);
        }
    }
}

static uint32_t node_irq(const struct fdt_node *node) {
    /* interrupts-extended: controller, then the number. */
    return fdt_word(node, "interrupts", 0,
                    fdt_word(node, "interrupts-extended", 1, 0));
}

static void find_uart(const struct fdt_node *node) {
    struct uart_info *uart = &machine.uart;
    if (uart->device.registers.size != 0 ||
        !node_range(node, 0, &uart->device.registers)) {
        return;
    }
    uart->device.irq = node_irq(node);
    uart->shift = fdt_word(node, "reg-shift", 0, 0);
    uart->width = fdt_word(node, "reg-io-width", 0, 1);
}

static void find_plic(const struct fdt_node *node, struct survey *survey) {
    if (fdt_property(node, "interrupts-extended", &survey->contexts) &&
        node_range(node, 0, &machine.plic.registers)) {
        machine.plic.irq_count = fdt_word(node, "riscv,ndev", 0, 0);
    }
}

/* Inserts a slot so that addresses rise: slot numbers are theirs then. */
static void find_virtio(const struct fdt_node *node) {
    struct device slot = {.irq = node_irq(node)};
    if (machine.virtio_count == MACHINE_VIRTIO_MAX ||
        !node_range(node, 0, &slot.registers)) {
        return;
    }
    uint32_t place = machine.virtio_count++;
    while (place > 0 &&
           machine.virtio[place - 1].registers.base > slot.registers.base) {
        machine.virtio[place] = machine.virtio[place - 1];
        place--;
    }
    machine.virtio[place] = slot;
}

static void visit(const struct fdt_node *node, void *state) {
    const struct fdt_node *parent = node->parent;
    if (fdt_has_string(node, "status", "disabled")) {
        return;
    }
    if (fdt_has_string(node, "device_type", "memory")) {
        survey_memory(node);
    } else if (fdt_has_string(node, "device_type", "cpu")) {
        survey_hart(node);
    } else if (node->depth == 1 && fdt_named(node, "chosen")) {
        survey_chosen(node);
    } else if (node->depth == 1 && fdt_named(node, "cpus")) {
        machine.timebase = fdt_number(node, "timebase-frequency", 0);
    } else if (node->depth == 2 && fdt_named(parent, "reserved-memory")) {
        survey_reserved(node);
    } else if (node->depth == 3 && fdt_named(node, "interrupt-controller") &&
               fdt_has_string(parent, "device_type", "cpu")) {
        survey_controller(node, state);
    } else if (fdt_compatible(node, "ns16550a") ||
               fdt_compatible(node, "ns16550")) {
        find_uart(node);
    } else if (fdt_compatible(node, "sifive,plic-1.0.0") ||
               fdt_compatible(node, "riscv,plic0")) {
        find_plic(node, state);
    } else if (fdt_compatible(node, "virtio,mmio")) {
        find_virtio(node);
    } else if (fdt_compatible(node, "sifive,test0")) {
        node_range(node, 0, &machine.finisher);
    }
}

/* ---- Completing and checking ---- */

/* Whether the range lies inside one of RAM. */
static bool is_memory(struct range range) {
    for (uint32_t i = 0; i < machine.memory_count; i++) {
        if (range_contains(machine.memory[i], range)) {
            return true;
        }
    }
    return false;
}

/* initrd=ADDRESS,SIZE. */
static void initrd_from_bootargs(void) {
    const char *text;
    size_t len;
    struct range range;
    if (!bootarg_get("initrd", &text, &len)) {
        return;
    }
    const char *end = text + len;
    if (!bootarg_parse(&text, end, &range.base) || text == end ||
        *text++ != ',' || !bootarg_parse(&text, end, &range.size) ||
        text != end) {
        panic("boot argument initrd= wants ADDRESS,SIZE");
    }
    machine.initrd = range;
}

/* What of RAM is not free, beyond what the tree says. */
static void reserve_boot(const void *dtb) {
    pa_t start = va_to_pa(kernel_start);
    struct range kernel = {start, (uint64_t)(kernel_end - kernel_start)};
    struct range tree = {va_to_pa(dtb), fdt_size(dtb)};
    struct range entry;
    if (!is_memory(kernel)) {
        panic("the kernel is not in the memory that the device tree lists");
    }
    if (machine.initrd.size != 0 && !is_memory(machine.initrd)) {
        panic("the initrd (0x%lx bytes at 0x%lx) is not in memory",
              machine.initrd.size, machine.initrd.base);
    }
    if (range_overlaps(machine.initrd, kernel) ||
        range_overlaps(machine.initrd, tree)) {
        panic("too little memory: the initrd (0x%lx bytes at 0x%lx) lies over "
              "the kernel or the device tree",
              machine.initrd.size, machine.initrd.base);
    }
    for (uint32_t i = 0; fdt_reservation(dtb, i, &entry); i++) {
        reserve(entry);
    }
    if (machine.reserved_count == 0) {
        /* Some firmware does not say where it lives: below the kernel. */
        reserve((struct range){0, start});
    }
    reserve(kernel);
    reserve(tree);
    reserve(machine.initrd);
}

/* Context i of the PLIC is the i-th pair (hart's controller, interrupt of the
 * hart) in interrupts-extended. */
static void contexts_finish(const struct survey *survey) {
    memset(machine.plic.context, 0xff, sizeof(machine.plic.context));
    for (uint32_t i = 0; i < survey->contexts.len / 8; i++) {
        uint32_t controller = read_be32(survey->contexts.data + 8 * i);
        uint32_t interrupt = read_be32(survey->contexts.data + 8 * i + 4);
        for (uint32_t id = 0; id < hart_count; id++) {
            if (interrupt == INTERRUPT_EXTERNAL && controller != 0 &&
                controller == survey->controllers[id]) {
                machine.plic.context[id] = (int32_t)i;
            }
        }
    }
}

void machine_init(uint64_t boot_hart, const void *dtb) {
    struct survey survey = {0};
    harts[0].sbi_id = boot_hart;
    machine.sstc = true; /* until a hart has it not */
    fdt_walk(dtb, visit, &survey);
    uint64_t wanted = bootarg_number("harts", HART_MAX);
    if (wanted > 0 && wanted < hart_count) {
        hart_count = (uint32_t)wanted;
    }
    machine.sstc = machine.sstc && bootarg_number("sstc", 1) != 0;
    contexts_finish(&survey);
    initrd_from_bootargs();
    reserve_boot(dtb);
    if (machine.timebase == 0) {
        panic("device tree: no timebase-frequency");
    }
}

uint64_t machine_memory_size(void) {
    uint64_t size = 0;
    for (uint32_t i = 0; i < machine.memory_count; i++) {
        size += machine.memory[i].size;
    }
    return size;
}

/* Whether the range lies in the pages that hold the registers. */
static bool pages_contain(struct range registers, struct range range) {
    pa_t start = round_down(registers.base, PAGE_SIZE);
    pa_t end = round_up(registers.base + registers.size, PAGE_SIZE);
    return range_contains((struct range){start, end - start}, range);
}

bool machine_is_device(struct range range) {
    if (pages_contain(machine.uart.device.registers, range)) {
        return true;
    }
    for (uint32_t i = 0; i < machine.virtio_count; i++) {
        if (pages_contain(machine.virtio[i].registers, range)) {
            return true;
        }
    }
    return false;
}
