/* SPDX-License-Identifier: MIT */
/*
 * servers/disk/virtio.c: a driver for virtio block devices.
 *
 * Idea        The device and the driver share a ring of descriptors in memory.
 *             The driver's memory is cut into SLOTS fixed places, each with
 *             its own three descriptors (header, data, status) and a few pages
 *             of data: a chain never has to be allocated. A client's request
 *             is cut into pieces of at most a slot; as many are with the
 *             device at once as there are slots, whoever they belong to.
 *             SYS_COPY moves the bytes between a slot and the client's window.
 * States      request: free -> queued (jobs[], in order of arrival) -> its
 *             pieces are started one by one -> all started and none with the
 *             device -> answered, free.
 *             slot: free -> with the device -> finished by an interrupt, free.
 * Invariants  V1  A slot's memory belongs to the device from device_offer()
 *                 until the used ring returns it; then its index is taken on
 *                 trust only after a range check.
 *             V2  A flush starts when no piece of an earlier request is with
 *                 the device, and later requests start after it.
 * Use         init hands it SLOT_GRANT: the registers (memory), + 1: the
 *             interrupt, + 2: DMA memory of DMA_SIZE bytes with PHYSICAL right.
 */
#include "servers/disk/virtio.h"

#include <stdbool.h>
#include <stddef.h>

#include "abi/errno.h"
#include "abi/layout.h"
#include "lib/ipc.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "servers/common/service.h"
#include "servers/disk/backend.h"
#include "servers/disk/dma.h"

enum {
    SLOT_REGISTERS = SLOT_GRANT,
    SLOT_IRQ = SLOT_GRANT + 1,
    SLOT_DMA = SLOT_GRANT + 2,
    SIGNAL_IRQ = 1,

    CHAIN = 3, /* descriptors of a slot */
    QUEUE_SIZE = 32,
    SECTORS_PER_BLOCK = DISK_BLOCK / 512,
    JOBS_MAX = 16,
    STATUS_PENDING = 0xff, /* what the device overwrites; 0: done well */
};

_Static_assert(DMA_SLOTS *CHAIN <= QUEUE_SIZE, "each slot has its chain");

/* The first page of the DMA memory; the slots' data follows. */
struct shared {
    struct virtq_descriptor descriptors[QUEUE_SIZE];
    union {
        struct virtq_available available;
        uint8_t available_bytes[128];
    };
    union {
        struct virtq_used used;
        uint8_t used_bytes[512];
    };
    struct virtio_block_header headers[DMA_SLOTS];
    uint8_t status[DMA_SLOTS];
};

_Static_assert(sizeof(struct shared) <= PAGE_SIZE, "fits its page");
_Static_assert(offsetof(struct shared, used) % 4 == 0, "as the device wants");
_Static_assert(sizeof(struct virtq_available) + 2 * QUEUE_SIZE <= 128, "fits");
_Static_assert(sizeof(struct virtq_used) + 8 * QUEUE_SIZE <= 512, "fits");

/* A client's request that is under way. */
struct job {
    struct request request;
    bool used;
    int64_t reply;
    int64_t error;    /* the first that a piece met */
    uint64_t started; /* blocks whose pieces have been started */
    unsigned active;  /* pieces with the device */
    bool flushing;    /* a flush: it has been started */
};

/* A piece of a request. */
struct slot {
    struct job *job; /* NULL: free */
    uint64_t offset; /* in the client's window */
    uint64_t length;
};

static struct {
    volatile uint8_t *registers;
    struct shared *shared;
    uint8_t *data;     /* DMA_SLOTS times DMA_SLOT_SIZE */
    uint64_t physical; /* address of `shared` as the device sees it */
    bool can_flush;
    uint16_t used_seen; /* finished chains looked at so far */
    unsigned job_count;
    struct job *order[JOBS_MAX]; /* those in use, in order of arrival */
    struct job jobs[JOBS_MAX];
    struct slot slots[DMA_SLOTS];
} disk;

/* Orders accesses to memory and device, in both directions. */
static void device_fence(void) {
    __asm__ volatile("fence iorw, iorw" ::: "memory");
}

