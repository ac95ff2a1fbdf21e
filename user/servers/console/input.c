/* SPDX-License-Identifier: MIT */
/*
 * servers/console/input.c: from the keyboard to the readers; see input.h.
 */
#include "servers/console/input.h"

#include <stdbool.h>
#include <stddef.h>

#include "lib/proto.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "servers/common/service.h"
#include "servers/console/foreground.h"
#include "servers/console/line.h"
#include "servers/console/output.h"
#include "servers/console/processes.h"
#include "servers/console/uart.h"

enum {
    READERS_MAX = 16,
    READ_MAX = 4096, /* bytes one read gets at most */
};

struct reader {
    int64_t reply;
    uint64_t wanted;
    bool window; /* the bytes go to the call's window, else into the reply */
};

static struct line line;
static unsigned waiting;
static struct reader readers[READERS_MAX]; /* in order of arrival */

/* Answers a read with `count` bytes. Returns 0, or an error if the reader did
 * not get them: it is gone, or its buffer is bad (and it was told so). */
static int64_t reader_answer(const struct reader *reader, const void *bytes,
                             uint64_t count) {
    struct message m = {.tag = tag_make((int32_t)count, 0, 0, 0)};
    if (!reader->window) {
        m.tag = tag_make((int32_t)count, (unsigned)(count + 7) / 8, 0, 0);
        memcpy(m.words, bytes, count);
        return ipc_reply(reader->reply, &m);
    }
    struct copy_result copied =
        ipc_copy(reader->reply, COPY_OUT, 0, bytes, count);
    if (copied.error < 0)
        m.tag = tag_make((int32_t)service_copy_error(copied.error), 0, 0, 0);
    int64_t error = ipc_reply(reader->reply, &m);
    return error < 0 ? error : copied.error;
}

/* Gives a reader what there is; uses the input up if it arrived. */
static void reader_serve(const struct reader *reader) {
    static uint8_t bytes[READ_MAX];
    unsigned cells;
    unsigned room =
        reader->wanted < READ_MAX ? (unsigned)reader->wanted : READ_MAX;
    unsigned count = line_peek(&line, bytes, room, &cells);
    int64_t error = reader_answer(reader, bytes, count);
    if (error >= 0)
        line_take(&line, cells);
    else if (reader->reply != HANDLE_IMPLICIT)
        sys_handle_close(reader->reply);
}

static void reader_remove(unsigned index) {
    waiting--;
    memmove(&readers[index], &readers[index + 1],
            (waiting - index) * sizeof(readers[0]));
}

static void readers_serve(void) {
    while (waiting > 0 && line_readable(&line)) {
        struct reader reader = readers[0];
        reader_remove(0);
        reader_serve(&reader);
    }
}

/* Those that wait, wait no longer: ^C. */
static void readers_cancel(void) {
    for (unsigned i = 0; i < waiting; i++)
        service_reply(readers[i].reply, -ECANCELED);
    waiting = 0;
}

static void readers_drop_gone(void) {
    for (unsigned i = 0; i < waiting;) {
        if (service_waits(readers[i].reply)) {
            i++;
            continue;
        }
        sys_handle_close(readers[i].reply);
        reader_remove(i);
    }
}

static int64_t reader_save(struct reader reader) {
    if (waiting == READERS_MAX)
        readers_drop_gone();
    if (waiting == READERS_MAX)
        return -EAGAIN;
    reader.reply = ipc_reply_save();
    if (reader.reply < 0)
        return reader.reply;
    readers[waiting++] = reader;
    return SERVICE_LATER;
}

int64_t input_read(const struct message *m) {
    struct reader reader = {.reply = HANDLE_IMPLICIT,
                            .wanted = m->words[0],
                            .window = tag_items(m->tag) > 0};
    if (reader.window ? reader.wanted > item_length(m->item_desc)
                      : reader.wanted > PROTO_INLINE_READ)
        return -EINVAL;
    if (reader.wanted == 0)
        return 0;
    if (foreground_take())
        return -ECANCELED;
    if (waiting > 0 || !line_readable(&line))
        return reader_save(reader);
    reader_serve(&reader);
    return SERVICE_LATER;
}

int64_t input_control(const struct message *m) {
    uint64_t argument = m->words[1];
    switch (m->words[0]) {
    case CONTROL_FOREGROUND:
        if (argument > INT32_MAX)
            return -EINVAL;
        return argument ? foreground_join((int64_t)argument)
                        : foreground_clear();
    case CONTROL_RAW:
        if (argument > 1)
            return -EINVAL;
        line_set_raw(&line, argument == 1);
        readers_serve();
        return 0;
    default:
        return -EINVAL;
    }
}

/* ^C: ends what is in the foreground. With nothing there, it is for a shell
 * that reads, or for whatever comes next. What was typed before is dropped,
 * unless it was finished while somebody waited for it. */
static void interrupt(void) {
    readers_serve();
    line_forget(&line);
    bool ended = foreground_interrupt();
    readers_drop_gone();
    if (ended || waiting == 0)
        return;
    readers_cancel();
    (void)foreground_clear();
}

/* ^P: the process list, and the line being edited once more below it. */
static void list(void) {
    output_text("\n", 1);
    processes_print();
    output_text(line.text, line.length);
}

void input_interrupt(void) {
    uint8_t byte;
    while (uart_read(&byte)) {
        unsigned events = line_type(&line, byte);
        output_text(line.echo, line.echo_length);
        if (events & LINE_INTERRUPT)
            interrupt();
        if (events & LINE_LIST)
            list();
    }
    readers_serve();
}
