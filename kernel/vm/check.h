/* SPDX-License-Identifier: MIT */
/*
 * vm/check.h: proof by counting that no frame is lost or owned twice.
 *
 * Every reference to a frame is an entry of some page table, or the frame is a
 * page table, slab or DMA frame with exactly one. So walking all spaces gives
 * a count for each frame that must agree with its own.
 */
#ifndef OCTAVO_VM_CHECK_H
#define OCTAVO_VM_CHECK_H

#include <stdint.h>

/*
 * Counts all references and returns the number of frames whose count is wrong,
 * plus one if frames are neither in use nor free; prints the first few. 0: all
 * is well. Stops every other hart that needs a space meanwhile, and walks all
 * of memory with interrupts off: for tests (DEBUG_CHECK_FRAMES).
 */
uint64_t vm_check_frames(void);

#endif
