/* SPDX-License-Identifier: MIT */
/*
 * lib/symbols.c: names for kernel addresses.
 *
 * Idea        Function starts in rising order, each with the place of its name
 *             in one block of zero-ended names; addresses count from
 *             symbol_base. The entry after the last ends the last function.
 * Invariants  The table lies behind the code, so that linking it in moves no
 *             function that it names.
 */
#include "lib/symbols.h"

#include <stddef.h>

/* Sixteen bits of name offset would not do for long: words. */
struct symbol {
    uint32_t start; /* from symbol_base */
    uint32_t name;  /* into symbol_names */
};

/* From tools/ksyms; absent (NULL) in the first link. */
extern const struct symbol symbol_table[] __attribute__((weak));
extern const char symbol_names[] __attribute__((weak));
extern const uint32_t symbol_count __attribute__((weak));
extern char kernel_start[];

const char *symbol_find(uint64_t address, uint64_t *offset) {
    uint64_t start = address - (uintptr_t)kernel_start;
    if (&symbol_count == NULL || symbol_count == 0 ||
        start < symbol_table[0].start ||
        start >= symbol_table[symbol_count].start)
        return NULL;
    uint32_t found = 0;
    while (symbol_table[found + 1].start <= start)
        found++;
    *offset = start - symbol_table[found].start;
    return symbol_names + symbol_table[found].name;
}
