/* SPDX-License-Identifier: MIT */
/*
 * tests/test_churn.c: everything that can happen to pages, at random.
 *
 * Idea        Eight workers hold ranges of tagged pages (tests/pocket.h). At
 *             random they map, write, unmap, protect, fork, and send ranges by
 *             every mode to each other, in calls, replies and one-way messages,
 *             while a hub kills one of them now and then and starts another in
 *             its place. Each verifies what it holds and that what it gave is
 *             gone; when all have ended, every frame is accounted for.
 * Use         test_churn                    the check, for the grader
 *             test_churn OPERATIONS SEED    a run of its own
 * Invariants  The same seeds, here and of the boot, give the same run.
 */
#include "tests/worker.h"

enum {
    EPOCH = 5000, /* operations between two counts of all frames */
    GRADED = 50000,
};

/* ---- The hub ---- */

struct place {
    int64_t pid;
    int64_t endpoint; /* until its worker has asked for it, else -1 */
    bool killed;
};

static struct place places[WORKERS];

/* An endpoint for the next worker here, and a session with it for all. */
static void place_open(uint64_t number) {
    struct place *place = &places[number];
    if (place->endpoint >= 0)
        check_ok("close", sys_handle_close(place->endpoint));
    place->endpoint = check_ok("create", sys_endpoint_create());
    int64_t session = session_make(place->endpoint, number);
    check_ok("keep the session",
             sys_handle_dup(session, PEER_SLOT + number, SESSION_RIGHTS,
                            DUP_MOVE | DUP_REPLACE));
}

static void place_fill(uint64_t number) {
    struct place *place = &places[number];
    uint64_t random = random_next(&self.random);
    place->killed = false;
    place->pid = check_ok("fork", sys_fork());
    if (place->pid == 0)
        worker_run(number, random);
}

static void hub_serve(const struct message *in) {
    struct place *place = &places[in->words[0]];
    bool endpoint = tag_label(in->tag) == ASK_ENDPOINT;
    struct message m = {.tag = tag_make(0, 0, 1, 0)};
    m.tag |= endpoint ? tag_move(0) : 0;
    m.handles = handle_pack(
        endpoint ? place->endpoint : (int64_t)(PEER_SLOT + in->words[0]), 0);
    int64_t result = ipc_reply(HANDLE_IMPLICIT, &m);
    expect_among("answer of the hub", result,
                 error_bit(EPIPE) | error_bit(ESTALE));
    if (endpoint && result == 0)
        place->endpoint = -1;
    if (result == -ESTALE)
        service_answer(0, 0); /* the session's worker has just been killed */
}

static void hub_receive(void) {
    struct message m;
    int64_t result = ipc_recv(hub.endpoint, &m, time_now() + PATIENCE);
    expect_among("receive of the hub", result, error_bit(ETIMEDOUT));
    if (result == 0)
        hub_serve(&m);
}

/* Buries who has died; how many. */
static unsigned hub_reap(bool refill) {
    unsigned dead = 0;
    for (uint64_t i = 0; i < WORKERS; i++) {
        struct place *place = &places[i];
        struct sys_pair end = sys_wait(place->pid, DEADLINE_POLL);
        if (place->pid == 0 || end.result != place->pid)
            continue;
        if (end.value == 1)
            sys_exit(1); /* it has said why */
        check_true("how a worker ends",
                   end.value == 0 ||
                       (place->killed && (int64_t)end.value == STATUS_KILLED));
        place->pid = 0;
        dead++;
        if (refill) {
            place_open(i);
            place_fill(i);
        }
    }
    return dead;
}

/* So many operations more, by fresh workers; then every frame is looked for. */
static void epoch(uint64_t operations) {
    uint64_t end = board->operations + operations;
    unsigned left = WORKERS;
    board->stop = 0;
    for (uint64_t i = 0; i < WORKERS; i++)
        place_open(i);
    for (uint64_t i = 0; i < WORKERS; i++)
        place_fill(i);
    while (board->operations < end) {
        hub_receive();
        hub_reap(true);
        struct place *place = &places[roll(WORKERS)];
        if (!place->killed && chance(5)) {
            place->killed = true;
            check_ok("kill", sys_kill(place->pid));
        }
    }
    board->stop = 1;
    while (left > 0) {
        hub_receive();
        left -= hub_reap(false);
    }
    frames_check();
}

static void churn(uint64_t operations, uint64_t seed) {
    uint64_t page = (uint64_t)pages_map(1);
    store_at(page, 0);
    board = (struct board *)check_ok(
        "share",
        item_transfer(HANDLE_SELF, 0, (void *)page, 1, ITEM_SHARE, RW));
    self.random = seed * 7919 + 1;
    hub = service_make(99);
    for (uint64_t i = 0; i < WORKERS; i++)
        places[i].endpoint = -1;
    for (uint64_t done = 0; done < operations; done += EPOCH) {
        epoch(operations - done < EPOCH ? operations - done : EPOCH);
        if (operations > GRADED && (done + EPOCH) % GRADED == 0)
            printf("%lu operations\n", (unsigned long)(done + EPOCH));
    }
}

static void check_churn(void) {
    churn(GRADED, 1);
}

static const struct check checks[] = {
    {"churn", "50,000 random things that happen to pages of 8 processes",
     check_churn},
};

int main(int argc, char **argv) {
    if (argc != 3)
        return checks_main(argc, argv, checks, 1);
    check_name = "churn";
    churn((uint64_t)atoi(argv[1]), (uint64_t)atoi(argv[2]));
    printf("ok churn\n");
    return 0;
}
