# SPDX-License-Identifier: MIT
#
# tools/gdb/test.gdb: how `make gdb TEST=name` begins. The stops for what fails
# are set (inside/failing.py); this goes on from reset to the first of them.

set print pretty on
set disassemble-next-line auto

continue
