/* SPDX-License-Identifier: MIT */
/*
 * dev/machine.c: what this machine consists of.
 *
 * Idea        Two passes over the device tree. The first learns of harts,
 *             memory and what the boot loader chose; the second of devices,
 *             because the PLIC's contexts name harts, which may come later in
 *             the tree than it. Then what is found is completed and checked.
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
    uint64_t boot_hart;
    uint32_t controllers[HART_MAX]; /* phandles of the harts' own interrupt
                                       controllers, which the PLIC names */
    bool sstc[HART_MAX];
};

/* Appends a range to a list of at most `max`; one too many is lost, with a
 * message: the machine then has less memory than it could. */
static void range_add(struct range *list, uint32_t *count, uint32_t max,
                      struct range range) {
    if (range.size == 0) {
        return;
    }
    if (*count == max) {
        kprintf("machine: range 0x%lx+0x%lx is one too many\n", range.base,
                range.size);
        return;
    }
    list[(*count)++] = range;
}

static void reserve(struct range range) {
    if (machine.reserved_count == MACHINE_RESERVED_MAX) {
        panic("more than %d reserved memory ranges", MACHINE_RESERVED_MAX);
    }
    range_add(machine.reserved, &machine.reserved_count, MACHINE_RESERVED_MAX,
              range);
}

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

/* ---- First pass: harts, memory, chosen ---- */

static void survey_memory(const struct fdt_node *node) {
    struct range range;
    for (uint32_t i = 0; fdt_reg(node, i, &range); i++) {
        range_add(machine.memory, &machine.memory_count, MACHINE_MEMORY_MAX,
                  clip(range));
    }
}

