/* SPDX-License-Identifier: MIT */
/*
 * host/servers/elf.c: the program loader, on a real program, on every
 * truncation of its headers, and on headers with lies in them.
 *
 * The kernel's part is played by a small address space that records what is
 * mapped and refuses what the kernel would refuse. Argument: a program.
 */
#include <stdbool.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/layout.h"
#include "abi/syscall.h"
#include "check.h"
#include "lib/elf.h"
#include "lib/ipc.h"
#include "lib/syscall.h"

enum { REGIONS_MAX = 16, PROGRAM_MAX = 1 << 20, FIELD_HEADER = 64 };

struct region {
    uint64_t start, length;
    unsigned prot;
    uint8_t *bytes;
};

static struct region regions[REGIONS_MAX];
static unsigned region_count;
static int64_t calls_left = INT64_MAX; /* until a call fails with ENOMEM */

static void space_clear(void) {
    while (region_count > 0)
        free(regions[--region_count].bytes);
}

static bool call_fails(void) {
    return calls_left-- <= 0;
}

int64_t sys_map(int64_t space, uint64_t address, uint64_t length,
                unsigned flags, int64_t memory, uint64_t offset) {
    CHECK(space == 7 && memory == -1 && offset == 0);
    CHECK(address % PAGE_SIZE == 0 && length % PAGE_SIZE == 0 && length > 0);
    CHECK(address + length <= USER_MAP_BASE && address >= USER_IMAGE);
    CHECK((flags & ~(unsigned)MAP_FIXED) == (PROT_READ | PROT_WRITE));
    for (unsigned i = 0; i < region_count; i++)
        CHECK(address >= regions[i].start + regions[i].length ||
              address + length <= regions[i].start);
    if (call_fails() || length > PROGRAM_MAX || region_count == REGIONS_MAX)
        return -ENOMEM;
    regions[region_count++] = (struct region){
        address, length, PROT_READ | PROT_WRITE, calloc(1, length)};
    return (int64_t)address;
}

static struct region *region_find(uint64_t address, uint64_t length) {
    for (unsigned i = 0; i < region_count; i++) {
        if (address >= regions[i].start &&
            address + length <= regions[i].start + regions[i].length)
            return &regions[i];
    }
    return NULL;
}

struct copy_result ipc_copy(int64_t handle, unsigned what, uint64_t offset,
                            const void *local, uint64_t length) {
    struct region *region = region_find(offset, length);
    CHECK(handle == 7 && what == COPY_OUT && region && length > 0);
    if (call_fails())
        return (struct copy_result){-ENOMEM, 0};
    memcpy(region->bytes + (offset - region->start), local, length);
    return (struct copy_result){0, length};
}

int64_t sys_protect(int64_t space, uint64_t address, uint64_t length,
                    unsigned prot) {
    struct region *region = region_find(address, length);
    CHECK(space == 7 && region && region->length == length);
    CHECK((prot & (PROT_WRITE | PROT_EXECUTE)) != (PROT_WRITE | PROT_EXECUTE));
    if (call_fails())
        return -ENOMEM;
    region->prot = prot;
    return 0;
}

static uint8_t program[PROGRAM_MAX];
static uint64_t program_length;
static uint8_t buffer[ELF_BUFFER_MIN];

static int64_t program_fetch(void *context, uint64_t offset, void *to,
                             uint64_t length) {
    uint64_t limit = *(uint64_t *)context;
    CHECK(length <= sizeof(buffer) || length == 64);
    if (offset > limit || length > limit - offset)
        return -ENOEXEC;
    memcpy(to, program + offset, length);
    return 0;
}

static int64_t load(uint64_t limit, struct elf_image *image) {
    struct elf_source source = {.read = program_fetch,
                                .context = &limit,
                                .buffer = buffer,
                                .buffer_size = sizeof(buffer)};
    space_clear();
    return elf_load(7, &source, image);
}

static uint64_t field(uint64_t offset, unsigned size) {
    uint64_t value = 0;
    memcpy(&value, program + offset, size);
    return value;
}

/* A header field with this value in it is refused. */
static void refuse(uint64_t offset, unsigned size, uint64_t value) {
    struct elf_image image;
    uint64_t saved = field(offset, size);
    CHECK(saved != value);
    memcpy(program + offset, &value, size);
    CHECK(load(program_length, &image) == -ENOEXEC);
    CHECK(region_count == 0);
    memcpy(program + offset, &saved, size);
}

