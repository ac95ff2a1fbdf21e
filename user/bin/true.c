/* SPDX-License-Identifier: MIT */
/*
 * bin/true.c: succeeds.
 */
int main(void) {
    return 0;
}
