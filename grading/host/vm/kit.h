/* SPDX-License-Identifier: MIT */
/*
 * kit.h: what tests of spaces do all the time; each function fails the test
 * if it does not succeed, unless it says otherwise.
 */
#ifndef OCTAVO_HOST_VM_KIT_H
#define OCTAVO_HOST_VM_KIT_H

#include "sim.h"

enum {
    FRAMES = 2000,
    RW = PROT_READ | PROT_WRITE,
    RX = PROT_READ | PROT_EXECUTE,
};

/* Where tests map. */
#define BASE 0x100000ull

/* Pays for what start() makes. */
extern struct quota *quota;

/* Boots a machine with one hart and returns a first space. */
struct space *start(void);

/* Ends the space, if there is one; nothing may be left of any. */
void finish(struct space *space);

void map(struct space *space, va_t va, unsigned pages, unsigned flags);
uint64_t load(struct space *space, va_t va);
void store(struct space *space, va_t va, uint64_t value);

/* All steps of an operation; they return its result. fork_of: NULL if there is
 * no memory. */
struct space *fork_of(struct space *parent, struct quota *child_quota);
int unmap(struct space *space, va_t va, uint64_t length);
int protect(struct space *space, va_t va, uint64_t length, unsigned prot);
int64_t sbrk(struct space *space, int64_t delta);

#endif
