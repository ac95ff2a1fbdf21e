/* SPDX-License-Identifier: MIT */
/*
 * host/servers/bootargs.c: the boot arguments that init reads.
 */
#include <string.h>

#include "check.h"
#include "servers/init/bootargs.h"

static struct bootargs parse(const char *text) {
    struct bootargs args;
    bootargs_parse(text, &args);
    return args;
}

int main(void) {
    struct bootargs args = parse("");
    CHECK(args.disk == DISK_CHOICE_NONE && !args.run && !args.problem);
    CHECK(strcmp(args.mark, "octavo") == 0);

    args = parse("  seed=3 disk=ram  mark=N1 run=echo disk=virtio; ls ");
    CHECK(args.disk == DISK_CHOICE_RAM && !args.problem);
    CHECK(strcmp(args.mark, "N1") == 0);
    CHECK(strcmp(args.run, "echo disk=virtio; ls ") == 0);

    CHECK(parse("disk=ram disk=virtio").disk == DISK_CHOICE_VIRTIO);
    CHECK(strcmp(parse("run=").run, "") == 0);
    CHECK(!parse("xrun=ls trun=ls").run);

    args = parse("disk=tape tick=5");
    CHECK(args.problem && args.disk == DISK_CHOICE_NONE);
    CHECK(parse("disk=ramx").problem);
    args = parse("mark=");
    CHECK(args.problem && strcmp(args.mark, "octavo") == 0);

    char mark[5 + MARK_MAX + 2] = "mark=";
    memset(mark + 5, 'm', MARK_MAX);
    CHECK(strlen(parse(mark).mark) == MARK_MAX);
    mark[5 + MARK_MAX] = 'm';
    CHECK(parse(mark).problem);
    return 0;
}
