/* SPDX-License-Identifier: MIT */
/*
 * servers/init/bootargs.c: taking the boot arguments apart.
 *
 * Nothing here makes a system call: the host's tests run it as it is.
 */
#include "servers/init/bootargs.h"

#include <stddef.h>

#include "lib/string.h"

static const char default_mark[] = "octavo";

/* A word of the line; not terminated. */
struct word {
    const char *text;
    size_t length;
};

static bool word_equal(struct word word, const char *text) {
    return word.length == strlen(text) &&
           memcmp(word.text, text, word.length) == 0;
}

/* If the word starts with `key`, leaves what follows in *value. */
static bool word_value(struct word word, const char *key, struct word *value) {
    size_t length = strlen(key);
    if (word.length < length || memcmp(word.text, key, length) != 0)
        return false;
    *value = (struct word){word.text + length, word.length - length};
    return true;
}

static void disk_parse(struct word value, struct bootargs *args) {
    if (word_equal(value, "ram"))
        args->disk = DISK_CHOICE_RAM;
    else if (word_equal(value, "virtio"))
        args->disk = DISK_CHOICE_VIRTIO;
    else
        args->problem = "disk= takes ram or virtio";
}

static void mark_parse(struct word value, struct bootargs *args) {
    if (value.length == 0 || value.length > MARK_MAX) {
        args->problem = "mark= takes 1 to 64 characters";
        return;
    }
    memcpy(args->mark, value.text, value.length);
    args->mark[value.length] = '\0';
}

void bootargs_parse(const char *line, struct bootargs *args) {
    *args = (struct bootargs){.disk = DISK_CHOICE_NONE};
    memcpy(args->mark, default_mark, sizeof(default_mark));
    for (const char *at = line; *at != '\0';) {
        if (*at == ' ') {
            at++;
            continue;
        }
        struct word value, word = {at, 0};
        while (at[word.length] != ' ' && at[word.length] != '\0')
            word.length++;
        at += word.length;
        if (word_value(word, "run=", &value)) {
            args->run = value.text;
            return;
        }
        if (word_value(word, "disk=", &value))
            disk_parse(value, args);
        else if (word_value(word, "mark=", &value))
            mark_parse(value, args);
    }
}