static uint32_t register_read(unsigned offset) {
    return *(volatile uint32_t *)(disk.registers + offset);
}

static void register_write(unsigned offset, uint32_t value) {
    *(volatile uint32_t *)(disk.registers + offset) = value;
}

static void register_write_address(unsigned offset, uint64_t address) {
    register_write(offset, (uint32_t)address);
    register_write(offset + 4, (uint32_t)(address >> 32));
}

/* The address of a place in the DMA memory as the device sees it. */
static uint64_t device_address(const volatile void *place) {
    return disk.physical + (uint64_t)((const volatile uint8_t *)place -
                                      (const uint8_t *)disk.shared);
}

/* ---- Pieces ---- */

static void descriptor_set(unsigned index, const volatile void *place,
                           uint64_t length, uint16_t flags) {
    disk.shared->descriptors[index] = (struct virtq_descriptor){
        .address = device_address(place),
        .length = (uint32_t)length,
        .flags = flags,
        .next = flags & DESCRIPTOR_NEXT ? (uint16_t)(index + 1) : 0};
}

/* Gives a slot's chain to the device. */
static void device_offer(unsigned index) {
    volatile struct virtq_available *available = &disk.shared->available;
    available->ring[available->index % QUEUE_SIZE] = (uint16_t)(index * CHAIN);
    device_fence();
    available->index++;
    device_fence();
    register_write(VIRTIO_QUEUE_NOTIFY, 0);
}

/* Builds the chain: header, data if there is any, status. */
static void chain_build(unsigned index, uint32_t type, uint64_t sector) {
    const struct slot *slot = &disk.slots[index];
    unsigned first = index * CHAIN, last = first + 1;
    disk.shared->headers[index] =
        (struct virtio_block_header){.type = type, .sector = sector};
    disk.shared->status[index] = STATUS_PENDING;
    descriptor_set(first, &disk.shared->headers[index],
                   sizeof(struct virtio_block_header), DESCRIPTOR_NEXT);
    if (slot->length > 0)
        descriptor_set(last++, disk.data + index * DMA_SLOT_SIZE, slot->length,
                       DESCRIPTOR_NEXT |
                           (type == BLOCK_IN ? DESCRIPTOR_WRITE : 0));
    descriptor_set(last, &disk.shared->status[index], 1, DESCRIPTOR_WRITE);
}

static void job_fail(struct job *job, int64_t error) {
    if (job->error == 0)
        job->error = error;
    job->started = job->request.count;
}

/* Starts the next piece of a read or write in a free slot. */
static void piece_start(struct job *job, unsigned index) {
    struct slot *slot = &disk.slots[index];
    uint64_t count = job->request.count - job->started;
    if (count > DMA_SLOT_BLOCKS)
        count = DMA_SLOT_BLOCKS;
    bool write = job->request.operation == DISK_WRITE;
    uint64_t offset = job->started << DISK_BLOCK_SHIFT;
    uint64_t length = count << DISK_BLOCK_SHIFT;
    if (write) {
        struct copy_result copied =
            ipc_copy(job->reply, COPY_IN, offset,
                     disk.data + index * DMA_SLOT_SIZE, length);
        if (copied.error < 0) {
            job_fail(job, service_copy_error(copied.error));
            return;
        }
    }
    *slot = (struct slot){job, offset, length};
    chain_build(index, write ? BLOCK_OUT : BLOCK_IN,
                (job->request.block + job->started) * SECTORS_PER_BLOCK);
    job->started += count;
    job->active++;
    device_offer(index);
}

/* A device that cannot flush has no cache: what it has done is durable. */
static void flush_start(struct job *job, unsigned index) {
    job->flushing = true;
    if (!disk.can_flush)
        return;
    disk.slots[index] = (struct slot){job, 0, 0};
    chain_build(index, BLOCK_FLUSH, 0);
    job->active++;
    device_offer(index);
}

/* ---- Requests ---- */

static bool job_started(const struct job *job) {
    return job->request.operation == DISK_FLUSH
               ? job->flushing || job->error < 0
               : job->started == job->request.count;
}

static bool job_over(const struct job *job) {
    return job_started(job) && job->active == 0;
}

