/* SPDX-License-Identifier: MIT */
/*
 * host/boot/tree.c FILE: reading a device tree, whole and damaged.
 *
 * FILE is the tree of QEMU's machine with two harts and 128 MiB. Damaged
 * copies lie at the end of a heap block of just their size, so that the
 * sanitizer sees each byte that is read outside.
 */
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "dev/fdt.h"

enum { ROUNDS = 20000, DAMAGE_MAX = 8 };

/* What a walk found. */
struct found {
    unsigned nodes;
    unsigned harts;
    struct range memory;
    struct range uart;
    uint32_t uart_irq;
    uint64_t timebase;
};

static uint64_t state = 88172645463325252ull;

static uint64_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void visit(const struct fdt_node *node, void *context) {
    struct found *found = context;
    struct range range;
    struct fdt_value value;
    found->nodes++;
    if (fdt_lists(node, "device_type", "cpu")) {
        found->harts++;
    }
    if (fdt_lists(node, "device_type", "memory")) {
        fdt_reg(node, 0, &found->memory);
    }
    if (fdt_lists(node, "compatible", "ns16550a") &&
        fdt_reg(node, 0, &found->uart)) {
        found->uart_irq = (uint32_t)fdt_number(node, "interrupts", 0);
    }
    if (fdt_named(node, "cpus")) {
        found->timebase = fdt_number(node, "timebase-frequency", 0);
    }
    for (uint32_t i = 0; i < 4 && fdt_reg(node, i, &range); i++) {
    }
    if (fdt_property(node, "interrupts-extended", &value) && value.len > 0) {
        found->nodes += value.data[value.len - 1] & 0u;
    }
}

static void walk(const void *tree) {
    struct found found = {0};
    struct range range;
    fdt_walk(tree, visit, &found);
    for (uint32_t i = 0; i < 16 && fdt_reservation(tree, i, &range); i++) {
    }
}

static void check_whole(const void *tree) {
    struct found found = {0};
    CHECK(!panics(walk, tree));
    fdt_walk(tree, visit, &found);
    CHECK(found.harts == 2);
    CHECK(found.nodes > 20);
    CHECK(found.memory.base == 0x80000000 && found.memory.size == 128 << 20);
    CHECK(found.uart.base == 0x10000000 && found.uart.size == 0x100);
    CHECK(found.uart_irq == 10);
    CHECK(found.timebase == 10000000);
}

/* A copy in a block of its own size: what is read behind it is seen. */
static uint8_t *copy_of(const uint8_t *tree, uint32_t size) {
    uint8_t *copy = malloc(size);
    CHECK(copy != NULL);
    memcpy(copy, tree, size);
    return copy;
}

/* Random bytes change: the walk ends or panics, and reads nothing outside. */
static unsigned check_damaged(const uint8_t *tree, uint32_t size) {
    unsigned caught = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t *copy = copy_of(tree, size);
        for (uint64_t n = next_random() % DAMAGE_MAX + 1; n > 0; n--) {
            /* Not the total size: the block would be larger than it is. */
            uint64_t at = 8 + next_random() % (size - 8);
            at = next_random() % 4 == 0 ? 8 + next_random() % 32 : at;
            copy[at] = (uint8_t)next_random();
        }
        caught += panics(walk, copy);
        free(copy);
    }
    return caught;
}

/* The block says that it is shorter than its parts. */
static void check_short(const uint8_t *tree, uint32_t size) {
    for (uint32_t kept = 40; kept < size; kept += 97) {
        uint8_t *copy = copy_of(tree, kept);
        for (unsigned i = 0; i < 4; i++) {
            copy[4 + i] = (uint8_t)(kept >> (24 - 8 * i));
        }
        CHECK(panics(walk, copy));
        free(copy);
    }
}

int main(int argc, char **argv) {
    static uint8_t tree[1 << 20] __attribute__((aligned(8)));
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    CHECK(file != NULL);
    CHECK(fread(tree, 1, sizeof(tree), file) > 40);
    fclose(file);
    uint32_t size = fdt_size(tree);
    check_whole(tree);
    unsigned caught = check_damaged(tree, size);
    CHECK(caught > ROUNDS / 100 && caught < ROUNDS);
    check_short(tree, size);
    tree[0] ^= 1;
    CHECK(panics(walk, tree));
    CHECK(strstr(panic_text, "device tree") != NULL);
    return 0;
}
