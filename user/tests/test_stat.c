/* SPDX-License-Identifier: MIT */
/*
 * tests/test_stat.c: what the kernel counts, and how it is read.
 *
 * Idea        Operations whose counts are known, and the difference they make;
 *             values read in between others that cannot have gone back; and
 *             records read while another process makes them change.
 */
#include "tests/paging.h"
#include "tests/statistics.h"

enum { ROUNDS = 200 };

static const char transfer_file[] = "/sys/ipc/transfer";

static uint64_t transfer_value(const char *name) {
    table_read(transfer_file);
    return row_value(name);
}

/* ---- Known operations ---- */

/* Pages for the process that makes it, from a child. */
struct parcel {
    struct service service;
    uint64_t pages;
    enum item_mode mode;
};

static void parcel_send(uint64_t at) {
    const struct parcel *parcel = (const struct parcel *)at;
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    item_set(&m, 0, pages_make(parcel->pages, 1), parcel->pages, parcel->mode,
             RO);
    int64_t error = ipc_call(parcel->service.session, &m, DEADLINE_NONE);
    if (error != -EPIPE) /* the receiver was killed */
        check_equal("call", error, 0);
}

static void parcel_pass(struct parcel *parcel) {
    struct message m;
    check_ok("accept", sys_accept(0, 0, 0, 64, 0, HANDLE_RECEIVED));
    int64_t client = peer_start(parcel_send, (uint64_t)parcel);
    service_receive(parcel->service.endpoint, &m, MESSAGE_CALL);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(client);
    if (parcel->mode != ITEM_LEND)
        check_ok("unmap", sys_unmap(HANDLE_SELF, m.item_base,
                                    parcel->pages * PAGE_SIZE));
}

static void mode_check(enum item_mode mode, const char *name, uint64_t pages) {
    struct parcel parcel = {service_make(1), pages, mode};
    uint64_t before = transfer_value(name);
    uint64_t transfers = row_value("transfers"),
             count = row_value("remap_count"), sum = row_value("remap_sum");
    parcel_pass(&parcel);
    check_equal(name, (int64_t)(transfer_value(name) - before), (int64_t)pages);
    check_equal("transfers", (int64_t)(row_value("transfers") - transfers), 1);
    check_equal("measured", (int64_t)(row_value("remap_count") - count), 1);
    uint64_t cost = row_value("remap_sum") - sum;
    check_true("the cost is more than the least",
               cost >= row_value("remap_min"));
    check_true("the cost is at most the most", cost <= row_value("remap_max"));
}

static void check_modes(void) {
    mode_check(ITEM_MOVE, "pages_moved", 3);
    mode_check(ITEM_SHARE, "pages_shared", 5);
    mode_check(ITEM_COW, "pages_cowed", 7);
    mode_check(ITEM_LEND, "pages_lent", 4);
}

/* A page that is not there, and too many for the receiver. */
static void bad_send(uint64_t session) {
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    uint8_t *pages = pages_make(4, 1);
    check_ok("unmap", sys_unmap(HANDLE_SELF, (uint64_t)pages, PAGE_SIZE));
    for (unsigned mode = ITEM_MOVE; mode <= ITEM_COW; mode++) {
        item_set(&m, 0, pages, 1, mode, RW);
        check_error("a page that is not there",
                    ipc_call((int64_t)session, &m, DEADLINE_NONE), EFAULT);
        item_set(&m, 0, pages + PAGE_SIZE, 3, mode, RW);
        check_error("too many pages",
                    ipc_call((int64_t)session, &m, DEADLINE_NONE), EMSGSIZE);
    }
    check_equal("call", service_call((int64_t)session, 1, 0, &m), 0);
}

static void check_failures(void) {
    struct message m;
    struct service service = service_make(1);
    uint64_t failures = transfer_value("failures");
    uint64_t transfers = row_value("transfers"), sum = row_value("remap_sum");
    check_ok("accept", sys_accept(0, 0, 0, 2, 0, HANDLE_RECEIVED));
    int64_t client = peer_start(bad_send, (uint64_t)service.session);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(client);
    check_equal("failures", (int64_t)(transfer_value("failures") - failures),
                6);
    check_equal("transfers", (int64_t)(row_value("transfers") - transfers), 0);
    check_equal("cost", (int64_t)(row_value("remap_sum") - sum), 0);
}

/* ---- Agreement ---- */

struct named {
    const char *name;
    enum counter counter;
};

static const struct named named[] = {
    {"transfers", COUNTER_TRANSFERS},
    {"failures", COUNTER_TRANSFER_FAILURES},
    {"pages_moved", COUNTER_PAGES_MOVED},
    {"pages_shared", COUNTER_PAGES_SHARED},
    {"pages_cowed", COUNTER_PAGES_COWED},
    {"pages_lent", COUNTER_PAGES_LENT},
    {"bytes_copied", COUNTER_BYTES_COPIED},
    {"cow_copies", COUNTER_COW_COPY},
    {"cow_reuses", COUNTER_COW_REUSE},
    {"fences_page", COUNTER_FENCE_PAGE},
    {"fences_space", COUNTER_FENCE_SPACE},
    {"fences_all", COUNTER_FENCE_ALL},
    {"fences_remote", COUNTER_FENCE_REMOTE},
};

enum { NAMED = sizeof(named) / sizeof(named[0]) };

/* The table's values lie between those of the kernel before and after, and a
 * line's columns add up to its sum. */
