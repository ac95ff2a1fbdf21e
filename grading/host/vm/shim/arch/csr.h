/* SPDX-License-Identifier: MIT */
/*
 * shim/arch/csr.h: satp of the simulated harts, and a counter of
 * instructions that stands still.
 * Takes the place of kernel/arch/csr.h.
 */
#ifndef OCTAVO_ARCH_CSR_H
#define OCTAVO_ARCH_CSR_H

#include <stdint.h>

#define SATP_SV39 (8ull << 60)
#define SATP_ASID_SHIFT 44
#define SATP_ASID_MASK 0xffffull
#define SATP_PPN_MASK ((1ull << 44) - 1)

void sim_write_satp(uint64_t value);
uint64_t sim_read_satp(void);

static inline uint64_t sim_read_instret(void) {
    return 0;
}

#define csr_write(name, value) sim_write_##name(value)
#define csr_read(name) sim_read_##name()

#endif
