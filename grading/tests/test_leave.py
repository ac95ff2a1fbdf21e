# SPDX-License-Identifier: MIT
"""A space that ends while another hart is still in it: the debugger puts that
hart there, since programs would have to hit upon a few hundred instructions."""
from __future__ import annotations

from pathlib import Path

from grading.octavo.gdb import debug, expect
from grading.octavo.machine import Setup
from grading.octavo.scoring import points

OTHER = 'eval "thread %d", 3 - $_thread'  # of two harts


@points(2)
def test_leave(tmp_path: Path) -> None:
    """A hart is made to leave a space that ends."""
    text = debug(
        "true",
        Setup(smp=2),
        [
            "hbreak *asid_release if ((struct asid *)$a0)->satp != 0",
            "continue",
            "set $asid = (struct asid *)$a0",
            "set $gone = $asid->satp",
            "set $asid->hart_mask = 3",
            OTHER,
            "set $satp = $gone",
            'printf "entered: %d\\n", $satp == $gone',
            OTHER,
            "delete",
            "set $asks = $_thread",
            "hbreak *satp_forget if $_thread != $asks",
            "continue",
            "finish",
            'printf "left: %d\\n", $satp == kernel_satp',
        ],
        tmp_path / "serial.log",
    )
    expect(text, r"^entered: 1$")
    expect(text, r"^left: 1$")
