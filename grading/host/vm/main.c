/* SPDX-License-Identifier: MIT */
/*
 * main.c: runs one test, in a machine of its own: `vm NAME`, or `vm -o NAME`
 * with the kernel's oracle on; `vm -l` lists them with what they show.
 */
#include <string.h>

#include "sim.h"
#include "tests.h"

static const struct test *const groups[] = {
    frame_tests,  space_tests,    share_tests, tlb_tests,
    random_tests, transfer_tests, oracle_tests};

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "-o") == 0) {
        sim_oracle = true;
        argv++;
    } else if (argc != 2) {
        fprintf(stderr, "usage: %s -l | [-o] NAME\n", argv[0]);
        return 2;
    }
    bool list = strcmp(argv[1], "-l") == 0;
    for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        for (const struct test *test = groups[i]; test->name; test++) {
            if (list) {
                printf("%s\t%s\n", test->name, test->shows);
            } else if (strcmp(argv[1], test->name) == 0) {
                test->run();
                return 0;
            }
        }
    }
    if (!list) {
        fprintf(stderr, "no test is called %s\n", argv[1]);
    }
    return list ? 0 : 2;
}
