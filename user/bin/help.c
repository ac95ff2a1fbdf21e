/* SPDX-License-Identifier: MIT */
/*
 * bin/help.c: what one can type at the console.
 */
#include "posix/posix.h"

static const char text[] =
    "Commands are files: `ls /` shows them. The shell's own: cd exit wait\n"
    "  a | b   a && b   a || b   ! a   a; b   a &   (a; b)\n"
    "  <file   >file   >>file   2>&1   'text'   \"text\"   \\c   $?   $!   $$\n"
    "^C ends the command, ^D the input; ^P lists the processes; ^W and ^U "
    "take\n"
    "back a word and the line. `poweroff` ends the system.\n";

int main(void) {
    if (write_all(1, text, sizeof(text) - 1) == 0)
        return 0;
    complain_write("help");
    return 1;
}
