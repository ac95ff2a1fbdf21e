/* SPDX-License-Identifier: MIT */
/*
 * host/boot/archive.c FILE: files of the initrd.
 *
 * FILE has `long` (1500 bytes x), a directory `init/`, and then a file
 * `./init` (abc). Cut anywhere and damaged, it is an error at most.
 */
#include <stdint.h>
#include <string.h>

#include "boot/initrd.h"
#include "check.h"

static void check_whole(const uint8_t *archive, uint64_t size) {
    struct initrd_file file;
    CHECK(initrd_find(archive, size, "init", &file));
    CHECK(file.size == 3 && memcmp(file.data, "abc", 3) == 0);
    CHECK(initrd_find(archive, size, "long", &file));
    CHECK(file.size == 1500 && file.data[1499] == 'x');
    CHECK(!initrd_find(archive, size, "ini", &file));
    CHECK(!initrd_find(archive, size, "", &file));
    CHECK(!initrd_find(archive, size, "init/", &file));
    CHECK(!initrd_find(archive, 0, "init", &file));
}

/* What is found in an archive that is cut lies inside it. */
static void check_cut(const uint8_t *archive, uint64_t size) {
    for (uint64_t kept = 1; kept < size; kept += 13) {
        uint8_t *copy = malloc(kept);
        struct initrd_file file;
        CHECK(copy != NULL);
        memcpy(copy, archive, kept);
        if (initrd_find(copy, kept, "init", &file)) {
            CHECK(file.data + file.size <= copy + kept);
        }
        free(copy);
    }
}

static void check_damaged(uint8_t *archive, uint64_t size) {
    struct initrd_file file;
    archive[257] = 'U';
    CHECK(!initrd_find(archive, size, "init", &file));
    archive[257] = 'u';
    memset(archive + 124, '7', 12); /* the first file is huge */
    CHECK(!initrd_find(archive, size, "long", &file));
    CHECK(!initrd_find(archive, size, "init", &file));
}

int main(int argc, char **argv) {
    static uint8_t archive[1 << 16];
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    CHECK(file != NULL);
    uint64_t size = fread(archive, 1, sizeof(archive), file);
    fclose(file);
    check_whole(archive, size);
    check_cut(archive, size);
    check_damaged(archive, size);
    return 0;
}
