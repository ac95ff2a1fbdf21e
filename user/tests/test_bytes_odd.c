/* SPDX-License-Identifier: MIT */
/*
 * tests/test_bytes_odd.c: messages with bytes from memory of every kind, and
 * messages that are wrong.
 */
#include "tests/bytes.h"

/* ---- Shared with a child ---- */

static int child_pipe[2];
static int64_t child;

static uint64_t own_length(const struct point *p) {
    return 2 * ROOM + page_after(p->offset + p->length);
}

static uint8_t *own_make(const struct point *p) {
    uint8_t *memory = bytes_alloc(own_length(p));
    check_true("memory", memory != NULL);
    return memory + ROOM;
}

static void own_remove(uint8_t *page, const struct point *p) {
    bytes_free(page - ROOM, own_length(p));
}

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
static const uint64_t in_text[] = {64, 2048, 8192, 8193};

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
    static const uint64_t lengths[] = {20, 3000, 8192, 16384, 24577};
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
                    length < 8192 ? 0 : (int64_t)length / PAGE_SIZE);
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

/* ---- Wrong messages ---- */

static struct form {
    int32_t label;
    uint64_t words[2];
    unsigned count; /* of words in the tag */
    unsigned items;
    struct {
        uint64_t length;
        enum item_mode mode;
    } item[3];
} forms[] = {
    {65 << BYTES_LABEL_BITS, {0}, 8, 0, {{0}}},
    {-1, {0}, 8, 0, {{0}}},
    {9 << BYTES_LABEL_BITS, {0}, 1, 0, {{0}}},
    {8 << BYTES_LABEL_BITS, {0}, 2, 0, {{0}}},
    {0, {0}, 1, 0, {{0}}},
    {8 << BYTES_LABEL_BITS, {0}, 1, 1, {{8, ITEM_WINDOW}}},
    {1, {0, 0}, 2, 1, {{4096, ITEM_MOVE}}},
    {1, {0, 4097}, 2, 1, {{4096, ITEM_MOVE}}},
    {1, {1, 4096}, 2, 1, {{4096, ITEM_COW}}},
    {1, {4096, 1}, 2, 1, {{8192, ITEM_MOVE}}},
    {1, {0, 4096}, 2, 1, {{8192, ITEM_MOVE}}},
    {1, {1, ~0ull}, 2, 1, {{4096, ITEM_COW}}},
    {1, {~0ull, 1}, 2, 1, {{4096, ITEM_COW}}},
    {1, {4095, ~0ull}, 2, 1, {{4096, ITEM_COW}}},
    {1, {0, 4096}, 2, 1, {{4096, ITEM_SHARE}}},
    {1, {0, 4096}, 2, 1, {{4096, ITEM_LEND}}},
    {1, {0, 8192}, 2, 2, {{4096, ITEM_MOVE}, {4096, ITEM_SHARE}}},
    {1, {0, 8192}, 2, 2, {{4096, ITEM_MOVE}, {4096, ITEM_WINDOW}}},
    {1, {0, 8192}, 2, 2, {{4096, ITEM_WINDOW}, {4096, ITEM_COW}}},
    {1, {0, 12288}, 2, 3, {{4096, ITEM_COW}, {4096, ITEM_COW}, {1, 5}}},
};

enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

static void forms_client(uint64_t unused) {
    (void)unused;
    for (unsigned i = 0; i < FORMS; i++) {
        struct form *f = &forms[i];
        struct message m = {.tag = tag_make(f->label, f->count, 0, f->items),
                            .words = {f->words[0], f->words[1]}};
        for (unsigned k = 0; k < f->items; k++)
            message_item(
                &m, k, (uint64_t)pages_make(2, 1),
                item_make(f->item[k].length, f->item[k].mode,
                          f->item[k].mode == ITEM_WINDOW ? ITEM_READ : RW));
        check_equal("call", ipc_call(bytes_service.session, &m, DEADLINE_NONE),
                    0);
        check_equal("answer", tag_label(m.tag), -EINVAL);
        /* The window is free again, and the place for copies clean. */
        struct point p = {16384 + 2, 0, BYTES_GIVE};
        struct source source = {.make = own_make, .remove = own_remove};
        point_send(&p, &source);
    }
}

static void check_forms(void) {
    struct message m;
    struct point p = {16384 + 2, 0, BYTES_GIVE};
    struct source source = {.make = own_make};
    bytes_start(forms_client, 0);
    for (unsigned i = 0; i < FORMS; i++) {
        service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
        int64_t error = msg_recv_bytes(&m, &bytes_in);
        if (error != -EINVAL)
            printf("form %u:\n", i);
        check_error("a wrong form", error, EINVAL);
        check_equal("bytes", (int64_t)bytes_in.length, 0);
        check_equal("data", (int64_t)bytes_in.data, 0);
        service_answer((int32_t)error, 0);
        point_serve(&p, &source);
    }
    bytes_end();
}

/* ---- Receivers that cannot take pages ---- */

