/* SPDX-License-Identifier: MIT */
/*
 * servers/init/machine.h: what the machine has, as handles.
 *
 * Idea        The kernel tells addresses and interrupt numbers; with its
 *             authority init makes handles of them, once, and keeps them for
 *             as long as the system runs. A driver gets copies, and so does
 *             the one that takes a dead driver's place.
 * Invariants  M1  init's lasting handles have slots from SLOT_KEEP on, so that
 *                 a child can put what it is granted at SLOT_GRANT.
 *             M2  What a driver is to get can be inherited; in a child that
 *                 must not have it, it is closed before the child's program
 *                 starts.
 */
#ifndef OCTAVO_INIT_MACHINE_H
#define OCTAVO_INIT_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/handle.h"
#include "servers/init/ustar.h"

enum {
    SLOT_AUTHORITY = SLOT_GRANT, /* where the kernel puts it */
    SLOT_KEEP = 48,
    NO_HANDLE = -1,
};

struct machine {
    int64_t archive; /* memory: the boot archive */
    uint64_t archive_base;
    uint64_t archive_length;
    int64_t uart; /* memory: the port's registers; or NO_HANDLE */
    int64_t uart_irq;
    int64_t virtio; /* memory: the registers of a disk; or NO_HANDLE */
    int64_t virtio_irq;
    int64_t virtio_dma; /* memory shared between driver and device */
};

/* Finds everything. What the machine does not have is NO_HANDLE. */
void machine_find(struct machine *machine);

/* Moves a new handle to a lasting slot (M1). Returns it, or its error. */
int64_t machine_keep(int64_t handle);

/* The first slot that no lasting handle ever had. */
int64_t machine_keep_end(void);

/* Maps the archive into the calling process; fork does not copy it. NULL: it
 * cannot be mapped. */
const void *machine_map_archive(const struct machine *machine);

/* Makes a handle on the pages that a file of the archive lies in. Its first
 * byte is at *offset in them. Returns the handle. */
int64_t machine_file_memory(const struct machine *machine, const void *archive,
                            const struct ustar_file *file, uint64_t *offset);

/* The length of a second in units of the `time` CSR. */
uint64_t machine_second(void);

#endif
