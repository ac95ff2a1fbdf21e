/* SPDX-License-Identifier: MIT */
/*
 * bin/wc.c: counts lines, words and bytes.
 */
#include "posix/posix.h"
#include "posix/text.h"

enum { CHUNK = 16 * 1024 };

enum { SHOW_LINES = 1, SHOW_WORDS = 2, SHOW_BYTES = 4, SHOW_ALL = 7 };

struct counts {
    uint64_t lines;
    uint64_t words;
    uint64_t bytes;
};

static struct writer out = {.fd = 1};
static unsigned shown;

static void print_counts(const struct counts *counts, const char *name) {
    const uint64_t value[] = {counts->lines, counts->words, counts->bytes};
    const char *gap = "";
    for (unsigned i = 0; i < 3; i++) {
        if (shown & 1u << i) {
            writer_print(&out, "%s%lu", gap, value[i]);
            gap = " ";
        }
    }
    writer_print(&out, "%s%s\n", *name != 0 ? " " : "", name);
}

/* Counts to the end. 0; 1 after saying what went wrong. */
static int count_all(int fd, const char *name, struct counts *counts) {
    static char buffer[CHUNK];
    int count, inside = 0;
    while ((count = read(fd, buffer, CHUNK)) > 0) {
        counts->bytes += (uint64_t)count;
        for (const char *at = buffer; at < buffer + count; at++) {
            int blank = *at == ' ' || (*at >= '\t' && *at <= '\r');
            counts->lines += *at == '\n';
            counts->words += inside && blank;
            inside = !blank;
        }
    }
    counts->words += (uint64_t)inside;
    if (count < 0)
        complain("wc", name);
    return count < 0;
}

static int count_file(const char *name, struct counts *total) {
    struct counts counts = {0};
    int fd = open(name, O_RDONLY);
    if (fd < 0) {
        complain("wc", name);
        return 1;
    }
    int failed = count_all(fd, name, &counts);
    close(fd);
    if (failed)
        return 1;
    print_counts(&counts, name);
    total->lines += counts.lines;
    total->words += counts.words;
    total->bytes += counts.bytes;
    return 0;
}

/* Takes the options. Returns the index of the first name; 0: bad usage. */
static int options_read(int argc, char **argv) {
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        for (const char *letter = argv[i] + 1; *letter != 0; letter++) {
            if (*letter != 'l' && *letter != 'w' && *letter != 'c')
                return 0;
            shown |= *letter == 'l' ? SHOW_LINES : 0;
            shown |= *letter == 'w' ? SHOW_WORDS : 0;
            shown |= *letter == 'c' ? SHOW_BYTES : 0;
        }
    }
    if (shown == 0)
        shown = SHOW_ALL;
    return i;
}

/* Counts standard input, or the files, and prints. Returns 1 if one failed. */
static int count_files(int count, char **names) {
    struct counts total = {0};
    if (count == 0) {
        int failed = count_all(0, "-", &total);
        if (!failed)
            print_counts(&total, "");
        return failed;
    }
    int failed = 0;
    for (int i = 0; i < count; i++)
        failed |= count_file(names[i], &total);
    if (count > 1)
        print_counts(&total, "total");
    return failed;
}

int main(int argc, char **argv) {
    int first = options_read(argc, argv);
    if (first == 0) {
        fprintf(2, "usage: wc [-lwc] [FILE...]\n");
        return 2;
    }
    int failed = count_files(argc - first, argv + first);
    if (writer_flush(&out) == 0)
        return failed;
    complain_write("wc");
    return 1;
}
