/* SPDX-License-Identifier: MIT */
/*
 * host/servers/names.c: the name table against a plain list.
 */
#include <stdbool.h>
#include <string.h>

#include "abi/errno.h"
#include "check.h"
#include "servers/names/table.h"

enum { POOL = 90, STEPS = 200000 };

static struct name name_of(const char *text, size_t length) {
    struct name name;
    uint64_t words[NAME_WORDS] = {0};
    memcpy(words, text, length);
    CHECK(name_set(&name, length, words));
    return name;
}

static struct name name_number(unsigned number) {
    char text[PROTO_NAME_MAX + 1];
    return name_of(text, (size_t)snprintf(text, sizeof(text), "n%u", number));
}

static void test_name_set(void) {
    struct name name;
    uint64_t words[NAME_WORDS] = {0};
    CHECK(!name_set(&name, 0, words));
    CHECK(!name_set(&name, 1, words)); /* a NUL within */
    memset(words, 'x', sizeof(words));
    CHECK(name_set(&name, PROTO_NAME_MAX, words));
    CHECK(!name_set(&name, PROTO_NAME_MAX + 1, words));
    CHECK(!name_set(&name, PROTO_NAME_MAX - 1, words)); /* rest not zero */
    CHECK(!name_set(&name, UINT64_MAX, words));
}

static void test_prefixes_differ(void) {
    struct name a = name_of("disk", 4), b = name_of("disk0", 5);
    CHECK(!name_equal(&a, &b));
    CHECK(name_equal(&a, &a));
}

/* The table agrees with the list about every name. */
static void compare(struct table *table, const uint64_t leases[POOL]) {
    unsigned used = 0;
    for (unsigned i = 0; i < POOL; i++) {
        struct name name = name_number(i);
        struct entry *entry = table_find(table, &name);
        CHECK((entry != NULL) == (leases[i] != 0));
        if (!entry)
            continue;
        used++;
        CHECK(entry->lease == leases[i] && entry->service == (int64_t)i);
        CHECK(table_find_lease(table, leases[i]) == entry);
    }
    CHECK(table->used == used);
    for (unsigned i = 0; i < used; i++)
        CHECK(table_index(table, i) != NULL);
    CHECK(table_index(table, used) == NULL);
    CHECK(table_index(table, UINT64_MAX) == NULL);
}

static void test_random(void) {
    static struct table table;
    uint64_t leases[POOL] = {0}, random = 88172645463325252u;
    for (uint64_t step = 1; step <= STEPS; step++) {
        unsigned pick = (unsigned)(random_next(&random) % POOL);
        struct entry entry = {name_number(pick), pick, step};
        if (random_next(&random) % 5 < 3) {
            bool full = table.used == NAMES_MAX;
            int64_t error = table_insert(&table, &entry);
            CHECK(error == (leases[pick] ? -EEXIST : full ? -ENOSPC : 0));
            if (error == 0)
                leases[pick] = step;
        } else if (leases[pick]) {
            table_remove(&table, table_find(&table, &entry.name));
            leases[pick] = 0;
        }
        if (step % 64 == 0)
            compare(&table, leases);
    }
}

static void test_full(void) {
    static struct table table;
    for (unsigned i = 0; i < NAMES_MAX; i++)
        CHECK(table_insert(&table, &(struct entry){name_number(i), i, i}) == 0);
    CHECK(table_insert(&table, &(struct entry){name_number(999), 0, 0}) ==
          -ENOSPC);
    CHECK(table_insert(&table, &(struct entry){name_number(0), 0, 0}) ==
          -EEXIST);
    struct name absent = name_number(1000);
    CHECK(table_find(&table, &absent) == NULL);
}

int main(void) {
    test_name_set();
    test_prefixes_differ();
    test_random();
    test_full();
    return 0;
}
