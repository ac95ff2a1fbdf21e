/* SPDX-License-Identifier: MIT */
/*
 * wrong/transfer.c: mistakes of transfers; their code is in grading/mutants.
 */

/*
 * move-stays-region: the sender's region stays after a MOVE.
 * Mutant: M-34
 * Caught by: move
 */

/*
 * move-fresh: a moved page is replaced by a fresh one.
 * Mutant: M-01
 * Caught by: move
 */

/*
 * move-common: a moved page arrives as if it were common.
 * Mutant: M-10
 * Caught by: move, short[quick_move]
 */

/*
 * move-count: a moved page has one reference too many.
 * Mutant: M-10-count
 * Caught by: move
 */

/*
 * move-both: pages are with both after a MOVE.
 * Mutant: M-11
 * Caught by: move
 */

/*
 * share-fresh: SHARE gives the receiver fresh pages.
 * Mutant: M-38
 * Caught by: share
 */

/*
 * cow-sender: COW leaves the sender the right to write.
 * Mutant: M-15
 * Caught by: cow
 */

/*
 * cow-receiver: COW gives the receiver the right to write at once.
 * Mutant: M-16
 * Caught by: cow
 */

/*
 * cow-kills: the receiver of a COW may not write.
 * Mutant: M-17
 * Caught by: cow
 */

/*
 * cow-read-only: COW of what can only be read gives a copy that can be
 * written.
 * Mutant: M-19
 * Caught by: cow_rights[rights]
 */

/*
 * region-rights: the receiver may always write.
 * Mutant: M-27-region
 * Caught by: cow_rights[lower]
 */

/*
 * share-write: what is shared for reading can be written.
 * Mutant: M-27
 * Caught by: short[quick_share], rights[rights]
 */

/*
 * rights-any: the receiver gets the rights it is given, whatever the sender
 * has.
 * Mutant: M-28
 * Caught by: errors
 */

/*
 * write-no-read: an entry is made that may be written and not read.
 * Mutant: M-31
 * Caught by: errors
 */

/*
 * write-execute: an entry is made that may be written and executed.
 * Mutant: M-31-both
 * Caught by: errors
 */

/*
 * cow-execute: the receiver of a COW may execute what the sender may.
 * Mutant: M-29
 * Caught by: rights[execute]
 */

/*
 * share-execute: the same of a SHARE.
 * Mutant: M-29-share
 * Caught by: rights[execute]
 */

/*
 * move-execute: the same of a MOVE.
 * Mutant: M-29-move
 * Caught by: rights[execute]
 */

/*
 * lazy-counts: a page that nobody has touched counts as moved.
 * Mutant: M-49
 * Caught by: lazy, short[quick_lazy]
 */

/*
 * hole-passes: a hole in the range is passed over.
 * Mutant: M-32
 * Caught by: hole
 */

/*
 * kernel-range: a range that leaves user memory is looked up like any other.
 * Mutant: M-44
 * Caught by: errors
 */

/*
 * one-region: a range of several regions is not transferred as a whole.
 * Mutant: M-14
 * Caught by: regions
 */

/*
 * rights-late: the rights are looked at when the pages have gone.
 * Mutant: M-35
 * Caught by: named
 */

/*
 * clash-start: ranges of one message overlap only if they start alike.
 * Mutant: M-47-within
 * Caught by: overlap
 */

/*
 * undo-nothing: nothing is taken back when a later item fails.
 * Mutant: M-04
 * Caught by: undo[undo_tables], big[undo]
 */

/*
 * undo-last: only the item that failed is taken back.
 * Mutant: M-04-last
 * Caught by: undo[undo_tables]
 */

/*
 * undo-cut: the sender's regions stay cut after a failure.
 * Mutant: M-04-join
 * Caught by: undo[undo_regions]
 */

/*
 * undo-tables: page tables that were made stay when it fails.
 * Mutant: M-05
 * Caught by: undo[undo_tables]
 */

/*
 * undo-charge: what was charged stays charged when it fails.
 * Mutant: M-05-quota
 * Caught by: undo[undo_quota]
 */

/*
 * undo-copies: frames for copies stay taken when it fails.
 * Mutant: M-05-copies
 * Caught by: undo[undo_copies]
 */
