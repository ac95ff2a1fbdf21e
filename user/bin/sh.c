/* SPDX-License-Identifier: MIT */
/*
 * bin/sh.c: the shell.
 *
 * Idea        lib/command.h turns text into lists; this runs them. Commands
 *             run in children. A child that has nothing left to do after its
 *             command ("last") becomes it instead of making another child, so
 *             that `sh -c 'ls | wc'` costs two processes beside itself.
 * Use         sh                   commands from standard input; with prompts
 *                                  if that is the console
 *             sh -c COMMANDS       sh FILE
 * Invariants  The exit status is that of the last command; 127: not found,
 *             126: found but no program, 2: a syntax error, 255: killed.
 *             A command's redirections end with it, also those of cd and exit.
 */
#include "lib/command.h"
#include "lib/error.h"
#include "lib/file.h"
#include "lib/proto.h"
#include "lib/syscall.h"
#include "posix/posix.h"
#include "posix/text.h"

enum {
    STATUS_SYNTAX = 2,
    STATUS_NO_PROGRAM = 126,
    STATUS_NOT_FOUND = 127,
    UNTOUCHED = -1, /* in a struct saved: not redirected */
    CLOSED = -2,    /* in a struct saved: was not open */
};

/* Handles of the descriptors that a builtin's redirections took over. */
struct saved {
    int64_t handle[DESCRIPTORS];
};

static int status;       /* of the last command */
static int background;   /* pid of the last one in the background */
static int self;         /* pid of the shell, also in its children */
static bool interactive; /* there is a user to talk to */
static bool interrupted; /* by ^C: the commands left are not run */

static int sequence_run(struct sequence *sequence, bool last);

/* ---- Words and redirections ---- */

static char *word_make(const struct word *word) {
    const struct values values = {status, background, self};
    char *argument = malloc(word_expand(word, &values, NULL) + 1);
    if (argument != NULL)
        word_expand(word, &values, argument);
    return argument;
}

static void arguments_free(char **argv) {
    for (char **argument = argv; *argument != NULL; argument++)
        free(*argument);
    free(argv);
}

/* The command's words as exec wants them; NULL without memory. */
static char **arguments_make(const struct command *command) {
    char **argv = calloc(command->count + 1, sizeof(*argv));
    size_t index = 0;
    for (struct word *word = command->words; argv != NULL && word != NULL;
         word = word->next) {
        argv[index] = word_make(word);
        if (argv[index++] == NULL) {
            arguments_free(argv);
            argv = NULL;
        }
    }
    if (argv == NULL)
        fprintf(2, "sh: out of memory\n");
    return argv;
}

/* Makes `to` the descriptor that the text numbers. */
static int redirect_dup(const char *text, int to) {
    long fd;
    if (number_parse(text, &fd) == 0 && fd >= 0 && fd < DESCRIPTORS &&
        dup2((int)fd, to) >= 0)
        return 0;
    fprintf(2, "sh: %s: bad descriptor\n", text);
    return -1;
}

static int redirect_open(enum redirect_kind kind, const char *path, int to) {
    int flags = O_RDONLY;
    if (kind == REDIRECT_WRITE)
        flags = O_WRONLY | O_CREATE | O_TRUNC;
    else if (kind == REDIRECT_APPEND)
        flags = O_WRONLY | O_CREATE | O_APPEND;
    int fd = open(path, flags);
    if (fd < 0) {
        complain("sh", path);
        return -1;
    }
    if (fd == to)
        return 0;
    int result = dup2(fd, to);
    close(fd);
    return result < 0 ? -1 : 0;
}

static int redirect_apply(const struct redirect *redirect) {
    if (redirect->fd >= DESCRIPTORS) {
        fprintf(2, "sh: %d: bad descriptor\n", redirect->fd);
        return -1;
    }
    char *target = word_make(&redirect->target);
    if (target == NULL)
        return -1;
    int result = redirect->kind == REDIRECT_DUP
                     ? redirect_dup(target, redirect->fd)
                     : redirect_open(redirect->kind, target, redirect->fd);
    free(target);
    return result;
}

