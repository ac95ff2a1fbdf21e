/* SPDX-License-Identifier: MIT */
/*
 * boot/initrd.c: finding a file in an ustar archive.
 *
 * The archive is a row of blocks of 512 bytes. A file is a header block (name,
 * size in octal, type, the mark "ustar") and its bytes, padded to a block. An
 * empty name ends it.
 */
#include "boot/initrd.h"

#include "lib/bits.h"
#include "lib/string.h"

/* Where a header has what. */
enum {
    TAR_NAME = 0,
    TAR_NAME_LEN = 100,
    TAR_SIZE = 124,
    TAR_SIZE_LEN = 12,
    TAR_TYPE = 156,
    TAR_MAGIC = 257,
    TAR_BLOCK = 512,
};

/* An octal number that ends at the first other character. */
static uint64_t octal(const uint8_t *digits, unsigned len) {
    uint64_t number = 0;
    for (unsigned i = 0; i < len && digits[i] >= '0' && digits[i] <= '7'; i++) {
        number = number * 8 + (digits[i] - '0');
    }
    return number;
}

static bool header_names(const uint8_t *header, const char *name) {
    const char *own = (const char *)header + TAR_NAME;
    size_t len = strlen(name);
    bool dot = own[0] == '.' && own[1] == '/';
    own += dot ? 2 : 0;
    return len < TAR_NAME_LEN - 2u && memcmp(own, name, len + 1) == 0;
}

bool initrd_find(const uint8_t *archive, uint64_t size, const char *name,
                 struct initrd_file *file) {
    uint64_t at = 0;
    while (size - at >= TAR_BLOCK && archive[at + TAR_NAME] != '\0') {
        const uint8_t *header = archive + at;
        uint64_t room = size - at - TAR_BLOCK;
        uint64_t len = octal(header + TAR_SIZE, TAR_SIZE_LEN);
        if (memcmp(header + TAR_MAGIC, "ustar", 5) != 0 || len > room) {
            return false;
        }
        bool regular = header[TAR_TYPE] == '0' || header[TAR_TYPE] == '\0';
        if (regular && header_names(header, name)) {
            *file = (struct initrd_file){header + TAR_BLOCK, len};
            return true;
        }
        /* A last file without its padding: the archive ends there. */
        uint64_t padded = round_up(len, TAR_BLOCK);
        at += TAR_BLOCK + (padded < room ? padded : room);
    }
    return false;
}
