/* SPDX-License-Identifier: MIT */
/*
 * vm/vm.h: virtual memory as a whole: brings it up, in the order in which its
 * parts need each other, and checks it.
 */
#ifndef OCTAVO_VM_VM_H
#define OCTAVO_VM_VM_H

#include <stdint.h>

struct machine;

/* Frames, the kernel's final map (this hart is in it afterwards), ASIDs. Once,
 * by the boot hart. */
void vm_init(const struct machine *machine);

/*
 * vm/check.c: proof by counting that no frame is lost or owned twice. Every
 * reference to a frame is an entry of some page table, or the frame is a page
 * table, slab or DMA frame with exactly one. So walking all spaces gives a
 * count for each frame that must agree with its own.
 *
 * Returns the number of frames whose count is wrong, plus one if frames are
 * neither in use nor free; prints the first few. 0: all is well. Stops every
 * other hart that needs a space meanwhile, and walks all of memory with
 * interrupts off: for tests (DEBUG_CHECK_FRAMES).
 */
uint64_t vm_check_frames(void);

#endif
