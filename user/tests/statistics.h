/* SPDX-License-Identifier: MIT */
/*
 * tests/statistics.h: the tables of the server sys, read by name.
 *
 * Use         struct row moved;
 *             table_read("/sys/ipc/transfer");
 *             row_find("pages_moved", &moved);
 *             ... moved.value[0] of all harts, moved.value[1 + hart]
 */
#ifndef OCTAVO_TESTS_STATISTICS_H
#define OCTAVO_TESTS_STATISTICS_H

#include "tests/check.h"

enum { TABLE_BYTES = 20 * 1024, ROW_HARTS = 8 };

struct row {
    unsigned harts;
    uint64_t value[1 + ROW_HARTS];
};

/* The table that was read last. */
static char table[TABLE_BYTES];

/* Reads a whole file into table[]. */
static inline void table_read(const char *path) {
    int fd = (int)check_ok(path, open(path, O_RDONLY));
    int used = 0, count;
    while ((count = read(fd, table + used, TABLE_BYTES - 1 - used)) > 0)
        used += count;
    check_ok("read of a table", count);
    check_true("the table is not longer", used < TABLE_BYTES - 1);
    table[used] = 0;
    close(fd);
}

/* The text behind a line's name. */
static inline const char *row_text(const char *name) {
    size_t length = strlen(name);
    const char *line = table;
    while (line && !(strncmp(line, name, length) == 0 && line[length] == ' ')) {
        line = strchr(line, '\n');
        line += line != NULL;
    }
    if (!line)
        check_fail(name, -ENOENT, 0);
    return line + length;
}

static inline uint64_t number_next(const char **text) {
    uint64_t value = 0;
    while (**text == ' ')
        (*text)++;
    check_true("there is a number", **text >= '0' && **text <= '9');
    for (; **text >= '0' && **text <= '9'; (*text)++)
        value = value * 10 + (uint64_t)(**text - '0');
    return value;
}

/* Finds a line of the table; each hart has its column. */
static inline void row_find(const char *name, struct row *row) {
    const char *text = row_text(name);
    row->harts = (unsigned)sys_system_info(INFO_HARTS, 0).value[0];
    for (unsigned i = 0; i <= row->harts; i++)
        row->value[i] = number_next(&text);
    check_equal("end of the line", *text, '\n');
}

/* The first number of a line. */
static inline uint64_t row_value(const char *name) {
    const char *text = row_text(name);
    return number_next(&text);
}

#endif
