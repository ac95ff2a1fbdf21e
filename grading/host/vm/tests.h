/* SPDX-License-Identifier: MIT */
/*
 * tests.h: the tests of one file, as a table that ends with a NULL name.
 */
#ifndef OCTAVO_HOST_VM_TESTS_H
#define OCTAVO_HOST_VM_TESTS_H

struct test {
    const char *name;
    const char *shows; /* one sentence */
    void (*run)(void);
};

extern const struct test frame_tests[];
extern const struct test space_tests[];
extern const struct test share_tests[];
extern const struct test tlb_tests[];
extern const struct test random_tests[];
extern const struct test transfer_tests[];
extern const struct test oracle_tests[];

#endif
