/* SPDX-License-Identifier: MIT */
/*
 * servers/sys/files.c: the files, and what each of them tells.
 *
 * Idea        A table has a line for each number: its name, the sum over all
 *             harts, and a column for each hart. What a hart counts only grows;
 *             how long something took it keeps as one record, read as of one
 *             moment, so that its average is that of its count and its sum.
 * Use         To add a file: a function that renders it, and an entry of
 *             nodes[].
 */
#include <stddef.h>

#include "abi/errno.h"
#include "abi/info.h"
#include "abi/layout.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "servers/sys/tree.h"

enum {
    HARTS_MAX = 8,
    COUNTERS_AT_ONCE = 6, /* in the registers of one answer */
    COLUMNS_MAX = HARTS_MAX + 1,
    NODE_IPC = 1,
    NODE_SCHED = 2,
};

static const char *const counter_names[] = {
    [COUNTER_CALL_SLOW] = "calls_slow",
    [COUNTER_REPLY_SLOW] = "replies_slow",
    [COUNTER_SWITCHES] = "switches",
    [COUNTER_FENCE_PAGE] = "fences_page",
    [COUNTER_FENCE_SPACE] = "fences_space",
    [COUNTER_FENCE_ALL] = "fences_all",
    [COUNTER_FENCE_REMOTE] = "fences_remote",
    [COUNTER_IPIS] = "ipis",
    [COUNTER_TICKS] = "ticks",
    [COUNTER_FAULT_ZERO] = "zero_faults",
    [COUNTER_COW_COPY] = "cow_copies",
    [COUNTER_COW_REUSE] = "cow_reuses",
    [COUNTER_BYTES_COPIED] = "bytes_copied",
    [COUNTER_FPU_TRAP] = "fpu_traps",
    [COUNTER_FPU_SAVE] = "fpu_saves",
    [COUNTER_STEALS] = "steals",
    [COUNTER_FAR_WAKES] = "far_wakes",
    [COUNTER_TRANSFERS] = "transfers",
    [COUNTER_TRANSFER_FAILURES] = "failures",
    [COUNTER_PAGES_MOVED] = "pages_moved",
    [COUNTER_PAGES_SHARED] = "pages_shared",
    [COUNTER_PAGES_COWED] = "pages_cowed",
    [COUNTER_PAGES_LENT] = "pages_lent",
    [COUNTER_LOCK] = "lock_tree",
    "lock_process",
    "lock_irq",
    "lock_endpoint",
    "lock_handles",
    "lock_loan",
    "lock_space",
    "lock_wait",
    "lock_timer",
    "lock_slab",
    "lock_frame",
    "lock_pool",
    "lock_plic",
    "lock_console",
    "lock_oracle",
};

_Static_assert(sizeof(counter_names) / sizeof(counter_names[0]) == COUNTER_MAX,
               "each counter of abi/info.h has a name here");

/* ---- Tables ---- */

static unsigned harts(void) {
    uint64_t count = sys_system_info(INFO_HARTS, 0).value[0];
    return count < HARTS_MAX ? (unsigned)count : HARTS_MAX;
}

static void head_print(struct page *page) {
    page_print(page, "%-18s %12s", "", "all");
    for (unsigned hart = 0; hart < harts(); hart++)
        page_print(page, "        hart%u", hart);
    page_add(page, "\n", 1);
}

/* A line: all[0] is for all harts, the others for each. */
static void line_print(struct page *page, const char *name,
                       const uint64_t all[HARTS_MAX + 1]) {
    page_print(page, "%-18s", name);
    for (unsigned i = 0; i <= harts(); i++)
        page_print(page, " %12lu", (unsigned long)all[i]);
    page_add(page, "\n", 1);
}

/* Reads all counters of all harts; [0] are the sums. */
static void counters_read(uint64_t values[COUNTER_MAX][HARTS_MAX + 1]) {
    for (unsigned first = 0; first < COUNTER_MAX; first += COUNTERS_AT_ONCE) {
        for (unsigned hart = 0; hart < harts(); hart++) {
            struct sys_words six =
                sys_system_info(INFO_COUNTERS, counter_index(hart, first));
            for (unsigned i = 0;
                 i < COUNTERS_AT_ONCE && first + i < COUNTER_MAX; i++) {
                values[first + i][1 + hart] = six.value[i];
                values[first + i][0] += six.value[i];
            }
        }
    }
}

static void counters_print(struct page *page, const uint8_t *which,
                           unsigned count) {
    uint64_t values[COUNTER_MAX][HARTS_MAX + 1] = {0};
    counters_read(values);
    for (unsigned i = 0; i < count; i++)
        line_print(page, counter_names[which[i]], values[which[i]]);
}

