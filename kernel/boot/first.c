/* SPDX-License-Identifier: MIT */
/*
 * boot/first.c: making the first process.
 *
 * Idea        Every other program is loaded by a program (user/lib). The first
 *             one has none before it, so the kernel brings it along, as it is
 *             to lie in memory: some pages to be read and executed, which are
 *             mapped where they are. It finds `init` in the initrd and goes on
 *             as that (user/boot/first.c).
 */
#include "boot/main.h"

#include <stddef.h>
#include <stdint.h>

#include "abi/layout.h"
#include "lib/panic.h"
#include "proc/process.h"
#include "vm/memory.h"
#include "vm/quota.h"
#include "vm/space.h"

/* boot/image.S */
extern const char first_image[], first_image_end[];

/* Ends the boot unless `good`. */
static void require(bool good) {
    if (!good)
        panic("no memory for the first process");
}

static void map(struct space *space, va_t at, uint64_t length, unsigned flags,
                struct memory *memory) {
    require(space_map(space, at, length, flags | PROT_READ | MAP_FIXED, memory,
                      0) >= 0);
}

void first_process_start(void) {
    static struct memory image = {.refs = 1}; /* which stays for ever */
    uint64_t length = (uint64_t)(first_image_end - first_image);
    image.base = va_to_pa(first_image);
    image.pages = length / PAGE_SIZE;
    struct process *process = process_create(NULL);
    require(process != NULL);
    process->quota->essential = true; /* without it there is no system */
    struct space *space = space_create(process->quota);
    require(space != NULL);
    map(space, USER_IMAGE, length, PROT_EXECUTE, &image);
    map(space, USER_STACK_TOP - USER_STACK_SIZE, USER_STACK_SIZE,
        PROT_WRITE | MAP_STACK, NULL);
    process->space = space;
    require(process_start_first(process, USER_IMAGE, USER_STACK_TOP));
}
