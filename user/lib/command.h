/* SPDX-License-Identifier: MIT */
/*
 * lib/command.h: the language of the shell, as a structure.
 *
 * Idea        Text goes in, a line at a time; out come lists in lists:
 *
 *               sequence   a && b | c; d &      items, one after the other
 *               chain      a && b | c           pipelines, joined by && and ||
 *               pipeline   b | c                commands, side by side
 *               command    c x <f >g  or  ( sequence ) <f
 *
 *             Words are kept as they were written, quotes and all: `$?` in
 *             them has the value of the moment when they are used, and
 *             word_expand() then makes the argument.
 * Use         struct parser parser;
 *             parser_start(&parser, text, length);
 *             while ((result = parser_line(&parser, &sequence)) == PARSE_OK)
 *                 ... run the sequence, which may be NULL (an empty line)
 *             parser_end(&parser);
 * Invariants  The structure is the parser's memory and points into the text;
 *             both must live while it is used. Every `next` chain is in the
 *             order of the text. Nesting is at most NESTING_MAX deep, all else
 *             is limited by memory alone.
 */
#ifndef OCTAVO_LIB_COMMAND_H
#define OCTAVO_LIB_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum { NESTING_MAX = 32 };

/* A stretch of the text. */
struct word {
    const char *text;
    size_t length;
    struct word *next;
};

enum redirect_kind {
    REDIRECT_READ,   /* [n]<file, n = 0 if not given */
    REDIRECT_WRITE,  /* [n]>file, n = 1 */
    REDIRECT_APPEND, /* [n]>>file */
    REDIRECT_DUP,    /* [n]>&m */
};

struct redirect {
    enum redirect_kind kind;
    int fd;
    struct word target;
    struct redirect *next;
};

struct command {
    struct word *words;
    size_t count;           /* of words */
    struct sequence *group; /* ( ... ), and then there are no words */
    struct redirect *redirects;
    struct command *next; /* in the pipeline: it reads what this one writes */
    int pid;              /* for whoever runs it */
};

/* When a pipeline runs, by the status of the one before. */
enum join { JOIN_ALWAYS, JOIN_AND, JOIN_OR };

struct chain {
    enum join join;
    bool negate; /* ! pipeline: 1 for success, 0 for failure */
    struct command *commands;
    struct chain *next;
};

struct sequence {
    struct chain *chain;
    bool background; /* followed by & */
    struct sequence *next;
};

enum parse_result {
    PARSE_OK,
    PARSE_END,        /* nothing is left */
    PARSE_INCOMPLETE, /* the text ends within a quote, a ( or after && || | */
    PARSE_ERROR,      /* parser.error says what is wrong */
    PARSE_MEMORY,
};

struct parser {
    const char *cursor;
    const char *end;
    enum parse_result state;
    char error[64];
    unsigned depth;
    void *memory; /* chunks, for parser_end() */
    size_t room;  /* left in the newest */
};

void parser_start(struct parser *parser, const char *text, size_t length);

/* Reads up to the next newline that ends a command. After anything but
 * PARSE_OK only parser_end() may follow. */
enum parse_result parser_line(struct parser *parser, struct sequence **out);

/* Whether nothing but blanks and comments is left. */
bool parser_done(const struct parser *parser);

/* Frees all that parser_line() made since the start. */
void parser_end(struct parser *parser);

/* What stands behind a '$' in a word. */
struct values {
    int status;     /* $?: of the last command */
    int background; /* $!: pid of the last one in the background; 0: none yet */
    int self;       /* $$: the shell's own pid */
};

/*
 * Makes an argument of a word: quotes are removed, and values put in. Returns
 * its length; writes it and a NUL to `to` unless that is NULL.
 */
size_t word_expand(const struct word *word, const struct values *values,
                   char *to);

#endif
