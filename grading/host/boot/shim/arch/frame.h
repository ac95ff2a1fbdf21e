/* SPDX-License-Identifier: MIT */
/*
 * shim/arch/frame.h: what arch/hart.h needs of frames, on a machine without
 * the register tp. Takes the place of kernel/arch/frame.h.
 */
#ifndef OCTAVO_ARCH_FRAME_H
#define OCTAVO_ARCH_FRAME_H

struct hart;

struct trap_frame {
    struct hart *hart;
};

struct trap_frame *frame_self(void);

#endif
