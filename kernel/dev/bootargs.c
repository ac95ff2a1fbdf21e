/* SPDX-License-Identifier: MIT */
/*
 * dev/bootargs.c: the boot arguments.
 */
#include "dev/bootargs.h"

#include "dev/machine.h"
#include "lib/string.h"

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n';
}

/* The end of the word that starts at `word`. `run=` takes all that follows. */
static const char *word_end(const char *word) {
    if (strncmp(word, "run=", 4) == 0)
        return word + strlen(word);
    while (*word != '\0' && !is_blank(*word))
        word++;
    return word;
}

bool bootarg_get(const char *name, const char **value, size_t *len) {
    size_t name_len = strlen(name);
    const char *word = machine.bootargs;
    while (*word != '\0') {
        const char *end = word_end(word);
        const char *behind = word + name_len;
        if (behind <= end && strncmp(word, name, name_len) == 0 &&
            (behind == end || *behind == '=')) {
            *value = behind == end ? end : behind + 1;
            *len = (size_t)(end - *value);
            return true;
        }
        word = end;
        while (is_blank(*word))
            word++;
    }
    return false;
}

/* The value of a digit in the base, or -1. */
static int digit_value(char c, unsigned base) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return base == 16 && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool bootarg_parse(const char **text, const char *end, uint64_t *number) {
    const char *at = *text;
    unsigned base = 10;
    if (end - at > 2 && at[0] == '0' && at[1] == 'x') {
        base = 16;
        at += 2;
    }
    const char *digits = at;
    *number = 0;
    for (; at < end && digit_value(*at, base) >= 0; at++) {
        uint64_t digit = (uint64_t)digit_value(*at, base);
        if (*number > (UINT64_MAX - digit) / base)
            return false;
        *number = *number * base + digit;
    }
    *text = at;
    return at > digits;
}

uint64_t bootarg_number(const char *name, uint64_t otherwise) {
    const char *value;
    size_t len;
    uint64_t number;
    if (!bootarg_get(name, &value, &len))
        return otherwise;
    const char *end = value + len;
    return bootarg_parse(&value, end, &number) && value == end ? number
                                                               : otherwise;
}