/* Applies all, for good. */
static int redirects_apply(const struct redirect *redirect) {
    for (; redirect != NULL; redirect = redirect->next)
        if (redirect_apply(redirect) < 0)
            return -1;
    return 0;
}

/* Keeps the descriptors that will be redirected, out of descriptors' way. */
static void redirects_save(const struct redirect *redirect,
                           struct saved *saved) {
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        saved->handle[fd] = UNTOUCHED;
    for (; redirect != NULL; redirect = redirect->next) {
        if (redirect->fd >= DESCRIPTORS ||
            saved->handle[redirect->fd] != UNTOUCHED)
            continue;
        int64_t handle = sys_handle_dup(redirect->fd, HANDLE_RECEIVED,
                                        RIGHT_ALL, DUP_LOWEST);
        saved->handle[redirect->fd] = handle < 0 ? CLOSED : handle;
    }
}

static void redirects_restore(const struct saved *saved) {
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        if (saved->handle[fd] == CLOSED)
            close(fd);
        else if (saved->handle[fd] != UNTOUCHED)
            sys_handle_dup(saved->handle[fd], (uint64_t)fd, RIGHT_ALL,
                           DUP_MOVE | DUP_REPLACE);
    }
}

/* ---- Commands of the shell itself ---- */

static int builtin_cd(char **argv) {
    const char *path = argv[1] != NULL ? argv[1] : "/";
    if (chdir(path) == 0)
        return 0;
    complain("cd", path);
    return 1;
}

static int builtin_exit(char **argv) {
    long value = status;
    if (argv[1] != NULL && number_parse(argv[1], &value) < 0) {
        fprintf(2, "exit: %s: not a number\n", argv[1]);
        value = STATUS_SYNTAX;
    }
    exit((int)(value & 255));
}

/* Waits for all children. */
static int builtin_wait(char **argv) {
    (void)argv;
    while (wait(NULL) >= 0)
        ;
    return 0;
}

struct builtin {
    const char *name;
    int (*run)(char **argv);
};

static const struct builtin builtins[] = {
    {"cd", builtin_cd},
    {"exit", builtin_exit},
    {"wait", builtin_wait},
};

static const struct builtin *builtin_find(const char *name) {
    for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
        if (strcmp(builtins[i].name, name) == 0)
            return &builtins[i];
    return NULL;
}

/* Runs a builtin, or nothing at all, with the command's redirections. */
static int builtin_run(const struct builtin *builtin,
                       const struct command *command, char **argv) {
    struct saved saved;
    redirects_save(command->redirects, &saved);
    int result = 1;
    if (redirects_apply(command->redirects) == 0)
        result = builtin != NULL ? builtin->run(argv) : 0;
    redirects_restore(&saved);
    return result;
}

/* ---- Children ---- */

static void __attribute__((noreturn)) program_become(char **argv) {
    char path[MAXPATH + 1] = "/";
    strlcat(path, argv[0], sizeof(path));
    exec(strchr(argv[0], '/') != NULL ? argv[0] : path, argv);
    bool missing = posix_error == ENOENT || argv[0][0] == 0;
    fprintf(2, "sh: %s: %s\n", argv[0],
            missing ? "not found" : error_text(posix_error));
    exit(missing ? STATUS_NOT_FOUND : STATUS_NO_PROGRAM);
}

/* Runs the command in this process, which ends with it. */
static void __attribute__((noreturn)) command_become(struct command *command) {
    interactive = false;
    if (redirects_apply(command->redirects) < 0)
        exit(1);
    if (command->group != NULL)
        exit(sequence_run(command->group, true));
    char **argv = arguments_make(command);
    if (argv == NULL || argv[0] == NULL)
        exit(argv == NULL);
    const struct builtin *builtin = builtin_find(argv[0]);
    if (builtin != NULL)
        exit(builtin->run(argv));
    program_become(argv);
}

