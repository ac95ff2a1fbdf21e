/* SPDX-License-Identifier: MIT */
/*
 * bin/false.c: fails.
 */
int main(void) {
    return 1;
}
