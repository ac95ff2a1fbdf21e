/* SPDX-License-Identifier: MIT */
/*
 * tests/test_bytes_src.c: messages with bytes from memory of every kind, and
 * from memory that is not there.
 */
#include "tests/bytes.h"

/* ---- Shared with a child ---- */

static int child_pipe[2];
static int64_t child;

/* The child looks at its bytes when all is over. */
static void child_wait(const struct point *p, const uint8_t *data) {
    char byte;
    check_equal("wait for the end", read(child_pipe[0], &byte, 1), 1);
    canaries_expect(data, p->length);
    point_expect("byte of the child", p, data, 0);
    sys_exit(0);
}

static uint8_t *forked_make(const struct point *p) {
    uint8_t *page = own_make(p);
    canaries_write(page + p->offset, p->length);
    point_write(p, page + p->offset, 0);
    check_equal("pipe", pipe(child_pipe), 0);
    child = check_ok("fork", sys_fork());
    if (child == 0)
        child_wait(p, page + p->offset);
    return page;
}

static void forked_remove(uint8_t *page, const struct point *p) {
    check_equal("tell the child", write(child_pipe[1], "", 1), 1);
    peer_end(child);
    close(child_pipe[0]);
    close(child_pipe[1]);
    own_remove(page, p);
}

static const struct source from_forked = {
    .make = forked_make, .remove = forked_remove, .written = true};

/* ---- Read only ---- */

static const uint8_t constants[10 * PAGE_SIZE] = {1, 2, 3};

static uint8_t *constants_make(const struct point *p) {
    (void)p;
    return (uint8_t *)page_after((uint64_t)constants);
}

/* The second page of the program's text. */
static uint8_t *text_make(const struct point *p) {
    (void)p;
    return (uint8_t *)USER_IMAGE + PAGE_SIZE;
}

static void nothing_remove(uint8_t *page, const struct point *p) {
    (void)page;
    (void)p;
}

static const struct source from_constants = {
    .make = constants_make, .remove = nothing_remove, .fixed = true};
static const struct source from_text = {
    .make = text_make, .remove = nothing_remove, .fixed = true};

/* ---- Several regions ---- */

/* Every other page can only be read. */
static uint8_t *regions_make(const struct point *p) {
    uint8_t *page = own_make(p);
    canaries_write(page + p->offset, p->length);
    point_write(p, page + p->offset, 0);
    for (uint64_t at = PAGE_SIZE; at < p->offset + p->length;
         at += 2 * PAGE_SIZE)
        check_ok("protect", sys_protect(HANDLE_SELF, (uint64_t)page + at,
                                        PAGE_SIZE, PROT_READ));
    return page;
}

static const struct source from_regions = {
    .make = regions_make, .remove = own_remove, .written = true, .mixed = true};

/* ---- The points ---- */

static const uint64_t few[] = {64, 65, 4097, 8192, 16384, 32768};
static const uint64_t in_text[] = {64, 2048, 8192, 12288};

static const struct range {
    const uint64_t *sizes;
    unsigned count;
    const struct source *source;
} ranges[] = {
    {few, 6, &from_forked},
    {few, 6, &from_constants},
    {in_text, 4, &from_text},
    {few, 6, &from_regions},
};

static void client(uint64_t which) {
    const struct range *r = &ranges[which];
    points_each(r->sizes, r->count, r->source, point_send);
}

static void range_run(unsigned which) {
    const struct range *r = &ranges[which];
    bytes_start(client, which);
    points_each(r->sizes, r->count, r->source, point_serve);
    bytes_end();
}

static void check_forked(void) {
    range_run(0);
}

static void check_constants(void) {
    range_run(1);
}

static void check_text(void) {
    range_run(2);
}

static void check_regions(void) {
    range_run(3);
}

/* ---- What cannot be sent ---- */

static void refused(const void *data, uint64_t length, unsigned flags,
                    int64_t error) {
    struct bytes_result result = {.way = BYTES_MOVE, .bytes_copied = 9};
    check_equal("send",
                msg_send_bytes(bytes_service.session, OPERATION, data, length,
                               flags, &result),
                error);
    check_equal("way", result.way, BYTES_NONE);
    check_equal("bytes copied", (int64_t)result.bytes_copied, 0);
    check_equal("pages", (int64_t)(result.pages_cowed + result.pages_moved), 0);
    service_quiet(bytes_service.endpoint);
}

