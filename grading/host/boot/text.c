/* SPDX-License-Identifier: MIT */
/*
 * host/boot/text.c: strings and printing of the kernel against the host's.
 *
 * lib/string.c is compiled with its functions renamed to kernel_..., so that
 * both can be called.
 */
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "lib/print.h"

void *kernel_memcpy(void *to, const void *from, size_t len);
void *kernel_memmove(void *to, const void *from, size_t len);
void *kernel_memset(void *to, int byte, size_t len);
int kernel_memcmp(const void *a, const void *b, size_t len);
size_t kernel_strlen(const char *text);
int kernel_strncmp(const char *a, const char *b, size_t max);
void page_zero(void *page);
void page_copy(void *to, const void *from);

enum { ROOM = 96, PAGE = 4096 };

static void fill(uint8_t *bytes, size_t len, unsigned seed) {
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 37 + seed);
    }
}

/* All offsets within a word on both sides, all short lengths. */
static void check_move(size_t to, size_t from, size_t len) {
    uint8_t ours[ROOM], theirs[ROOM], source[ROOM];
    fill(ours, ROOM, 1);
    fill(theirs, ROOM, 1);
    fill(source, ROOM, 99);
    CHECK(kernel_memcpy(ours + to, source + from, len) == ours + to);
    memcpy(theirs + to, source + from, len);
    CHECK(memcmp(ours, theirs, ROOM) == 0);
    kernel_memmove(ours + to, ours + from, len);
    memmove(theirs + to, theirs + from, len);
    CHECK(memcmp(ours, theirs, ROOM) == 0);
    kernel_memset(ours + to, (int)len, len);
    memset(theirs + to, (int)len, len);
    CHECK(memcmp(ours, theirs, ROOM) == 0);
    CHECK(kernel_memcmp(ours, theirs, ROOM) == 0);
    ours[to + len] ^= 0x80;
    CHECK((kernel_memcmp(ours, theirs, ROOM) < 0) ==
          (memcmp(ours, theirs, ROOM) < 0));
}

static void check_bytes(void) {
    for (size_t to = 0; to < 24; to++) {
        for (size_t from = 0; from < 24; from++) {
            for (size_t len = 0; len < 40; len++) {
                check_move(to, from, len);
            }
        }
    }
}

static void check_pages(void) {
    static uint8_t a[PAGE + 16] __attribute__((aligned(4096)));
    static uint8_t b[PAGE + 16] __attribute__((aligned(4096)));
    fill(a, sizeof(a), 5);
    memset(b, 0xee, sizeof(b));
    page_copy(b, a);
    CHECK(memcmp(a, b, PAGE) == 0 && b[PAGE] == 0xee);
    page_zero(b);
    for (unsigned i = 0; i < PAGE; i++) {
        CHECK(b[i] == 0);
    }
    CHECK(b[PAGE] == 0xee);
}

static void check_strings(void) {
    CHECK(kernel_strlen("") == 0 && kernel_strlen("four") == 4);
    CHECK(kernel_strncmp("abc", "abd", 2) == 0);
    CHECK(kernel_strncmp("abc", "abd", 3) < 0);
    CHECK(kernel_strncmp("ab", "a", 9) > 0 && kernel_strncmp("a", "a", 9) == 0);
    CHECK(kernel_strncmp("\xff", "a", 1) > 0);
}

static char printed[512];

static void collect(const char *text, size_t len) {
    strncat(printed, text, len);
}

/* Formats by the kernel and by the host; both must agree. */
#define SAME(...)                                                              \
    do {                                                                       \
        char theirs[128];                                                      \
        printed[0] = '\0';                                                     \
        kprintf(__VA_ARGS__);                                                  \
        snprintf(theirs, sizeof(theirs), __VA_ARGS__);                         \
        CHECK(strcmp(printed, theirs) == 0);                                   \
    } while (0)

static void check_format(void) {
    kprintf("nobody listens\n");
    print_write = collect;
    SAME("%d %d %d", 0, -1, 2147483647);
    SAME("%ld %ld", INT64_MIN, INT64_MAX);
    SAME("%u %x %lx %lu", 4294967295u, 0xbeefu, UINT64_MAX, UINT64_MAX);
    SAME("[%5d] [%3d] [%5d]", -42, -42, 123456);
    SAME("[%08x] [%03u] [%8x] [%010lx]", 0xabcu, 1234u, 0xabcu, 0xabcul);
    SAME("[%s] [%10s] [%.2s] [%5.2s] [%.8s]", "abc", "abc", "abc", "abc",
         "abc");
    SAME("[%c] 100%% %lld", 'x', -7ll);
}

/* A text longer than the buffer comes out whole and in order. */
static void check_print(void) {
    char text[301];
    printed[0] = '\0';
    memset(text, 'a', 300);
    text[300] = '\0';
    text[127] = 'b';
    text[128] = 'c';
    kprintf("%s%d", text, 42);
    CHECK(strlen(printed) == 302 && memcmp(printed, text, 300) == 0);
    CHECK(strcmp(printed + 300, "42") == 0);
}

int main(void) {
    check_bytes();
    check_pages();
    check_strings();
    check_format();
    check_print();
    return 0;
}
