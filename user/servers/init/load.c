/* SPDX-License-Identifier: MIT */
/*
 * servers/init/load.c: see load.h.
 */
#include "servers/init/load.h"

#include "abi/errno.h"
#include "abi/layout.h"
#include "lib/elf.h"
#include "lib/ipc.h"
#include "lib/string.h"
#include "lib/syscall.h"

enum { LOAD_BUFFER = 4 * PAGE_SIZE, STACK_ALIGN = 16 };

/* What the new program finds at the top of its stack. */
struct arguments {
    uint64_t count;
    uint64_t address; /* of the first byte below, in the new space */
    uint64_t length;
    union {
        uint64_t vector[LOAD_ARGS_MAX + 1]; /* addresses in the new space */
        char bytes[LOAD_TEXT_MAX + (LOAD_ARGS_MAX + 1) * 8 + STACK_ALIGN];
    };
};

/* elf_source's read: the archive's file is in memory. */
static int64_t file_fetch(void *context, uint64_t offset, void *buffer,
                          uint64_t length) {
    const struct ustar_file *file = context;
    if (offset > file->length || length > file->length - offset)
        return -ENOEXEC;
    memcpy(buffer, file->data + offset, length);
    return 0;
}

/* Lays out the vector and, behind it, the strings. */
static int64_t arguments_make(struct arguments *arguments,
                              const char *const argv[]) {
    uint64_t count = 0, text = 0;
    for (; argv[count]; count++)
        text += strlen(argv[count]) + 1;
    if (count > LOAD_ARGS_MAX || text > LOAD_TEXT_MAX)
        return -E2BIG;
    uint64_t at = (count + 1) * sizeof(uint64_t);
    arguments->count = count;
    arguments->length =
        (at + text + STACK_ALIGN - 1) / STACK_ALIGN * STACK_ALIGN;
    arguments->address = USER_STACK_TOP - arguments->length;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t size = strlen(argv[i]) + 1;
        memcpy(arguments->bytes + at, argv[i], size);
        arguments->vector[i] = arguments->address + at;
        at += size;
    }
    arguments->vector[count] = 0;
    return 0;
}

static int64_t stack_make(int64_t space, const struct arguments *arguments) {
    int64_t error =
        sys_map(space, USER_STACK_TOP - USER_STACK_SIZE, USER_STACK_SIZE,
                PROT_READ | PROT_WRITE | MAP_STACK | MAP_FIXED, -1, 0);
    if (error < 0)
        return error;
    return ipc_copy(space, COPY_OUT, arguments->address, arguments->bytes,
                    arguments->length)
        .error;
}

/* Builds the program in `space` and takes it on. */
static int64_t space_start(int64_t space, const struct ustar_file *file,
                           const char *const argv[]) {
    uint8_t buffer[LOAD_BUFFER];
    struct elf_source source = {.read = file_fetch,
                                .context = (void *)file,
                                .buffer = buffer,
                                .buffer_size = sizeof(buffer)};
    struct arguments arguments = {0};
    struct elf_image image;
    int64_t error = arguments_make(&arguments, argv);
    if (error >= 0)
        error = elf_load(space, &source, &image);
    if (error >= 0)
        error = stack_make(space, &arguments);
    if (error < 0)
        return error;
    struct sys_start start = {.entry = image.entry,
                              .stack = arguments.address,
                              .arg0 = arguments.count,
                              .arg1 = arguments.address,
                              .heap = image.end};
    memcpy(start.name, argv[0], strnlen(argv[0], sizeof(start.name)));
    return sys_space_commit(space, &start);
}

int64_t load_program(const struct ustar_file *file, const char *const argv[]) {
    int64_t space = sys_space_create();
    if (space < 0)
        return space;
    int64_t error = space_start(space, file, argv);
    sys_handle_close(space);
    return error;
}
