/* SPDX-License-Identifier: MIT */
/*
 * lib/command.c: reading the language of the shell.
 *
 * Idea        Recursive descent, one function for each level of lib/command.h.
 *             token_peek() looks at what comes next without taking it, so
 *             that each level can stop at what is not its own.
 * States      parser.state is PARSE_OK until something goes wrong, and stays
 *             what it then became; from there on all tokens are TOKEN_END, so
 *             that every loop ends.
 */
#include "lib/command.h"

#include "lib/malloc.h"
#include "lib/printf.h"
#include "lib/string.h"

enum { CHUNK_SIZE = 2048, FD_MAX = 99 };

enum token_kind {
    TOKEN_END,
    TOKEN_NEWLINE,
    TOKEN_SEMICOLON,
    TOKEN_AMPERSAND,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_PIPE,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_REDIRECT,
    TOKEN_WORD,
};

struct token {
    enum token_kind kind;
    const char *start;
    const char *end;             /* the next token starts from here */
    enum redirect_kind redirect; /* of TOKEN_REDIRECT */
    int fd;                      /* of TOKEN_REDIRECT */
};

/* A chunk of memory: this header, then what is handed out. */
struct chunk {
    struct chunk *next;
    char bytes[CHUNK_SIZE];
};

static struct sequence *sequence_parse(struct parser *parser, bool group);

static void parser_fail(struct parser *parser, enum parse_result state) {
    if (parser->state == PARSE_OK)
        parser->state = state;
}

/* Zeroed memory that lives until parser_end(); NULL fails the parser. */
static void *parser_alloc(struct parser *parser, size_t size) {
    size = (size + 7) / 8 * 8;
    if (parser->room < size) {
        struct chunk *chunk = malloc(sizeof(*chunk));
        if (chunk == NULL) {
            parser_fail(parser, PARSE_MEMORY);
            return NULL;
        }
        chunk->next = parser->memory;
        parser->memory = chunk;
        parser->room = CHUNK_SIZE;
    }
    struct chunk *chunk = parser->memory;
    void *result = chunk->bytes + (CHUNK_SIZE - parser->room);
    parser->room -= size;
    return memset(result, 0, size);
}

void parser_start(struct parser *parser, const char *text, size_t length) {
    *parser = (struct parser){.cursor = text, .end = text + length};
}

