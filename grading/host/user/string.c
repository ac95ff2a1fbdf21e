/* SPDX-License-Identifier: MIT */
/*
 * host/user/string.c: lib/string.c against plain byte loops.
 *
 * The library's functions go by other names here, so that the host's own stay.
 * Every alignment of both sides and every length up to a few blocks is tried,
 * and what lies around the target must stay as it was.
 */
#include "check.h"

#define memcpy lib_memcpy
#define memmove lib_memmove
#define memset lib_memset
#define memcmp lib_memcmp
#define memchr lib_memchr
#define strlen lib_strlen
#define strnlen lib_strnlen
#define strcmp lib_strcmp
#define strncmp lib_strncmp
#define strchr lib_strchr
#define strrchr lib_strrchr
#define strcpy lib_strcpy
#define strncpy lib_strncpy
#define strlcpy lib_strlcpy
#define strlcat lib_strlcat
#define atoi lib_atoi
#include "lib/string.c"

enum { AREA = 512, LONGEST = 200 };

static uint8_t area[AREA], want[AREA];

static void fill(uint64_t seed) {
    for (int i = 0; i < AREA; i++)
        area[i] = want[i] = (uint8_t)(random_next(&seed) | 1);
}

static void expect_area(void) {
    for (int i = 0; i < AREA; i++)
        CHECK(area[i] == want[i]);
}

static void try_copy(int to, int from, int length) {
    uint8_t source[LONGEST + 16];
    fill(7);
    for (int i = 0; i < length; i++)
        want[to + i] = source[from + i] = (uint8_t)(i * 7 + 3);
    CHECK(memcpy(area + to, source + from, (size_t)length) == area + to);
    expect_area();
}

static void try_set(int to, int length) {
    fill(9);
    for (int i = 0; i < length; i++)
        want[to + i] = 0xa5;
    CHECK(memset(area + to, 0xfa5, (size_t)length) == area + to);
    expect_area();
}

static void try_move(int to, int from, int length) {
    uint8_t middle[LONGEST];
    fill(11);
    for (int i = 0; i < length; i++)
        middle[i] = area[from + i];
    for (int i = 0; i < length; i++)
        want[to + i] = middle[i];
    CHECK(memmove(area + to, area + from, (size_t)length) == area + to);
    expect_area();
}

static void test_memory(void) {
    for (int length = 0; length < LONGEST; length++) {
        for (int to = 0; to < 9; to++) {
            for (int from = 0; from < 9; from++) {
                try_copy(to, from, length);
                try_move(100 + to, 100 + from, length);
            }
            try_move(100, 100 + 8 * to, length);
            try_move(100 + 16 * to, 100, length);
            try_set(to, length);
        }
    }
}

static void test_compare(void) {
    for (int length = 0; length < 40; length++) {
        for (int skew = 0; skew < 9; skew++) {
            uint8_t a[64] = {0}, b[64] = {0};
            CHECK(memcmp(a, b + skew, (size_t)length) == 0);
            for (int i = 0; i < length; i++) {
                b[skew + i] = 200;
                CHECK(memcmp(a, b + skew, (size_t)length) < 0);
                CHECK(memcmp(b + skew, a, (size_t)length) > 0);
                CHECK(memcmp(a, b + skew, (size_t)i) == 0);
                CHECK(memchr(b + skew, 200, (size_t)length) == b + skew + i);
                b[skew + i] = 0;
            }
        }
    }
}

static void test_length(void) {
    for (int start = 0; start < 9; start++) {
        for (int length = 0; length < 40; length++) {
            char *text = malloc((size_t)(start + length + 1));
            for (int i = 0; i < start + length; i++)
                text[i] = (char)(i % 2 ? 0x80 : 1);
            text[start + length] = 0;
            CHECK(strlen(text + start) == (size_t)length);
            CHECK(strnlen(text + start, 10) ==
                  (size_t)(length < 10 ? length : 10));
            free(text);
        }
    }
}

static void test_strings(void) {
    CHECK(strcmp("a", "a") == 0 && strcmp("a", "b") < 0);
    CHECK(strcmp("ab", "a") > 0 && strcmp("\x80", "a") > 0);
    CHECK(strncmp("abc", "abd", 2) == 0 && strncmp("abc", "abd", 3) < 0);
    CHECK(strncmp("a", "a", 100) == 0 && strncmp("x", "y", 0) == 0);
    const char *text = "path/to/it";
    CHECK(strchr(text, '/') == text + 4 && strrchr(text, '/') == text + 7);
    CHECK(strchr(text, 'x') == NULL && strchr(text, 0) == text + 10);
    CHECK(strrchr(text, 0) == text + 10 && strrchr(text, 'x') == NULL);
    char small[8];
    CHECK(strlcpy(small, "0123456789", sizeof(small)) == 10);
    CHECK(strcmp(small, "0123456") == 0);
    CHECK(strlcpy(small, "ab", sizeof(small)) == 2);
    CHECK(strlcat(small, "cdefghi", sizeof(small)) == 9);
    CHECK(strcmp(small, "abcdefg") == 0);
    strncpy(small, "xy", sizeof(small));
    CHECK(small[1] == 'y' && small[2] == 0 && small[7] == 0);
    CHECK(strcmp(strcpy(small, "end"), "end") == 0);
}

static void test_numbers(void) {
    long value = 5;
    CHECK(atoi(" -42x") == -42 && atoi("") == 0 && atoi("+7") == 7);
    CHECK(number_parse("0", &value) == 0 && value == 0);
    CHECK(number_parse("-12", &value) == 0 && value == -12);
    CHECK(number_parse("9223372036854775807", &value) == 0);
    CHECK(value == INT64_MAX);
    CHECK(number_parse("-9223372036854775808", &value) == 0);
    CHECK(value == INT64_MIN);
    CHECK(number_parse("9223372036854775808", &value) < 0);
    CHECK(number_parse("-9223372036854775809", &value) < 0);
    CHECK(number_parse("", &value) < 0 && number_parse("-", &value) < 0);
    CHECK(number_parse("1x", &value) < 0 && number_parse(" 1", &value) < 0);
    CHECK(number_parse("99999999999999999999", &value) < 0);
}

int main(void) {
    test_memory();
    test_compare();
    test_length();
    test_strings();
    test_numbers();
    return 0;
}
