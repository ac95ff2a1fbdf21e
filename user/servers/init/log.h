/* SPDX-License-Identifier: MIT */
/*
 * servers/init/log.h: lines for whoever looks at the console.
 */
#ifndef OCTAVO_INIT_LOG_H
#define OCTAVO_INIT_LOG_H

/*
 * Prints "init: TEXT" and a newline: through the console server when there is
 * one that answers within a second, else through the kernel. At most 160 bytes.
 */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
