# SPDX-License-Identifier: MIT
"""The harness: machines to boot, guest programs to run, points to give.

Read in this order: machine.py (one boot), guest.py (a guest test program and
its checks), session.py (typed input), gdb.py (the debugger), scoring.py
(points), record.py (what is written down and shown)."""
