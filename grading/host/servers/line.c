/* SPDX-License-Identifier: MIT */
/*
 * host/servers/line.c: the line editor, key by key.
 */
#include <string.h>

#include "check.h"
#include "servers/console/line.h"

static struct line line;
static char screen[1 << 16]; /* everything echoed */

static void start(void) {
    memset(&line, 0, sizeof(line));
    screen[0] = '\0';
}

/* Presses keys; returns all events. */
static unsigned type(const char *keys) {
    unsigned events = 0;
    for (; *keys; keys++) {
        events |= line_type(&line, (uint8_t)*keys);
        CHECK(line.echo_length <= ECHO_MAX);
        CHECK(strlen(screen) + line.echo_length < sizeof(screen));
        strncat(screen, line.echo, line.echo_length);
    }
    return events;
}

/* One read of so many bytes gives this text. */
static void expect_read(unsigned room, const char *want) {
    char bytes[QUEUE_CELLS];
    unsigned cells;
    CHECK(line_readable(&line));
    unsigned count = line_peek(&line, bytes, room, &cells);
    CHECK(count == strlen(want) && memcmp(bytes, want, count) == 0);
    line_take(&line, cells);
}

static void test_line(void) {
    start();
    CHECK(type("ab") == 0);
    CHECK(!line_readable(&line));
    CHECK(type("c\r") == LINE_READY);
    expect_read(64, "abc\n");
    CHECK(!line_readable(&line));
    CHECK(strcmp(screen, "abc\n") == 0);
}

static void test_short_reads(void) {
    start();
    type("abcdef\nxy\n");
    expect_read(4, "abcd");
    expect_read(4, "ef\n"); /* a line at a time */
    expect_read(3, "xy\n");
    CHECK(!line_readable(&line));
}

static void test_editing(void) {
    start();
    type("ax\b\x7f\x7f\x7f"
         "b\n");
    expect_read(64, "b\n");
    CHECK(strcmp(screen, "ax\b \b\b \bb\n") == 0);
    start();
    type("one two  \x17three\n");
    expect_read(64, "one three\n");
    start();
    type("one two\x15three\n");
    expect_read(64, "three\n");
}

static void test_end(void) {
    start();
    CHECK(type("\x04") == LINE_READY);
    expect_read(8, "");
    type("ab\x04");
    expect_read(8, "ab"); /* no newline, and no end of the file behind it */
    CHECK(!line_readable(&line));
    type("ab\x04");
    expect_read(2, "ab"); /* as many as wanted: the mark goes with them */
    CHECK(!line_readable(&line));
    type("ab\x04\x04");
    expect_read(1, "a");
    expect_read(1, "b");
    expect_read(1, ""); /* the second ^D is an end of its own */
    CHECK(!line_readable(&line));
    type("ab\n\x04");
    expect_read(3, "ab\n");
    expect_read(3, "");
}

/* What was looked at but not taken is still there. */
static void test_peek_only(void) {
    char bytes[8];
    unsigned cells;
    start();
    type("ab\n");
    CHECK(line_peek(&line, bytes, 8, &cells) == 3 && cells == 3);
    expect_read(8, "ab\n");
}

static void test_keys(void) {
    start();
    CHECK(type("ab\x03") == LINE_INTERRUPT);
    CHECK(strcmp(screen, "ab^C\n") == 0);
    CHECK(type("c\n") == LINE_READY);
    expect_read(8, "c\n"); /* ^C forgot the line */
    CHECK(type("\x10") == LINE_LIST);
    type("d\ne\nf");
    line_forget(&line);
    CHECK(!line_readable(&line));
    type("g\n");
    expect_read(8, "g\n");
    type("\x01\x1b"); /* not characters */
    CHECK(line.length == 0);
}

/* Keys of several bytes leave nothing behind, and what follows them counts. */
static void test_escapes(void) {
    start();
    CHECK(type("a\x1b[Ab\x1bOHc\x1b[1;5Cd\x1b[3~e\x1bxf\n") == LINE_READY);
    expect_read(8, "abcdef\n");
    CHECK(strcmp(screen, "a\ab\ac\ad\ae\af\n") == 0);
    CHECK(type("g\x1b\r") == LINE_READY);
    expect_read(8, "g\n");
    CHECK(type("h\x1b[1\x03") == LINE_INTERRUPT);
    type("i\x1b");
    line_set_raw(&line, true);
    type("[");
    line_set_raw(&line, false);
    type("j\n");
    expect_read(1, "i");
    expect_read(8, "[j\n");
}

/* The last place of a line is its newline's: what is echoed is what is read. */
static void test_long_line(void) {
    char want[LINE_MAX + 1];
    start();
    for (int i = 0; i < 2 * LINE_MAX; i++)
        type("x");
    CHECK(strchr(screen, '\a') != NULL);
    type("\n");
    memset(want, 'x', LINE_MAX - 1);
    strcpy(want + LINE_MAX - 1, "\n");
    expect_read(QUEUE_CELLS, want);
    for (int i = 0; i < LINE_MAX; i++)
        type("x");
    type("\x15"); /* the longest echo */
    CHECK(line.length == 0);
}

/* With nobody reading, input stops being taken and what was taken stays. */
static void test_full_queue(void) {
    start();
    unsigned lines = 0;
    while (type("abc\n") & LINE_READY)
        lines++;
    CHECK(lines == QUEUE_CELLS / 4);
    CHECK(line.length == 3); /* the line waits, to be finished later */
    for (unsigned i = 0; i < lines; i++)
        expect_read(64, "abc\n");
    CHECK(!line_readable(&line));
}

static void test_raw(void) {
    start();
    type("ab");
    line_set_raw(&line, true);
    expect_read(8, "ab"); /* the line so far is not lost */
    screen[0] = '\0';
    CHECK(type("\x03") == LINE_READY);
    CHECK(type("\r\x04x") == LINE_READY);
    CHECK(screen[0] == '\0');
    expect_read(2, "\x03\r");
    expect_read(8, "\x04x");
    for (unsigned i = 0; i < QUEUE_CELLS; i++)
        CHECK(type("y") == LINE_READY);
    CHECK(type("z") == 0);
    line_set_raw(&line, false);
    expect_read(8, "yyyyyyyy");
}

int main(void) {
    test_line();
    test_short_reads();
    test_editing();
    test_end();
    test_peek_only();
    test_keys();
    test_escapes();
    test_long_line();
    test_full_queue();
    test_raw();
    return 0;
}
