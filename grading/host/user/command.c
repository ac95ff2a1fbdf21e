/* SPDX-License-Identifier: MIT */
/*
 * host/user/command.c: tests of the shell's language.
 *
 * Each text is parsed and written out again in one exact form: words in
 * brackets, pipelines with |, chains with && and ||, a ; or & after each item.
 * The form of random texts must itself parse to the same form, and no text may
 * make the parser touch memory that is not its own.
 */
#include "lib/command.h"

#include <stdint.h>

#include "check.h"
#include "lib/string.h"

enum { FORM_MAX = 1 << 16 };

/* The one function of lib/string.h that hosts may lack. */
size_t strlcpy(char *to, const char *from, size_t size) {
    int length = snprintf(to, size, "%s", from);
    return (size_t)length;
}

struct form {
    char text[FORM_MAX];
    size_t used;
};

static void add(struct form *form, const char *text, size_t length) {
    CHECK(form->used + length < FORM_MAX);
    memcpy(form->text + form->used, text, length);
    form->used += length;
    form->text[form->used] = 0;
}

static void add_text(struct form *form, const char *text) {
    add(form, text, strlen(text));
}

static void add_sequence(struct form *form, const struct sequence *sequence);

static void add_command(struct form *form, const struct command *command) {
    static const char *const signs[] = {"<", ">", ">>", ">&"};
    const char *gap = "";
    if (command->group != NULL) {
        add_text(form, "(");
        add_sequence(form, command->group);
        add_text(form, ")");
        gap = " ";
    }
    size_t count = 0;
    for (struct word *word = command->words; word; word = word->next, count++) {
        add_text(form, gap);
        add(form, word->text, word->length);
        gap = " ";
    }
    CHECK(count == command->count);
    for (struct redirect *r = command->redirects; r; r = r->next) {
        char fd[16];
        snprintf(fd, sizeof(fd), "%s%d", gap, r->fd);
        add_text(form, fd);
        add_text(form, signs[r->kind]);
        add(form, r->target.text, r->target.length);
        gap = " ";
    }
}

static void add_chain(struct form *form, const struct chain *chain) {
    static const char *const joins[] = {"", " && ", " || "};
    for (; chain != NULL; chain = chain->next) {
        add_text(form, joins[chain->join]);
        if (chain->negate)
            add_text(form, "! ");
        for (struct command *c = chain->commands; c != NULL; c = c->next) {
            add_command(form, c);
            if (c->next != NULL)
                add_text(form, " | ");
        }
    }
}

static void add_sequence(struct form *form, const struct sequence *sequence) {
    for (; sequence != NULL; sequence = sequence->next) {
        add_chain(form, sequence->chain);
        add_text(form, sequence->background ? "&" : ";");
    }
}

/* Parses to the end; each line's form is followed by a newline. */
static enum parse_result form_make(struct form *form, const char *text,
                                   size_t length) {
    /* A copy of exactly this size, so that the sanitizer sees its ends. */
    char *copy = malloc(length + 1);
    memcpy(copy, text, length);
    copy = realloc(copy, length > 0 ? length : 1);
    struct parser parser;
    struct sequence *sequence;
    enum parse_result result;
    form->used = 0;
    form->text[0] = 0;
    parser_start(&parser, copy, length);
    while ((result = parser_line(&parser, &sequence)) == PARSE_OK) {
        add_sequence(form, sequence);
        add_text(form, "\n");
    }
    CHECK((result == PARSE_ERROR) == (parser.error[0] != 0));
    parser_end(&parser);
    free(copy);
    return result;
}

static struct form form, again;

static void expect(const char *text, const char *want) {
    enum parse_result result = form_make(&form, text, strlen(text));
    if (result != PARSE_END || strcmp(form.text, want) != 0) {
        fprintf(stderr, "%s\nwant %sgot  %s(result %d)\n", text, want,
                form.text, result);
        exit(1);
    }
}

static void expect_result(const char *text, enum parse_result want) {
    enum parse_result result = form_make(&form, text, strlen(text));
    if (result != want) {
        fprintf(stderr, "%s\nresult %d instead of %d\n", text, result, want);
        exit(1);
    }
}

static void test_forms(void) {
    expect("", "");
    expect("  \t # nothing\n\n", "");
    expect("ls", "ls;\n");
    expect("a b  c\n", "a b c;\n");
    expect("a|b|c", "a | b | c;\n");
    expect("a&&b||c", "a && b || c;\n");
    expect("a;b&c", "a;b&c;\n");
    expect("a;\nb&\n", "a;\nb&\n");
    expect("(a;b)|c", "(a;b;) | c;\n");
    expect("(a\nb\n)", "(a;b;);\n");
    expect("((a))>f", "((a;);) 1>f;\n");
    expect("a<b>c>>d 2>e 2>&1", "a 0<b 1>c 1>>d 2>e 2>&1;\n");
    expect("a 12>f 3 > g", "a 3 12>f 1>g;\n");
    expect(">f", "1>f;\n");
    expect("a &&\n\nb", "a && b;\n");
    expect("a |\nb", "a | b;\n");
    expect("! a | b && ! c", "! a | b && ! c;\n");
    expect("a#b #c", "a#b;\n");
    expect("a 'b;c' \"d|e\" f\\&g", "a 'b;c' \"d|e\" f\\&g;\n");
    expect("a \\\n b", "a b;\n");
    expect("a 'b\nc'", "a 'b\nc';\n");
    expect("a \"b\\\"c\"", "a \"b\\\"c\";\n");
}

