/* SPDX-License-Identifier: MIT */
/*
 * bin/hexdump.c: prints bytes as hexadecimal numbers and as characters.
 */
#include "posix/posix.h"
#include "posix/text.h"

enum { ROW = 16 };

static struct writer out = {.fd = 1};

static void print_row(uint64_t offset, const uint8_t *bytes, int count) {
    writer_print(&out, "%08lx ", offset);
    for (int i = 0; i < ROW; i++) {
        if (i % 8 == 0)
            writer_add(&out, " ", 1);
        if (i < count)
            writer_print(&out, "%02x ", bytes[i]);
        else
            writer_add(&out, "   ", 3);
    }
    char text[ROW];
    for (int i = 0; i < count; i++)
        text[i] = bytes[i] >= ' ' && bytes[i] < 127 ? (char)bytes[i] : '.';
    writer_print(&out, " |%.*s|\n", count, text);
}

/* Reads until the row is full or the input ends. */
static int read_row(int fd, uint8_t *bytes) {
    int used = 0, count = 1;
    while (used < ROW && count > 0) {
        count = read(fd, bytes + used, ROW - used);
        used += count > 0 ? count : 0;
    }
    return count < 0 ? -1 : used;
}

int main(int argc, char **argv) {
    const char *name = argc == 2 ? argv[1] : "-";
    int fd = argc == 2 ? open(name, O_RDONLY) : 0;
    if (argc > 2) {
        fprintf(2, "usage: hexdump [FILE]\n");
        return 2;
    }
    uint8_t bytes[ROW];
    uint64_t offset = 0;
    int count = fd < 0 ? -1 : ROW;
    while (count == ROW && !out.failed) {
        count = read_row(fd, bytes);
        if (count > 0)
            print_row(offset, bytes, count);
        offset += count > 0 ? (uint64_t)count : 0;
    }
    if (count < 0)
        complain("hexdump", name);
    else if (!out.failed)
        writer_print(&out, "%08lx\n", offset);
    if (writer_flush(&out) == 0)
        return count < 0;
    complain_write("hexdump");
    return 1;
}
