/* SPDX-License-Identifier: MIT */
/*
 * replies.h: the tests of unit_reply.c, for the table of unit.c.
 */
#ifndef OCTAVO_LAB_ENDPOINTS_REPLIES_H
#define OCTAVO_LAB_ENDPOINTS_REPLIES_H

void test_reply(void);
void test_reply_quick(void);
void test_reply_recv(void);
void test_reply_more(void);
void test_reply_refused(void);
void test_reply_gone(void);
void test_save(void);
void test_save_quick(void);
void test_save_full(void);
void test_late(void);
void test_late_saved(void);
void test_closed(void);
void test_died(void);
void test_cancel_receive(void);
void test_cancel_send(void);
void test_cancel_call(void);
void test_cancel_other(void);

#endif
