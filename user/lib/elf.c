/* SPDX-License-Identifier: MIT */
/*
 * lib/elf.c: reading 64-bit little-endian RISC-V programs.
 *
 * Idea        Plan, then load. The plan is made from the headers alone and
 *             checked in full before anything is mapped, so that the loading
 *             part has only the kernel's errors to pass on.
 * Invariants  Arithmetic on header fields cannot wrap: addresses and sizes are
 *             bounded before they are added.
 */
#include "lib/elf.h"

#include <stdbool.h>

#include "abi/errno.h"
#include "abi/layout.h"
#include "abi/syscall.h"
#include "lib/ipc.h"
#include "lib/string.h"
#include "lib/syscall.h"

struct elf_header {
    uint8_t ident[16];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t program_offset;
    uint64_t section_offset;
    uint32_t flags;
    uint16_t header_size;
    uint16_t program_size;
    uint16_t program_count;
    uint16_t section_size;
    uint16_t section_count;
    uint16_t section_names;
};

struct elf_program {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t address;
    uint64_t physical;
    uint64_t file_size;
    uint64_t memory_size;
    uint64_t align;
};

enum {
    ELF_TYPE_EXECUTABLE = 2,
    ELF_MACHINE_RISCV = 243,
    ELF_LOAD = 1,
    ELF_FLAG_EXECUTE = 1,
    ELF_FLAG_WRITE = 2,
    ELF_FLAG_READ = 4,
};

_Static_assert(sizeof(struct elf_header) == 64, "as the format has it");
_Static_assert(sizeof(struct elf_program) == 56, "as the format has it");
_Static_assert(ELF_BUFFER_MIN >= ELF_HEADERS_MAX * sizeof(struct elf_program),
               "the buffer takes all program headers");

/* The first bytes: magic, 64 bits, little-endian, version 1. */
static const uint8_t elf_ident[7] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

static uint64_t page_floor(uint64_t address) {
    return address & ~(uint64_t)(PAGE_SIZE - 1);
}

static uint64_t page_ceiling(uint64_t address) {
    return page_floor(address + PAGE_SIZE - 1);
}

static bool header_valid(const struct elf_header *header) {
    return memcmp(header->ident, elf_ident, sizeof(elf_ident)) == 0 &&
           header->type == ELF_TYPE_EXECUTABLE &&
           header->machine == ELF_MACHINE_RISCV &&
           header->program_size == sizeof(struct elf_program) &&
           header->program_count >= 1 &&
           header->program_count <= ELF_HEADERS_MAX &&
           header->program_offset <= INT32_MAX;
}

/* Whether the segment's pages lie from `floor` up, in the part of user memory
 * that is for programs, with rights that SYS_PROTECT takes. */
static bool segment_valid(const struct elf_program *program, uint64_t floor) {
    bool write = program->flags & ELF_FLAG_WRITE;
    return program->address < USER_MAP_BASE &&
           program->memory_size <= USER_MAP_BASE - program->address &&
           page_floor(program->address) >= floor &&
           program->file_size <= program->memory_size &&
           program->offset <= INT64_MAX - program->file_size &&
           !(write && (program->flags & ELF_FLAG_EXECUTE)) &&
           !(write && !(program->flags & ELF_FLAG_READ));
}

static struct elf_segment segment_make(const struct elf_program *program) {
    uint64_t prot = 0;
    prot |= program->flags & ELF_FLAG_READ ? PROT_READ : 0;
    prot |= program->flags & ELF_FLAG_WRITE ? PROT_WRITE : 0;
    prot |= program->flags & ELF_FLAG_EXECUTE ? PROT_EXECUTE : 0;
    return (struct elf_segment){.address = program->address,
                                .memory_size = program->memory_size,
                                .offset = program->offset,
                                .file_size = program->file_size,
                                .prot = prot};
}

/* The entry point must be in a segment that can be executed. */
static bool entry_valid(const struct elf_image *image) {
    for (unsigned i = 0; i < image->count; i++) {
        const struct elf_segment *segment = &image->segments[i];
        if ((segment->prot & PROT_EXECUTE) &&
            image->entry - segment->address < segment->memory_size)
            return true;
    }
    return false;
}