static void ways_client(uint64_t unused) {
    static const enum bytes_way ways[] = {BYTES_COPY, BYTES_MOVE, BYTES_COPY,
                                          BYTES_MOVE};
    (void)unused;
    for (unsigned i = 0; i < 4; i++) {
        struct bytes_result result;
        uint8_t *pages = pages_make(8, i);
        check_equal("send",
                    msg_send_bytes(bytes_service.session, 1, pages,
                                   8 * PAGE_SIZE, BYTES_GIVE, &result),
                    0);
        check_equal("way", result.way, ways[i]);
        check_equal("pages moved", (int64_t)result.pages_moved,
                    ways[i] == BYTES_MOVE ? 8 : 0);
        if (ways[i] == BYTES_COPY)
            pages_expect((uint64_t)pages, 8, i);
    }
}

static void ways_serve(unsigned pattern) {
    struct message m;
    service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
    check_ok("receive", msg_recv_bytes(&m, &bytes_in));
    check_equal("length", (int64_t)bytes_in.length, 8 * PAGE_SIZE);
    pages_expect((uint64_t)bytes_in.data, 8, pattern);
    service_answer(0, 0);
}

/* Nothing is released here: that is msg_recv_bytes' own business. */
static void check_ways(void) {
    bytes_start(ways_client, 0);
    uint64_t window = bytes_in.window;
    check_ok("occupy the window", sys_map(HANDLE_SELF, window + PAGE_SIZE,
                                          PAGE_SIZE, RW | MAP_FIXED, -1, 0));
    ways_serve(0);
    sys_unmap(HANDLE_SELF, window + PAGE_SIZE, PAGE_SIZE);
    ways_serve(1);
    check_ok("take no pages", sys_accept(0, 0, 0, 0, 0, HANDLE_RECEIVED));
    ways_serve(2);
    ways_serve(3);
    bytes_end();
}

/* One message after the other without a release in between. */
static void stream_client(uint64_t messages) {
    for (uint64_t i = 0; i < messages; i++) {
        uint8_t *pages = pages_make(9, i);
        check_equal("send",
                    msg_send_bytes(bytes_service.session, 1, pages,
                                   9 * PAGE_SIZE - i, i % 2, NULL),
                    0);
        bytes_free(pages, 9 * PAGE_SIZE);
    }
}

static void check_stream(void) {
    struct message m;
    bytes_start(stream_client, 100);
    for (unsigned i = 0; i < 100; i++) {
        service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
        check_ok("receive", msg_recv_bytes(&m, &bytes_in));
        check_equal("length", (int64_t)bytes_in.length, 9 * PAGE_SIZE - i);
        pages_expect((uint64_t)bytes_in.data, 8, i);
        service_answer(0, 0);
    }
    bytes_end();
    check_equal("closed", (int64_t)bytes_in.window, 0);
    for (unsigned i = 0; i < 100; i++) {
        check_ok("open", msg_accept_bytes(&bytes_in, BYTES_MOST, 0));
        check_error("open twice", msg_accept_bytes(&bytes_in, 1, 0), EINVAL);
        msg_close_bytes(&bytes_in);
    }
    check_error("nothing", msg_accept_bytes(&bytes_in, 0, 0), EINVAL);
    check_error("too much", msg_accept_bytes(&bytes_in, BYTES_MOST + 1ull, 0),
                EINVAL);
}

/* ---- Several threads ---- */

enum { THREADS = 6, ROUNDS = 20 };

static void thread_send(uint64_t number) {
    static uint8_t memory[THREADS][7 * PAGE_SIZE];
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct point p = {5 * PAGE_SIZE + number * 100 + i, 0, 0};
        uint8_t *data = memory[number] + number * 64 + i;
        memset(data, (int)(number * ROUNDS + i + 1), p.length);
        check_equal("send",
                    msg_send_bytes(bytes_service.session, (int32_t)number, data,
                                   p.length, 0, NULL),
                    (int64_t)p.length);
    }
}

static void threads_client(uint64_t unused) {
    int64_t threads[THREADS];
    (void)unused;
    for (unsigned i = 0; i < THREADS; i++)
        threads[i] = thread_start(thread_send, i);
    for (unsigned i = 0; i < THREADS; i++)
        thread_end(threads[i]);
}

static void check_threads(void) {
    struct message m;
    unsigned seen[THREADS] = {0};
    bytes_start(threads_client, 0);
    for (unsigned i = 0; i < THREADS * ROUNDS; i++) {
        service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
        check_ok("receive", msg_recv_bytes(&m, &bytes_in));
        unsigned number = (unsigned)bytes_in.label, round = seen[number]++;
        check_equal("length", (int64_t)bytes_in.length,
                    5 * PAGE_SIZE + number * 100 + round);
        range_expect("byte", (uint64_t)bytes_in.data,
                     (uint64_t)bytes_in.data + bytes_in.length,
                     (uint8_t)(number * ROUNDS + round + 1));
        pause_ms(1);
        service_answer((int32_t)bytes_in.length, 0);
    }
    bytes_end();
}