static void survey_reserved(const struct fdt_node *node) {
    struct range range;
    for (uint32_t i = 0; fdt_reg(node, i, &range); i++) {
        reserve(clip(range));
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

/* Whether the words of an ISA string ("rv64imac_zicsr_sstc"), joined by
 * underscores, contain `extension`. */
static bool isa_has(struct fdt_value isa, const char *extension) {
    size_t len = strlen(extension);
    for (uint32_t i = 1; i + len < isa.len; i++) {
        const char *word = (const char *)isa.data + i;
        if (word[-1] == '_' && memcmp(word, extension, len) == 0 &&
            (word[len] == '_' || word[len] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool hart_has_sstc(const struct fdt_node *node) {
    struct fdt_value isa;
    return fdt_has_string(node, "riscv,isa-extensions", "sstc") ||
           (fdt_property(node, "riscv,isa", &isa) && isa_has(isa, "sstc"));
}

/* A hart's index: 0 for the one that booted, else the next; HART_MAX when
 * there is no room. */
static uint32_t hart_index(const struct survey *survey, uint64_t sbi_id) {
    if (sbi_id == survey->boot_hart) {
        return 0;
    }
    return hart_count < HART_MAX ? hart_count++ : HART_MAX;
}

static void survey_hart(const struct fdt_node *node, struct survey *survey) {
    struct range reg;
    if (fdt_has_string(node, "status", "disabled") || !fdt_reg(node, 0, &reg)) {
        return;
    }
    machine.harts_present++;
    uint32_t index = hart_index(survey, reg.base);
    if (index == HART_MAX) {
        return;
    }
    hart_prepare(index);
    harts[index].sbi_id = reg.base;
    survey->sstc[index] = hart_has_sstc(node);
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

static void visit_base(const struct fdt_node *node, void *state) {
    struct survey *survey = state;
    const struct fdt_node *parent = node->parent;
    if (fdt_has_string(node, "device_type", "memory")) {
        survey_memory(node);
    } else if (fdt_has_string(node, "device_type", "cpu")) {
        survey_hart(node, survey);
    } else if (node->depth == 1 && fdt_named(node, "chosen")) {
        survey_chosen(node);
    } else if (node->depth == 1 && fdt_named(node, "cpus")) {
        machine.timebase = fdt_number(node, "timebase-frequency", 0);
    } else if (node->depth == 2 && fdt_named(parent, "reserved-memory")) {
        survey_reserved(node);
    } else if (node->depth == 3 && fdt_named(node, "interrupt-controller") &&
               fdt_has_string(parent, "device_type", "cpu")) {
        survey_controller(node, survey);
    }
}

/* ---- Second pass: devices ---- */

static uint32_t node_irq(const struct fdt_node *node) {
    /* interrupts-extended: controller, then the number. */
    return fdt_word(node, "interrupts", 0,
                    fdt_word(node, "interrupts-extended", 1, 0));
}

static void find_uart(const struct fdt_node *node) {
    struct uart_info *uart = &machine.uart;
    if (uart->device.registers.size != 0 ||
        !fdt_reg(node, 0, &uart->device.registers)) {
        return;
    }
    uart->device.irq = node_irq(node);
    uart->shift = fdt_word(node, "reg-shift", 0, 0);
    uart->width = fdt_word(node, "reg-io-width", 0, 1);
}

/* Context i of the PLIC is the i-th pair (hart's controller, interrupt of the
 * hart) in interrupts-extended. */
static void find_plic(const struct fdt_node *node,
                      const struct survey *survey) {
    struct plic_info *plic = &machine.plic;
    struct fdt_value pairs;
    if (!fdt_reg(node, 0, &plic->registers) ||
        !fdt_property(node, "interrupts-extended", &pairs)) {
        return;
    }
    plic->irq_count = fdt_word(node, "riscv,ndev", 0, 0);
    for (uint32_t i = 0; i < pairs.len / 8; i++) {
        uint32_t controller = read_be32(pairs.data + 8 * i);
        uint32_t interrupt = read_be32(pairs.data + 8 * i + 4);
        for (uint32_t id = 0; id < hart_count; id++) {
            if (interrupt == INTERRUPT_EXTERNAL && controller != 0 &&
                controller == survey->controllers[id]) {
                plic->context[id] = (int32_t)i;
            }
        }
    }
}

/* Inserts a slot so that addresses rise: slot numbers are theirs then. */
static void find_virtio(const struct fdt_node *node) {
    struct device slot = {.irq = node_irq(node)};
    if (machine.virtio_count == MACHINE_VIRTIO_MAX ||
        !fdt_reg(node, 0, &slot.registers)) {
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

static void visit_devices(const struct fdt_node *node, void *state) {
    if (fdt_has_string(node, "status", "disabled")) {
        return;
    }
    if (fdt_compatible(node, "ns16550a") || fdt_compatible(node, "ns16550")) {
        find_uart(node);
    } else if (fdt_compatible(node, "sifive,plic-1.0.0") ||
               fdt_compatible(node, "riscv,plic0")) {
        find_plic(node, state);
    } else if (fdt_compatible(node, "virtio,mmio")) {
        find_virtio(node);
    } else if (fdt_compatible(node, "sifive,test0")) {
        fdt_reg(node, 0, &machine.finisher);
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
        reserve(clip(entry));
    }
    if (machine.reserved_count == 0) {
        /* Some firmware does not say where it lives: below the kernel. */
        reserve((struct range){0, start});
    }
    reserve(kernel);
    reserve(tree);
    reserve(machine.initrd);
}

/* Leaves out harts beyond `harts=`. Sstc is used if every hart in use has it
 * and the boot arguments do not forbid it. */
static void harts_finish(const struct survey *survey) {
    uint64_t wanted = bootarg_number("harts", HART_MAX);
    if (wanted > 0 && wanted < hart_count) {
        hart_count = (uint32_t)wanted;
    }
    machine.sstc = bootarg_number("sstc", 1) != 0;
    for (uint32_t i = 0; i < hart_count; i++) {
        machine.sstc = machine.sstc && survey->sstc[i];
    }
}

static void mmio_finish(void) {
    const struct range used[] = {machine.uart.device.registers,
                                 machine.plic.registers, machine.finisher};
    for (unsigned i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
        range_add(machine.mmio, &machine.mmio_count, MACHINE_MMIO_MAX,
                  clip(used[i]));
    }
}

void machine_init(uint64_t boot_hart, const void *dtb) {
    struct survey survey = {.boot_hart = boot_hart};
    harts[0].sbi_id = boot_hart;
    memset(machine.plic.context, 0xff, sizeof(machine.plic.context));
    fdt_walk(dtb, visit_base, &survey);
    harts_finish(&survey);
    fdt_walk(dtb, visit_devices, &survey);
    mmio_finish();
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