/* A free slot's index, or DMA_SLOTS. */
static unsigned slot_find(void) {
    unsigned index = 0;
    while (index < DMA_SLOTS && disk.slots[index].job)
        index++;
    return index;
}

static bool device_idle(void) {
    for (unsigned i = 0; i < DMA_SLOTS; i++) {
        if (disk.slots[i].job)
            return false;
    }
    return true;
}

/* Starts pieces, in order of arrival, until there is none left to start, no
 * slot, or a flush that has to wait (V2). */
static void jobs_start(void) {
    for (unsigned i = 0; i < disk.job_count; i++) {
        struct job *job = disk.order[i];
        bool flush = job->request.operation == DISK_FLUSH;
        while (!job_started(job)) {
            unsigned index = slot_find();
            if (index == DMA_SLOTS || (flush && !device_idle()))
                return;
            if (flush)
                flush_start(job, index);
            else
                piece_start(job, index);
        }
    }
}

static void jobs_finish(void) {
    for (unsigned i = 0; i < disk.job_count;) {
        struct job *job = disk.order[i];
        if (!job_over(job)) {
            i++;
            continue;
        }
        disk.job_count--;
        memmove(&disk.order[i], &disk.order[i + 1],
                (disk.job_count - i) * sizeof(disk.order[0]));
        service_reply(job->reply, job->error);
        job->used = false;
    }
}

static struct job *job_find(void) {
    for (unsigned i = 0; i < JOBS_MAX; i++) {
        if (!disk.jobs[i].used)
            return &disk.jobs[i];
    }
    return NULL;
}

static int64_t virtio_submit(const struct request *request) {
    struct job *job = job_find();
    if (!job)
        return -EAGAIN;
    int64_t reply = ipc_reply_save();
    if (reply < 0)
        return reply;
    *job = (struct job){.request = *request, .used = true, .reply = reply};
    disk.order[disk.job_count++] = job;
    jobs_start();
    jobs_finish();
    return SERVICE_LATER;
}

/* ---- Interrupts ---- */

/* A piece has come back: its bytes go to the client. */
static void piece_finish(unsigned index) {
    struct slot *slot = &disk.slots[index];
    struct job *job = slot->job;
    struct copy_result copied = {0, 0};
    if (disk.shared->status[index] != 0)
        copied.error = -EIO;
    else if (job->request.operation == DISK_READ && job->error == 0)
        copied = ipc_copy(job->reply, COPY_OUT, slot->offset,
                          disk.data + index * DMA_SLOT_SIZE, slot->length);
    if (copied.error < 0)
        job_fail(job, service_copy_error(copied.error));
    job->active--;
    slot->job = NULL;
}

static void virtio_interrupt(void) {
    volatile struct virtq_used *used = &disk.shared->used;
    register_write(VIRTIO_INTERRUPT_ACK,
                   register_read(VIRTIO_INTERRUPT_STATUS));
    device_fence();
    while (disk.used_seen != used->index) {
        device_fence();
        uint32_t id = used->ring[disk.used_seen++ % QUEUE_SIZE].id;
        unsigned index = id / CHAIN;
        if (index < DMA_SLOTS && disk.slots[index].job)
            piece_finish(index);
    }
    jobs_start();
    jobs_finish();
    sys_irq_ack(SLOT_IRQ);
}

/* ---- Start ---- */

/* Negotiates: version 1 must be there, flushing is taken if offered. */
static int64_t features_agree(void) {
    register_write(VIRTIO_DEVICE_FEATURES_SELECT, 1);
    if (!(register_read(VIRTIO_DEVICE_FEATURES) & FEATURE_VERSION_1))
        return -ENODEV;
    register_write(VIRTIO_DEVICE_FEATURES_SELECT, 0);
    uint32_t low = register_read(VIRTIO_DEVICE_FEATURES) & FEATURE_FLUSH;
    register_write(VIRTIO_DRIVER_FEATURES_SELECT, 0);
    register_write(VIRTIO_DRIVER_FEATURES, low);
    register_write(VIRTIO_DRIVER_FEATURES_SELECT, 1);
    register_write(VIRTIO_DRIVER_FEATURES, FEATURE_VERSION_1);
    uint32_t status = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;
    register_write(VIRTIO_STATUS, status);
    disk.can_flush = low != 0;
    return register_read(VIRTIO_STATUS) & STATUS_FEATURES_OK ? 0 : -ENODEV;
}

