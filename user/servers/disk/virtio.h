/* SPDX-License-Identifier: MIT */
/*
 * servers/disk/virtio.h: the virtio 1.0 block device on an MMIO bus.
 *
 * The layout of its registers and of what it shares with the driver in memory
 * (Virtual I/O Device specification 1.1, sections 2.6, 4.2 and 5.2). Numbers
 * are little-endian, as is the machine.
 */
#ifndef OCTAVO_DISK_VIRTIO_H
#define OCTAVO_DISK_VIRTIO_H

#include <stdint.h>

/* Offsets of 32-bit registers. Addresses are two of them, the low half first.
 */
enum virtio_register {
    VIRTIO_MAGIC = 0x000,
    VIRTIO_VERSION = 0x004,
    VIRTIO_DEVICE_ID = 0x008,
    VIRTIO_DEVICE_FEATURES = 0x010,
    VIRTIO_DEVICE_FEATURES_SELECT = 0x014,
    VIRTIO_DRIVER_FEATURES = 0x020,
    VIRTIO_DRIVER_FEATURES_SELECT = 0x024,
    VIRTIO_QUEUE_SELECT = 0x030,
    VIRTIO_QUEUE_SIZE_MAX = 0x034,
    VIRTIO_QUEUE_SIZE = 0x038,
    VIRTIO_QUEUE_READY = 0x044,
    VIRTIO_QUEUE_NOTIFY = 0x050,
    VIRTIO_INTERRUPT_STATUS = 0x060,
    VIRTIO_INTERRUPT_ACK = 0x064,
    VIRTIO_STATUS = 0x070,
    VIRTIO_QUEUE_DESCRIPTORS = 0x080,
    VIRTIO_QUEUE_AVAILABLE = 0x090,
    VIRTIO_QUEUE_USED = 0x0a0,
    VIRTIO_CONFIG_GENERATION = 0x0fc,
    VIRTIO_CONFIG_CAPACITY = 0x100, /* 64 bits: sectors of 512 bytes */
};

enum {
    VIRTIO_MAGIC_VALUE = 0x74726976,
    VIRTIO_MODERN = 2,   /* VIRTIO_VERSION of a device of version 1.0 on */
    VIRTIO_ID_BLOCK = 2, /* VIRTIO_DEVICE_ID of a disk */
};

enum virtio_status {
    STATUS_ACKNOWLEDGE = 1,
    STATUS_DRIVER = 2,
    STATUS_DRIVER_OK = 4,
    STATUS_FEATURES_OK = 8,
    STATUS_NEEDS_RESET = 64,
};

/* Feature bits, in the half that VIRTIO_*_FEATURES_SELECT names. */
enum {
    FEATURE_FLUSH = 1 << 9,    /* low half: has a cache, and flushes it */
    FEATURE_VERSION_1 = 1 << 0 /* high half: bit 32 */
};

struct virtq_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2 }; /* the device writes */

struct virtq_available {
    uint16_t flags;
    uint16_t index; /* chains offered so far */
    uint16_t ring[];
};

struct virtq_used {
    uint16_t flags;
    uint16_t index; /* chains finished so far */
    struct {
        uint32_t id; /* the chain's first descriptor */
        uint32_t length;
    } ring[];
};

/* What the first descriptor of a request holds. */
struct virtio_block_header {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

enum { BLOCK_IN = 0, BLOCK_OUT = 1, BLOCK_FLUSH = 4 };

#endif
