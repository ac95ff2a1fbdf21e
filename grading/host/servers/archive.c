/* SPDX-License-Identifier: MIT */
/*
 * host/servers/archive.c: the boot archive's reader, on an archive of tar's
 * and on every truncation and many corruptions of it.
 *
 * Argument: the archive, holding `init` (3 bytes "abc"), `empty` and `long` of
 * 1500 bytes 'x'.
 */
#include <string.h>

#include "abi/errno.h"
#include "check.h"
#include "servers/init/ustar.h"

enum { ARCHIVE_MAX = 1 << 20 };

static uint8_t *archive;
static uint64_t length;

static void archive_read(const char *path) {
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    archive = malloc(ARCHIVE_MAX);
    length = fread(archive, 1, ARCHIVE_MAX, file);
    fclose(file);
    CHECK(length >= 512 && length < ARCHIVE_MAX);
}

static void test_find(void) {
    struct ustar_file file;
    CHECK(ustar_find(archive, length, "init", &file) == 0);
    CHECK(file.length == 3 && memcmp(file.data, "abc", 3) == 0);
    CHECK(ustar_find(archive, length, "empty", &file) == 0);
    CHECK(file.length == 0);
    CHECK(ustar_find(archive, length, "long", &file) == 0);
    CHECK(file.length == 1500 && file.data[1499] == 'x');
    CHECK(ustar_find(archive, length, "lon", &file) == -ENOENT);
    CHECK(ustar_find(archive, length, "longer", &file) == -ENOENT);
    CHECK(ustar_find(archive, length, "", &file) == -ENOENT);
}

/* A copy of exactly the bytes there are, so that the sanitizer sees a step
 * beyond them. */
static void test_truncated(void) {
    for (uint64_t size = 0; size < length; size += 7) {
        uint8_t *part = malloc(size ? size : 1);
        struct ustar_file file;
        memcpy(part, archive, size);
        int64_t error = ustar_find(part, size, "long", &file);
        CHECK(error == 0 || error == -ENOENT || error == -EINVAL);
        if (error == 0)
            CHECK(file.data + file.length <= part + size);
        free(part);
    }
}

static void test_corrupted(void) {
    uint64_t random = 12345;
    for (int i = 0; i < 20000; i++) {
        uint8_t *part = malloc(length);
        struct ustar_file file;
        memcpy(part, archive, length);
        for (int k = 0; k < 3; k++)
            part[random_next(&random) % length] = (uint8_t)random_next(&random);
        if (ustar_find(part, length, "long", &file) == 0)
            CHECK(file.length <= length &&
                  file.data + file.length <= part + length);
        free(part);
    }
}

/* A header that says it is larger than everything. */
static void test_huge(void) {
    uint8_t part[1024] = {0};
    struct ustar_file file;
    memcpy(part, archive, 512);
    memcpy(part + 124, "77777777777", 12);
    unsigned sum = 0;
    memset(part + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += part[i];
    snprintf((char *)part + 148, 8, "%06o", sum);
    CHECK(ustar_find(part, sizeof(part), "init", &file) == -EINVAL);
}

/* A header whose sum is wrong is damage, not a file. */
static void test_checksum(void) {
    struct ustar_file file;
    archive[100] ^= 1; /* the mode, which nothing else looks at */
    CHECK(ustar_find(archive, length, "init", &file) == -EINVAL);
    archive[100] ^= 1;
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    archive_read(argv[1]);
    test_find();
    test_truncated();
    test_corrupted();
    test_huge();
    test_checksum();
    free(archive);
    return 0;
}
