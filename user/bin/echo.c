/* SPDX-License-Identifier: MIT */
/*
 * bin/echo.c: prints its arguments, with blanks between them and a newline,
 * which -n leaves out.
 */
#include "posix/posix.h"
#include "posix/text.h"

static struct writer out = {.fd = 1};

int main(int argc, char **argv) {
    int first = argc > 1 && strcmp(argv[1], "-n") == 0 ? 2 : 1;
    for (int i = first; i < argc; i++)
        writer_print(&out, "%s%s", i > first ? " " : "", argv[i]);
    if (first == 1)
        writer_add(&out, "\n", 1);
    if (writer_flush(&out) == 0)
        return 0;
    complain_write("echo");
    return 1;
}
