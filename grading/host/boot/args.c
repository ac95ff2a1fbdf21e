/* SPDX-License-Identifier: MIT */
/*
 * host/boot/args.c: the boot arguments.
 */
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "dev/bootargs.h"
#include "dev/machine.h"

struct machine machine;

static void set(const char *text) {
    strncpy(machine.bootargs, text, sizeof(machine.bootargs) - 1);
}

/* Whether the argument is there with this value; NULL: that it is not. */
static bool is(const char *name, const char *wanted) {
    const char *value;
    size_t len;
    if (!bootarg_get(name, &value, &len)) {
        return wanted == NULL;
    }
    return wanted != NULL && len == strlen(wanted) &&
           memcmp(value, wanted, len) == 0;
}

static void check_words(void) {
    set("  seed=7 disk=ram quiet tick= xseed=9 seed=8 run=ls seed=1 | wc ");
    CHECK(is("seed", "7"));
    CHECK(is("disk", "ram"));
    CHECK(is("quiet", ""));
    CHECK(is("tick", ""));
    CHECK(is("xseed", "9"));
    CHECK(is("run", "ls seed=1 | wc "));
    CHECK(is("wc", NULL) && is("see", NULL));
    set("run=a b=1");
    CHECK(is("b", NULL));
    set("");
    CHECK(is("seed", NULL) && is("run", NULL));
}

static void check_numbers(void) {
    set("a=10 b=0x1F c=18446744073709551615 d=18446744073709551616 e=1x f= "
        "g=-1 h=0x i=0xffffffffffffffff j=007");
    CHECK(bootarg_number("a", 1) == 10);
    CHECK(bootarg_number("b", 1) == 0x1f);
    CHECK(bootarg_number("c", 1) == UINT64_MAX);
    CHECK(bootarg_number("d", 1) == 1);
    CHECK(bootarg_number("e", 1) == 1);
    CHECK(bootarg_number("f", 1) == 1);
    CHECK(bootarg_number("g", 1) == 1);
    CHECK(bootarg_number("h", 1) == 1);
    CHECK(bootarg_number("i", 1) == UINT64_MAX);
    CHECK(bootarg_number("j", 1) == 7);
    CHECK(bootarg_number("missing", 3) == 3);
}

int main(void) {
    check_words();
    check_numbers();
    return 0;
}
