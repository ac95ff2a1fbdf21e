/* SPDX-License-Identifier: MIT */
/*
 * boot/first.c: the program that process 1 begins as.
 *
 * Idea        The kernel holds these few pages as they are to lie in memory,
 *             so that it need not know what an archive or a program file is.
 *             They do what exec does: find `init` in the boot archive, build
 *             its space, and go on as it. The authority stays where it is.
 * Invariants  Text and constants alone, at USER_IMAGE, entered at the first
 *             byte with nothing but a stack: boot/first.ld sees to it.
 */
#include "abi/errno.h"
#include "abi/info.h"
#include "abi/layout.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "servers/init/load.h"
#include "servers/init/ustar.h"

enum { LINE_MAX = 40 }; /* bytes of one SYS_KERNEL_LOG */

static void complain(const char *text) {
    uint64_t words[LINE_MAX / 8] = {0};
    uint64_t length = strnlen(text, LINE_MAX);
    memcpy(words, text, length);
    sys_kernel_log(SLOT_GRANT, length, words);
}

/* Maps the archive. Returns where it begins, or an error. */
static int64_t archive_map(uint64_t *length) {
    struct sys_words info = sys_system_info(INFO_INITRD, 0);
    if (info.result < 0)
        return info.result;
    uint64_t offset = info.value[0] % PAGE_SIZE;
    uint64_t pages =
        (offset + info.value[1] + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    int64_t memory = sys_memory_create(SLOT_GRANT, info.value[0] - offset,
                                       pages, MEMORY_DEVICE);
    int64_t at = sys_map(HANDLE_SELF, 0, pages, PROT_READ, memory, 0);
    sys_handle_close(memory);
    *length = info.value[1];
    return at < 0 ? at : at + (int64_t)offset;
}

/* Returns only if something is wrong, and says what. */
static const char *init_start(void) {
    static const char *const argv[] = {"init", NULL};
    struct ustar_file file;
    uint64_t length;
    int64_t archive = archive_map(&length);
    if (archive < 0)
        return "boot: no initrd\n";
    if (ustar_find((const void *)archive, length, argv[0], &file) < 0)
        return "boot: no init in the initrd\n";
    return load_program(&file, argv) == -ENOEXEC ? "boot: init is no program\n"
                                                 : "boot: no memory for init\n";
}

__attribute__((noreturn, section(".text.start"))) void _start(void);
void _start(void) {
    complain(init_start());
    sys_exit(1);
}
