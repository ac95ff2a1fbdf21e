/* SPDX-License-Identifier: MIT */
/*
 * posix/exec.c: becoming another program.
 *
 * Idea        The kernel knows nothing of programs. A fresh address space is
 *             built beside the running one: segments from the file, a stack,
 *             the arguments at its top. One system call then changes over;
 *             everything that can fail has been done by then. The file's
 *             server is its pager: what is not touched is not even read, and
 *             all who run the program share its text.
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
    WINDOW_SIZE = 16 * PAGE_SIZE, /* of a program, mapped at once */
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

/* The file being loaded. */
struct program {
    int64_t session;
    const char *window; /* WINDOW_SIZE bytes of it, or NULL */
    uint64_t offset;    /* of the window; its pages come as they are read */
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

/* Maps the part of the file from `offset` on, below the stack, where page
 * tables are; anywhere if something is there. */
static int64_t program_map(struct program *program, uint64_t offset) {
    const uint64_t place =
        USER_STACK_TOP - USER_STACK_SIZE - PAGE_SIZE - WINDOW_SIZE;
    int64_t result = sys_map(HANDLE_SELF, place, WINDOW_SIZE,
                             PROT_READ | MAP_PAGER, program->session, offset);
    if (result == -EEXIST)
        result = sys_map(HANDLE_SELF, 0, WINDOW_SIZE, PROT_READ | MAP_PAGER,
                         program->session, offset);
    program->window = result > 0 ? (const char *)result : NULL;
    program->offset = offset;
    return result < 0 ? result : 0;
}

static void program_unmap(struct program *program) {
    if (program->window != NULL)
        sys_unmap(HANDLE_SELF, (uint64_t)program->window, WINDOW_SIZE);
    program->window = NULL;
}

static int64_t program_open(struct program *program, const char *path) {
    uint64_t major;
    program->window = NULL;
    program->session = path_open(path, O_RDONLY, &major);
    return program->session == FILE_IS_DEVICE ? -ENOEXEC : program->session;
}

static void program_close(struct program *program) {
    program_unmap(program);
    sys_handle_close(program->session);
}

/* The read function of struct elf_source. What its server does not page is
 * beyond the file's end, or no program. */
static int64_t program_read(void *context, uint64_t offset, void *to,
                            uint64_t length) {
    struct program *program = context;
    int64_t error = 0;
    if (program->window == NULL || offset < program->offset ||
        offset + length > program->offset + WINDOW_SIZE) {
        program_unmap(program);
        error = program_map(program, offset / PAGE_SIZE * PAGE_SIZE);
    }
    if (error >= 0)
        error =
            safe_copy(to, program->window + (offset - program->offset), length);
    return error == -EFAULT ? -ENOEXEC : error;
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
    char buffer[ELF_BUFFER_MIN];
    int64_t error = program_open(&program, path);
    if (error < 0)
        return error;
    struct elf_source source = {.read = program_read,
                                .context = &program,
                                .buffer = buffer,
                                .buffer_size = sizeof(buffer),
                                .pager = program.session};
    error = elf_load(space, &source, image);
    program_close(&program);
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
