/* SPDX-License-Identifier: MIT */
/*
 * unit.c: the functions of cap/handle.c, one by one.
 *
 * There are no processes and no real objects yet, and none are needed: kit.h
 * has tables and objects that count their references.
 */
#include "kit.h"

#include "abi/errno.h"
#include "dev/machine.h"

/* ---- Slots ---- */

static void test_slot(void) {
    setup();
    const struct handle_entry entries[] = {
        session_entry(RIGHTS),
        session_entry(RIGHT_PASS),
        make(&endpoint, HANDLE_ENDPOINT, RIGHT_RECEIVE | RIGHT_PASS),
        make(&endpoint, HANDLE_ENDPOINT, RIGHT_PASS),
        make(&signals, HANDLE_NOTIFICATION, 0),
    };
    for (unsigned i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        slot_fill(&table.slot[3], &entries[i]);
        check_slot("generation, rights and type of a filled slot",
                   &table.slot[3], entries[i]);
        slot_clear(&table.slot[3]);
    }
    slot_fill(&table.slot[3], &entries[0]);
    spin_lock(&table.lock);
    slot_empty(&table, &table.slot[3]);
    spin_unlock(&table.lock);
    check_free("the type of an emptied slot", &table.slot[3]);
    slot_fill(&table.slot[3], &entries[2]);
    uint64_t changes = table.changes;
    spin_lock(&table.lock);
    slot_empty(&table, &table.slot[3]);
    spin_unlock(&table.lock);
    check_free("the type of a slot that lost an endpoint", &table.slot[3]);
    unit_true("`changes` grows when a slot loses an endpoint",
              table.changes > changes);
    check_refs("references of an object whose slot was filled", &session, 0);
}

/* ---- Looking up ---- */

static void check_lookup(uint64_t h, enum handle_type type, unsigned rights,
                         int expected) {
    struct handle_entry out = make(&other, HANDLE_IRQ, 0);
    unit_signed("lookup", handle_lookup(&table, h, type, rights, &out),
                expected);
    check_unlocked();
    unit_equal("the object that lookup gives, or nothing was written",
               (uintptr_t)out.object,
               (uintptr_t)(expected == 0 ? &session : &other));
    if (expected == 0)
        unit_equal("the entry that lookup gives", out.meta, table.slot[h].meta);
}

static void test_lookup(void) {
    setup();
    put(0, session_entry(RIGHTS));
    put(3, session_entry(RIGHT_SEND | RIGHT_PASS));
    put(LAST, session_entry(RIGHTS));
    check_lookup(0, HANDLE_SESSION, RIGHT_SEND, 0);
    check_lookup(3, HANDLE_SESSION, RIGHT_SEND | RIGHT_PASS, 0);
    check_lookup(LAST, HANDLE_SESSION, RIGHT_SEND, 0);
    check_lookup(3, HANDLE_SESSION, 0, 0);
    check_lookup(3, HANDLE_ENDPOINT, 0, -EBADF);
    check_lookup(3, HANDLE_NOTIFICATION, RIGHT_SIGNAL, -EBADF);
    check_lookup(3, HANDLE_SESSION, RIGHT_GRANT, -EPERM);
    check_lookup(3, HANDLE_SESSION, RIGHT_SEND | RIGHT_GRANT, -EPERM);
    check_lookup(4, HANDLE_SESSION, 0, -EBADF);
    check_lookup(2, HANDLE_SESSION, 0, -EBADF);
    check_refs("references, as lookup takes none", &session, 3);
}

static void test_outside(void) {
    struct handle_entry out;
    setup();
    fill_all(0);
    for (unsigned i = 0; i < OUTSIDE; i++) {
        uint64_t h = outside[i];
        unit_signed("lookup outside of the table",
                    handle_lookup(&table, h, HANDLE_SESSION, 0, &out), -EBADF);
        unit_signed("take outside of the table",
                    handle_take(&table, h, HANDLE_SESSION, 0, &out), -EBADF);
        unit_signed("remove outside of the table",
                    handle_remove(&table, h, &out), -EBADF);
        unit_signed("close outside of the table", handle_close(&table, h),
                    -EBADF);
        unit_signed("dup from outside of the table",
                    handle_dup(&table, h, 3, RIGHT_ALL, DUP_REPLACE), -EBADF);
        unit_signed("dup to outside of the table",
                    handle_dup(&table, 3, h, RIGHT_ALL, DUP_REPLACE), -EINVAL);
        check_unlocked();
    }
    check_refs("references at the end", &session, HANDLE_MAX);
}

