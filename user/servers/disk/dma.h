/* SPDX-License-Identifier: MIT */
/*
 * servers/disk/dma.h: how much memory the virtio driver shares with its device.
 *
 * init makes the memory, so that it survives the driver's death: a device that
 * was left running writes to no one else's frames.
 */
#ifndef OCTAVO_DISK_DMA_H
#define OCTAVO_DISK_DMA_H

#include "abi/layout.h"

enum {
    DMA_SLOTS = 8,       /* requests to the device at once */
    DMA_SLOT_BLOCKS = 4, /* blocks of 4 KiB that one of them moves */
    DMA_SLOT_SIZE = DMA_SLOT_BLOCKS * PAGE_SIZE,
    DMA_SIZE = PAGE_SIZE + DMA_SLOTS * DMA_SLOT_SIZE, /* a page of rings */
};

#endif