static void agreement_check(const char *path) {
    uint64_t before[NAMED];
    for (unsigned i = 0; i < NAMED; i++)
        before[i] = counter(named[i].counter);
    table_read(path);
    for (unsigned i = 0; i < NAMED; i++) {
        struct row row;
        uint64_t sum = 0;
        row_find(named[i].name, &row);
        for (unsigned hart = 1; hart <= row.harts; hart++)
            sum += row.value[hart];
        check_equal(named[i].name, (int64_t)row.value[0], (int64_t)sum);
        check_true("not less than before", row.value[0] >= before[i]);
        check_true("not more than after",
                   row.value[0] <= counter(named[i].counter));
    }
}

static void check_agreement(void) {
    struct parcel parcel = {service_make(1), 2, ITEM_COW};
    parcel_pass(&parcel);
    agreement_check(transfer_file);
    agreement_check("/sys/counters");
}

/* ---- Measurements while they change ---- */

/* Makes transfers until it is killed. */
static void __attribute__((noreturn)) remap_forever(uint64_t unused) {
    (void)unused;
    struct parcel parcel = {service_make(1), 1, ITEM_MOVE};
    for (uint64_t i = 0;; i++) {
        parcel.pages = 1 + i % 16;
        parcel_pass(&parcel);
    }
}

/* What holds of any record of one moment. */
static void record_check(uint64_t count, uint64_t min, uint64_t max,
                         uint64_t sum) {
    check_true("least is at most most", min <= max);
    check_true("the sum is not too small", count * min <= sum);
    check_true("the sum is not too large", sum <= count * max);
    check_true("nothing was free", (count == 0) == (min == 0));
}

/* The first column is of all harts that measured anything. */
static void column_check(const struct row *count, const struct row *min,
                         const struct row *max) {
    uint64_t all = 0, least = UINT64_MAX, most = 0;
    for (unsigned i = 1; i <= count->harts; i++) {
        if (count->value[i] == 0)
            continue;
        all += count->value[i];
        least = min->value[i] < least ? min->value[i] : least;
        most = max->value[i] > most ? max->value[i] : most;
    }
    check_equal("count of all", (int64_t)count->value[0], (int64_t)all);
    check_equal("least of all", (int64_t)min->value[0], (int64_t)least);
    check_equal("most of all", (int64_t)max->value[0], (int64_t)most);
}

static void table_check(void) {
    struct row count, min, average, max, sum;
    table_read(transfer_file);
    row_find("remap_count", &count);
    row_find("remap_min", &min);
    row_find("remap_average", &average);
    row_find("remap_max", &max);
    row_find("remap_sum", &sum);
    if (count.value[0] > 0)
        column_check(&count, &min, &max);
    for (unsigned i = 0; i <= count.harts; i++) {
        record_check(count.value[i], min.value[i], max.value[i], sum.value[i]);
        uint64_t expected = count.value[i] ? sum.value[i] / count.value[i] : 0;
        check_equal("average", (int64_t)average.value[i], (int64_t)expected);
    }
}

/* The kernel's own records, and that they only grow. */
static void records_check(uint64_t counts[ROW_HARTS]) {
    uint64_t harts = sys_system_info(INFO_HARTS, 0).value[0];
    for (uint64_t hart = 0; hart < harts; hart++) {
        struct sys_words record = sys_system_info(INFO_REMAP, hart);
        check_equal("INFO_REMAP", record.result, 0);
        record_check(record.value[0], record.value[1], record.value[2],
                     record.value[3]);
        check_true("it grows", record.value[0] >= counts[hart]);
        counts[hart] = record.value[0];
    }
}

static void check_whole(void) {
    uint64_t counts[ROW_HARTS] = {0};
    uint64_t before = transfer_value("remap_count");
    int64_t peers[3];
    for (unsigned i = 0; i < 3; i++)
        peers[i] = peer_start(remap_forever, 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        records_check(counts);
        if (i % 8 == 0)
            table_check();
    }
    for (unsigned i = 0; i < 3; i++)
        peer_kill(peers[i]);
    check_true("transfers were made meanwhile",
               transfer_value("remap_count") > before + 3);
}

static void check_limits(void) {
    uint64_t harts = sys_system_info(INFO_HARTS, 0).value[0];
    check_error("remap of no hart", sys_system_info(INFO_REMAP, harts).result,
                ENODEV);
    check_error("remap of no hart", sys_system_info(INFO_REMAP, -1ul).result,
                ENODEV);
    check_error("counters of no hart",
                sys_system_info(INFO_COUNTERS, counter_index(harts, 0)).result,
                ENODEV);
    check_error("counters of no hart",
                sys_system_info(INFO_COUNTERS, -1ul).result, ENODEV);
    check_error("no counter",
                sys_system_info(INFO_COUNTERS, COUNTER_MAX).result, EINVAL);
    struct sys_words last =
        sys_system_info(INFO_COUNTERS, counter_index(0, COUNTER_MAX - 1));
    check_equal("the last counter", last.result, 0);
    for (unsigned i = 1; i < 6; i++)
        check_equal("behind the last", (int64_t)last.value[i], 0);
}

static const struct check checks[] = {
    {"modes", "a transfer adds its pages, itself and what it cost",
     check_modes},
    {"failures", "a transfer that fails is a failure and nothing else",
     check_failures},
    {"agreement", "the tables say what the kernel counts", check_agreement},
    {"whole", "no record is torn, whoever changes it", check_whole},
    {"limits", "harts and counters that do not exist", check_limits},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