void parser_end(struct parser *parser) {
    struct chunk *chunk = parser->memory;
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    parser->memory = NULL;
    parser->room = 0;
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static bool ends_word(char byte) {
    return is_blank(byte) || byte == '\n' || strchr(";&|()<>", byte) != NULL;
}

/* Beyond blanks, joined lines and a comment. */
static const char *skip_blanks(const char *at, const char *end) {
    for (;;) {
        if (at < end && is_blank(*at))
            at++;
        else if (end - at >= 2 && at[0] == '\\' && at[1] == '\n')
            at += 2;
        else
            break;
    }
    if (at < end && *at == '#')
        while (at < end && *at != '\n')
            at++;
    return at;
}

/* Beyond a quoted stretch that starts at `at`; NULL if it does not end. */
static const char *skip_quoted(const char *at, const char *end) {
    char quote = *at++;
    for (; at < end && *at != quote; at++)
        if (quote == '"' && *at == '\\' && ++at == end)
            return NULL;
    return at < end ? at + 1 : NULL;
}

/* Beyond the word that starts at `at`; NULL if the text ends within it. */
static const char *skip_word(const char *at, const char *end) {
    while (at < end && *at != 0 && !ends_word(*at)) {
        if (*at == '\'' || *at == '"') {
            at = skip_quoted(at, end);
            if (at == NULL)
                return NULL;
        } else if (*at == '\\' && end - at < 2) {
            return NULL;
        } else {
            at += *at == '\\' ? 2 : 1;
        }
    }
    return at;
}

static bool at_two(const struct parser *parser, const char *at,
                   const char *two) {
    return parser->end - at >= 2 && at[0] == two[0] && at[1] == two[1];
}

/* A redirection, whose sign is at `at` and whose number, if any, is before. */
static struct token redirect_token(const struct parser *parser,
                                   const char *start, const char *at) {
    struct token token = {.kind = TOKEN_REDIRECT, .start = start};
    token.end = at + 1;
    token.redirect = *at == '<' ? REDIRECT_READ : REDIRECT_WRITE;
    if (at_two(parser, at, ">>"))
        token.redirect = REDIRECT_APPEND;
    if (at_two(parser, at, ">&"))
        token.redirect = REDIRECT_DUP;
    if (token.redirect > REDIRECT_WRITE)
        token.end = at + 2;
    token.fd = *at == '<' ? 0 : 1;
    if (start < at)
        token.fd = 0;
    for (; start < at; start++)
        if (token.fd <= FD_MAX)
            token.fd = token.fd * 10 + (*start - '0');
    return token;
}

/* An operator at `at`, or TOKEN_WORD if there is none. */
static struct token operator_token(const struct parser *parser,
                                   const char *at) {
    struct token token = {.start = at, .end = at + 1};
    switch (*at) {
    case '\n':
        token.kind = TOKEN_NEWLINE;
        break;
    case ';':
        token.kind = TOKEN_SEMICOLON;
        break;
    case '(':
        token.kind = TOKEN_OPEN;
        break;
    case ')':
        token.kind = TOKEN_CLOSE;
        break;
    case '&':
        token.kind = at_two(parser, at, "&&") ? TOKEN_AND : TOKEN_AMPERSAND;
        token.end += token.kind == TOKEN_AND;
        break;
    case '|':
        token.kind = at_two(parser, at, "||") ? TOKEN_OR : TOKEN_PIPE;
        token.end += token.kind == TOKEN_OR;
        break;
    default:
        token.kind = TOKEN_WORD;
    }
    return token;
}

static struct token token_peek(struct parser *parser) {
    const char *at = skip_blanks(parser->cursor, parser->end);
    struct token none = {.kind = TOKEN_END, .start = at, .end = at};
    if (parser->state != PARSE_OK || at == parser->end)
        return none;
    const char *digits = at;
    while (digits < parser->end && *digits >= '0' && *digits <= '9')
        digits++;
    if (digits < parser->end && (*digits == '<' || *digits == '>'))
        return redirect_token(parser, at, digits);
    struct token token = operator_token(parser, at);
    if (token.kind != TOKEN_WORD)
        return token;
    token.end = skip_word(at, parser->end);
    if (token.end == NULL) {
        parser_fail(parser, PARSE_INCOMPLETE);
        return none;
    }
    if (token.end == at) {
        strlcpy(parser->error, "a zero byte", sizeof(parser->error));
        parser_fail(parser, PARSE_ERROR);
        return none;
    }
    return token;
}

/* The token is not what the grammar wants here. At the end of the text it may
 * still come. */
static void token_reject(struct parser *parser, const struct token *token) {
    if (token->kind == TOKEN_END) {
        parser_fail(parser, PARSE_INCOMPLETE);
        return;
    }
    if (parser->state != PARSE_OK)
        return;
    if (token->kind == TOKEN_NEWLINE)
        snprintf(parser->error, sizeof(parser->error),
                 "unexpected end of line");
    else
        snprintf(parser->error, sizeof(parser->error), "unexpected '%.*s'",
                 (int)(token->end - token->start), token->start);
    parser_fail(parser, PARSE_ERROR);
}

static bool token_take(struct parser *parser, enum token_kind kind) {
    struct token token = token_peek(parser);
    if (token.kind != kind)
        return false;
    parser->cursor = token.end;
    return true;
}

static void newlines_take(struct parser *parser) {
    while (token_take(parser, TOKEN_NEWLINE))
        ;
}

static struct redirect *redirect_parse(struct parser *parser,
                                       const struct token *sign) {
    parser->cursor = sign->end;
    struct token target = token_peek(parser);
    if (target.kind != TOKEN_WORD) {
        token_reject(parser, &target);
        return NULL;
    }
    parser->cursor = target.end;
    struct redirect *redirect = parser_alloc(parser, sizeof(*redirect));
    if (redirect == NULL)
        return NULL;
    redirect->kind = sign->redirect;
    redirect->fd = sign->fd;
    redirect->target.text = target.start;
    redirect->target.length = (size_t)(target.end - target.start);
    return redirect;
}

/* ( sequence ), after the parenthesis. */
static struct sequence *group_parse(struct parser *parser) {
    if (++parser->depth > NESTING_MAX) {
        strlcpy(parser->error, "nested too deeply", sizeof(parser->error));
        parser_fail(parser, PARSE_ERROR);
        return NULL;
    }
    struct sequence *sequence = sequence_parse(parser, true);
    struct token token = token_peek(parser);
    if (token.kind != TOKEN_CLOSE || sequence == NULL)
        token_reject(parser, &token);
    parser->cursor = token.end;
    parser->depth--;
    return sequence;
}

/* Adds words and redirections to the command until something else comes. */
static void command_fill(struct parser *parser, struct command *command) {
    struct word **words = &command->words;
    struct redirect **redirects = &command->redirects;
    for (;;) {
        struct token token = token_peek(parser);
        if (token.kind == TOKEN_REDIRECT) {
            *redirects = redirect_parse(parser, &token);
            if (*redirects == NULL)
                return;
            redirects = &(*redirects)->next;
        } else if (token.kind == TOKEN_WORD && command->group == NULL) {
            struct word *word = parser_alloc(parser, sizeof(*word));
            if (word == NULL)
                return;
            word->text = token.start;
            word->length = (size_t)(token.end - token.start);
            *words = word;
            words = &word->next;
            command->count++;
            parser->cursor = token.end;
        } else {
            return;
        }
    }
}

static struct command *command_parse(struct parser *parser) {
    struct command *command = parser_alloc(parser, sizeof(*command));
    if (command == NULL)
        return NULL;
    if (token_take(parser, TOKEN_OPEN))
        command->group = group_parse(parser);
    command_fill(parser, command);
    struct token token = token_peek(parser);
    if (command->group == NULL && command->count == 0 &&
        command->redirects == NULL)
        token_reject(parser, &token);
    else if (token.kind == TOKEN_OPEN || token.kind == TOKEN_WORD)
        token_reject(parser, &token);
    return command;
}

static bool bang_take(struct parser *parser) {
    struct token token = token_peek(parser);
    if (token.kind != TOKEN_WORD || token.end - token.start != 1 ||
        *token.start != '!')
        return false;
    parser->cursor = token.end;
    return true;
}

static struct chain *pipeline_parse(struct parser *parser, enum join join) {
    struct chain *chain = parser_alloc(parser, sizeof(*chain));
    if (chain == NULL)
        return NULL;
    chain->join = join;
    chain->negate = bang_take(parser);
    struct command **tail = &chain->commands;
    do {
        newlines_take(parser);
        *tail = command_parse(parser);
        if (*tail == NULL)
            return NULL;
        tail = &(*tail)->next;
    } while (token_take(parser, TOKEN_PIPE));
    return chain;
}

static struct chain *chain_parse(struct parser *parser) {
    struct chain *head = pipeline_parse(parser, JOIN_ALWAYS);
    struct chain **tail = head != NULL ? &head->next : NULL;
    while (parser->state == PARSE_OK) {
        enum join join = JOIN_ALWAYS;
        if (token_take(parser, TOKEN_AND))
            join = JOIN_AND;
        else if (token_take(parser, TOKEN_OR))
            join = JOIN_OR;
        else
            break;
        newlines_take(parser);
        *tail = pipeline_parse(parser, join);
        if (*tail != NULL)
            tail = &(*tail)->next;
    }
    return head;
}

/* Items up to a newline or, in a group, the closing parenthesis. */
static struct sequence *sequence_parse(struct parser *parser, bool group) {
    struct sequence *head = NULL, **tail = &head;
    while (parser->state == PARSE_OK) {
        if (group)
            newlines_take(parser);
        enum token_kind next = token_peek(parser).kind;
        if (next == TOKEN_END || next == TOKEN_NEWLINE || next == TOKEN_CLOSE)
            break;
        struct sequence *item = parser_alloc(parser, sizeof(*item));
        if (item == NULL)
            break;
        item->chain = chain_parse(parser);
        *tail = item;
        tail = &item->next;
        item->background = token_take(parser, TOKEN_AMPERSAND);
        bool more = item->background || token_take(parser, TOKEN_SEMICOLON) ||
                    (group && token_peek(parser).kind == TOKEN_NEWLINE);
        if (!more)
            break;
    }
    return head;
}

enum parse_result parser_line(struct parser *parser, struct sequence **out) {
    if (parser->state == PARSE_OK && parser_done(parser))
        return PARSE_END;
    *out = sequence_parse(parser, false);
    struct token token = token_peek(parser);
    if (token.kind != TOKEN_NEWLINE && token.kind != TOKEN_END)
        token_reject(parser, &token);
    parser->cursor = token.end;
    return parser->state;
}

bool parser_done(const struct parser *parser) {
    const char *at = parser->cursor;
    do {
        at = skip_blanks(at, parser->end);
    } while (at < parser->end && *at == '\n' && at++ != NULL);
    return at == parser->end;
}

/* Where word_expand() puts its bytes. */
struct argument {
    char *to;
    size_t length;
};

static void argument_add(struct argument *argument, char byte) {
    if (argument->to != NULL)
        argument->to[argument->length] = byte;
    argument->length++;
}

/* What follows a backslash at `at`. Returns where to go on. */
static const char *backslash_expand(struct argument *argument, const char *at,
                                    bool quoted) {
    if (quoted && strchr("$`\"\\\n", at[1]) == NULL)
        argument_add(argument, '\\');
    if (at[1] != '\n')
        argument_add(argument, at[1]);
    return at + 2;
}

static void number_add(struct argument *argument, int number) {
    char text[16];
    snprintf(text, sizeof(text), "%d", number);
    for (const char *digit = text; *digit != 0; digit++)
        argument_add(argument, *digit);
}

/* A '$' at `at`: with a value's sign behind it the value, else itself. Returns
 * where to go on. */
static const char *value_expand(struct argument *argument, const char *at,
                                const char *end, const struct values *values) {
    char sign = end - at >= 2 ? at[1] : 0;
    if (sign == '?')
        number_add(argument, values->status);
    else if (sign == '$')
        number_add(argument, values->self);
    else if (sign != '!')
        argument_add(argument, *at);
    else if (values->background != 0)
        number_add(argument, values->background);
    return at + (sign == '?' || sign == '$' || sign == '!' ? 2 : 1);
}

size_t word_expand(const struct word *word, const struct values *values,
                   char *to) {
    struct argument argument = {to, 0};
    const char *at = word->text, *end = at + word->length;
    char quote = 0;
    while (at < end) {
        if (quote != '\'' && *at == '\\' && end - at >= 2) {
            at = backslash_expand(&argument, at, quote != 0);
        } else if (quote != '\'' && *at == '$') {
            at = value_expand(&argument, at, end, values);
        } else if (*at == quote) {
            quote = 0;
            at++;
        } else if (quote == 0 && (*at == '\'' || *at == '"')) {
            quote = *at++;
        } else {
            argument_add(&argument, *at++);
        }
    }
    if (to != NULL)
        to[argument.length] = 0;
    return argument.length;
}
