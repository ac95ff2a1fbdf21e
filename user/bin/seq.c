/* SPDX-License-Identifier: MIT */
/*
 * bin/seq.c: prints numbers, one a line.
 */
#include "posix/posix.h"
#include "posix/text.h"

static struct writer out = {.fd = 1};

static int usage(void) {
    fprintf(2, "usage: seq [FIRST [STEP]] LAST\n");
    return 2;
}

/* Prints first, first + step, ... as far as last, which may be the largest
 * number there is. */
static void print_range(long first, long step, long last) {
    long value = first;
    while (step > 0 ? value <= last : value >= last) {
        writer_print(&out, "%ld\n", value);
        if (__builtin_add_overflow(value, step, &value) || out.failed)
            return;
    }
}

int main(int argc, char **argv) {
    long number[3];
    if (argc < 2 || argc > 4)
        return usage();
    for (int i = 1; i < argc; i++)
        if (number_parse(argv[i], &number[i - 1]) < 0)
            return usage();
    long first = argc > 2 ? number[0] : 1;
    long step = argc > 3 ? number[1] : 1;
    if (step == 0)
        return usage();
    print_range(first, step, number[argc - 2]);
    if (writer_flush(&out) == 0)
        return 0;
    complain_write("seq");
    return 1;
}
