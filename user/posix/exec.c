/* SPDX-License-Identifier: MIT */
/*
 * posix/exec.c: becoming another program.
 *
 * Idea        The kernel knows nothing of programs. A fresh address space is
 *             built beside the running one: segments from the file, a stack,
 *             the arguments at its top. One system call then changes over;
 *             everything that can fail has been done by then.
 *
 *             The stack as main finds it, in one page at most:
 *
 *               USER_STACK_TOP  ->  +------------------------+
 *                                   | the strings            |
 *                                   | NULL                   |
 *                                   | argv[argc - 1]         |
 *                                   | ...                    |
 *               sp = argv       ->  | argv[0]                |
 *                                   +------------------------+
 *
 * Invariants  Until the commit nothing of the caller's is changed; the new
 *             space and the file are closed on every error.
 */
#include "abi/layout.h"
#include "lib/elf.h"
#include "lib/file.h"
#include "lib/proto.h"
#include "lib/safe.h"
#include "lib/syscall.h"
#include "posix/internal.h"
#include "posix/posix.h"

enum {
    READ_SIZE = 16 * 1024, /* of a program, read at once */
    STACK_ALIGN = 16,
};

/* The top of the stack, as it will be. */
struct arguments {
    uint64_t count;
    uint64_t size; /* bytes used, a multiple of STACK_ALIGN once finished */
    union {
        uint64_t vector[PAGE_SIZE / sizeof(uint64_t)];
        char bytes[PAGE_SIZE];
    };
};

/* The file being loaded. It can only be read onwards, so the position is kept
 * and going back means to open it again. */
struct program {
    const char *path;
    int64_t session;
    uint64_t position;
    char buffer[READ_SIZE];
};

/* Counts the caller's strings. E2BIG EFAULT. */
static int64_t arguments_count(char **argv) {
    for (int64_t count = 0; count <= MAXARG; count++) {
        char *argument;
        int64_t error = safe_copy(&argument, &argv[count], sizeof(argument));
        if (error < 0)
            return error;
        if (argument == NULL)
            return count;
    }
    return -E2BIG;
}

/* Appends string number `index`; the vector holds offsets for now. */
static int64_t arguments_add(struct arguments *arguments, char **argv,
                             uint64_t index) {
    char *argument;
    int64_t error = safe_copy(&argument, &argv[index], sizeof(argument));
    if (error < 0)
        return error;
    int64_t length = safe_string(arguments->bytes + arguments->size, argument,
                                 PAGE_SIZE - arguments->size);
    if (length < 0)
        return length == -ENAMETOOLONG ? -E2BIG : length;
    arguments->vector[index] = arguments->size;
    arguments->size += (uint64_t)length + 1;
    return 0;
}

/* Lays out the caller's arguments. E2BIG EFAULT. */
static int64_t arguments_build(struct arguments *arguments, char **argv) {
    int64_t count = arguments_count(argv);
    if (count < 0)
        return count;
    arguments->count = (uint64_t)count;
    arguments->size = ((uint64_t)count + 1) * sizeof(uint64_t);
    for (uint64_t i = 0; i < arguments->count; i++) {
        int64_t error = arguments_add(arguments, argv, i);
        if (error < 0)
            return error;
    }
    while (arguments->size % STACK_ALIGN != 0)
        arguments->bytes[arguments->size++] = 0;
    for (uint64_t i = 0; i < arguments->count; i++)
        arguments->vector[i] += USER_STACK_TOP - arguments->size;
    arguments->vector[count] = 0;
    return 0;
}

/* Opens the file, at its start. */
static int64_t program_open(struct program *program) {
    uint64_t major;
    int64_t session = path_open(program->path, O_RDONLY, &major);
    if (session == FILE_IS_DEVICE)
        return -ENOEXEC;
    program->session = session;
    program->position = 0;
    return session < 0 ? session : 0;
}

static int64_t program_rewind(struct program *program) {
    sys_handle_close(program->session);
    return program_open(program);
}

/* Reads the next `length` bytes, all of them. */
static int64_t program_next(struct program *program, char *to,
                            uint64_t length) {
    while (length > 0) {
        int64_t count = file_read(program->session, to, length);
        if (count <= 0)
            return count < 0 ? count : -ENOEXEC;
        program->position += (uint64_t)count;
        to += count;
        length -= (uint64_t)count;
    }
    return 0;
}

/* The read function of struct elf_source. What lies between is read and
 * dropped; the buffer is free for that, as `to` is its start or elsewhere. */
static int64_t program_read(void *context, uint64_t offset, void *to,
                            uint64_t length) {
    struct program *program = context;
    int64_t error = 0;
    if (offset < program->position)
        error = program_rewind(program);
    while (error >= 0 && program->position < offset) {
        uint64_t gap = offset - program->position;
        error = program_next(program, program->buffer,
                             gap < READ_SIZE ? gap : READ_SIZE);
    }
    return error < 0 ? error : program_next(program, to, length);
}

/* Maps the stack and puts the arguments on it. */
static int64_t stack_build(int64_t space, const struct arguments *arguments) {
    int64_t error =
        sys_map(space, USER_STACK_TOP - USER_STACK_SIZE, USER_STACK_SIZE,
                PROT_READ | PROT_WRITE | MAP_STACK | MAP_FIXED, -1, 0);
    if (error < 0)
        return error;
    return ipc_copy(space, COPY_OUT, USER_STACK_TOP - arguments->size,
                    arguments->bytes, arguments->size)
        .error;
}

/* The last component of the path, cut to what the kernel keeps. */
static void name_set(struct sys_start *start, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    memcpy(start->name, name, strnlen(name, sizeof(start->name)));
}

/* Fills the space from the file, which it closes. */
static int64_t space_load(int64_t space, const char *path,
                          struct elf_image *image) {
    struct program program;
    program.path = path;
    int64_t error = program_open(&program);
    if (error < 0)
        return error;
    struct elf_source source = {.read = program_read,
                                .context = &program,
                                .buffer = program.buffer,
                                .buffer_size = READ_SIZE};
    error = elf_load(space, &source, image);
    if (program.session >= 0)
        sys_handle_close(program.session);
    return error;
}

/* Builds the program in the space and changes over. */
static int64_t space_start(int64_t space, const char *path,
                           const struct arguments *arguments) {
    struct elf_image image;
    int64_t error = space_load(space, path, &image);
    if (error >= 0)
        error = stack_build(space, arguments);
    if (error < 0)
        return error;
    struct sys_start start = {
        .entry = image.entry,
        .stack = USER_STACK_TOP - arguments->size,
        .arg0 = arguments->count,
        .arg1 = USER_STACK_TOP - arguments->size,
        .heap = image.end,
    };
    name_set(&start, path);
    return sys_space_commit(space, &start);
}

int exec(const char *path, char **argv) {
    struct arguments arguments;
    char name[MAXPATH + 1];
    int64_t error = safe_string(name, path, sizeof(name));
    if (error >= 0)
        error = arguments_build(&arguments, argv);
    if (error < 0)
        return posix_result(error);
    int64_t space = sys_space_create();
    if (space < 0)
        return posix_result(space);
    error = space_start(space, name, &arguments);
    sys_handle_close(space);
    return posix_result(error);
}
