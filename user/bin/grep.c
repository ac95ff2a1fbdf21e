/* SPDX-License-Identifier: MIT */
/*
 * bin/grep.c: prints the lines that match a pattern.
 *
 * Use         grep [-cinv] PATTERN [FILE...]
 *             . any character; [abc] [a-z] [^a] a character of a set; * any
 *             number of the one before; ^ and $ the line's ends; \ takes the
 *             next literally. -c: counts only; -i: letters' case is ignored;
 *             -n: with line numbers; -v: the lines that do not match.
 *             Exit status: 0 some line was selected, 1 none, 2 an error.
 * Idea        A pattern is a row of atoms, each perhaps with a star. To match,
 *             a star first takes all it can and then gives back, one by one,
 *             until the rest matches.
 */
#include <stdbool.h>

#include "posix/posix.h"
#include "posix/text.h"

static struct writer out = {.fd = 1};
static bool count_only, ignore_case, numbered, inverted;
static bool selected_any, failed_any;

static int fold(int byte) {
    return ignore_case && byte >= 'A' && byte <= 'Z' ? byte + 'a' - 'A' : byte;
}

/* Beyond the atom at the start of the pattern. A set that does not end is
 * found by pattern_check(). */
static const char *atom_end(const char *pattern) {
    if (*pattern == '\\' && pattern[1] != 0)
        return pattern + 2;
    if (*pattern != '[')
        return pattern + 1;
    const char *at = pattern + 1;
    at += *at == '^';
    at += *at == ']';
    while (*at != 0 && *at != ']')
        at++;
    return *at == ']' ? at + 1 : at;
}

/* The set is between its brackets: from [ to `end`, which is beyond ]. */
static bool set_has(const char *set, const char *end, int byte) {
    const char *at = set + 1, *last = end - 1;
    bool negative = *at == '^';
    at += negative;
    for (; at < last; at++) {
        bool range = at + 2 < last && at[1] == '-';
        int low = fold((uint8_t)*at);
        int high = range ? fold((uint8_t)at[2]) : low;
        if (byte >= low && byte <= high)
            return !negative;
        at += range ? 2 : 0;
    }
    return negative;
}

static bool atom_has(const char *atom, const char *end, int byte) {
    byte = fold(byte);
    if (*atom == '[')
        return set_has(atom, end, byte);
    if (*atom == '\\' && end - atom == 2)
        return fold((uint8_t)atom[1]) == byte;
    return *atom == '.' || fold((uint8_t)*atom) == byte;
}

/* Whether the pattern matches from `text` on. */
static bool match_here(const char *pattern, const char *text, const char *end) {
    while (*pattern != 0) {
        if (pattern[0] == '$' && pattern[1] == 0)
            return text == end;
        const char *next = atom_end(pattern);
        if (*next == '*') {
            const char *most = text;
            while (most < end && atom_has(pattern, next, (uint8_t)*most))
                most++;
            for (; most > text; most--)
                if (match_here(next + 1, most, end))
                    return true;
            pattern = next + 1;
            continue;
        }
        if (text == end || !atom_has(pattern, next, (uint8_t)*text))
            return false;
        pattern = next;
        text++;
    }
    return true;
}

static bool match(const char *pattern, const char *text, const char *end) {
    if (*pattern == '^')
        return match_here(pattern + 1, text, end);
    for (; text <= end; text++)
        if (match_here(pattern, text, end))
            return true;
    return false;
}

/* Whether every set ends. */
static bool pattern_check(const char *pattern) {
    while (*pattern != 0) {
        const char *next = atom_end(pattern);
        if (*pattern == '[' && (next - pattern < 3 || next[-1] != ']'))
            return false;
        pattern = next;
    }
    return true;
}

static void search(const char *pattern, int fd, const char *title) {
    static struct reader reader;
    static struct text line;
    uint64_t number = 0, count = 0;
    int got;
    reader.fd = fd;
    reader.unit = READER_SIZE;
    reader.used = reader.next = 0;
    for (; (got = reader_line(&reader, &line)) > 0; line.used = 0) {
        bool ended = line.bytes[line.used - 1] == '\n';
        const char *end = line.bytes + line.used - ended;
        number++;
        if (match(pattern, line.bytes, end) == inverted)
            continue;
        count++;
        if (count_only)
            continue;
        if (title != NULL)
            writer_print(&out, "%s:", title);
        if (numbered)
            writer_print(&out, "%lu:", number);
        writer_add(&out, line.bytes, (size_t)(end - line.bytes));
        writer_add(&out, "\n", 1);
    }
    if (got < 0) {
        complain("grep", title != NULL ? title : "read");
        failed_any = true;
    }
    if (count_only)
        writer_print(&out, "%s%s%lu\n", title != NULL ? title : "",
                     title != NULL ? ":" : "", count);
    selected_any |= count > 0;
}

static void search_file(const char *pattern, const char *path, bool titled) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        complain("grep", path);
        failed_any = true;
        return;
    }
    search(pattern, fd, titled ? path : NULL);
    close(fd);
}

/* Takes the options. Returns the index of the pattern; 0: bad usage. */
static int options_read(int argc, char **argv) {
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1] != 0; i++) {
        for (const char *letter = argv[i] + 1; *letter != 0; letter++) {
            if (*letter == 'c')
                count_only = true;
            else if (*letter == 'i')
                ignore_case = true;
            else if (*letter == 'n')
                numbered = true;
            else if (*letter == 'v')
                inverted = true;
            else
                return 0;
        }
    }
    return i < argc ? i : 0;
}

int main(int argc, char **argv) {
    int first = options_read(argc, argv);
    if (first == 0) {
        fprintf(2, "usage: grep [-cinv] PATTERN [FILE...]\n");
        return 2;
    }
    const char *pattern = argv[first++];
    if (!pattern_check(pattern)) {
        fprintf(2, "grep: %s: a [ without its ]\n", pattern);
        return 2;
    }
    if (first == argc)
        search(pattern, 0, NULL);
    for (int i = first; i < argc; i++)
        search_file(pattern, argv[i], argc - first > 1);
    if (writer_flush(&out) < 0) {
        complain_write("grep");
        return 2;
    }
    return failed_any ? 2 : !selected_any;
}
