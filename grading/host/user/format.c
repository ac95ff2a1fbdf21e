/* SPDX-License-Identifier: MIT */
/*
 * host/user/format.c: printf and its kin, against the host's.
 */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* The library's, under other names. */
#define printf lib_printf
#define fprintf lib_fprintf
#define vfprintf lib_vfprintf
#define snprintf lib_snprintf
#define vsnprintf lib_vsnprintf
#include "lib/printf.c"
#undef printf
#undef fprintf
#undef vfprintf
#undef snprintf
#undef vsnprintf

static char written[8192];
static size_t written_size;
static int writes;
static uint64_t write_most; /* bytes that one write takes; 0: it fails */

int64_t file_write(int64_t handle, const void *buffer, uint64_t size) {
    CHECK(handle == 5);
    writes++;
    if (write_most == 0)
        return -1;
    if (size > write_most)
        size = write_most;
    CHECK(written_size + size < sizeof(written));
    memcpy(written + written_size, buffer, size);
    written_size += size;
    written[written_size] = 0;
    return (int64_t)size;
}

/* Both make the same text, in full and cut at any size. */
#define SAME(...)                                                              \
    do {                                                                       \
        char ours[512], theirs[512];                                           \
        for (size_t size = 0; size < 100; size++) {                            \
            memset(ours, '#', sizeof(ours));                                   \
            memset(theirs, '#', sizeof(theirs));                               \
            int made = lib_snprintf(ours, size, __VA_ARGS__);                  \
            CHECK(made == snprintf(theirs, size, __VA_ARGS__));                \
            CHECK(memcmp(ours, theirs, sizeof(ours)) == 0);                    \
        }                                                                      \
    } while (0)

#pragma GCC diagnostic ignored "-Wformat-truncation"

static void test_same(void) {
    SAME("plain");
    SAME("%d %d %d", 0, INT_MAX, INT_MIN);
    SAME("%ld %lld %ld", LONG_MAX, (long long)LONG_MIN, -1L);
    SAME("%u %lu %zu", UINT_MAX, ULONG_MAX, (size_t)7);
    SAME("%x %X %o %lx", 0xbeefu, 0xBEEFu, 0777u, ULONG_MAX);
    SAME("[%5d] [%-5d] [%05d]", 42, 42, -42);
    SAME("[%2d] [%02x] [%016lx]", 12345, 0xau, 0xdeadbeeful);
    SAME("[%10s] [%-10s] [%.2s] [%10.2s]", "abc", "abc", "abc", "abc");
    SAME("[%*d] [%-*d] [%.*s]", 6, 1, 6, 1, 3, "abcdef");
    SAME("[%*d]", -6, 1);
    SAME("%c%c %% [%3c] [%-3c]", 'a', 0, 'b', 'c');
    SAME("%p", (void *)0x1234);
    SAME("%i and %s", -3, "text");
    SAME("[%40d]", 1);
    SAME("[%.*s]", -1, "negative precision is none");
}

static void test_own(void) {
    char text[64];
    const char *volatile nothing = NULL;
    lib_snprintf(text, sizeof(text), "%s", nothing);
    CHECK(strcmp(text, "(null)") == 0);
    const char *odd = "100%q %";
    lib_snprintf(text, sizeof(text), odd, 1);
    CHECK(strcmp(text, "100%q %") == 0);
    const char *both = "[%-05d]";
    lib_snprintf(text, sizeof(text), both, 42);
    CHECK(strcmp(text, "[42   ]") == 0);
}

static void test_stream(void) {
    write_most = sizeof(written);
    CHECK(lib_fprintf(5, "%s and %d\n", "text", 5) == 11);
    CHECK(writes == 1 && strcmp(written, "text and 5\n") == 0);
    written_size = 0;
    writes = 0;
    CHECK(lib_fprintf(5, "%2000d|", 1) == 2001);
    CHECK(writes == 4 && written_size == 2001 && written[1999] == '1');
    written_size = 0;
    write_most = 7;
    CHECK(lib_fprintf(5, "pieces of a longer text") == 23);
    CHECK(strcmp(written, "pieces of a longer text") == 0);
    write_most = 0;
    CHECK(lib_fprintf(5, "nowhere") == -1);
}

int main(void) {
    test_same();
    test_own();
    test_stream();
    return 0;
}