static void test_take(void) {
    struct handle_entry out;
    setup();
    put(5, session_entry(RIGHT_SEND));
    unit_signed("take",
                handle_take(&table, 5, HANDLE_SESSION, RIGHT_SEND, &out), 0);
    check_unlocked();
    unit_equal("the object that take gives", (uintptr_t)out.object,
               (uintptr_t)&session);
    unit_equal("the entry that take gives", out.meta, table.slot[5].meta);
    check_refs("references: the slot's and the caller's", &session, 2);
    unit_signed("take with a right that is missing",
                handle_take(&table, 5, HANDLE_SESSION, RIGHT_PASS, &out),
                -EPERM);
    unit_signed("take with another type",
                handle_take(&table, 5, HANDLE_ENDPOINT, 0, &out), -EBADF);
    unit_signed("take from a free slot",
                handle_take(&table, 6, HANDLE_SESSION, 0, &out), -EBADF);
    check_refs("references after takes that failed", &session, 2);
    check_unlocked();
}

static void test_changed(void) {
    setup();
    put(5, session_entry(RIGHT_SEND));
    unit_true("the handle that was seen: not changed",
              !handle_changed(&table, 5, &session, session.generation));
    unit_true("another generation: changed",
              handle_changed(&table, 5, &session, session.generation - 1));
    unit_true("another object: changed",
              handle_changed(&table, 5, &other, session.generation));
    unit_true("a free slot: changed",
              handle_changed(&table, 6, &session, session.generation));
    check_unlocked();
}

/* ---- Putting and taking away ---- */

static void test_insert(void) {
    setup();
    struct handle_entry entry = make(&other, HANDLE_SESSION, RIGHT_SEND);
    put(16, session_entry(RIGHTS));
    put(18, session_entry(RIGHTS));
    const int expected[] = {17, 19, 20};
    for (unsigned i = 0; i < 3; i++) {
        unit_signed("the lowest free slot from 16 on",
                    handle_insert(&table, 16, &entry), expected[i]);
        check_slot("the inserted entry", &table.slot[expected[i]], entry);
    }
    unit_signed("the lowest slot of all", handle_insert(&table, 0, &entry), 0);
    unit_signed("the last slot", handle_insert(&table, LAST, &entry), LAST);
    check_slot("a slot that was in use", &table.slot[16],
               session_entry(RIGHTS));
    check_refs("references, as the caller's becomes the slot's", &other, 0);
    check_unlocked();
}

static void test_insert_full(void) {
    setup();
    struct handle_entry entry = make(&other, HANDLE_SESSION, RIGHT_SEND);
    fill_all(16);
    unit_signed("insert into a full table", handle_insert(&table, 16, &entry),
                -ENOSPC);
    check_unlocked();
    for (unsigned i = 16; i < HANDLE_MAX; i++)
        check_slot("a slot of a full table", &table.slot[i],
                   session_entry(RIGHTS));
    check_refs("the reference stays the caller's", &other, 0);
    unit_equal("references that were dropped", other.puts, 0);
    check_free("a slot below the lowest", &table.slot[15]);
    unit_signed("insert above the table",
                handle_insert(&table, HANDLE_MAX, &entry), -ENOSPC);
}

static void test_remove(void) {
    struct handle_entry out;
    setup();
    put(8, make(&other, HANDLE_SESSION, RIGHT_SEND));
    put(9, session_entry(RIGHTS));
    put(10, make(&other, HANDLE_SESSION, RIGHT_SEND));
    unit_signed("remove", handle_remove(&table, 9, &out), 0);
    check_unlocked();
    unit_equal("the object that remove gives", (uintptr_t)out.object,
               (uintptr_t)&session);
    unit_equal("the entry that remove gives", out.meta,
               session_entry(RIGHTS).meta);
    check_free("the type of the slot afterwards", &table.slot[9]);
    check_refs("the slot's reference is the caller's now", &session, 1);
    unit_signed("remove again", handle_remove(&table, 9, &out), -EBADF);
    unit_signed("close", handle_close(&table, 10), 0);
    check_free("the type of a closed slot", &table.slot[10]);
    check_refs("references of an object with one handle left", &other, 1);
    unit_signed("close again", handle_close(&table, 10), -EBADF);
    check_refs("references after a close that failed", &other, 1);
    check_slot("a neighbour", &table.slot[8],
               make(&other, HANDLE_SESSION, RIGHT_SEND));
    check_unlocked();
}