/* ---- Measurements ---- */

/* What each hart measured; [0] is for all. */
struct measured {
    uint64_t count[HARTS_MAX + 1], min[HARTS_MAX + 1], average[HARTS_MAX + 1],
        max[HARTS_MAX + 1], sum[HARTS_MAX + 1];
};

static void measured_read(struct measured *m, enum system_info what) {
    for (unsigned i = 1; i <= harts(); i++) {
        struct sys_words hart = sys_system_info(what, i - 1);
        m->count[i] = hart.value[0];
        m->min[i] = hart.value[1];
        m->max[i] = hart.value[2];
        m->sum[i] = hart.value[3];
        if (m->count[i] > 0 && (m->count[0] == 0 || m->min[i] < m->min[0]))
            m->min[0] = m->min[i];
        if (m->max[i] > m->max[0])
            m->max[0] = m->max[i];
        m->count[0] += m->count[i];
        m->sum[0] += m->sum[i];
    }
    for (unsigned i = 0; i <= harts(); i++)
        m->average[i] = m->count[i] ? m->sum[i] / m->count[i] : 0;
}

/* ---- What is timed ---- */

/* The columns of a table: one thing on each hart, or each thing on all. */
struct timed_table {
    unsigned columns;
    uint64_t field[TIMED_FIELDS][COLUMNS_MAX];
};

/* Adds what a hart has timed to a column; the least of nothing is 0. */
static void timed_add(struct timed_table *table, unsigned column, unsigned hart,
                      enum timed what) {
    uint64_t found[TIMED_FIELDS + COUNTERS_AT_ONCE];
    for (unsigned i = 0; i < TIMED_FIELDS; i += COUNTERS_AT_ONCE) {
        struct sys_words six =
            sys_system_info(INFO_TIMED, timed_index(hart, what, i));
        memcpy(found + i, six.value, COUNTERS_AT_ONCE * sizeof(uint64_t));
    }
    uint64_t *least = &table->field[TIMED_LEAST][column];
    uint64_t *most = &table->field[TIMED_MOST][column];
    if (found[TIMED_SUM] > 0 && (*least == 0 || found[TIMED_LEAST] < *least))
        *least = found[TIMED_LEAST];
    if (found[TIMED_MOST] > *most)
        *most = found[TIMED_MOST];
    for (unsigned i = TIMED_SUM; i < TIMED_FIELDS; i++)
        table->field[i][column] += found[i];
}

static void timed_line(struct page *page, const char *name,
                       const struct timed_table *table,
                       const uint64_t *values) {
    page_print(page, "%-18s", name);
    for (unsigned i = 0; i < table->columns; i++)
        page_print(page, " %12lu", (unsigned long)values[i]);
    page_add(page, "\n", 1);
}

/* From the first bucket with something to the last. */
static void buckets_print(struct page *page, const struct timed_table *table) {
    unsigned first = TIMED_FIELDS, last = 0;
    for (unsigned i = TIMED_BUCKET; i < TIMED_FIELDS; i++) {
        for (unsigned c = 0; c < table->columns; c++) {
            if (table->field[i][c] == 0)
                continue;
            first = i < first ? i : first;
            last = i;
        }
    }
    for (unsigned i = first; i <= last; i++) {
        page_print(page, "from %-13lu", 1ul << (i - TIMED_BUCKET));
        for (unsigned c = 0; c < table->columns; c++)
            page_print(page, " %12lu", (unsigned long)table->field[i][c]);
        page_add(page, "\n", 1);
    }
}

static void timed_print(struct page *page, const struct timed_table *table) {
    uint64_t count[COLUMNS_MAX] = {0}, average[COLUMNS_MAX] = {0};
    for (unsigned c = 0; c < table->columns; c++) {
        for (unsigned i = TIMED_BUCKET; i < TIMED_FIELDS; i++)
            count[c] += table->field[i][c];
        if (count[c] > 0)
            average[c] = table->field[TIMED_SUM][c] / count[c];
    }
    timed_line(page, "count", table, count);
    timed_line(page, "min", table, table->field[TIMED_LEAST]);
    timed_line(page, "average", table, average);
    timed_line(page, "max", table, table->field[TIMED_MOST]);
    buckets_print(page, table);
}

/* Whether there is anything to show; says so if not. */
static bool timed_check(struct page *page) {
    uint64_t features = sys_system_info(INFO_FEATURES, 0).value[0];
    if (features & FEATURE_STATS)
        return true;
    page_print(page, "off: needs the boot argument stats=1\n");
    return false;
}

/* ---- The files ---- */

