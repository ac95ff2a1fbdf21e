/* SPDX-License-Identifier: MIT */
/*
 * servers/console/line.c: the line editor; see line.h for the idea.
 *
 * Keys        Backspace, Delete  the last character
 *             ^W  the last word     ^U  the line
 *             ^D  end of file       ^C  interrupt     ^P  process list
 *
 * Nothing here makes a system call: the host's tests run it as it is.
 */
#include "servers/console/line.h"

#include "lib/string.h"

enum key {
    KEY_INTERRUPT = 'C' - '@',
    KEY_END = 'D' - '@',
    KEY_BELL = 'G' - '@',
    KEY_BACKSPACE = 'H' - '@',
    KEY_LIST = 'P' - '@',
    KEY_KILL = 'U' - '@',
    KEY_WORD = 'W' - '@',
    KEY_ESCAPE = '[' - '@',
    KEY_DELETE = 0x7f,
};

enum mark { MARK_END = 0x100, MARK_FLUSH = 0x101 };

_Static_assert((QUEUE_CELLS & (QUEUE_CELLS - 1)) == 0, "cells wrap by a mask");

static unsigned queue_room(const struct line *line) {
    return QUEUE_CELLS - (line->tail - line->head);
}

static void queue_put(struct line *line, uint16_t cell) {
    line->queue[line->tail++ & (QUEUE_CELLS - 1)] = cell;
}

static void echo_put(struct line *line, char byte) {
    line->echo[line->echo_length++] = byte;
}

/* Takes back the last character, on the screen too. */
static void text_erase(struct line *line) {
    line->length--;
    echo_put(line, '\b');
    echo_put(line, ' ');
    echo_put(line, '\b');
}

static void text_erase_word(struct line *line) {
    while (line->length > 0 && line->text[line->length - 1] == ' ')
        text_erase(line);
    while (line->length > 0 && line->text[line->length - 1] != ' ')
        text_erase(line);
}

/* Moves the line to the queue with a mark or newline behind it. False, and
 * nothing is changed: there is no room. */
static bool text_finish(struct line *line, uint16_t last) {
    if (queue_room(line) < line->length + 1)
        return false;
    for (unsigned i = 0; i < line->length; i++)
        queue_put(line, (uint8_t)line->text[i]);
    queue_put(line, last);
    line->length = 0;
    return true;
}

static unsigned finish_key(struct line *line, uint16_t last) {
    if (!text_finish(line, last)) {
        echo_put(line, KEY_BELL);
        return 0;
    }
    if (last == '\n')
        echo_put(line, '\n');
    return LINE_READY;
}

/* An ordinary character; the last place is kept for the newline. */
static void text_insert(struct line *line, uint8_t byte) {
    bool printable = byte >= ' ' || byte == '\t';
    if (!printable || line->length == LINE_MAX - 1) {
        echo_put(line, KEY_BELL);
        return;
    }
    line->text[line->length++] = (char)byte;
    echo_put(line, (char)byte);
}

static unsigned raw_type(struct line *line, uint8_t byte) {
    if (queue_room(line) == 0)
        return 0;
    queue_put(line, byte);
    return LINE_READY;
}

static unsigned interrupt_key(struct line *line) {
    line->length = 0;
    memcpy(line->echo, "^C\n", 3);
    line->echo_length = 3;
    return LINE_INTERRUPT;
}

/* Swallows the rest of an escape sequence, with a bell at its end. False: the
 * byte is none of it. A control character ends any sequence and counts. */
static bool escape_swallow(struct line *line, uint8_t byte) {
    enum escape was = line->escape;
    line->escape = ESCAPE_NONE;
    if (was == ESCAPE_NONE || byte < ' ' || byte == KEY_DELETE)
        return false;
    bool more = was == ESCAPE_START ? byte == '[' || byte == 'O' : byte < '@';
    if (more)
        line->escape = ESCAPE_REST;
    else
        echo_put(line, KEY_BELL);
    return true;
}

unsigned line_type(struct line *line, uint8_t byte) {
    line->echo_length = 0;
    if (line->raw)
        return raw_type(line, byte);
    if (escape_swallow(line, byte))
        return 0;
    switch (byte) {
    case KEY_ESCAPE:
        line->escape = ESCAPE_START;
        return 0;
    case KEY_INTERRUPT:
        return interrupt_key(line);
    case KEY_LIST:
        return LINE_LIST;
    case KEY_END:
        return finish_key(line, line->length ? MARK_FLUSH : MARK_END);
    case '\r':
    case '\n':
        return finish_key(line, '\n');
    case KEY_BACKSPACE:
    case KEY_DELETE:
        if (line->length > 0)
            text_erase(line);
        return 0;
    case KEY_WORD:
        text_erase_word(line);
        return 0;
    case KEY_KILL:
        while (line->length > 0)
            text_erase(line);
        return 0;
    default:
        text_insert(line, byte);
        return 0;
    }
}

void line_forget(struct line *line) {
    line->head = line->tail;
    line->length = 0;
}

/* Whether a read of cooked input ends behind this cell. */
static bool cell_ends_read(uint16_t cell) {
    return cell == '\n' || cell == MARK_END || cell == MARK_FLUSH;
}

unsigned line_peek(const struct line *line, void *buffer, unsigned room,
                   unsigned *cells) {
    uint8_t *bytes = buffer;
    unsigned count = 0, at = line->head;
    while (at != line->tail) {
        uint16_t cell = line->queue[at & (QUEUE_CELLS - 1)];
        /* A FLUSH right behind a full read belongs to it: left alone, it
         * would look like the end of the file. END is a read of its own. */
        if (count == room && cell != MARK_FLUSH)
            break;
        if (cell == MARK_END && count > 0)
            break;
        at++;
        if (cell < MARK_END)
            bytes[count++] = (uint8_t)cell;
        if (cell_ends_read(cell) && !line->raw)
            break;
    }
    *cells = at - line->head;
    return count;
}

void line_take(struct line *line, unsigned cells) {
    line->head += cells;
}

void line_set_raw(struct line *line, bool raw) {
    if (raw && line->length > 0)
        (void)text_finish(line, MARK_FLUSH);
    line->raw = raw;
    line->escape = ESCAPE_NONE;
    line->length = 0;
}
