/* SPDX-License-Identifier: MIT */
/*
 * arch/csr.h: control and status registers of supervisor mode, and their bits.
 *
 * The accessors are macros because the register's name is part of the
 * instruction. Each is a compiler barrier for memory: a write may change what
 * loads and stores mean (satp, sstatus.SUM), so none may move across it.
 */
#ifndef OCTAVO_ARCH_CSR_H
#define OCTAVO_ARCH_CSR_H

#include <stdint.h>

#define csr_read(name)                                                         \
    __extension__({                                                            \
        uint64_t csr_value_;                                                   \
        __asm__ volatile("csrr %0, " #name : "=r"(csr_value_)::"memory");      \
        csr_value_;                                                            \
    })
#define csr_write(name, word)                                                  \
    __asm__ volatile("csrw " #name ", %0" ::"rK"((uint64_t)(word)) : "memory")
#define csr_set(name, bits)                                                    \
    __asm__ volatile("csrs " #name ", %0" ::"rK"((uint64_t)(bits)) : "memory")
#define csr_clear(name, bits)                                                  \
    __asm__ volatile("csrc " #name ", %0" ::"rK"((uint64_t)(bits)) : "memory")

/* Sstc's timer compare register, by number: older assemblers lack the name. */
#define CSR_STIMECMP 0x14d

enum {
    SSTATUS_SIE = 1 << 1, /* interrupts on, in supervisor mode */
    SSTATUS_SPP = 1 << 8, /* the trap came from supervisor mode */
    SSTATUS_FS = 3 << 13, /* state of the FPU; 0: its instructions trap */
    SSTATUS_FS_INITIAL = 1 << 13,
    SSTATUS_FS_CLEAN = 2 << 13, /* registers equal what is saved */
    SSTATUS_FS_DIRTY = 3 << 13, /* registers were written */
    SSTATUS_SUM = 1 << 18,      /* the kernel may touch user pages: never set */
    SSTATUS_MXR = 1 << 19,      /* execute-only pages are readable: never set */
};

/* Interrupt numbers: bits of sie and sip, and scause below its top bit. */
enum {
    INTERRUPT_SOFTWARE = 1,
    INTERRUPT_TIMER = 5,
    INTERRUPT_EXTERNAL = 9,
};

enum {
    SIE_SOFTWARE = 1 << INTERRUPT_SOFTWARE,
    SIE_TIMER = 1 << INTERRUPT_TIMER,
    SIE_EXTERNAL = 1 << INTERRUPT_EXTERNAL,
};

/* scause with the top bit set is an interrupt, else one of these. */
#define SCAUSE_INTERRUPT (1ull << 63)

enum {
    CAUSE_FETCH_MISALIGNED = 0,
    CAUSE_FETCH_ACCESS = 1,
    CAUSE_ILLEGAL = 2,
    CAUSE_BREAKPOINT = 3,
    CAUSE_LOAD_MISALIGNED = 4,
    CAUSE_LOAD_ACCESS = 5,
    CAUSE_STORE_MISALIGNED = 6,
    CAUSE_STORE_ACCESS = 7,
    CAUSE_USER_ECALL = 8,
    CAUSE_FETCH_PAGE = 12,
    CAUSE_LOAD_PAGE = 13,
    CAUSE_STORE_PAGE = 15,
};

/* satp: mode, address-space number, number of the root table's frame. */
#define SATP_SV39 (8ull << 60)
#define SATP_ASID_SHIFT 44
#define SATP_ASID_MASK 0xffffull
#define SATP_PPN_MASK ((1ull << 44) - 1)

#endif
