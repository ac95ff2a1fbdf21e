/* SPDX-License-Identifier: MIT */
/*
 * lib/elf.h: puts a program into an address space that is being built.
 *
 * Idea        A program is a list of segments: a range of addresses, the bytes
 *             that its first part holds, and the rights of its pages. Where
 *             the bytes come from (a file, the boot archive) is the caller's
 *             business: they are fetched through a function. If the program's
 *             server is a pager, only the last page of what is written is:
 *             text and constants are mapped and shared with whoever else runs
 *             the program, other data are private.
 * Use         int64_t space = sys_space_create();
 *             struct elf_source source = {.read = file_read, .context = &fd,
 *                                         .buffer = buffer,
 *                                         .buffer_size = sizeof(buffer)};
 *             struct elf_image image;
 *             int64_t error = elf_load(space, &source, &image);
 *             ... map a stack, then sys_space_commit(space, image.entry, ...)
 * Invariants  elf_plan() accepts only programs whose segments do not share a
 *             page, lie in user memory below the kernel's own choices, and are
 *             never writable and executable at once.
 */
#ifndef OCTAVO_LIB_ELF_H
#define OCTAVO_LIB_ELF_H

#include <stdint.h>

enum {
    ELF_SEGMENTS_MAX = 8, /* loadable segments in a program */
    ELF_HEADERS_MAX = 16, /* program headers of any kind */
};

struct elf_source {
    /* Fetches exactly `length` bytes from `offset` of the program into
     * `buffer`. 0, or a negative errno: ENOEXEC if the program is shorter. */
    int64_t (*read)(void *context, uint64_t offset, void *buffer,
                    uint64_t length);
    void *context;
    void *buffer; /* the bytes pass through here: the larger, the fewer calls */
    uint64_t buffer_size; /* at least ELF_BUFFER_MIN */
    int64_t pager;        /* a session that pages the program; 0: none does */
};

enum { ELF_BUFFER_MIN = 1024 };

struct elf_segment {
    uint64_t address;     /* of its first byte */
    uint64_t memory_size; /* bytes it occupies: the rest is zero */
    uint64_t offset;      /* of its bytes in the program */
    uint64_t file_size;   /* bytes it has in the program */
    uint64_t prot;        /* PROT_ rights */
};

struct elf_image {
    uint64_t entry;
    uint64_t end; /* first page address beyond the program: the heap's start */
    unsigned count;
    struct elf_segment segments[ELF_SEGMENTS_MAX];
};

/*
 * Reads and checks the headers; changes nothing but *image.
 * ENOEXEC: not a program, truncated, for another machine, or breaking an
 * invariant above. Errors of source->read.
 */
int64_t elf_plan(const struct elf_source *source, struct elf_image *image);

/*
 * elf_plan(), then maps and fills the segments in `space`, which stays the
 * caller's. After an error it holds a part of them: close it.
 * Errors: of elf_plan(), SYS_MAP, SYS_COPY and SYS_PROTECT.
 */
int64_t elf_load(int64_t space, const struct elf_source *source,
                 struct elf_image *image);

#endif