/* Each page of what is sent missing in turn. */
static void holes_send(const struct point *p) {
    for (uint64_t hole = 0; hole < p->offset + p->length; hole += PAGE_SIZE) {
        uint8_t *page = own_make(p), *data = page + p->offset;
        canaries_write(data, p->length);
        point_write(p, data, 0);
        sys_unmap(HANDLE_SELF, (uint64_t)page + hole, PAGE_SIZE);
        refused(data, p->length, p->flags, -EFAULT);
        check_ok("fill the hole", sys_map(HANDLE_SELF, (uint64_t)page + hole,
                                          PAGE_SIZE, RW | MAP_FIXED, -1, 0));
        for (uint64_t at = 0; at < p->length; at = byte_next(at, p->length))
            if ((p->offset + at) / PAGE_SIZE != hole / PAGE_SIZE)
                check_equal("own byte", data[at], point_byte(p, at));
        own_remove(page, p);
    }
}

static void check_holes(void) {
    static const uint64_t lengths[] = {20, 3000, 8192, 16384, 36865};
    bytes_service = service_make(1);
    check_ok("accept bytes", msg_accept_bytes(&bytes_in, MOST, 0));
    for (unsigned i = 0; i < 5; i++)
        for (unsigned k = 0; k < 8; k++) {
            struct point p = {lengths[i], k & 2 ? 4090 : 0, k & 1};
            if (k & 4)
                p.offset = p.offset ? 4095 : 1;
            holes_send(&p);
        }
}

static void check_ranges(void) {
    static const uint64_t lengths[] = {
        1, 64, 65, 8192, 16384, MOST, 1ull << 40, ~0ull >> 1, ~0ull};
    static uint8_t byte;
    bytes_service = service_make(1);
    for (unsigned flags = 0; flags <= BYTES_GIVE; flags++)
        for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            uint64_t length = lengths[i];
            refused((void *)0xffffffc000000000ull, length, flags, -EINVAL);
            refused((void *)USER_END, length, flags, -EINVAL);
            refused((void *)(USER_END - length + 1), length, flags, -EINVAL);
            refused((void *)-length, length, flags, -EINVAL);
            refused((void *)(length > 1 ? -1ull : USER_END), length, flags,
                    -EINVAL);
            if (length < USER_END)
                refused((void *)0, length, flags, -EFAULT);
        }
    refused(&byte, 1, 2, -EINVAL);
    refused(&byte, 1, ~0u, -EINVAL);
    check_error("a negative label",
                msg_send_bytes(bytes_service.session, -1, &byte, 1, 0, NULL),
                EINVAL);
    check_error("a label too high",
                msg_send_bytes(bytes_service.session, BYTES_LABEL_MAX + 1,
                               &byte, 1, 0, NULL),
                EINVAL);
    check_error("no session", msg_send_bytes(99, 1, &byte, 1, 0, NULL), EBADF);
    check_error("no right to send",
                msg_send_bytes(bytes_service.endpoint, 1, constants, MOST / 64,
                               0, NULL),
                EBADF);
}

/* ---- At the end of user memory ---- */

enum { LAST = PAGE_SIZE - 9 };

static void last_client(uint64_t unused) {
    (void)unused;
    uint8_t *last = (uint8_t *)USER_END - PAGE_SIZE;
    check_ok("the last page", sys_map(HANDLE_SELF, (uint64_t)last, PAGE_SIZE,
                                      RW | MAP_FIXED, -1, 0));
    memset(last, 7, PAGE_SIZE);
    struct bytes_result result;
    for (uint64_t length = 1; length <= 32768; length *= 2) {
        check_equal("send",
                    msg_send_bytes(bytes_service.session, BYTES_LABEL_MAX,
                                   (void *)(USER_END - length), length, 0,
                                   &result),
                    (int64_t)length);
        check_equal("pages", (int64_t)result.pages_cowed,
                    length < BYTES_COW_MIN ? 0 : (int64_t)length / PAGE_SIZE);
    }
    check_equal("the last byte", last[PAGE_SIZE - 1], 7);
}

static void check_last(void) {
    struct message m;
    bytes_start(last_client, 0);
    for (uint64_t length = 1; length <= 32768; length *= 2) {
        service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
        check_ok("receive", msg_recv_bytes(&m, &bytes_in));
        check_equal("label", bytes_in.label, BYTES_LABEL_MAX);
        check_equal("length", (int64_t)bytes_in.length, (int64_t)length);
        uint64_t own = length < PAGE_SIZE ? length : PAGE_SIZE;
        for (uint64_t at = length - own; at < length; at++)
            check_equal("byte", bytes_in.data[at], 7);
        msg_release_bytes(&bytes_in);
        service_answer((int32_t)length, 0);
    }
    bytes_end();
}

static const struct check checks[] = {
    {"forked", "pages that a child shares, and keeps", check_forked},
    {"constants", "constants are shared, and nobody can write them",
     check_constants},
    {"text", "the program's text can be sent", check_text},
    {"regions", "a range of many regions, some read only", check_regions},
    {"holes", "a missing page is EFAULT, and nothing is sent", check_holes},
    {"ranges", "bad ranges, labels and flags are EINVAL, at once",
     check_ranges},
    {"last", "the last page of user memory can be sent", check_last},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
