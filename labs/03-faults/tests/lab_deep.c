/* SPDX-License-Identifier: MIT */
/*
 * lab_deep.c: pushes words until there is no stack left, for a question.
 */

int main(void) {
    __asm__ volatile("1: addi sp, sp, -16\n"
                     "sd zero, 0(sp)\n"
                     "j 1b\n");
    return 0;
}
