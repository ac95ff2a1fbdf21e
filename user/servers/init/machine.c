/* SPDX-License-Identifier: MIT */
/*
 * servers/init/machine.c: finding devices; see machine.h.
 */
#include "servers/init/machine.h"

#include <stddef.h>

#include "abi/errno.h"
#include "abi/info.h"
#include "abi/layout.h"
#include "lib/syscall.h"
#include "servers/disk/dma.h"
#include "servers/disk/virtio.h"

static int64_t keep_end = SLOT_KEEP;

static uint64_t page_floor(uint64_t address) {
    return address & ~(uint64_t)(PAGE_SIZE - 1);
}

static uint64_t page_ceiling(uint64_t address) {
    return page_floor(address + PAGE_SIZE - 1);
}

int64_t machine_keep(int64_t handle) {
    if (handle < 0)
        return handle;
    int64_t kept =
        sys_handle_dup(handle, SLOT_KEEP, RIGHT_ALL, DUP_LOWEST | DUP_MOVE);
    if (kept < 0)
        sys_handle_close(handle);
    else if (kept >= keep_end)
        keep_end = kept + 1;
    return kept;
}

int64_t machine_keep_end(void) {
    return keep_end;
}

/* A handle on the pages of a physical range. */
static int64_t memory_make(uint64_t base, uint64_t length) {
    uint64_t start = page_floor(base);
    return machine_keep(sys_memory_create(SLOT_AUTHORITY, start,
                                          page_ceiling(base + length) - start,
                                          MEMORY_DEVICE));
}

static int64_t irq_make(uint64_t interrupt) {
    return machine_keep(sys_irq_create(SLOT_AUTHORITY, interrupt));
}

static void archive_find(struct machine *machine) {
    struct sys_words info = sys_system_info(INFO_INITRD, 0);
    if (info.result < 0)
        return;
    machine->archive_base = info.value[0];
    machine->archive_length = info.value[1];
    machine->archive = memory_make(info.value[0], info.value[1]);
}

static void uart_find(struct machine *machine) {
    struct sys_words info = sys_system_info(INFO_UART, 0);
    if (info.result < 0)
        return;
    machine->uart = memory_make(info.value[0], info.value[1]);
    machine->uart_irq = irq_make(info.value[2]);
}

/* Whether the registers are those of a disk that the driver can drive. */
static bool virtio_probe(int64_t memory) {
    int64_t address = sys_map(HANDLE_SELF, 0, PAGE_SIZE, PROT_READ, memory, 0);
    if (address < 0)
        return false;
    const volatile uint32_t *registers = (const volatile uint32_t *)address;
    bool found = registers[VIRTIO_MAGIC / 4] == VIRTIO_MAGIC_VALUE &&
                 registers[VIRTIO_VERSION / 4] == VIRTIO_MODERN &&
                 registers[VIRTIO_DEVICE_ID / 4] == VIRTIO_ID_BLOCK;
    sys_unmap(HANDLE_SELF, (uint64_t)address, PAGE_SIZE);
    return found;
}

/* Takes the first virtio slot with a disk. Slots that share a page cannot be
 * told apart by mapping and are left alone. */
static void virtio_find(struct machine *machine) {
    for (uint64_t slot = 0; machine->virtio == NO_HANDLE; slot++) {
        struct sys_words info = sys_system_info(INFO_VIRTIO, slot);
        if (info.result < 0)
            return;
        if (info.value[0] != page_floor(info.value[0]))
            continue;
        int64_t memory = memory_make(info.value[0], info.value[1]);
        if (memory < 0)
            continue;
        if (!virtio_probe(memory)) {
            sys_handle_close(memory);
            continue;
        }
        machine->virtio = memory;
        machine->virtio_irq = irq_make(info.value[2]);
        machine->virtio_dma = machine_keep(
            sys_memory_create(SLOT_AUTHORITY, 0, DMA_SIZE, MEMORY_DMA));
    }
}

void machine_find(struct machine *machine) {
    *machine = (struct machine){
        .archive = NO_HANDLE,
        .uart = NO_HANDLE,
        .uart_irq = NO_HANDLE,
        .virtio = NO_HANDLE,
        .virtio_irq = NO_HANDLE,
        .virtio_dma = NO_HANDLE,
    };
    archive_find(machine);
    uart_find(machine);
    virtio_find(machine);
}

const void *machine_map_archive(const struct machine *machine) {
    uint64_t offset = machine->archive_base - page_floor(machine->archive_base);
    int64_t address =
        sys_map(HANDLE_SELF, 0, page_ceiling(offset + machine->archive_length),
                PROT_READ, machine->archive, 0);
    return address < 0 ? NULL : (const uint8_t *)address + offset;
}

int64_t machine_file_memory(const struct machine *machine, const void *archive,
                            const struct ustar_file *file, uint64_t *offset) {
    uint64_t base = machine->archive_base +
                    (uint64_t)(file->data - (const uint8_t *)archive);
    *offset = base - page_floor(base);
    return memory_make(base, file->length);
}

uint64_t machine_second(void) {
    return sys_system_info(INFO_TIMEBASE, 0).value[0];
}
