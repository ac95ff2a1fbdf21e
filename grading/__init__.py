# SPDX-License-Identifier: MIT
"""Grades Octavo: boots it under QEMU and judges what it does."""
