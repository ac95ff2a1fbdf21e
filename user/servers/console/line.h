/* SPDX-License-Identifier: MIT */
/*
 * servers/console/line.h: from keys to lines.
 *
 * Idea        Characters are collected in a line that can still be edited.
 *             Enter moves the line to a queue of finished input, from which
 *             programs read. A queue cell holds a byte or one of two marks:
 *             ^D on an empty line leaves END, which a reader sees as the end
 *             of the file; ^D after text leaves FLUSH, which ends a read there
 *             without a newline. Keys that send several bytes, as the arrows
 *             do, have no meaning and leave no rubbish in the line.
 * Use         unsigned events = line_type(&line, byte);
 *             ... write line.echo; act on the events ...
 *             unsigned n = line_peek(&line, buffer, room, &cells);
 *             ... hand n bytes to a reader, then line_take(&line, cells) ...
 * States      Cooked: as above. Raw: every byte goes straight to the queue,
 *             nothing is echoed, and no key has a meaning.
 * Invariants  A byte that does not fit is not echoed: what is on the screen is
 *             what will be read.
 */
#ifndef OCTAVO_CONSOLE_LINE_H
#define OCTAVO_CONSOLE_LINE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LINE_MAX = 512,     /* bytes in a line being edited, with its newline */
    QUEUE_CELLS = 4096, /* finished input that no one has read */
    ECHO_MAX = 3 * LINE_MAX, /* what one key makes appear at most: ^U */
};

enum line_event {
    LINE_READY = 1,     /* there is more to read */
    LINE_INTERRUPT = 2, /* ^C */
    LINE_LIST = 4,      /* ^P */
};

/* Arrow keys and the like send ESC, '[' or 'O', parameters, and a letter. */
enum escape {
    ESCAPE_NONE,
    ESCAPE_START, /* behind ESC */
    ESCAPE_REST,  /* behind the second byte */
};

struct line {
    bool raw;
    enum escape escape;
    unsigned length; /* of the line being edited */
    char text[LINE_MAX];
    unsigned head; /* cells ever read; the queue is cells head..tail-1 */
    unsigned tail; /* cells ever finished */
    uint16_t queue[QUEUE_CELLS];
    unsigned echo_length; /* what the last key makes appear on the screen */
    char echo[ECHO_MAX];
};

/* Takes one byte from the keyboard, sets the echo, returns LINE_ events. */
unsigned line_type(struct line *line, uint8_t byte);

/* Drops all input that no one has read. */
void line_forget(struct line *line);

/* Whether a read would return now. */
static inline bool line_readable(const struct line *line) {
    return line->head != line->tail;
}

/*
 * Copies what one read of `room` >= 1 bytes gets into buffer and returns how
 * many bytes that is: up to the end of a line or a mark (cooked), or all there
 * is (raw). 0: the end of the file. *cells is what the read uses up. Call it
 * only when line_readable().
 */
unsigned line_peek(const struct line *line, void *buffer, unsigned room,
                   unsigned *cells);

/* Uses up cells that line_peek() counted. */
void line_take(struct line *line, unsigned cells);

/* Changes the mode. The line being edited becomes readable as it is. */
void line_set_raw(struct line *line, bool raw);

#endif