static int64_t queue_start(void) {
    register_write(VIRTIO_QUEUE_SELECT, 0);
    if (register_read(VIRTIO_QUEUE_READY) != 0 ||
        register_read(VIRTIO_QUEUE_SIZE_MAX) < QUEUE_SIZE)
        return -ENODEV;
    register_write(VIRTIO_QUEUE_SIZE, QUEUE_SIZE);
    register_write_address(VIRTIO_QUEUE_DESCRIPTORS, disk.physical);
    register_write_address(VIRTIO_QUEUE_AVAILABLE,
                           device_address(&disk.shared->available));
    register_write_address(VIRTIO_QUEUE_USED,
                           device_address(&disk.shared->used));
    register_write(VIRTIO_QUEUE_READY, 1);
    return 0;
}

/* The size of the disk in blocks; read again if it changed in between. */
static uint64_t capacity_read(void) {
    uint32_t generation;
    uint64_t sectors;
    do {
        generation = register_read(VIRTIO_CONFIG_GENERATION);
        sectors = register_read(VIRTIO_CONFIG_CAPACITY) |
                  (uint64_t)register_read(VIRTIO_CONFIG_CAPACITY + 4) << 32;
    } while (generation != register_read(VIRTIO_CONFIG_GENERATION));
    return sectors / SECTORS_PER_BLOCK;
}

/* Maps registers and DMA memory; the latter is cleared, as an earlier server's
 * rings may still be in it. The device is reset first: it may use them. */
static int64_t memory_start(void) {
    int64_t registers = sys_map(HANDLE_SELF, 0, PAGE_SIZE,
                                PROT_READ | PROT_WRITE, SLOT_REGISTERS, 0);
    if (registers < 0)
        return registers;
    disk.registers = (volatile uint8_t *)registers;
    register_write(VIRTIO_STATUS, 0);
    while (register_read(VIRTIO_STATUS) != 0)
        sys_yield();
    struct sys_words info = sys_memory_info(SLOT_DMA);
    if (info.result < 0)
        return info.result;
    if (info.value[0] == 0 || info.value[1] < DMA_SIZE)
        return -EINVAL;
    int64_t memory =
        sys_map(HANDLE_SELF, 0, DMA_SIZE, PROT_READ | PROT_WRITE, SLOT_DMA, 0);
    if (memory < 0)
        return memory;
    disk.physical = info.value[0];
    disk.shared = (struct shared *)memory;
    disk.data = (uint8_t *)memory + PAGE_SIZE;
    memset(disk.shared, 0, PAGE_SIZE);
    return 0;
}

static int64_t device_start(void) {
    if (register_read(VIRTIO_MAGIC) != VIRTIO_MAGIC_VALUE ||
        register_read(VIRTIO_VERSION) != VIRTIO_MODERN ||
        register_read(VIRTIO_DEVICE_ID) != VIRTIO_ID_BLOCK)
        return -ENODEV;
    register_write(VIRTIO_STATUS, STATUS_ACKNOWLEDGE);
    register_write(VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    int64_t error = features_agree();
    if (error < 0)
        return error;
    error = queue_start();
    if (error < 0)
        return error;
    register_write(VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER |
                                      STATUS_FEATURES_OK | STATUS_DRIVER_OK);
    return 0;
}

static int64_t virtio_start(struct backend *backend, int argc, char **argv,
                            int64_t notification) {
    (void)argc;
    (void)argv;
    int64_t error = memory_start();
    if (error < 0)
        return error;
    error = sys_irq_bind(SLOT_IRQ, notification, SIGNAL_IRQ);
    if (error < 0)
        return error;
    error = device_start();
    if (error < 0)
        return error;
    backend->blocks = capacity_read();
    return 0;
}

struct backend virtio_backend = {
    .start = virtio_start,
    .submit = virtio_submit,
    .interrupt = virtio_interrupt,
};