/* ---- What the kernel says ---- */

static void counters_client(uint64_t unused) {
    (void)unused;
    uint8_t *pages = pages_make(8, 1);
    uint64_t moved = counter(COUNTER_PAGES_MOVED);
    uint64_t cowed = counter(COUNTER_PAGES_COWED);
    uint64_t copied = counter(COUNTER_BYTES_COPIED);
    stream_client(0);
    check_equal(
        "send",
        msg_send_bytes(bytes_service.session, 1, pages, 8 * PAGE_SIZE, 0, NULL),
        0);
    check_equal("send",
                msg_send_bytes(bytes_service.session, 1, pages, 8 * PAGE_SIZE,
                               BYTES_GIVE, NULL),
                0);
    check_equal("pages moved", (int64_t)(counter(COUNTER_PAGES_MOVED) - moved),
                8);
    check_equal("pages cowed", (int64_t)(counter(COUNTER_PAGES_COWED) - cowed),
                8);
    check_equal("bytes copied",
                (int64_t)(counter(COUNTER_BYTES_COPIED) - copied), 0);
    pages = pages_make(2, 1);
    msg_send_bytes(bytes_service.session, 1, pages + 1, BYTES_COW_MIN - 1, 0,
                   NULL);
    check_equal("bytes copied",
                (int64_t)(counter(COUNTER_BYTES_COPIED) - copied),
                BYTES_COW_MIN - 1);
}

static void check_counters(void) {
    struct message m;
    bytes_start(counters_client, 0);
    for (unsigned i = 0; i < 3; i++) {
        service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
        check_ok("receive", msg_recv_bytes(&m, &bytes_in));
        service_answer(0, 0);
    }
    bytes_end();
}

static void frames_round(uint64_t unused) {
    (void)unused;
    struct message m;
    bytes_start(stream_client, 6);
    for (unsigned i = 0; i < 6; i++) {
        service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
        check_ok("receive", msg_recv_bytes(&m, &bytes_in));
        bytes_in.data[PAGE_SIZE] = 1;
        service_answer(0, 0);
    }
    peer_end(bytes_client);
}

static void check_frames(void) {
    peer_end(peer_start(frames_round, 0));
    int64_t before = frames_free();
    for (unsigned i = 0; i < 5; i++)
        peer_end(peer_start(frames_round, 0));
    check_equal("free frames after both have ended", frames_free(), before);
}

static void long_client(uint64_t unused) {
    (void)unused;
    uint8_t *pages = pages_make(MOST / PAGE_SIZE + 1, 1);
    struct bytes_result result;
    check_equal(
        "send",
        msg_send_bytes(bytes_service.session, 1, pages + 1, MOST, 0, &result),
        0);
    check_equal("way", result.way, BYTES_COPY);
}

/* A server does not keep the memory of the longest message it ever got. */
static void check_long(void) {
    struct message m;
    bytes_start(long_client, 0);
    service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
    check_ok("receive", msg_recv_bytes(&m, &bytes_in));
    int64_t before = frames_free();
    msg_release_bytes(&bytes_in);
    check_true("the copy's frames are free",
               frames_free() - before >= MOST / PAGE_SIZE);
    service_answer(0, 0);
    bytes_end();
}

/* ---- Servers that die ---- */

static void dying_serve(int64_t endpoint) {
    struct message m;
    struct bytes in = {0};
    check_ok("accept bytes", msg_accept_bytes(&in, MOST, 0));
    service_receive(endpoint, &m, MESSAGE_CALL);
    check_ok("receive", msg_recv_bytes(&m, &in));
}

static void check_dead(void) {
    static const uint64_t lengths[] = {0, 10, 100, 8192, 16384, 16385 + 4096};
    for (unsigned i = 0; i < 12; i++) {
        struct server server = server_start(dying_serve);
        struct bytes_result result;
        uint8_t *pages = pages_make(8, i);
        check_error("call of a server that dies",
                    msg_send_bytes(server.session, 1, pages, lengths[i / 2],
                                   i % 2, &result),
                    EPIPE);
        check_equal("way", result.way, BYTES_NONE);
        peer_end(server.pid);
        if (i % 2 == 0)
            pages_expect((uint64_t)pages, 8, i);
        check_error("call of a dead server",
                    msg_send_bytes(server.session, 1, constants, lengths[i / 2],
                                   i % 2, &result),
                    EPIPE);
    }
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
    {"forms", "a server refuses what is not a message with bytes", check_forms},
    {"ways", "what cannot be moved to a receiver is copied", check_ways},
    {"stream", "messages follow each other without a release", check_stream},
    {"threads", "six threads send partial pages", check_threads},
    {"counters", "the kernel counts the same pages and bytes", check_counters},
    {"frames", "every frame is free again when both sides have ended",
     check_frames},
    {"long", "the frames of a long copy are given back", check_long},
    {"dead", "a server's death is EPIPE, whatever the way", check_dead},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