static void test_forget(void) {
    setup();
    put(7, session_entry(RIGHTS));
    struct handle_entry seen = session_entry(RIGHTS);
    handle_forget(&table, HANDLE_MAX + 7, &seen);
    handle_forget(&table, 6, &seen);
    seen.generation--;
    handle_forget(&table, 7, &seen);
    check_slot("the slot, with another generation", &table.slot[7],
               session_entry(RIGHTS));
    seen = session_entry(RIGHTS);
    seen.object = &other;
    handle_forget(&table, 7, &seen);
    check_slot("the slot, with another object", &table.slot[7],
               session_entry(RIGHTS));
    seen = session_entry(RIGHTS);
    seen.type = HANDLE_REPLY;
    handle_forget(&table, 7, &seen);
    check_slot("the slot, with another type", &table.slot[7],
               session_entry(RIGHTS));
    seen = session_entry(RIGHTS);
    handle_forget(&table, 7, &seen);
    check_free("the slot that held the entry", &table.slot[7]);
    check_refs("the reference is not dropped", &session, 1);
    check_unlocked();
}

/* ---- Copies and moves ---- */

static void check_dup(uint64_t h, uint64_t slot, unsigned rights,
                      unsigned flags, int expected) {
    unit_signed("dup", handle_dup(&table, h, slot, rights, flags), expected);
    check_unlocked();
}

static void test_dup(void) {
    setup();
    put(4, session_entry(RIGHTS));
    check_dup(4, 20, RIGHT_ALL, 0, 20);
    check_slot("a copy with all rights asked for", &table.slot[20],
               session_entry(RIGHTS));
    check_dup(4, 21, RIGHT_SEND | RIGHT_WRITE, 0, 21);
    check_slot("a copy has the rights that are in both", &table.slot[21],
               session_entry(RIGHT_SEND));
    check_dup(21, 22, RIGHT_ALL, 0, 22);
    check_slot("a copy of a copy", &table.slot[22], session_entry(RIGHT_SEND));
    check_dup(4, LAST, 0, 0, LAST);
    check_slot("a copy without rights", &table.slot[LAST], session_entry(0));
    check_refs("references: one for each handle", &session, 5);
    check_slot("the source", &table.slot[4], session_entry(RIGHTS));
}

static void test_dup_lowest(void) {
    setup();
    put(4, session_entry(RIGHTS));
    check_dup(4, 4, RIGHT_ALL, DUP_LOWEST, 5);
    check_dup(4, 0, RIGHT_ALL, DUP_LOWEST, 0);
    check_dup(4, LAST, RIGHT_ALL, DUP_LOWEST, LAST);
    check_dup(4, LAST, RIGHT_ALL, DUP_LOWEST, -ENOSPC);
    check_dup(4, HANDLE_MAX, RIGHT_ALL, DUP_LOWEST, -ENOSPC);
    check_dup(4, (1ull << 32) + 9, RIGHT_ALL, DUP_LOWEST, -ENOSPC);
    check_refs("references: one for each handle", &session, 4);
}

static void test_dup_errors(void) {
    setup();
    put(4, session_entry(RIGHTS));
    put(5, make(&other, HANDLE_SESSION, RIGHT_SEND));
    put(6, make(&endpoint, HANDLE_ENDPOINT, RIGHT_RECEIVE));
    check_dup(4, 5, RIGHT_ALL, 0, -EEXIST);
    check_dup(4, 5, RIGHT_ALL, DUP_MOVE, -EEXIST);
    check_dup(4, 20, RIGHT_ALL, 8, -EINVAL);
    check_dup(20, 21, RIGHT_ALL, 0, -EBADF);
    check_dup(6, 20, RIGHT_ALL, 0, -EPERM);
    check_dup(6, 5, RIGHT_ALL, DUP_REPLACE, -EPERM);
    session.generation++;
    check_dup(4, 20, RIGHT_ALL, 0, -ESTALE);
    check_dup(4, 5, RIGHT_ALL, DUP_REPLACE, -ESTALE);
    check_dup(4, 5, RIGHT_ALL, DUP_MOVE | DUP_REPLACE, -ESTALE);
    session.generation--;
    check_slot("the source of a dup that failed", &table.slot[4],
               session_entry(RIGHTS));
    check_slot("the target of a dup that failed", &table.slot[5],
               make(&other, HANDLE_SESSION, RIGHT_SEND));
    check_free("a slot that a dup that failed was for", &table.slot[20]);
    check_refs("references of the source", &session, 1);
    check_refs("references of the target", &other, 1);
    check_refs("references of the endpoint", &endpoint, 1);
    unit_equal("references that were dropped", session.puts + other.puts, 0);
}

