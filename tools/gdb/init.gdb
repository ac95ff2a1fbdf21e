# SPDX-License-Identifier: MIT
#
# tools/gdb/init.gdb: how `make gdb` begins. The machine is stopped at reset, in
# the firmware; this goes on to the kernel's first line of C.
#
# osabi none (tools/gdb/run): GDB would otherwise take the guest for a Linux
# program and step over `ecall` instead of into the kernel.

set print pretty on
set disassemble-next-line auto

break kernel_main
continue