/* In a child that the shell will wait for: ^C is for it. It says so itself,
 * before it can do anything else. */
static void foreground_join(void) {
    if (interactive)
        file_control(0, CONTROL_FOREGROUND, (uint64_t)getpid());
}

/* In the shell: ^C is for nobody any more. */
static void foreground_clear(void) {
    if (interactive && file_control(0, CONTROL_FOREGROUND, 0) > 0)
        interrupted = true;
}

static int child_status(int pid) {
    int value = 0;
    if (waitpid(pid, &value) < 0)
        return 1;
    return value & 255;
}

/* In the child: takes the ends of the pipes that are its own. */
static void pipes_take(int input, const int *output) {
    if (input >= 0) {
        dup2(input, 0);
        close(input);
    }
    if (output != NULL) {
        dup2(output[1], 1);
        close(output[0]);
        close(output[1]);
    }
}

/* Starts each command of the pipeline. Returns how many; on an error it says
 * so and the rest is missing. */
static size_t pipeline_start(struct command *command) {
    int input = -1;
    size_t started = 0;
    for (; command != NULL; command = command->next, started++) {
        int ends[2] = {-1, -1};
        bool piped = command->next != NULL;
        if ((piped && pipe(ends) < 0) || (command->pid = fork()) < 0) {
            complain("sh", piped && ends[0] < 0 ? "pipe" : "fork");
            close(ends[0]);
            close(ends[1]);
            break;
        }
        if (command->pid == 0) {
            foreground_join();
            pipes_take(input, piped ? ends : NULL);
            command_become(command);
        }
        close(input);
        close(ends[1]);
        input = ends[0];
    }
    close(input);
    return started;
}

/* Runs the commands side by side. The status is the last one's. */
static int pipeline_run(struct command *first) {
    size_t started = pipeline_start(first);
    int result = 1;
    struct command *command = first;
    for (; started > 0; started--, command = command->next)
        result = child_status(command->pid);
    foreground_clear();
    return command == NULL ? result : 1;
}

/* Runs one command: in this process if it is the shell's own, or the last. */
static int command_run(struct command *command, bool last) {
    if (command->group == NULL) {
        char **argv = arguments_make(command);
        if (argv == NULL)
            return 1;
        const struct builtin *builtin =
            argv[0] != NULL ? builtin_find(argv[0]) : NULL;
        bool own = argv[0] == NULL || builtin != NULL;
        int result = own ? builtin_run(builtin, command, argv) : 0;
        arguments_free(argv);
        if (own)
            return result;
    }
    if (last)
        command_become(command);
    return pipeline_run(command);
}

static int chain_run(struct chain *chain, bool last) {
    for (; chain != NULL && !interrupted; chain = chain->next) {
        if ((chain->join == JOIN_AND && status != 0) ||
            (chain->join == JOIN_OR && status == 0))
            continue;
        bool ends = last && chain->next == NULL && !chain->negate;
        status = chain->commands->next == NULL
                     ? command_run(chain->commands, ends)
                     : pipeline_run(chain->commands);
        if (chain->negate)
            status = status == 0;
    }
    return status;
}

/* Starts the chain and goes on. It reads nothing from the shell's input. */
static int background_start(struct chain *chain) {
    int pid = fork();
    if (pid < 0) {
        complain("sh", "fork");
        return 1;
    }
    if (pid > 0) {
        background = pid;
        if (interactive)
            fprintf(2, "[%d]\n", pid);
        return 0;
    }
    int ends[2];
    interactive = false;
    if (pipe(ends) == 0) {
        dup2(ends[0], 0);
        close(ends[0]);
        close(ends[1]);
    }
    exit(chain_run(chain, true));
}

/* Runs the items; with `last`, this process has nothing to do afterwards. */
static int sequence_run(struct sequence *sequence, bool last) {
    for (; sequence != NULL && !interrupted; sequence = sequence->next)
        status =
            sequence->background
                ? background_start(sequence->chain)
                : chain_run(sequence->chain, last && sequence->next == NULL);
    return status;
}

