/* SPDX-License-Identifier: MIT */
/*
 * waits.h: the tests of unit_wait.c.
 */
#ifndef OCTAVO_LAB_THREADS_WAITS_H
#define OCTAVO_LAB_THREADS_WAITS_H

void test_wait(void);
void test_doomed(void);
void test_queue(void);
void test_wake(void);
void test_cancel(void);
void test_sleep(void);

#endif
