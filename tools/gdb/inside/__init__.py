# SPDX-License-Identifier: MIT
"""What tools/gdb/octavo.py is made of. It runs inside GDB, but for decode.py."""
