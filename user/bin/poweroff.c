/* SPDX-License-Identifier: MIT */
/*
 * bin/poweroff.c: ends the machine, with an exit status for its host.
 */
#include "abi/message.h"
#include "lib/ipc.h"
#include "lib/names.h"
#include "lib/proto.h"
#include "posix/posix.h"

int main(int argc, char **argv) {
    long status = 0;
    if (argc > 2 || (argc == 2 && (number_parse(argv[1], &status) < 0 ||
                                   status < 0 || status > 255))) {
        fprintf(2, "usage: poweroff [STATUS]    (0 to 255)\n");
        return 2;
    }
    struct message m = {.tag = tag_make(INIT_POWEROFF, 1, 0, 0),
                        .words = {(uint64_t)status}};
    int64_t init = names_lookup(NAME_INIT, false);
    int64_t error = init < 0 ? init : ipc_call(init, &m, DEADLINE_NONE);
    posix_error = (int)-(error < 0 ? error : tag_label(m.tag));
    complain("poweroff", NAME_INIT);
    return 1;
}
