/* SPDX-License-Identifier: MIT */
/*
 * boot/first.c: making the first process.
 *
 * Idea        Every other program is loaded by a program (user/lib). The first
 *             one has none before it, so the kernel does the same, once: map
 *             each segment of the ELF file, fill its pages through the direct
 *             map, give it its rights, and add a stack.
 * Invariants  What is wrong with the file ends the boot with a message that
 *             says so. Segments do not share a page (user/lib/user.ld).
 */
#include "boot/first.h"

#include <stddef.h>
#include <stdint.h>

#include "abi/layout.h"
#include "arch/memory.h"
#include "boot/initrd.h"
#include "dev/machine.h"
#include "lib/bits.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "proc/process.h"
#include "vm/copy.h"
#include "vm/quota.h"
#include "vm/space.h"

/* The parts of an ELF file that matter here. */
struct elf_header {
    uint8_t magic[16];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t segments; /* offset of the table */
    uint64_t sections;
    uint32_t flags;
    uint16_t size;
    uint16_t segment_size;
    uint16_t segment_count;
};

struct elf_segment {
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
    ELF_EXECUTABLE = 2,
    ELF_RISCV = 243,
    ELF_LOAD = 1,
    ELF_FLAG_EXECUTE = 1,
    ELF_FLAG_WRITE = 2,
    ELF_FLAG_READ = 4,
};

/* Ends the boot unless `good`. */
static void require(bool good, const char *what) {
    if (!good) {
        panic("first process: %s", what);
    }
}

static struct elf_header elf_open(const struct initrd_file *file) {
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F', 2, 1};
    struct elf_header header;
    require(file->size >= sizeof(header), "init is too short for a program");
    memcpy(&header, file->data, sizeof(header));
    require(memcmp(header.magic, magic, sizeof(magic)) == 0 &&
                header.type == ELF_EXECUTABLE && header.machine == ELF_RISCV,
            "init is not a 64-bit RISC-V program");
    require(header.segment_size == sizeof(struct elf_segment) &&
                header.segments <= file->size &&
                (uint64_t)header.segment_count * sizeof(struct elf_segment) <=
                    file->size - header.segments,
            "init's segment table is damaged");
    return header;
}

static unsigned segment_prot(const struct elf_segment *segment) {
    return (segment->flags & ELF_FLAG_READ ? PROT_READ : 0u) |
           (segment->flags & ELF_FLAG_WRITE ? PROT_WRITE : 0u) |
           (segment->flags & ELF_FLAG_EXECUTE ? PROT_EXECUTE : 0u);
}

/* Maps and fills one segment; returns the first page address behind it. */
static va_t segment_load(struct space *space, const struct initrd_file *file,
                         const struct elf_segment *segment) {
    require(segment->offset <= file->size &&
                segment->file_size <= file->size - segment->offset,
            "a segment of init is damaged");
    va_t start = round_down(segment->address, PAGE_SIZE);
    va_t end = round_up(segment->address + segment->memory_size, PAGE_SIZE);
    unsigned prot = segment_prot(segment);
    require(space_map(space, start, end - start,
                      PROT_READ | PROT_WRITE | MAP_FIXED, NULL, 0) >= 0,
            "a segment of init cannot be mapped");
    require(space_write(space, segment->address, file->data + segment->offset,
                        segment->file_size) == 0,
            "no memory for init");
    int error;
    do {
        error = space_protect(space, start, end - start, prot);
    } while (error == SPACE_MORE);
    require(error == 0, "a segment of init has rights that are not allowed");
    return end;
}

/* Loads all segments; returns the end of the highest. */
static va_t program_load(struct space *space, const struct initrd_file *file,
                         const struct elf_header *header) {
    va_t end = USER_IMAGE;
    for (unsigned i = 0; i < header->segment_count; i++) {
        struct elf_segment segment;
        memcpy(&segment, file->data + header->segments + i * sizeof(segment),
               sizeof(segment));
        if (segment.type != ELF_LOAD || segment.memory_size == 0) {
            continue;
        }
        va_t behind = segment_load(space, file, &segment);
        end = behind > end ? behind : end;
    }
    return end;
}

/* An empty space, with a quota that may use the reserve: without the first
 * process there is no system. */
static struct space *first_space(void) {
    struct quota *quota = quota_create();
    require(quota != NULL, "no memory");
    quota->essential = true;
    struct space *space = space_create(quota);
    require(space != NULL, "no memory");
    quota_put(quota);
    return space;
}

void first_process_start(void) {
    struct initrd_file file;
    require(machine.initrd.size != 0, "there is no initrd");
    require(initrd_find(pa_to_va(machine.initrd.base), machine.initrd.size,
                        "init", &file),
            "the initrd is no archive with a file `init`");
    struct elf_header header = elf_open(&file);
    struct space *space = first_space();
    va_t end = program_load(space, &file, &header);
    require(space_set_heap(space, end) == 0, "init's heap has no room");
    require(space_map(space, USER_STACK_TOP - USER_STACK_SIZE, USER_STACK_SIZE,
                      PROT_READ | PROT_WRITE | MAP_STACK | MAP_FIXED, NULL,
                      0) >= 0,
            "init's stack has no room");
    require(process_create_first(space, header.entry, USER_STACK_TOP) != NULL,
            "no memory");
}
