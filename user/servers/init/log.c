/* SPDX-License-Identifier: MIT */
/*
 * servers/init/log.c: see log.h.
 *
 * init must never wait for a server for long: the server may be what is wrong.
 */
#include "servers/init/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/ipc.h"
#include "lib/names.h"
#include "lib/printf.h"
#include "lib/proto.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "servers/init/machine.h"

enum { LOG_MAX = 160, KERNEL_LOG_MAX = 40 };

/* Writes through the console; false if that did not work to the end. */
static bool console_write(int64_t console, const char *text, uint64_t length) {
    uint64_t deadline = time_now() + machine_second();
    for (uint64_t done = 0; done < length;) {
        uint64_t part = length - done;
        if (part > PROTO_INLINE_WRITE)
            part = PROTO_INLINE_WRITE;
        struct message m = {
            .tag = tag_make(FILE_WRITE, MESSAGE_WORDS, 0, 0),
            .words = {part},
        };
        memcpy(&m.words[1], text + done, part);
        if (ipc_call(console, &m, deadline) < 0 || tag_label(m.tag) <= 0)
            return false;
        done += (uint64_t)tag_label(m.tag);
    }
    return true;
}

static void kernel_write(const char *text, uint64_t length) {
    for (uint64_t done = 0; done < length; done += KERNEL_LOG_MAX) {
        uint64_t words[5] = {0};
        uint64_t part = length - done;
        if (part > KERNEL_LOG_MAX)
            part = KERNEL_LOG_MAX;
        memcpy(words, text + done, part);
        sys_kernel_log(SLOT_AUTHORITY, part, words);
    }
}

void log_line(const char *format, ...) {
    char text[LOG_MAX] = "init: ";
    uint64_t start = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + start, sizeof(text) - start - 1, format, arguments);
    va_end(arguments);
    strlcat(text, "\n", sizeof(text));
    int64_t console = names_lookup(NAME_CONSOLE, false);
    if (console < 0 || !console_write(console, text, strlen(text)))
        kernel_write(text, strlen(text));
    if (console >= 0)
        sys_handle_close(console);
}
