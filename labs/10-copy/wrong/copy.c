/* SPDX-License-Identifier: MIT */
/*
 * wrong/copy.c: mistakes of the copy call; their code is in grading/mutants.
 */

/*
 * direction-both: a direction that is none, or both, counts as out.
 * Mutant: M-147
 * Caught by: arguments
 */

/*
 * direction-swapped: reading takes the right to write, and writing that to
 * read.
 * Mutant: M-148
 * Caught by: directions
 */

/*
 * count-lost: the bytes of a page that could not be copied are counted.
 * Mutant: M-149
 * Caught by: holes
 */

/*
 * end-ignored: a copy goes on behind the end of the window.
 * Mutant: M-151
 * Caught by: overflow
 */

/*
 * end-refused: what would go beyond the window is refused whole.
 * Mutant: M-152
 * Caught by: overflow[overflow]
 */

/*
 * call-over: a window outlives its call.
 * Mutant: M-154
 * Caught by: ends[dead_client]
 */

/*
 * any-handle: whatever the handle is, the newest call is copied from.
 * Mutant: M-155
 * Caught by: handles
 */

/*
 * page-read-only: a copy writes pages that may only be read.
 * Mutant: M-157
 * Caught by: rights
 */

/*
 * page-shared: a copy writes into a page that others have, too.
 * Mutant: M-157-cow
 * Caught by: cow
 */

/*
 * page-untouched: a copy fails at pages that nobody has touched.
 * Mutant: M-158
 * Caught by: lazy
 */

/*
 * never-yields: a long copy lets nobody else run.
 * Mutant: M-163
 * Caught by: yields
 */

/*
 * quick-forever: a long copy in quick steps lets nobody else run.
 * Mutant: M-163-quick
 * Caught by: meanwhile[test_copy_time]
 */

/*
 * sides-swapped: a hole on the server's side is told as the client's, and
 * the other way round.
 * Mutant: M-166
 * Caught by: holes
 */

/*
 * offset-wraps: the offset wraps: bytes before the window are copied.
 * Mutant: M-167
 * Caught by: offsets
 */

/*
 * quick-rights: the quick way reads and writes whatever the window grants.
 * Mutant: M-148-quick
 * Caught by: directions
 */

/*
 * quick-end: the quick way goes on behind the end of the window.
 * Mutant: M-151-quick
 * Caught by: overflow
 */
