/* SPDX-License-Identifier: MIT */
/*
 * lib/build.h: which build this is, as a constant.
 *
 * Checks that only debug builds make are written `if (DEBUG_BUILD) ...`: the
 * compiler reads them in every build, so that they cannot rot, and drops them
 * from the release.
 */
#ifndef OCTAVO_LIB_BUILD_H
#define OCTAVO_LIB_BUILD_H

#ifdef DEBUG
enum { DEBUG_BUILD = 1 };
#else
enum { DEBUG_BUILD = 0 };
#endif

#endif
