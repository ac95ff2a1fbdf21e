/* SPDX-License-Identifier: MIT */
/*
 * lib/error.h: errors in words.
 */
#ifndef OCTAVO_LIB_ERROR_H
#define OCTAVO_LIB_ERROR_H

/* The text for an error of abi/errno.h, positive or negative, as "no such
 * file". */
const char *error_text(long error);

#endif