static void test_load(void) {
    struct elf_image image;
    CHECK(load(program_length, &image) == 0);
    CHECK(image.count >= 2 && region_count == image.count);
    struct region *text = region_find(image.entry, 4);
    CHECK(text && text->prot == (PROT_READ | PROT_EXECUTE));
    for (unsigned i = 0; i < image.count; i++) {
        const struct elf_segment *segment = &image.segments[i];
        struct region *region = region_find(segment->address, 1);
        uint8_t *bytes = region->bytes + (segment->address - region->start);
        CHECK(region->prot == segment->prot);
        CHECK(memcmp(bytes, program + segment->offset, segment->file_size) ==
              0);
        CHECK(image.end >= segment->address + segment->memory_size);
    }
    CHECK(image.end % PAGE_SIZE == 0);
}

static void test_lies(void) {
    refuse(0, 1, 0x7e); /* magic */
    refuse(4, 1, 1);    /* 32 bits */
    refuse(5, 1, 2);    /* big-endian */
    refuse(16, 2, 1);   /* not a program */
    refuse(18, 2, 62);  /* another machine */
    refuse(24, 8, 0);   /* entry at a null pointer */
    refuse(24, 8, field(FIELD_HEADER + 16, 8) + (1 << 24)); /* or outside */
    refuse(32, 8, UINT64_MAX - 8); /* headers beyond everything */
    refuse(54, 2, 32);             /* size of a program header */
    refuse(56, 2, 0);              /* no segment */
    refuse(56, 2, UINT16_MAX);     /* too many */
}

/* Lies in the program header at `at`. */
static void test_segment_lies(uint64_t at) {
    refuse(at + 4, 4, 7);                      /* writable and executable */
    refuse(at + 4, 4, 2);                      /* writable, not readable */
    refuse(at + 8, 8, UINT64_MAX - 16);        /* bytes beyond everything */
    refuse(at + 16, 8, 0);                     /* in the guard of null */
    refuse(at + 16, 8, USER_MAP_BASE);         /* not for programs */
    refuse(at + 16, 8, UINT64_MAX - 4096);     /* wraps */
    refuse(at + 32, 8, field(at + 40, 8) + 1); /* more bytes than memory */
    refuse(at + 40, 8, UINT64_MAX);            /* wraps */
    refuse(at + 40, 8, field(at + 32, 8) - 1); /* less memory than bytes */
}

/* The second segment may not begin on the first one's last page. */
static void test_overlap(uint64_t first) {
    uint64_t second = first + 56;
    refuse(second + 16, 8, field(first + 16, 8));
    refuse(second + 16, 8, field(first + 16, 8) + field(first + 40, 8) - 1);
}

static void test_truncated(uint64_t at) {
    struct elf_image image;
    for (uint64_t limit = 0; limit < at + 3 * 56; limit++)
        CHECK(load(limit, &image) == -ENOEXEC);
    uint64_t need = field(at + 8, 8) + field(at + 32, 8);
    CHECK(load(need - 1, &image) == -ENOEXEC);
}

static void test_failures(void) {
    struct elf_image image;
    int64_t error = -1;
    for (int64_t count = 0; error != 0; count++) {
        CHECK(count < 100000);
        calls_left = count;
        error = load(program_length, &image);
        CHECK(error == 0 || error == -ENOMEM);
    }
    calls_left = INT64_MAX;
}

static void test_random_headers(void) {
    uint64_t random = 777;
    uint8_t saved[512];
    memcpy(saved, program, sizeof(saved));
    for (int i = 0; i < 200000; i++) {
        struct elf_image image;
        for (int k = 0; k < 2; k++)
            program[random_next(&random) % (64 + 4 * 56)] =
                (uint8_t)random_next(&random);
        (void)load(program_length, &image);
        memcpy(program, saved, sizeof(saved));
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    FILE *file = fopen(argv[1], "rb");
    CHECK(file != NULL);
    program_length = fread(program, 1, sizeof(program), file);
    fclose(file);
    CHECK(field(32, 8) == FIELD_HEADER);
    /* The first header may be the attributes'; the tests want a segment. */
    uint64_t at = FIELD_HEADER;
    if (field(at, 4) != 1)
        at += 56;
    test_load();
    test_lies();
    test_segment_lies(at);
    test_overlap(at);
    test_truncated(at);
    test_failures();
    test_random_headers();
    space_clear();
    return 0;
}
