/* SPDX-License-Identifier: MIT */
/*
 * deep.c: a recursion that goes too far. For chapter 3 of the book.
 */
#include "abi/layout.h"
#include "posix/posix.h"

static int deeper(int level) {
    volatile char frame[PAGE_SIZE];
    frame[0] = (char)level;
    if (level % 100 == 0)
        printf("level %d, stack at %p\n", level, (const void *)frame);
    return level < 1000 ? deeper(level + 1) + frame[0] : 0;
}

int main(void) {
    return deeper(0);
}