static void test_errors(void) {
    expect_result("a 'b", PARSE_INCOMPLETE);
    expect_result("a \"b\\", PARSE_INCOMPLETE);
    expect_result("a \\", PARSE_INCOMPLETE);
    expect_result("(a", PARSE_INCOMPLETE);
    expect_result("(a;", PARSE_INCOMPLETE);
    expect_result("(", PARSE_INCOMPLETE);
    expect_result("a &&", PARSE_INCOMPLETE);
    expect_result("a |\n", PARSE_INCOMPLETE);
    expect_result("a >", PARSE_INCOMPLETE);
    expect_result(")", PARSE_ERROR);
    expect_result("()", PARSE_ERROR);
    expect_result("a;;b", PARSE_ERROR);
    expect_result("|a", PARSE_ERROR);
    expect_result("a||| b", PARSE_ERROR);
    expect_result("a & && b", PARSE_ERROR);
    expect_result("a > > b", PARSE_ERROR);
    expect_result("a >\nb", PARSE_ERROR);
    expect_result("(a) b", PARSE_ERROR);
    expect_result("a (b)", PARSE_ERROR);
    CHECK(form_make(&form, "a\0b", 3) == PARSE_ERROR);
    char deep[2 * NESTING_MAX + 8];
    for (int depth = NESTING_MAX; depth <= NESTING_MAX + 1; depth++) {
        memset(deep, '(', (size_t)depth);
        deep[depth] = 'a';
        memset(deep + depth + 1, ')', (size_t)depth);
        deep[2 * depth + 1] = 0;
        expect_result(deep, depth <= NESTING_MAX ? PARSE_END : PARSE_ERROR);
    }
}

static void expand(const char *text, const char *want) {
    const struct values values = {127, 0, 42};
    struct word word = {.text = text, .length = strlen(text)};
    size_t length = word_expand(&word, &values, NULL);
    char *argument = malloc(length + 1);
    CHECK(word_expand(&word, &values, argument) == length);
    if (strcmp(argument, want) != 0) {
        fprintf(stderr, "%s\nwant %s\ngot  %s\n", text, want, argument);
        exit(1);
    }
    free(argument);
}

static void test_words(void) {
    expand("abc", "abc");
    expand("''", "");
    expand("a'b c'd", "ab cd");
    expand("\"a b\"'c'", "a bc");
    expand("\"it's\"", "it's");
    expand("'say \"x\"'", "say \"x\"");
    expand("a\\ b", "a b");
    expand("\\\\n", "\\n");
    expand("\"\\n\\\"\\\\\\$\"", "\\n\"\\$");
    expand("'\\n'", "\\n");
    expand("a\\\nb", "ab");
    expand("$?", "127");
    expand("x$?y\"$?\"'$?'", "x127y127$?");
    expand("$", "$");
    expand("\\$?", "$?");
    expand("$HOME", "$HOME");
    expand("$!$$", "42");
    expand("\"a$\"", "a$");
}

/* Random texts: whatever parses has a form that parses to itself. */
static void test_random(void) {
    static const char *const pieces[] = {
        "a",  "b1",   " ", ";",  "&",  "|",  "&&", "||", "(", ")",  "<",   ">",
        ">>", "2>&1", "'", "\"", "\\", "\n", "#",  "$?", "!", "  ", "x y", "7"};
    uint64_t seed = 20250101, parsed = 0;
    for (int round = 0; round < 200000; round++) {
        char text[64];
        size_t length = 0, want = random_next(&seed) % 14;
        for (size_t i = 0; i < want; i++) {
            const char *piece = pieces[random_next(&seed) % 24];
            memcpy(text + length, piece, strlen(piece));
            length += strlen(piece);
        }
        if (form_make(&form, text, length) != PARSE_END || form.used == 0)
            continue;
        parsed++;
        enum parse_result result = form_make(&again, form.text, form.used);
        if (result != PARSE_END || strcmp(form.text, again.text) != 0) {
            fprintf(stderr, "%.*s\nonce  %sagain %s(result %d)\n", (int)length,
                    text, form.text, again.text, result);
            exit(1);
        }
    }
    CHECK(parsed > 10000);
}

/* Parts of several sizes meet the end of a chunk of memory in all ways. */
static void test_chunks(void) {
    for (size_t words = 0; words < 64; words++) {
        char text[2048] = "";
        size_t used = 0;
        for (size_t i = 0; i < words; i++)
            used += (size_t)snprintf(text + used, 4, "w ");
        for (size_t i = 0; i < 100; i++)
            used += (size_t)snprintf(text + used, 16, "a>b;(c|d)&&e;");
        CHECK(form_make(&form, text, used) == PARSE_END);
    }
}

/* Long input needs memory, not stack. */
static void test_long(void) {
    size_t size = 1 << 16;
    char *text = malloc(size);
    for (size_t i = 0; i < size; i += 2)
        memcpy(text + i, i % 4 == 0 ? "a|" : "a;", 2);
    struct parser parser;
    struct sequence *sequence;
    parser_start(&parser, text, size);
    CHECK(parser_line(&parser, &sequence) == PARSE_OK);
    size_t items = 0;
    for (; sequence != NULL; sequence = sequence->next)
        items++;
    CHECK(items == size / 4 && parser_done(&parser));
    parser_end(&parser);
    free(text);
}

int main(void) {
    test_forms();
    test_errors();
    test_words();
    test_random();
    test_chunks();
    test_long();
    return 0;
}
