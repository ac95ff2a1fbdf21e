/* SPDX-License-Identifier: MIT */
/*
 * shim/arch/frame.h: which hart the code under test runs on: a variable.
 * Takes the place of kernel/arch/frame.h.
 */
#ifndef OCTAVO_ARCH_FRAME_H
#define OCTAVO_ARCH_FRAME_H

#include <stdint.h>

struct hart;

struct trap_frame {
    struct hart *hart;
};

extern struct trap_frame *frame_now;

static inline struct trap_frame *frame_self(void) {
    return frame_now;
}

#endif