static void render_switch(struct page *page) {
    struct timed_table table = {.columns = 1 + harts()};
    if (!timed_check(page))
        return;
    for (unsigned hart = 0; hart < harts(); hart++) {
        timed_add(&table, 0, hart, TIMED_SWITCH);
        timed_add(&table, 1 + hart, hart, TIMED_SWITCH);
    }
    head_print(page);
    timed_print(page, &table);
}

static void render_latency(struct page *page) {
    static const char *const names[TIMED_MAX] = {
        [TIMED_CALL] = "call",     [TIMED_REPLY_RECV] = "reply_recv",
        [TIMED_SEND] = "send",     [TIMED_RECV] = "recv",
        [TIMED_REPLY] = "reply",   [TIMED_COPY] = "copy",
        [TIMED_SIGNAL] = "signal", [TIMED_WAIT_SIGNAL] = "wait_signal",
    };
    struct timed_table table = {.columns = TIMED_MAX - TIMED_CALL};
    if (!timed_check(page))
        return;
    page_print(page, "%-18s", "");
    for (unsigned what = TIMED_CALL; what < TIMED_MAX; what++) {
        page_print(page, " %12s", names[what]);
        for (unsigned hart = 0; hart < harts(); hart++)
            timed_add(&table, what - TIMED_CALL, hart, (enum timed)what);
    }
    page_add(page, "\n", 1);
    timed_print(page, &table);
}

static void render_locks(struct page *page) {
    uint8_t which[LOCK_KINDS];
    for (unsigned i = 0; i < sizeof(which); i++)
        which[i] = (uint8_t)(COUNTER_LOCK + i);
    head_print(page);
    counters_print(page, which, sizeof(which));
}

static void render_transfer(struct page *page) {
    static const uint8_t which[] = {
        COUNTER_TRANSFERS,    COUNTER_TRANSFER_FAILURES, COUNTER_PAGES_MOVED,
        COUNTER_PAGES_SHARED, COUNTER_PAGES_COWED,       COUNTER_PAGES_LENT,
        COUNTER_BYTES_COPIED, COUNTER_COW_COPY,          COUNTER_COW_REUSE,
        COUNTER_FENCE_PAGE,   COUNTER_FENCE_SPACE,       COUNTER_FENCE_ALL,
        COUNTER_FENCE_REMOTE,
    };
    struct measured remap = {0};
    head_print(page);
    counters_print(page, which, sizeof(which));
    measured_read(&remap, INFO_REMAP);
    line_print(page, "remap_count", remap.count);
    line_print(page, "remap_min", remap.min);
    line_print(page, "remap_average", remap.average);
    line_print(page, "remap_max", remap.max);
    line_print(page, "remap_sum", remap.sum);
}

static void render_counters(struct page *page) {
    uint8_t which[COUNTER_MAX];
    for (unsigned i = 0; i < COUNTER_MAX; i++)
        which[i] = (uint8_t)i;
    head_print(page);
    counters_print(page, which, COUNTER_MAX);
}

static void render_memory(struct page *page) {
    struct sys_words memory = sys_system_info(INFO_MEMORY, 0);
    unsigned long all = memory.value[0], unused = memory.value[1];
    page_print(page, "frame_bytes %u\nframes %lu\nfree %lu\nused %lu\n",
               (unsigned)PAGE_SIZE, all, unused, all - unused);
}

static void render_processes(struct page *page) {
    struct process_info info;
    int64_t error = 0;
    page_print(page, "pid parent state threads priority frames time name\n");
    for (uint64_t index = 0; error != -EINVAL; index++) {
        error = sys_process_info(index, &info);
        if (error != 0)
            continue;
        page_print(page, "%ld %ld %lu %lu %lu %lu %lu %.16s\n", (long)info.pid,
                   (long)info.parent, (unsigned long)(info.state & 255),
                   (unsigned long)(info.state >> 8 & 255),
                   (unsigned long)(info.state >> 16 & 255),
                   (unsigned long)info.frames, (unsigned long)info.time,
                   (const char *)info.name);
    }
}

static const struct node nodes[] = {
    [NODE_ROOT] = {"", NODE_ROOT, NULL},
    [NODE_IPC] = {"ipc", NODE_ROOT, NULL},
    [NODE_SCHED] = {"sched", NODE_ROOT, NULL},
    {"counters", NODE_ROOT, render_counters},
    {"locks", NODE_ROOT, render_locks},
    {"memory", NODE_ROOT, render_memory},
    {"processes", NODE_ROOT, render_processes},
    {"latency", NODE_IPC, render_latency},
    {"transfer", NODE_IPC, render_transfer},
    {"switch", NODE_SCHED, render_switch},
};

const struct tree sys_tree = {nodes, sizeof(nodes) / sizeof(nodes[0])};
