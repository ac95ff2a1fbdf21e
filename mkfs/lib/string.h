/* SPDX-License-Identifier: MIT */
/*
 * lib/string.h on the host: the C library's functions, under the name by which
 * sources that run on both sides include them.
 */
#ifndef OCTAVO_LIB_STRING_H
#define OCTAVO_LIB_STRING_H

#include <string.h>

#endif
