/* SPDX-License-Identifier: MIT */
/*
 * sync/spinlock.c: waiting for a lock, the checks of debug builds, and pairs.
 */
#include "sync/spinlock.h"

#include "arch/fence.h"
#include "arch/ipi.h"
#include "lib/panic.h"

_Static_assert(RANK_ORACLE + 1 == (int)LOCK_KINDS, "a counter for each");

/* The holder may be waiting for this hart to fence: serve it, or both wait for
 * ever. */
void spin_wait(struct spinlock *lock) {
    uint32_t turns = 0;
    hart_count_event((enum counter)(COUNTER_LOCK + lock->rank));
    do {
        while (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) != 0) {
            fence_serve();
            hart_relax(&turns);
        }
    } while (!spin_try(lock));
}

/* The ranks above and including `rank`, as bits of hart->held. */
static uint32_t ranks_from(uint32_t rank) {
    return ~((1u << rank) - 1);
}

void spin_check_order(const struct spinlock *lock) {
    const struct hart *hart = hart_self();
    if (spin_held(lock))
        panic("lock %p of rank %u is taken twice", (const void *)lock,
              lock->rank);
    if ((hart->held & ranks_from(lock->rank)) != 0)
        panic("lock %p of rank %u is taken while ranks 0x%x are held",
              (const void *)lock, lock->rank, hart->held);
}

void spin_not_held(const struct spinlock *lock) {
    panic("lock %p of rank %u is released by hart %u, not its holder",
          (const void *)lock, lock->rank, hart_self()->id);
}
