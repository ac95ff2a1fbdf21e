/* SPDX-License-Identifier: MIT */
/*
 * abi/pager.h: what the kernel and a pager say to each other.
 *
 * A fault on a missing page of a region that was mapped with MAP_PAGER is a
 * call by the faulting thread, which the kernel makes for it, through the
 * region's session:
 *
 *   label   PAGER_FAULT
 *   w0      offset of the page in the object: what the region was mapped with,
 *           and as many bytes on as the page is behind its start
 *   w1      PROT_ rights: bits 0-7 those the access wants, bits 8-15 the
 *           region's
 *   w2      pages from this one to the end of the region
 *
 * The answer is a reply with a label of 0 or more and one to four memory items,
 * MOVE, SHARE or COW, of PAGER_PAGES pages together at most. They are mapped
 * at the fault and behind it, as far as pages there are missing: what does not
 * fit is left, and a page that someone else has provided meanwhile stays. Pages
 * that the pager has never touched are zeros. The items must grant reading, and
 * writing if the region permits it. Execution is the region's to grant. REPLY
 * says what is wrong with an item, and the reply is still owed: EINVAL (not
 * whole pages, another mode, too many), EFAULT, EPERM, EMSGSIZE (handles; more
 * than 12 pages that COW has to copy at once, because they are shared).
 *
 * A reply without items, or with a negative label, refuses: the access is an
 * error of the thread, as if nothing were mapped there. The same happens when
 * the pager dies, or has not answered after PAGER_TIMEOUT_MS.
 */
#ifndef OCTAVO_ABI_PAGER_H
#define OCTAVO_ABI_PAGER_H

enum {
    PAGER_FAULT = 112, /* the label: no operation of a server's protocol */
    PAGER_PAGES = 16,  /* most pages in an answer */
    PAGER_PROT_SHIFT = 8,
    PAGER_TIMEOUT_MS = 10000, /* of guest time */
};

#endif