static void test_move(void) {
    setup();
    put(4, session_entry(RIGHTS));
    put(6, make(&endpoint, HANDLE_ENDPOINT, RIGHT_RECEIVE));
    check_dup(4, 20, RIGHT_SEND | RIGHT_PASS, DUP_MOVE, 20);
    check_free("the source of a move", &table.slot[4]);
    check_slot("the target of a move", &table.slot[20],
               session_entry(RIGHT_SEND | RIGHT_PASS));
    uint64_t changes = table.changes;
    check_dup(6, 6, RIGHT_ALL, DUP_MOVE | DUP_LOWEST, 7);
    unit_true("`changes` grows when an endpoint moves",
              table.changes > changes);
    check_free("the source of an endpoint's move", &table.slot[6]);
    check_slot("an endpoint that moved", &table.slot[7],
               make(&endpoint, HANDLE_ENDPOINT, RIGHT_RECEIVE));
    check_refs("references of what moved", &session, 1);
    unit_equal("references that were dropped", session.puts, 0);
    check_refs("references of the endpoint", &endpoint, 1);
}

static void test_replace(void) {
    setup();
    put(4, session_entry(RIGHTS));
    put(5, make(&other, HANDLE_SESSION, RIGHT_SEND));
    put(6, make(&other, HANDLE_SESSION, RIGHT_SEND));
    check_dup(4, 5, RIGHT_PASS, DUP_REPLACE, 5);
    check_slot("the target of a replacing dup", &table.slot[5],
               session_entry(RIGHT_PASS));
    check_refs("references of what was replaced", &other, 1);
    check_refs("references of what has two handles now", &session, 2);
    check_dup(4, 6, RIGHT_ALL, DUP_REPLACE | DUP_MOVE, 6);
    check_free("the source of a replacing move", &table.slot[4]);
    check_slot("the target of a replacing move", &table.slot[6],
               session_entry(RIGHTS));
    check_refs("references of what was replaced twice", &other, 0);
    check_refs("references of what has two handles still", &session, 2);
    check_dup(6, 5, RIGHT_ALL, DUP_REPLACE, 5);
    check_refs("a handle replaced by another of the same object", &session, 2);
    check_dup(6, 30, RIGHT_ALL, DUP_REPLACE, 30);
    check_refs("a free slot replaced", &session, 3);
}

static void test_same(void) {
    setup();
    put(4, session_entry(RIGHTS));
    put(6, make(&endpoint, HANDLE_ENDPOINT, RIGHT_RECEIVE | RIGHT_PASS));
    check_dup(4, 4, RIGHT_ALL, DUP_REPLACE, 4);
    check_slot("a handle dupped onto itself", &table.slot[4],
               session_entry(RIGHTS));
    check_dup(4, 4, RIGHT_PASS | RIGHT_WRITE, DUP_REPLACE, 4);
    check_slot("its rights, fewer asked for", &table.slot[4],
               session_entry(RIGHT_PASS));
    check_dup(4, 4, RIGHT_ALL, DUP_REPLACE | DUP_MOVE, 4);
    check_slot("its rights do not come back", &table.slot[4],
               session_entry(RIGHT_PASS));
    check_dup(6, 6, RIGHT_RECEIVE, DUP_REPLACE | DUP_MOVE, 6);
    check_slot("an endpoint moved onto itself", &table.slot[6],
               make(&endpoint, HANDLE_ENDPOINT, RIGHT_RECEIVE));
    check_dup(4, 4, RIGHT_ALL, 0, -EEXIST);
    check_refs("references of one handle", &session, 1);
    check_refs("references of the endpoint", &endpoint, 1);
}

/* ---- Inheritance ---- */

static void test_inherit(void) {
    setup();
    put(0, session_entry(RIGHTS));
    put(1, session_entry(RIGHTS & ~RIGHT_INHERIT));
    put(2, make(&endpoint, HANDLE_ENDPOINT, RIGHT_RECEIVE | RIGHT_INHERIT));
    put(40, make(&other, HANDLE_SESSION, RIGHT_INHERIT));
    put(LAST, make(&signals, HANDLE_NOTIFICATION, RIGHT_INHERIT));
    handle_inherit(&table, &child);
    check_unlocked();
    check_slot("an inheritable handle", &child.slot[0], session_entry(RIGHTS));
    check_slot("an inheritable handle after a gap", &child.slot[40],
               make(&other, HANDLE_SESSION, RIGHT_INHERIT));
    check_slot("an inheritable handle in the last slot", &child.slot[LAST],
               make(&signals, HANDLE_NOTIFICATION, RIGHT_INHERIT));
    check_free("a handle without INHERIT", &child.slot[1]);
    check_free("a unique handle", &child.slot[2]);
    check_free("a free slot", &child.slot[3]);
    check_refs("references: three handles and a copy", &session, 3);
    check_refs("references: a handle and a copy", &other, 2);
    check_refs("references: a handle and a copy", &signals, 2);
    check_refs("references of what exists once", &endpoint, 1);
    check_slot("the parent's handle", &table.slot[0], session_entry(RIGHTS));
}

