/* SPDX-License-Identifier: MIT */
/*
 * main.c: mkfs makes disk images, checks them and looks into them.
 *
 * Idea        The image is made by the file server's own code: after the empty
 *             file system is laid out, it is mounted and files are written as
 *             any program would. Checking is code of its own (check.c).
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "format.h"
#include "populate.h"

static const char usage[] =
    "usage: mkfs [--size KIB] [--inodes N] [--log BLOCKS] IMG SRC[:DEST]...\n"
    "       mkfs --check IMG\n"
    "       mkfs --ls IMG\n"
    "       mkfs --cat IMG PATH\n"
    "\n"
    "Makes a disk image IMG (default 4096 KiB) with copies of the files SRC.\n"
    "  SRC          goes to the top directory under its own name\n"
    "  SRC:DEST     goes to the path DEST\n"
    "  SRC:DEST/    goes into the directory DEST under its own name\n"
    "  :DEST        makes the directory DEST\n"
    "  @MAJOR:DEST  makes DEST a device of that number\n"
    "Directories on the way are made. Names have at most 14 characters. The\n"
    "same arguments and files give the same image.\n"
    "\n"
    "  --check      prints one line for each problem; exits 1 if there is any\n"
    "  --ls         prints type, inode, links, size and path of everything\n"
    "  --cat        copies the file PATH of the image to standard output\n"
    "\n"
    "Exits 0 if all went well, 1 if not, 2 if the arguments make no sense.\n";

struct options {
    uint32_t kib;
    uint32_t inodes;
    uint32_t log_blocks;
};

static int usage_error(const char *text, const char *what) {
    complain("%s%s (try mkfs --help)", text, what);
    return 2;
}

/* A decimal number of at most 32 bits. */
static bool number_parse(const char *text, uint32_t *value) {
    uint64_t n = 0;
    if (!text || *text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        n = n * 10 + (uint64_t)(*text - '0');
        if (n > UINT32_MAX)
            return false;
    }
    *value = (uint32_t)n;
    return true;
}

static int run_make(const struct options *options, char **arguments) {
    const char *path = arguments[0];
    struct disk_super super;
    struct image image;
    if (options->kib % (BLOCK_SIZE / 1024) != 0)
        return usage_error("--size must be a multiple of 4", "");
    const char *wrong = format_plan(&super, options->kib / (BLOCK_SIZE / 1024),
                                    options->inodes, options->log_blocks);
    if (wrong) {
        complain("%s", wrong);
        return 1;
    }
    if (image_new(&image, (size_t)super.nblocks * BLOCK_SIZE) < 0)
        return 1;
    format_write(&super, image.bytes);
    struct session *s = session_open(&image);
    int err = s ? 0 : -1;
    for (char **argument = arguments + 1; *argument && err == 0; argument++)
        err = populate(s, *argument);
    if (s)
        session_close(s);
    if (err == 0)
        err = image_save(&image, path);
    image_close(&image);
    return err < 0 ? 1 : 0;
}

static int run_check(char **arguments) {
    struct image image;
    if (image_open(&image, arguments[0]) < 0)
        return 1;
    unsigned problems = check_image(image.bytes, image.size, stdout);
    image_close(&image);
    if (problems > 0)
        complain("%s: %u problem%s", arguments[0], problems,
                 problems == 1 ? "" : "s");
    return problems > 0;
}

/* --ls and --cat: path is NULL for the former. */
static int run_show(const char *file, const char *path) {
    struct image image;
    if (image_open(&image, file) < 0)
        return 1;
    struct session *s = session_open(&image);
    int err = s ? 0 : -1;
    if (s) {
        err = path ? print_file(s, path) : list_tree(s);
        session_close(s);
    }
    image_close(&image);
    return err < 0 ? 1 : 0;
}

/* Reads --size, --inodes and --log; returns the first other argument. */
static char **options_parse(struct options *options, char **argument) {
    for (; *argument && (*argument)[0] == '-'; argument += 2) {
        uint32_t *value =
            strcmp(*argument, "--size") == 0     ? &options->kib
            : strcmp(*argument, "--inodes") == 0 ? &options->inodes
            : strcmp(*argument, "--log") == 0    ? &options->log_blocks
                                                 : NULL;
        if (!value) {
            usage_error("no such option: ", *argument);
            return NULL;
        }
        if (!number_parse(argument[1], value)) {
            usage_error("a number must follow ", *argument);
            return NULL;
        }
    }
    return argument;
}

int main(int argc, char **argv) {
    struct options options = {.kib = 4096};
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (strcmp(mode, "--check") == 0)
        return argc == 3 ? run_check(argv + 2)
                         : usage_error("--check takes one image", "");
    if (strcmp(mode, "--ls") == 0)
        return argc == 3 ? run_show(argv[2], NULL)
                         : usage_error("--ls takes one image", "");
    if (strcmp(mode, "--cat") == 0)
        return argc == 4 ? run_show(argv[2], argv[3])
                         : usage_error("--cat takes an image and a path", "");
    char **arguments = options_parse(&options, argv + 1);
    if (!arguments)
        return 2;
    if (!*arguments)
        return usage_error("which image?", "");
    return run_make(&options, arguments);
}