/* ---- Text ---- */

static void parse_complain(const struct parser *parser,
                           enum parse_result result) {
    if (result == PARSE_MEMORY)
        fprintf(2, "sh: out of memory\n");
    else
        fprintf(2, "sh: syntax error: %s\n",
                result == PARSE_ERROR ? parser->error
                                      : "unexpected end of the commands");
    status = STATUS_SYNTAX;
}

/* Runs the text line by line. With `last` the shell ends after it. Returns
 * PARSE_END, or why it went no further. */
static enum parse_result text_run(const char *text, size_t length, bool last) {
    struct parser parser;
    struct sequence *sequence;
    enum parse_result result = PARSE_END;
    parser_start(&parser, text, length);
    while (!interrupted &&
           (result = parser_line(&parser, &sequence)) == PARSE_OK)
        sequence_run(sequence, last && parser_done(&parser));
    if (interrupted)
        result = PARSE_END;
    if (result != PARSE_END && (last || result != PARSE_INCOMPLETE))
        parse_complain(&parser, result);
    parser_end(&parser);
    return result;
}

static int file_run(const char *path) {
    struct text text = {0};
    int fd = open(path, O_RDONLY);
    if (fd < 0 || text_load(&text, fd) < 0) {
        complain("sh", path);
        return STATUS_NOT_FOUND;
    }
    close(fd);
    text_run(text.bytes, text.used, true);
    return status;
}

static void prompt(bool more) {
    if (!interactive)
        return;
    interrupted = false;
    while (wait_poll(NULL) > 0)
        ;
    fprintf(2, more ? "> " : "$ ");
}

/* Runs what can be run of the text and empties it, or leaves it for more lines
 * to be added. False: the shell should end. */
static bool lines_run(struct text *text, bool ended) {
    if (!ended && text_continues(text))
        return true;
    enum parse_result result = text_run(text->bytes, text->used, false);
    if (result == PARSE_INCOMPLETE && !ended)
        return true;
    if (result == PARSE_INCOMPLETE) {
        fprintf(2, "sh: syntax error: unexpected end of the input\n");
        status = STATUS_SYNTAX;
    }
    text->used = 0;
    return interactive || result == PARSE_END;
}

/* No line came: says why, if it was not ^C. False: the shell should end. */
static bool input_failed(void) {
    int error = posix_error;
    if (error == ECANCELED)
        return interactive;
    complain("sh", "input");
    status = STATUS_SYNTAX;
    return interactive && error == E2BIG;
}

/* Reads and runs a line. False: the shell should end. */
static bool line_run(struct reader *reader, struct text *text) {
    bool more = text->used > 0;
    prompt(more);
    int got = reader_line(reader, text);
    if (got < 0) {
        text->used = 0;
        return input_failed();
    }
    if (got > 0)
        return lines_run(text, false);
    if (interactive)
        fprintf(2, "\n");
    /* ^D within a command ends the command only. */
    return more && lines_run(text, true) && interactive;
}

/* Runs commands from standard input until it ends. A console gives a line at a
 * time; elsewhere what follows a line belongs to the commands that run. */
static int input_run(void) {
    static struct reader reader;
    struct text text = {0};
    reader.unit = interactive ? READER_SIZE : 1;
    foreground_clear();
    while (line_run(&reader, &text))
        continue;
    return status;
}

int main(int argc, char **argv) {
    struct stat st;
    self = getpid();
    if (argc == 3 && strcmp(argv[1], "-c") == 0) {
        text_run(argv[2], strlen(argv[2]), true);
        return status;
    }
    if (argc == 2 && argv[1][0] != '-')
        return file_run(argv[1]);
    if (argc != 1) {
        fprintf(2, "usage: sh [-c COMMANDS | FILE]\n");
        return STATUS_SYNTAX;
    }
    interactive = fstat(0, &st) == 0 && st.type == T_DEVICE;
    return input_run();
}