static int64_t segments_collect(const struct elf_program *programs,
                                unsigned count, struct elf_image *image) {
    image->count = 0;
    image->end = USER_IMAGE;
    for (unsigned i = 0; i < count; i++) {
        const struct elf_program *program = &programs[i];
        if (program->type != ELF_LOAD || program->memory_size == 0)
            continue;
        if (image->count == ELF_SEGMENTS_MAX ||
            !segment_valid(program, image->end))
            return -ENOEXEC;
        image->segments[image->count++] = segment_make(program);
        image->end = page_ceiling(program->address + program->memory_size);
    }
    return entry_valid(image) ? 0 : -ENOEXEC;
}

int64_t elf_plan(const struct elf_source *source, struct elf_image *image) {
    struct elf_header header;
    int64_t error = source->read(source->context, 0, &header, sizeof(header));
    if (error < 0)
        return error;
    if (!header_valid(&header))
        return -ENOEXEC;
    error = source->read(source->context, header.program_offset, source->buffer,
                         header.program_count * sizeof(struct elf_program));
    if (error < 0)
        return error;
    image->entry = header.entry;
    return segments_collect(source->buffer, header.program_count, image);
}

/* Copies the segment's bytes into its pages, a buffer at a time. */
static int64_t segment_fill(int64_t space, const struct elf_source *source,
                            const struct elf_segment *segment) {
    for (uint64_t done = 0; done < segment->file_size;) {
        uint64_t length = segment->file_size - done;
        if (length > source->buffer_size)
            length = source->buffer_size;
        int64_t error = source->read(source->context, segment->offset + done,
                                     source->buffer, length);
        if (error < 0)
            return error;
        error = ipc_copy(space, COPY_OUT, segment->address + done,
                         source->buffer, length)
                    .error;
        if (error < 0)
            return error;
        done += length;
    }
    return 0;
}

/*
 * Maps the segment's first pages from the program: all that have bytes of it,
 * or, if zeros follow in the last one's memory, those before. Moves the segment
 * up to what is left.
 */
static int64_t segment_map(int64_t space, int64_t pager,
                           struct elf_segment *segment) {
    uint64_t start = page_floor(segment->address);
    uint64_t end = segment->address + segment->file_size;
    bool zeros = segment->memory_size > segment->file_size ||
                 (segment->prot & PROT_WRITE);
    end = zeros ? page_floor(end) : page_ceiling(end);
    if (end <= start ||
        page_floor(segment->offset) + (segment->address - start) !=
            segment->offset)
        return 0;
    int64_t error = sys_map(space, start, end - start,
                            segment->prot | MAP_FIXED | MAP_PAGER, pager,
                            page_floor(segment->offset));
    uint64_t done = end - segment->address;
    segment->address = end;
    segment->offset += done;
    segment->file_size -= done < segment->file_size ? done : segment->file_size;
    segment->memory_size -=
        done < segment->memory_size ? done : segment->memory_size;
    return error;
}

static int64_t segment_load(int64_t space, const struct elf_source *source,
                            const struct elf_segment *planned) {
    struct elf_segment rest = *planned, *segment = &rest;
    if (source->pager > 0) {
        int64_t result = segment_map(space, source->pager, segment);
        if (result < 0 || segment->memory_size == 0)
            return result;
    }
    uint64_t start = page_floor(segment->address);
    uint64_t length =
        page_ceiling(segment->address + segment->memory_size) - start;
    int64_t error = sys_map(space, start, length,
                            PROT_READ | PROT_WRITE | MAP_FIXED, -1, 0);
    if (error < 0)
        return error;
    error = segment_fill(space, source, segment);
    if (error < 0 || segment->prot == (PROT_READ | PROT_WRITE))
        return error;
    return sys_protect(space, start, length, segment->prot);
}

int64_t elf_load(int64_t space, const struct elf_source *source,
                 struct elf_image *image) {
    int64_t error = elf_plan(source, image);
    for (unsigned i = 0; error >= 0 && i < image->count; i++)
        error = segment_load(space, source, &image->segments[i]);
    return error < 0 ? error : 0;
}
