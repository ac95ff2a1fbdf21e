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

/* What is needed only while the tree is read: phandles of the harts' own
 * interrupt controllers, and what the PLIC says of its contexts. */
static uint32_t controllers[HART_MAX];
static struct fdt_value contexts;

/* The part of the range that the direct map can hold; maybe nothing. */
static struct range clip(struct range range) {
    if (range.base >= DIRECT_SIZE)
        return (struct range){0};
    if (range.size > DIRECT_SIZE - range.base)
        range.size = DIRECT_SIZE - range.base;
    return range;
}

/* Reads the index-th range of `reg`, as much of it as the direct map can hold:
 * maybe nothing. */
static bool node_range(const struct fdt_node *node, uint32_t index,
                       struct range *range) {
    if (!fdt_reg(node, index, range))
        return false;
    *range = clip(*range);
    return true;
}

static void reserve(struct range range) {
    range = clip(range);
    if (range.size == 0)
        return;
    if (machine.reserved_count == MACHINE_RESERVED_MAX)
        panic("more than %d reserved memory ranges", MACHINE_RESERVED_MAX);
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
            machine.memory_size += range.size;
        }
    }
}

static void survey_reserved(const struct fdt_node *node) {
    struct range range;
    for (uint32_t i = 0; fdt_reg(node, i, &range); i++)
        reserve(range);
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
    if (end > start)
        machine.initrd = (struct range){start, end - start};
}

/* The hart that booted has index 0, each other one the next. */
static void survey_hart(const struct fdt_node *node) {
    struct range reg;
    uint32_t index = 0;
    if (!fdt_reg(node, 0, &reg))
        return;
    if (reg.base != harts[0].sbi_id) {
        if (hart_count == HART_MAX) {
            kprintf("machine: hart %lu is one too many\n", reg.base);
            return;
        }
        index = hart_count++;
    }
    hart_prepare(index);
    harts[index].sbi_id = reg.base;
    machine.timebase = fdt_number(node->parent, "timebase-frequency", 0);
    if (!fdt_lists(node, "riscv,isa-extensions", "sstc") &&
        !fdt_lists(node, "riscv,isa", "sstc"))
        machine.sstc = false;
}

/* The node inside a hart's that stands for its own interrupt inputs. */
static void survey_controller(const struct fdt_node *node) {
    struct range reg;
    if (!node->parent || !fdt_reg(node->parent, 0, &reg))
        return;
    for (uint32_t i = 0; i < hart_count; i++)
        if (harts[i].sbi_id == reg.base)
            controllers[i] = (uint32_t)fdt_number(node, "phandle", 0);
}

static uint32_t node_irq(const struct fdt_node *node) {
    /* interrupts-extended: controller, then the number. */
    uint64_t extended = fdt_number(node, "interrupts-extended", 0);
    return (uint32_t)fdt_number(node, "interrupts", extended);
}

static void find_uart(const struct fdt_node *node) {
    struct uart_info *uart = &machine.uart;
    if (uart->device.registers.size != 0 ||
        !node_range(node, 0, &uart->device.registers))
        return;
    uart->device.irq = node_irq(node);
    uart->shift = (uint32_t)fdt_number(node, "reg-shift", 0);
    uart->width = (uint32_t)fdt_number(node, "reg-io-width", 1);
}

static void find_plic(const struct fdt_node *node) {
    if (fdt_property(node, "interrupts-extended", &contexts) &&
        node_range(node, 0, &machine.plic.registers))
        machine.plic.irq_count = (uint32_t)fdt_number(node, "riscv,ndev", 0);
}

/* Inserts a slot so that addresses rise: slot numbers are theirs then. */
static void find_virtio(const struct fdt_node *node) {
    struct device slot = {.irq = node_irq(node)};
    if (machine.virtio_count == MACHINE_VIRTIO_MAX ||
        !node_range(node, 0, &slot.registers))
        return;
    uint32_t place = machine.virtio_count++;
    while (place > 0 &&
           machine.virtio[place - 1].registers.base > slot.registers.base) {
        machine.virtio[place] = machine.virtio[place - 1];
        place--;
    }
    machine.virtio[place] = slot;
}

static void find_finisher(const struct fdt_node *node) {
    node_range(node, 0, &machine.finisher);
}