/* ---- All together ---- */

enum { STEPS = 2000, SLOTS = 24, FLAGS = DUP_LOWEST | DUP_MOVE | DUP_REPLACE };

static struct handle_entry model[HANDLE_MAX];

static bool used(unsigned h) {
    return model[h].type != HANDLE_NONE;
}

static int model_lowest(unsigned slot) {
    while (slot < HANDLE_MAX && used(slot))
        slot++;
    return slot < HANDLE_MAX ? (int)slot : -1;
}

/* Where the model's dup goes, or -1: nothing happens. */
static int model_target(unsigned h, unsigned slot, unsigned flags) {
    if (!used(h))
        return -1;
    if (flags & DUP_LOWEST)
        return model_lowest(slot);
    return used(slot) && !(flags & DUP_REPLACE) ? -1 : (int)slot;
}

static void random_dup(unsigned h, unsigned slot) {
    unsigned rights = (unsigned)unit_random() & RIGHT_ALL;
    unsigned flags = (unsigned)unit_random() & FLAGS;
    int target = model_target(h, slot, flags);
    int got = handle_dup(&table, h, slot, rights, flags);
    unit_signed("dup gives the slot, or an error", got < 0 ? -1 : got, target);
    if (target < 0)
        return;
    struct handle_entry entry = model[h];
    entry.rights &= (uint16_t)rights;
    if (flags & DUP_MOVE)
        model[h] = (struct handle_entry){0};
    model[target] = entry;
}

static void random_insert(unsigned lowest) {
    struct fake *fake = unit_random() % 2 ? &session : &other;
    struct handle_entry entry =
        make(fake, HANDLE_SESSION, (unsigned)unit_random() & RIGHT_ALL);
    int target = model_lowest(lowest);
    int got = handle_insert(&table, lowest, &entry);
    unit_signed("insert gives the slot, or an error", got < 0 ? -1 : got,
                target);
    if (target < 0)
        return;
    model[target] = entry;
    fake->refs++;
}

static void random_step(void) {
    unsigned h = (unsigned)(unit_random() % SLOTS);
    unsigned what = (unsigned)(unit_random() % 8);
    if (what == 0) {
        random_insert(h);
    } else if (what == 1) {
        h = (unsigned)(unit_random() % HANDLE_MAX);
        unit_signed("close", handle_close(&table, h), used(h) ? 0 : -EBADF);
        model[h] = (struct handle_entry){0};
    } else {
        random_dup(h, (unsigned)(unit_random() % SLOTS));
    }
}

static uint64_t model_refs(const struct fake *fake) {
    uint64_t count = 0;
    for (unsigned i = 0; i < HANDLE_MAX; i++)
        count += used(i) && model[i].object == fake;
    return count;
}

static void test_random(void) {
    setup();
    for (unsigned step = 0; step < STEPS; step++) {
        random_step();
        check_refs("references: one for each handle", &session,
                   model_refs(&session));
        check_refs("references: one for each handle", &other,
                   model_refs(&other));
    }
    for (unsigned i = 0; i < HANDLE_MAX; i++) {
        if (used(i))
            check_slot("a slot at the end", &table.slot[i], model[i]);
        else
            check_free("a free slot at the end", &table.slot[i]);
    }
}

static const struct unit units[] = {
    {"slot", test_slot},
    {"lookup", test_lookup},
    {"outside", test_outside},
    {"take", test_take},
    {"changed", test_changed},
    {"insert", test_insert},
    {"insert_full", test_insert_full},
    {"remove", test_remove},
    {"forget", test_forget},
    {"dup", test_dup},
    {"dup_lowest", test_dup_lowest},
    {"dup_errors", test_dup_errors},
    {"move", test_move},
    {"replace", test_replace},
    {"same", test_same},
    {"inherit", test_inherit},
    {"random", test_random},
};

void __wrap_kernel_map_init(const struct machine *from);

void __wrap_kernel_map_init(const struct machine *from) {
    (void)from;
    unit_run(units, sizeof(units) / sizeof(units[0]));
}