/* What a node with this word in this property is for. */
static const struct {
    const char *property, *word;
    void (*survey)(const struct fdt_node *node);
} surveys[] = {
    {"compatible", "virtio,mmio", find_virtio}, /* first: there are many */
    {"device_type", "memory", survey_memory},
    {"device_type", "cpu", survey_hart},
    {"compatible", "ns16550a", find_uart},
    {"compatible", "ns16550", find_uart},
    {"compatible", "sifive,plic-1.0.0", find_plic},
    {"compatible", "riscv,plic0", find_plic},
    {"compatible", "sifive,test0", find_finisher},
    {"compatible", "riscv,cpu-intc", survey_controller},
};

static void visit(const struct fdt_node *node, void *state) {
    (void)state;
    if (fdt_lists(node, "status", "disabled"))
        return;
    if (node->depth == 1 && fdt_named(node, "chosen"))
        survey_chosen(node);
    if (node->depth == 2 && fdt_named(node->parent, "reserved-memory"))
        survey_reserved(node);
    for (unsigned i = 0; i < sizeof(surveys) / sizeof(surveys[0]); i++) {
        if (fdt_lists(node, surveys[i].property, surveys[i].word)) {
            surveys[i].survey(node);
            return;
        }
    }
}

/* ---- Completing and checking ---- */

/* Whether the range lies inside one of RAM. */
static bool is_memory(struct range range) {
    for (uint32_t i = 0; i < machine.memory_count; i++)
        if (range_contains(machine.memory[i], range))
            return true;
    return false;
}

/* initrd=ADDRESS,SIZE. */
static void initrd_from_bootargs(void) {
    const char *text;
    size_t len;
    struct range range;
    if (!bootarg_get("initrd", &text, &len))
        return;
    const char *end = text + len;
    if (!bootarg_parse(&text, end, &range.base) || text == end ||
        *text++ != ',' || !bootarg_parse(&text, end, &range.size) ||
        text != end)
        panic("boot argument initrd= wants ADDRESS,SIZE");
    machine.initrd = range;
}

/* What of RAM is not free, beyond what the tree says. */
static void reserve_boot(const void *dtb) {
    pa_t start = va_to_pa(kernel_start);
    struct range kernel = {start, (uint64_t)(kernel_end - kernel_start)};
    struct range tree = {va_to_pa(dtb), fdt_size(dtb)};
    struct range entry;
    if (!is_memory(kernel))
        panic("the kernel is not in the memory that the device tree lists");
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
    for (uint32_t i = 0; fdt_reservation(dtb, i, &entry); i++)
        reserve(entry);
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
static void contexts_finish(void) {
    memset(machine.plic.context, 0xff, sizeof(machine.plic.context));
    for (uint32_t i = 0; i < contexts.len / 8; i++) {
        uint32_t controller = read_be32(contexts.data + 8 * i);
        uint32_t interrupt = read_be32(contexts.data + 8 * i + 4);
        for (uint32_t id = 0; id < hart_count; id++)
            if (interrupt == INTERRUPT_EXTERNAL && controller != 0 &&
                controller == controllers[id])
                machine.plic.context[id] = (int32_t)i;
    }
}

void machine_init(uint64_t boot_hart, const void *dtb) {
    harts[0].sbi_id = boot_hart;
    machine.sstc = true; /* until a hart has it not */
    fdt_walk(dtb, visit, NULL);
    uint64_t wanted = bootarg_number("harts", HART_MAX);
    if (wanted > 0 && wanted < hart_count)
        hart_count = (uint32_t)wanted;
    machine.sstc = machine.sstc && bootarg_number("sstc", 1) != 0;
    contexts_finish();
    initrd_from_bootargs();
    reserve_boot(dtb);
    if (machine.timebase == 0)
        panic("device tree: no timebase-frequency");
}

/* Whether the range lies in the pages that hold the registers. */
static bool pages_contain(struct range registers, struct range range) {
    pa_t start = round_down(registers.base, PAGE_SIZE);
    pa_t end = round_up(registers.base + registers.size, PAGE_SIZE);
    return range_contains((struct range){start, end - start}, range);
}

bool machine_is_device(struct range range) {
    if (pages_contain(machine.uart.device.registers, range))
        return true;
    for (uint32_t i = 0; i < machine.virtio_count; i++)
        if (pages_contain(machine.virtio[i].registers, range))
            return true;
    return false;
}
